//! Our own plugins, proven as an operator proves one: by the command, against the built file, with the kit.json of its folder.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly: that is what it is for")]

mod programs;

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use programs::{built, root};
use serde_json::Value;

/// Each folder below `plugins`, what its library is called, and how many of the kit's checks there is something to try on:
/// fewer would prove less. A link is kept by `run`, which the kit does not run: of those three it sees what they do without.
const PLUGINS: [(&str, &str, usize); 6] = [
    ("channels/messenger", "messenger", 29),
    ("channels/sms", "sms", 21),
    ("channels/twitter", "twitter", 29),
    ("rails/bank-transfer", "bank_transfer", 34),
    ("rails/card", "card", 31),
    ("rails/wallet-token", "wallet_token", 32),
];

fn library(name: &str) -> String {
    format!("{DLL_PREFIX}sportello_{name}{DLL_SUFFIX}")
}

/// Begins to prove the plugin of this folder.
fn prove(programs: &Path, folder: &str, library: &Path) -> Child {
    let mut test = Command::new(programs.join("sportello"));
    test.current_dir(root().join("plugins").join(folder))
        .args(["--json", "plugin", "test", "--calls", "500", "--save"]);
    test.arg(library).stdout(Stdio::piped()).spawn().unwrap()
}

#[test]
fn each_of_our_plugins_passes_the_kit_and_is_taken_where_that_is_demanded() {
    let programs = built();
    let folder = tempfile::tempdir().unwrap();
    let begun = PLUGINS.map(|(plugin, name, tried)| {
        let library = folder.path().join(library(name));
        std::fs::copy(programs.join(library.file_name().unwrap()), &library).unwrap();
        (plugin, tried, prove(&programs, plugin, &library))
    });
    for (plugin, tried, child) in begun {
        let ended = child.wait_with_output().unwrap();
        let card: Value = serde_json::from_slice(&ended.stdout).unwrap();
        let checks = card["checks"].as_array().unwrap();
        let failed: Vec<&Value> = checks.iter().filter(|check| check["passed"] != true).collect();
        assert!(ended.status.success() && failed.is_empty(), "{plugin}: {failed:#?}");
        assert_eq!(card["settings"], "kit.json", "{plugin}");
        let count = checks.iter().filter(|check| check["applies"] == true).count();
        assert_eq!(count, tried, "{plugin}: {card:#}");
    }

    // Proven, all of them are taken: by the deployment that runs out of the box, but for where its plugins lie.
    let config = std::fs::read_to_string(root().join("gateway.toml")).unwrap();
    let config = config
        .replace("[gateway]", "[gateway]\nscorecards = \"required\"")
        .replace("target/debug", folder.path().to_str().unwrap())
        .replace("var/", "")
        .replace("examples/", &format!("{}/examples/", root().display()));
    let file = folder.path().join("gateway.toml");
    std::fs::write(&file, config).unwrap();
    let check = || Command::new(programs.join("sportello")).arg("--config").arg(&file).arg("check").output().unwrap();
    let checked = check();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    std::fs::remove_file(folder.path().join(library("card") + ".scorecard.json")).unwrap();
    assert_eq!(check().status.code(), Some(2));
}

/// A plugin that nobody put into the table is one that nobody proves.
#[test]
fn every_plugin_is_proven() {
    let mut found = Vec::new();
    for kind in ["channels", "rails"] {
        for plugin in std::fs::read_dir(root().join("plugins").join(kind)).unwrap() {
            found.push(format!("{kind}/{}", plugin.unwrap().file_name().to_str().unwrap()));
        }
    }
    found.sort_unstable();
    assert_eq!(found, PLUGINS.map(|(plugin, _, _)| plugin));
}
