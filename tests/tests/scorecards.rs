//! Our own plugins, proven as an operator proves one: by the command, against the built file, with the kit.json of its
//! folder.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly: that is what it is for"
)]

mod programs;

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use programs::{built, claim_all_calls, root};
use serde_json::Value;

/// Each folder below `plugins`, what its library is called, and how many of the kit's checks there is something to try
/// on: fewer would prove less. A link is kept by `run`, which the kit does not run: of those three it sees what they do
/// without.
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

/// As many calls as a deployment asks for, made: no card says so that was not.
#[test]
fn a_hundred_thousand_calls_leave_nothing_and_are_enough() {
    let programs = built();
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join(format!("{DLL_PREFIX}hello_rail{DLL_SUFFIX}"));
    std::fs::copy(programs.join(library.file_name().unwrap()), &library).unwrap();
    let mut test = Command::new(programs.join("sportello"));
    let ended = test.args(["--json", "plugin", "test", "--save"]).arg(&library).output().unwrap();
    let card: Value = serde_json::from_slice(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    assert_eq!((&card["calls"], ended.status.success()), (&100_000.into(), true), "{card:#}");
    let checks = card["checks"].as_array().unwrap();
    let endured = checks.iter().find(|check| check["id"] == "calls-leave-nothing").unwrap();
    assert_eq!((&endured["applies"], &endured["passed"]), (&true.into(), &true.into()), "{endured:#}");
    let config = "[gateway]\nlisten = \"127.0.0.1:0\"\nstore = \"sqlite:store.db\"\nkey = { file = \"key\" }\n\
                  plugins = [\".\"]\nscorecards = \"required\"\n[rails.first]\nplugin = \"hello-rail\"\n";
    std::fs::write(folder.path().join("gateway.toml"), config).unwrap();
    let check = Command::new(programs.join("sportello")).current_dir(&folder).arg("check").output().unwrap();
    assert!(check.status.success(), "{check:?}");
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
    let check = |code: i32, expected: &str| {
        let mut check = Command::new(programs.join("sportello"));
        let checked = check.arg("--config").arg(&file).arg("check").output().unwrap();
        let said = String::from_utf8_lossy(&checked.stdout) + String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.code() == Some(code) && said.contains(expected), "{said}");
    };
    check(2, "was made with 500 calls, which are too few");
    for (_, name, _) in PLUGINS {
        claim_all_calls(&folder.path().join(library(name)));
    }
    check(0, "is right");
    std::fs::remove_file(folder.path().join(library("card") + ".scorecard.json")).unwrap();
    check(2, "there is no");
}

/// What the kit says of the memory of a rail that does what its orders' memos say.
#[cfg(target_os = "linux")]
fn remembers(programs: &Path, memo: &str, calls: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let party = serde_json::json!({ "name": "anna", "account": "iban:IT60X0542811101000000123456" });
    let order = serde_json::json!({
        "key": "a1", "payment": "0190f5fe7c007a00a3f1c0ffee000001", "kind": "transfer", "memo": memo, "made_at_ms": 1,
        "amount": { "minor": 2000, "currency": "EUR" }, "debtor": party, "creditor": party,
    });
    std::fs::write(folder.path().join("kit.json"), serde_json::json!({ "orders": [order] }).to_string()).unwrap();
    let mut test = Command::new(programs.join("sportello"));
    test.current_dir(folder.path()).args(["--json", "plugin", "test", "--calls", calls, "--settings", "kit.json"]);
    let tried = test.arg(programs.join(format!("{DLL_PREFIX}hostile_villain{DLL_SUFFIX}"))).output().unwrap();
    let card: Value = serde_json::from_slice(&tried.stdout).unwrap();
    assert_eq!(card["calls"].to_string(), calls);
    let checks = card["checks"].as_array().unwrap();
    checks.iter().find(|check| check["id"] == "calls-leave-nothing").unwrap().clone()
}

/// A KiB of each call is found among 2,000 of them, and nothing where nothing is kept. On Linux alone memory is
/// measured.
#[cfg(target_os = "linux")]
#[test]
fn a_library_that_leaks_fails() {
    let programs = programs::built();
    let check = |memo: &str, passes: bool| {
        let remembers = remembers(&programs, memo, "2000");
        assert!(remembers["passed"] == passes && remembers["applies"] == true, "{remembers}");
        println!("{memo}: {}", remembers["why"]);
    };
    check("keeps nothing", true);
    check("leaks 1024", false);
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
