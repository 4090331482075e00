//! A version that somebody drops in while a gateway runs: for which nobody vouches in production, or over the library of another one.

use std::process::{Child, Command};

use serde_json::{Value, json};

use crate::trust::{ANNA, Deployment};

const NEXT: &str = "plugins/libhello_rail_next.so";

const KEYS: &str =
    "[[keys]]\nname = \"operator\"\nsecret = { file = \"api\" }\nscopes = [\"payments:read\", \"operate\"]\n";

/// The library that is there, which says that it is the next version.
fn next(it: &Deployment) -> Vec<u8> {
    let mut library = std::fs::read(it.at("plugins/libhello_rail.so")).unwrap();
    let said = b"\"version\": \"1.0.0\"";
    let at = library.windows(said.len()).position(|window| window == said).unwrap();
    library[at + 14] = b'1';
    library
}

/// A gateway that runs. Where it listens stands in a file of its own: a reload that finds that changed is refused.
fn started(it: &Deployment) -> Child {
    let config = std::fs::read(it.at("gateway.toml")).unwrap();
    let gateway = it.started();
    std::fs::rename(it.at("gateway.toml"), it.at("asked.toml")).unwrap();
    std::fs::write(it.at("gateway.toml"), config).unwrap();
    gateway
}

fn stopped(mut gateway: Child) {
    assert!(Command::new("kill").arg(gateway.id().to_string()).status().unwrap().success());
    assert_eq!(gateway.wait().unwrap().code(), Some(0));
}

#[test]
fn a_version_whose_library_was_written_over_is_gone_back_to_and_no_other_runs_in_its_place() {
    let it = Deployment::new();
    std::fs::copy(it.at("key"), it.at("api")).unwrap();
    it.configure(false, KEYS);
    let asked = |arguments: &[&str], code, expected| {
        it.says(&[&["--config", "asked.toml"], arguments].concat(), code, expected)
    };
    let till = || it.json(&["--config", "asked.toml", "plugin", "list", "--running", "--json"])["instances"][0].clone();
    let rail = it.at("plugins/libhello_rail.so");
    let (first, second) = (std::fs::read(&rail).unwrap(), next(&it));
    let put = |library: &[u8], name: &str| {
        std::fs::write(it.at("coming"), library).unwrap();
        std::fs::rename(it.at("coming"), it.at(name)).unwrap();
    };
    let gateway = started(&it);
    put(&second, "plugins/libhello_rail.so");
    asked(&["reload"], 0, "till: 1.1.0 is in the place of 1.0.0");
    let said = asked(&["plugin", "rollback", "till"], 0, "till: 1.0.0 is in the place of 1.1.0");
    assert!(said.contains("Beware: no folder has the library of 1.0.0 any more"), "{said}");
    let refused = asked(&["reload"], 1, "not there in version 1.0.0");
    assert!(refused.contains("an operator went to that version by command"), "{refused}");
    assert_eq!(till()["version"], "1.0.0");
    stopped(gateway);

    // It starts all the same, and what was gone back from takes nothing until somebody says so.
    let gateway = started(&it);
    assert_eq!((&till()["state"], &till()["version"]), (&json!("drained"), &json!("1.1.0")), "{:#}", till());
    asked(&["plugin", "enable", "till"], 0, "till: 1.1.0 is there");
    assert_eq!(till()["state"], "open");
    stopped(gateway);

    // The library is back.
    put(&first, "plugins/libold.so");
    let gateway = started(&it);
    assert_eq!((&till()["state"], &till()["version"]), (&json!("open"), &json!("1.0.0")), "{:#}", till());
    asked(&["reload"], 0, "");
    stopped(gateway);
}

#[test]
fn a_version_nobody_vouches_for_is_refused_at_a_reload_and_the_old_one_stays() {
    let it = Deployment::new();
    it.sign_file("plugins/libhello_rail.so", "anna.key");
    std::fs::copy(it.at("key"), it.at("api")).unwrap();
    it.configure(true, &format!("{ANNA}{KEYS}"));
    let config = std::fs::read_to_string(it.at("gateway.toml")).unwrap();
    let gateway = started(&it);
    let write = |more: &str| std::fs::write(it.at("gateway.toml"), format!("{config}{more}")).unwrap();
    let shown = || it.json(&["--config", "asked.toml", "plugin", "list", "--running", "--json"]);
    let till = || shown()["instances"][0].clone();
    let before = till();
    assert_eq!((&before["version"], &before["signer"]), (&json!("1.0.0"), &json!("anna")), "{before:#}");
    let residents = shown()["residents"].clone();
    let refused = |expected: &str| {
        let said = it.says(&["--config", "asked.toml", "reload"], 1, expected);
        assert!(said.contains("libhello_rail_next.so"), "it tells which: {said}");
        let after = shown();
        let problems = after["last_reload"]["problems"].to_string();
        assert!(problems.contains(expected), "{problems}");
        for what in ["version", "sha256", "signer", "state", "leaving"] {
            assert_eq!(after["instances"][0][what], before[what], "{after:#}");
        }
        // Nothing of it has been loaded.
        assert_eq!(after["residents"], residents, "{after:#}");
    };

    std::fs::write(it.at(NEXT), next(&it)).unwrap();
    refused("it is not signed, and in production every plugin is");
    it.sign_file(NEXT, "marco.key");
    refused("which [trust] does not know");
    it.sign_file(NEXT, "anna.key");
    let signed = std::fs::read(it.at(NEXT)).unwrap();
    std::fs::write(it.at(NEXT), [signed.as_slice(), b"\n"].concat()).unwrap();
    refused("it is not what the key");
    std::fs::write(it.at(NEXT), &signed).unwrap();
    let sha256 = it.json(&["plugin", "verify", NEXT, "--json"])["sha256"].as_str().unwrap().to_owned();
    write(&format!("[trust]\nrevoked_files = [\"{sha256}\"]\n"));
    refused("it is revoked: ");

    // The very same file, once nothing speaks against it.
    write("");
    it.says(&["--config", "asked.toml", "reload"], 0, "till: 1.1.0 is in the place of 1.0.0");
    let after: Value = till();
    assert_eq!((&after["version"], &after["sha256"]), (&json!("1.1.0"), &json!(sha256)), "{after:#}");
    stopped(gateway);
}
