//! What passes between the gateway and a plugin, recorded while people pay, and played to other versions by the commands.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::programs::{built, root};
use crate::provider::Provider;
use crate::scene::{Scene, rail};
use crate::scripts::{PYTHON, its_library, villain};
use crate::strangers::lying;

/// What the library that does otherwise says of itself.
const OTHERWISE: &str = r#"{"name":"hello-rail","kind":"rail","version":"1.1.0","contract":"1.0",
    "rail":{"accounts":["iban"],"orders":{"transfer":{"doubt":"statement"}}}}"#;

/// How long is waited for what the recording says comes next, beside people who pay without a pause.
const PATIENCE_MS: &str = "30000";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_recorded_while_people_pay_is_played_to_other_versions_by_command() {
    let programs = built();
    let scene = Scene::new(&programs, "process", "");
    scene.others_go_on().await;
    let mut record = scene.sportello(&["--json", "plugin", "record", "steady"]);
    let recording = record.stdout(Stdio::piped()).spawn().unwrap();
    scene.until_instance("steady", |one| !one["recording"].is_null()).await;
    scene.others_go_on().await;
    let interrupted = Command::new("kill").args(["-INT", &recording.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    let recorded = tokio::task::block_in_place(|| recording.wait_with_output()).unwrap();
    assert!(recorded.status.success(), "{recorded:?}");
    let recorded: Value = serde_json::from_slice(&recorded.stdout).unwrap();
    assert_eq!((&recorded["is_broken"], &recorded["ended"]), (&json!(false), &Value::Null), "{recorded:#}");
    let file = recorded["file"].as_str().unwrap();
    scene.others_go_on().await;

    // The same library does the same.
    let same = ["plugin", "replay", file, "--patience-ms", PATIENCE_MS, "--against", "plugins/libhello_rail.so"];
    let played = scene.told_as_json(&same, 0);
    let whole = json!({ "plugin": "hello-rail", "recorded_version": "1.0.0", "version": "1.0.0", "differences": [],
        "recording_is_whole": true, "recording_ended_because": null, "left_out": 0,
        "calls": played["calls"], "questions": played["questions"] });
    assert_eq!(played, whole);
    // `open`, some payments, and `close`.
    assert!(played["calls"].as_u64().unwrap() > 2, "{played:#}");
    let said = scene.says(&same, 0);
    assert!(
        said.starts_with("hello-rail 1.0.0 against what 1.0.0 did: ") && said.contains("It does the same."),
        "{said}"
    );

    // One that answers otherwise is told of, with what was and what is.
    std::fs::write(scene.at("other.so"), lying(&programs, OTHERWISE)).unwrap();
    let other = ["plugin", "replay", file, "--patience-ms", PATIENCE_MS, "--against", "other.so"];
    let played = scene.told_as_json(&other, 1);
    assert_eq!((&played["recorded_version"], &played["version"]), (&json!("1.0.0"), &json!("1.1.0")), "{played:#}");
    let first = played["differences"][0].as_str().unwrap_or_else(|| panic!("{played:#}"));
    assert!(first.contains("(`submit`)") && first.contains("reference"), "{first}");
    let said = scene.says(&other, 1);
    assert!(said.contains("hello-rail 1.1.0 against what 1.0.0 did") && said.contains(first), "{said}");

    // Of nothing nobody can say that it is the same.
    let whole = std::fs::read_to_string(file).unwrap();
    std::fs::write(scene.at("empty"), whole.split_inclusive('\n').next().unwrap()).unwrap();
    let empty = scene.at("empty").display().to_string();
    let nothing = ["plugin", "replay", &empty, "--against", "plugins/libhello_rail.so"];
    let told = scene.told_as_json(&nothing, 1);
    assert!(told["error"].as_str().unwrap().contains("nothing to compare"), "{told:#}");

    // What there is no sense in playing to is not played to.
    for (arguments, expected) in [
        (&["--against", "plugins/libhostile_escapes.so"][..], "is of the plugin \"hello-rail\", and"),
        (&["--against", "asked.toml"], "asked.toml"),
        (&[], "--against"),
        (&["--against", "other.so", "--", "python3", "rail.py"], "cannot be used with"),
    ] {
        let output = scene.sportello(&[&["plugin", "replay", file], arguments].concat()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains(expected), "{arguments:?}: {said}");
    }
    scene.end().await;
}

/// A script is a command, which is played to as a library is: it reaches its provider no more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_script_did_is_played_to_its_next_version_by_command() {
    let provider = Provider::start().await;
    let Some(table) = villain(&provider) else { return };
    let scene = Scene::new(&built(), "process", &rail("script", "USD", &table));
    scene.is_back("script").await;
    let (status, begun) = scene.post("/v1/instances/script/record").await;
    assert_eq!(status, 200, "{begun:#}");
    let memo = format!("behaves {}/one", provider.address);
    assert_eq!(scene.commits("USD", &memo, "wait=30").await.0, "completed settled");
    let (status, ended) = scene.post("/v1/instances/script/record-end").await;
    assert_eq!(status, 200, "{ended:#}");

    let first = root().join("tests/hostile/villain.py");
    let otherwise = std::fs::read_to_string(&first).unwrap().replace("\"final\"", "\"provisional\"");
    std::fs::write(scene.at("next.py"), otherwise).unwrap();
    let played = |script: &str, code| {
        let reads = its_library();
        let command = ["--patience-ms", PATIENCE_MS, "--reads", reads.to_str().unwrap(), "--", PYTHON, "-I", script];
        scene.told_as_json(&[&["plugin", "replay", begun["file"].as_str().unwrap()][..], &command].concat(), code)
    };
    let same = played(first.to_str().unwrap(), 0);
    assert_eq!((&same["differences"], &same["questions"]), (&json!([]), &json!(1)), "{same:#}");
    let other = played(scene.at("next.py").to_str().unwrap(), 1);
    let first = other["differences"][0].as_str().unwrap_or_else(|| panic!("{other:#}"));
    assert!(first.contains("(`submit`)") && first.contains("provisional"), "{first}");
    assert_eq!(provider.taken("/one"), 1);
    scene.end().await;
}

/// What it was kept from while it was recorded it is kept from while it is played to: that is no difference either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_library_that_is_played_to_reaches_nothing() {
    let settings = "settings = { token = \"token-of-the-villain\" }";
    let table = format!("plugin = \"escapes\"\nisolation = \"process\"\ngrants = [\"pan\"]\n{settings}");
    let scene = Scene::new(&built(), "process", &rail("escapes", "USD", &table));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    scene.is_back("escapes").await;
    let (status, begun) = scene.post("/v1/instances/escapes/record").await;
    assert_eq!(status, 200, "{begun:#}");
    let (_, id) = scene.commits("USD", &format!("tcp {}", listener.local_addr().unwrap()), "wait=1").await;
    scene.commits("USD", &format!("write {}", scene.at("written").display()), "wait=1").await;
    let (status, ended) = scene.post("/v1/instances/escapes/record-end").await;
    assert_eq!(status, 200, "{ended:#}");
    let events = scene.get(&format!("/v1/payments/{id}/events")).await.to_string();
    assert!(events.contains("refused ") && !events.contains("done "), "{events}");

    let file = begun["file"].as_str().unwrap();
    let library = "plugins/libhostile_escapes.so";
    let against = ["plugin", "replay", file, "--patience-ms", PATIENCE_MS, "--against", library];
    let played = scene.told_as_json(&against, 0);
    assert!(played["calls"].as_u64().unwrap() >= 3, "{played:#}");
    let reached = listener.accept();
    assert_eq!(reached.unwrap_err().kind(), ErrorKind::WouldBlock);
    assert!(!scene.at("written").exists());
    scene.end().await;
}
