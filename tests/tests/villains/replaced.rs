//! A library that is dropped in, and takes another version's place while people pay by that one; or does not.

use std::path::Path;

use serde_json::{Value, json};

use crate::programs::{built, root};
use crate::scene::{Scene, next_version, rail};
use crate::scripts::program;

/// The versions of a plugin whose code stays in the gateway's own process.
async fn residents(scene: &Scene, plugin: &str) -> Vec<Value> {
    let shown = scene.get("/v1/instances").await;
    let all = shown["residents"].as_array().unwrap();
    all.iter().filter(|one| one["plugin"] == plugin).map(|one| one["version"].clone()).collect()
}

/// Waits until it is shown that this has changed, and what brought it about.
async fn is_told(scene: &Scene, by: &str, change: &Value) {
    let is_so = async || {
        let told = scene.get("/v1/instances").await["last_reload"].clone();
        told["by"] == by && told["changed"] == *change && told["problems"] == json!([])
    };
    scene.until("the reload is told of", is_so).await;
}

/// The rail by which the others pay has its next version dropped in, under this name.
async fn steady_is_replaced(isolation: &'static str, by: &str, name: &str) {
    let programs = built();
    let scene = match by {
        "watch" => Scene::watching(&programs, isolation, ""),
        _ => Scene::new(&programs, isolation, ""),
    };
    scene.others_go_on().await;
    let before = scene.instance("steady").await;
    assert_eq!(before["version"], "1.0.0", "{before:#}");
    scene.drop_in(name, &next_version(&programs, "hello_rail"));
    if by == "signal" {
        scene.hang_up();
    }
    let is_there = |one: &Value| one["version"] == "1.1.0" && one["leaving"] == json!([]);
    scene.until_instance("steady", is_there).await;

    // What is new goes to it, and the others notice nothing.
    scene.others_go_on().await;
    let paid = scene.paying("EUR", "after", "wait=30").await.unwrap();
    let taken_by = &paid["attempts"][0]["taken_by"];
    assert_eq!((&paid["state"], &taken_by["version"]), (&json!("completed"), &json!("1.1.0")), "{paid:#}");
    let after = scene.instance("steady").await;
    assert!(after["stats"]["calls"].as_u64().unwrap() >= 1 && after["sha256"] != before["sha256"], "{after:#}");

    // A process goes with its version, and what is in the gateway's own stays there.
    match before["process"].as_u64() {
        Some(process) => {
            let is_gone = async || !Path::new(&format!("/proc/{process}")).exists();
            scene.until("the old process ends", is_gone).await;
            assert_eq!(residents(&scene, "hello-rail").await, Vec::<Value>::new());
            assert!(after["process"].is_u64() && after["process"] != before["process"], "{after:#}");
        }
        None => assert_eq!(residents(&scene, "hello-rail").await, ["1.0.0", "1.1.0"]),
    }
    assert_eq!(before["process"].is_u64(), isolation == "process", "{before:#}");

    // The operator is told what has changed, and by what.
    let change = json!([{ "instance": "steady", "from": "1.0.0", "to": "1.1.0", "canary": null }]);
    is_told(&scene, by, &change).await;
    let log = scene.log();
    let line = log.lines().find(|line| line.contains("an instance has changed")).unwrap_or_else(|| panic!("{log}"));
    assert!(["steady", "1.0.0", "1.1.0"].iter().all(|part| line.contains(part)), "{line}");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_dropped_in_replaces_a_version_while_people_pay_isolated() {
    steady_is_replaced("process", "watch", "libhello_rail_next.so").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_dropped_in_replaces_a_version_while_people_pay_in_process() {
    steady_is_replaced("in-process", "watch", "libhello_rail_next.so").await;
}

/// In the old file's place, and at a signal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_in_the_place_of_another_replaces_a_version_at_a_signal_while_people_pay() {
    steady_is_replaced("process", "signal", "libhello_rail.so").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_version_that_dies_while_it_opens_leaves_the_old_one_where_it_was() {
    let programs = built();
    let with = |in_open: &str| {
        let settings = format!("settings = {{ token = \"token-of-the-villain\", in_open = {in_open:?} }}");
        let table = format!("plugin = \"escapes\"\nisolation = \"process\"\ngrants = [\"pan\"]\n{settings}");
        rail("escapes", "USD", &table)
    };
    let scene = Scene::new(&programs, "process", &with(""));
    scene.is_back("escapes").await;
    let before = scene.instance("escapes").await;
    assert_eq!(before["version"], "1.0.0", "{before:#}");
    scene.drop_in("libhostile_escapes_next.so", &next_version(&programs, "hostile_escapes"));
    for (end, told) in [("segfault", "SIGSEGV"), ("exit", "it exited with status 3")] {
        let (status, refused) = scene.reload(&with(end)).await;
        let said = refused["problems"].to_string();
        assert!(status == 422 && said.contains("version 1.1.0 does not open") && said.contains(told), "{refused:#}");
        // In the log, and where the instances are shown.
        let is_told = |log: &str| log.lines().any(|line| line.contains("1.1.0 does not open") && line.contains(told));
        scene.until(told, async || is_told(&scene.log())).await;
        assert_eq!(scene.get("/v1/instances").await["last_reload"]["problems"], refused["problems"]);
        // The old one is the very one that it was, and does what it is told; and so do all others.
        let after = scene.instance("escapes").await;
        for what in ["version", "sha256", "process", "restarts", "state"] {
            assert_eq!(after[what], before[what], "{after:#}");
        }
        assert_eq!(after["leaving"], json!([]), "{after:#}");
        scene.check("USD", "nothing", "transferring pending", "").await;
    }
    // The same file, once it is not told to die.
    let (status, taken) = scene.reload(&with("nothing")).await;
    assert_eq!((status, &taken["changed"][0]["to"]), (200, &json!("1.1.0")), "{taken:#}");
    scene.check("USD", "nothing", "transferring pending", "").await;
    assert_eq!(scene.instance("escapes").await["version"], "1.1.0");
    scene.end().await;
}

/// A program in another language is replaced as a library is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_has_changed_takes_its_own_place_while_people_pay() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("villain.py");
    let Some(table) = program(&script, "") else { return };
    let first = std::fs::read_to_string(root().join("tests/hostile/villain.py")).unwrap();
    std::fs::write(&script, &first).unwrap();
    let scene = Scene::watching(&built(), "process", &rail("script", "USD", &table));
    scene.is_back("script").await;
    let before = scene.instance("script").await;
    assert_eq!(before["version"], "1.0.0", "{before:#}");
    std::fs::write(folder.path().join("coming"), first.replacen("1.0.0", "1.1.0", 1)).unwrap();
    std::fs::rename(folder.path().join("coming"), &script).unwrap();
    let is_there = |one: &Value| one["version"] == "1.1.0" && one["leaving"] == json!([]);
    scene.until_instance("script", is_there).await;
    let process = before["process"].as_u64().unwrap();
    let is_gone = async || !Path::new(&format!("/proc/{process}")).exists();
    scene.until("the old process ends", is_gone).await;
    let change = json!([{ "instance": "script", "from": "1.0.0", "to": "1.1.0", "canary": null }]);
    is_told(&scene, "watch", &change).await;
    scene.end().await;
}
