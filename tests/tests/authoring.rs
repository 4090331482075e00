//! A plugin from nothing: written by the program, built, proven, and paid with, as it was written.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly: that is what it is for"
)]

mod programs;

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use programs::{Program, built, claim_all_calls, root};
use serde_json::{Value, json};

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}", String::from_utf8_lossy(&output.stdout));
    output
}

/// What cargo puts where the others lie, so that what is built already need not be built again.
fn cargo(folder: &Path, programs: &Path, arguments: &[&str]) {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(folder).args(arguments).arg("--offline").arg("--quiet");
    run(cargo.env("CARGO_TARGET_DIR", programs.parent().unwrap()));
}

/// Writes a plugin into a folder of its own, builds it and runs its tests. Answers where its library is.
fn made(programs: &Path, folder: &Path, kind: &str, name: &str) -> std::path::PathBuf {
    let sportello = || {
        let mut command = Command::new(programs.join("sportello"));
        command.current_dir(folder).env("CARGO_TARGET_DIR", programs.parent().unwrap());
        command
    };
    let sdk = root().join("core/sdk");
    let mut new = sportello();
    new.args(["--json", "plugin", "new", kind, name, "--sdk"]).arg(&sdk);
    let begun = Instant::now();
    let written: Value = serde_json::from_slice(&run(&mut new).stdout).unwrap();
    let plugin = folder.join(name);
    cargo(&plugin, programs, &["test"]);
    println!("{kind} {name}: from nothing to a kit that passes in {:.1} s", begun.elapsed().as_secs_f64());
    cargo(&plugin, programs, &["build"]);
    // Nothing is overwritten.
    assert_eq!(new.output().unwrap().status.code(), Some(2));
    written["library"].as_str().unwrap().into()
}

/// The kit against the built file alone, told by a program.
fn proven(programs: &Path, plugin: &Path, library: &Path) -> Value {
    let card = card(programs, plugin, &[library.to_str().unwrap()]);
    assert_eq!(card["settings"], "kit.json");
    card
}

/// The scorecard of a plugin that passes, which is saved beside its file.
fn card(programs: &Path, plugin: &Path, command: &[&str]) -> Value {
    let mut test = Command::new(programs.join("sportello"));
    test.current_dir(plugin).args(["--json", "plugin", "test", "--calls", "2000", "--save", "--"]).args(command);
    let card: Value = serde_json::from_slice(&run(&mut test).stdout).unwrap();
    assert_eq!(card["passed"], true);
    let saved = std::fs::read(plugin.join(format!("{}.scorecard.json", command.last().unwrap()))).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&saved).unwrap(), card);
    card
}

/// The gateway.toml of the folder runs, unchanged but for the addresses and what is added; with the sandbox.
fn running(programs: &Path, plugin: &Path, added: &str) -> [Program; 2] {
    let sandbox = Program::sandbox(programs, &[]);
    let file = plugin.join("gateway.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let bank = sandbox.address("bank");
    let config = config.replace("127.0.0.1:8080", "127.0.0.1:0").replace("http://127.0.0.1:7002", &bank);
    std::fs::write(&file, config.replace("[gateway]", &format!("[gateway]\n{added}"))).unwrap();
    let gateway = Program::gateway(programs, &file);
    let listens = gateway.address("listening").trim_start_matches("http://").to_owned();
    let config = std::fs::read_to_string(&file).unwrap().replace("127.0.0.1:0", &listens);
    std::fs::write(&file, config).unwrap();
    [gateway, sandbox]
}

/// Whoever writes what README.md says has paid.
fn is_paid_by_message(programs: &Path, plugin: &Path) {
    let has = |program: &str, version: &str| Command::new(program).arg(version).output().is_ok();
    if !has("openssl", "version") || !has("curl", "--version") {
        assert!(std::env::var_os("SPORTELLO_PEERS").is_none(), "openssl and curl should be here");
        println!("SKIPPED: README.md signs with openssl and delivers with curl, and one of them is not here");
        return;
    }
    let [gateway, _sandbox] = running(programs, plugin, "");
    let readme = std::fs::read_to_string(plugin.join("README.md")).unwrap();
    let is_delivery = |line: &&str| ["body=", "signature=", "curl "].iter().any(|begin| line.starts_with(begin));
    let delivery: Vec<&str> = readme.lines().filter(is_delivery).collect();
    assert_eq!(delivery.len(), 3, "{readme}");
    let delivery = delivery.join("\n").replace("http://127.0.0.1:8080", &gateway.address("listening"));
    run(Command::new("sh").args(["-c", &delivery.replace("curl ", "curl -sS --fail --noproxy '*' ")]));
    let began = Instant::now();
    loop {
        let mut payments = Command::new(programs.join("sportello"));
        let shown = run(payments.current_dir(plugin).args(["--json", "payments"])).stdout;
        let shown: Value = serde_json::from_slice(&shown).unwrap();
        if shown["payments"][0]["state"] == "completed" {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{shown:#}");
    }
}

/// Proven as the plugin is by now, a payment is completed.
fn pays(programs: &Path, plugin: &Path) {
    let _running = running(programs, plugin, "scorecards = \"required\"");
    let mut pay = Command::new(programs.join("sportello"));
    pay.current_dir(plugin).args(["--json", "pay", "--from", "person:paolo", "--to", "person:anna"]);
    let paid: Value = serde_json::from_slice(&run(pay.args(["20", "EUR", "--confirmed", "--wait"])).stdout).unwrap();
    assert_eq!(paid["state"], "completed", "{paid}");
}

fn is_not_taken_without_its_card(programs: &Path, plugin: &Path, file: &Path) {
    std::fs::remove_file(format!("{}.scorecard.json", file.display())).unwrap();
    let mut check = Command::new(programs.join("sportello"));
    let checked = check.current_dir(plugin).arg("check").output().unwrap();
    let said = String::from_utf8_lossy(&checked.stderr) + String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.code() == Some(2) && said.contains("is not proven"), "{said}");
}

#[test]
fn a_new_rail_builds_passes_the_kit_and_pays_as_it_was_written() {
    let programs = built();
    let folder = tempfile::tempdir().unwrap();
    let library = made(&programs, folder.path(), "rail", "acme-bank");
    // What the first has built need not be built again: this is what a second one takes.
    made(&programs, folder.path(), "rail", "other-bank");
    let plugin = folder.path().join("acme-bank");
    let card = proven(&programs, &plugin, &library);
    assert_eq!((card["plugin"].as_str(), card["checks"].as_array().map(Vec::len)), (Some("acme-bank"), Some(50)));

    claim_all_calls(&library);
    pays(&programs, &plugin);

    is_not_taken_without_its_card(&programs, &plugin, &library);
}

#[test]
fn a_new_channel_builds_passes_the_kit_and_pays_as_it_was_written() {
    let programs = built();
    let folder = tempfile::tempdir().unwrap();
    let library = made(&programs, folder.path(), "channel", "acme-chat");
    proven(&programs, &folder.path().join("acme-chat"), &library);
    is_paid_by_message(&programs, &folder.path().join("acme-chat"));
}

/// Writes one in Python into a folder of its own. There is nothing to build.
#[cfg(target_os = "linux")]
fn made_in_python(programs: &Path, folder: &Path, kind: &str, name: &str) -> Value {
    let new = || {
        let mut new = Command::new(programs.join("sportello"));
        new.current_dir(folder).args(["--json", "plugin", "new", kind, name, "--lang", "python"]);
        new
    };
    let written: Value = serde_json::from_slice(&run(&mut new()).stdout).unwrap();
    // Nothing is overwritten.
    assert_eq!(new().output().unwrap().status.code(), Some(2));
    written
}

#[cfg(target_os = "linux")]
#[test]
fn a_new_rail_in_python_passes_the_kit_and_pays_as_it_was_written() {
    let programs = built();
    let folder = tempfile::tempdir().unwrap();
    let written = made_in_python(&programs, folder.path(), "rail", "acme-bank");
    assert_eq!(written["command"], json!(["python3", "rail.py"]));
    let plugin = folder.path().join("acme-bank");
    let card = card(&programs, &plugin, &["python3", "rail.py"]);
    assert_eq!((&card["plugin"], &card["settings"]), (&json!("acme-bank"), &json!("acme-bank.kit.json")));
    let checks = card["checks"].as_array().unwrap();
    // What could not be tried would prove nothing.
    let is_tried = |id: &str| checks.iter().any(|check| check["id"] == id && check["applies"] == true);
    for id in ["order-good", "order-answer-lost", "order-time-out", "refusal-declined", "money-exact", "secrets-kept"] {
        assert!(is_tried(id), "{id} does not apply");
    }
    claim_all_calls(&plugin.join("rail.py"));
    pays(&programs, &plugin);
    is_not_taken_without_its_card(&programs, &plugin, &plugin.join("rail.py"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_new_channel_in_python_passes_the_kit_and_pays_as_it_was_written() {
    let programs = built();
    let folder = tempfile::tempdir().unwrap();
    made_in_python(&programs, folder.path(), "channel", "acme-chat");
    let plugin = folder.path().join("acme-chat");
    let card = card(&programs, &plugin, &["python3", "channel.py"]);
    assert_eq!((&card["plugin"], &card["settings"]), (&json!("acme-chat"), &json!("acme-chat.kit.json")));
    let mut parse = Command::new(programs.join("sportello"));
    let parsed = run(parse.current_dir(&plugin).args(["parse", "pay @anna 5 €", "--channel", "acme-chat"])).stdout;
    assert_eq!(String::from_utf8(parsed).unwrap(), "pay acme-chat:@anna 5.00 EUR\n");
    is_paid_by_message(&programs, &plugin);
}

#[test]
fn what_cannot_be_written_is_told() {
    let programs = built();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("there/already")).unwrap();
    let check = |arguments: &[&str], expected: &str| {
        let mut new = Command::new(programs.join("sportello"));
        let told = new.current_dir(folder.path()).args(["plugin", "new"]).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&told.stderr);
        assert!(told.status.code() == Some(2) && said.contains(expected), "{arguments:?}: {said}");
    };
    check(&["rail", "acme-bank", "--lang", "cobol"], "[possible values: rust, python]");
    check(&["rail", "acme-bank", "--lang", "python", "--sdk", "sdk"], "--sdk is for Rust");
    for language in ["rust", "python"] {
        check(&["rail", "there", "--lang", language], "there is there already: choose another --path");
        check(&["rail", "Acme Bank", "--lang", language], "write small letters, digits and single dashes");
        check(&["bridge", "acme-bank", "--lang", language], "[possible values: rail, channel]");
    }
    // Nothing was written but what was there.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// In a process of its own, which has nothing but a socket, there is nothing that it could write the card with.
#[cfg(target_os = "linux")]
#[test]
fn a_plugin_that_ends_its_process_fails_and_has_no_say_in_its_card() {
    let programs = built();
    let folder = tempfile::tempdir().unwrap();
    let check = |memo: &str, expected: &str| {
        let party = json!({ "name": "anna", "account": "iban:IT60X0542811101000000123456" });
        let order = json!({
            "key": "a1", "payment": "0190f5fe7c007a00a3f1c0ffee000001", "kind": "transfer", "memo": memo,
            "amount": { "minor": 2000, "currency": "EUR" }, "debtor": party, "creditor": party, "made_at_ms": 1,
        });
        let kit = json!({ "orders": [order] });
        std::fs::write(folder.path().join("kit.json"), kit.to_string()).unwrap();
        let mut test = Command::new(programs.join("sportello"));
        test.current_dir(folder.path()).args(["--json", "plugin", "test", "--calls", "10", "--settings", "kit.json"]);
        let tried = test.arg(programs.join(format!("{DLL_PREFIX}hostile_escapes{DLL_SUFFIX}"))).output().unwrap();
        let card: Value = serde_json::from_slice(&tried.stdout).unwrap();
        assert_eq!((tried.status.code(), card["passed"].as_bool()), (Some(1), Some(false)), "{memo}");
        let checks = card["checks"].as_array().unwrap();
        assert_eq!(checks.len(), 50, "{memo}: the kit has come to its end");
        let of = |id: &str| checks.iter().find(|check| check["id"] == id).unwrap();
        assert_eq!(of("manifest-readable")["passed"], true, "{memo}");
        let good = of("order-good");
        let why = good["why"].as_str().unwrap();
        assert!(good["passed"] == false && why.contains(expected), "{memo}: {why:?}, not {expected:?}");
    };
    check("segfault", "SIGSEGV");
    check("exit", "ended");
}

/// One in another language is tried by its command, and its card lies beside its file.
#[cfg(target_os = "linux")]
#[test]
fn a_rail_in_another_language_passes_by_its_command() {
    let programs = built();
    let folder = tempfile::tempdir().unwrap();
    for file in ["rail.py", "rail-in-python.kit.json"] {
        std::fs::copy(root().join("examples/rail-in-python").join(file), folder.path().join(file)).unwrap();
    }
    let mut test = Command::new(programs.join("sportello"));
    test.current_dir(folder.path()).env("PATH", "/usr/bin:/usr/local/bin:/bin");
    test.args(["--json", "plugin", "test", "--calls", "200", "--save", "--", "python3", "rail.py"]);
    let card: Value = serde_json::from_slice(&run(&mut test).stdout).unwrap();
    assert_eq!((&card["passed"], &card["plugin"]), (&json!(true), &json!("rail-in-python")));
    assert_eq!((&card["file"], &card["settings"]), (&json!("rail.py"), &json!("rail-in-python.kit.json")));
    assert!(folder.path().join("rail.py.scorecard.json").is_file());
}

/// The same in JavaScript, where there is a Node.
#[cfg(target_os = "linux")]
#[test]
fn a_channel_in_javascript_passes_by_its_command() {
    let node = Path::new("/usr/bin/node");
    if !node.exists() {
        assert!(std::env::var_os("SPORTELLO_PEERS").is_none(), "node should be here");
        return println!("skipped: there is no {}", node.display());
    }
    let programs = built();
    let folder = tempfile::tempdir().unwrap();
    for file in ["channel.js", "channel-in-node.kit.json"] {
        std::fs::copy(root().join("examples/channel-in-node").join(file), folder.path().join(file)).unwrap();
    }
    let mut test = Command::new(programs.join("sportello"));
    test.current_dir(folder.path()).args(["--json", "plugin", "test", "--calls", "200", "--save"]);
    // Some builds of Node read this before all else.
    let openssl = Path::new("/etc/ssl/openssl.cnf");
    if openssl.exists() {
        test.arg("--reads").arg(openssl);
    }
    let card: Value = serde_json::from_slice(&run(test.arg("--").arg(node).arg("channel.js")).stdout).unwrap();
    assert_eq!((&card["passed"], &card["plugin"]), (&json!(true), &json!("channel-in-node")));
    assert_eq!((&card["file"], &card["settings"]), (&json!("channel.js"), &json!("channel-in-node.kit.json")));
    let checks = card["checks"].as_array().unwrap();
    // What could not be tried would prove nothing.
    let is_tried = |id: &str| checks.iter().any(|check| check["id"] == id && check["applies"] == true);
    for id in ["webhook-broken", "delivery-messages", "delivery-not-durable", "note-time-out", "secrets-kept"] {
        assert!(is_tried(id), "{id} does not apply");
    }
}
