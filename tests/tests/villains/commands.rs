//! What an operator sees of a plugin that is not as it should be, and does about it, by the commands alone.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::programs::built;
use crate::scene::{Scene, next_version, rail};

const LIBRARY: &str = "plugins/libhostile_escapes.so";

const TRUST: &str = "[[trust.keys]]\nname = \"anna\"\nkey = { file = \"anna.pub\" }\n";

/// A rail that asks for much and is granted some of it.
fn escapes(more: &str) -> String {
    let grants = "grants = [\"pan\", \"http://127.0.0.1:1234\"]\nsettings = { token = \"token-of-the-villain\" }";
    rail("escapes", "USD", &format!("plugin = \"escapes\"\nisolation = \"process\"\n{grants}\n{more}"))
}

fn sign(scene: &Scene, library: &str) {
    scene.says(&["plugin", "sign", library, "--key", "anna.key"], 0);
}

/// A gateway with it, which has come to trust anna, and she has signed it.
async fn scene_with_it() -> Scene {
    let scene = Scene::new(&built(), "process", &escapes("deadline = \"19s\""));
    scene.says(&["plugin", "keygen", "anna", "--no-password"], 0);
    sign(&scene, LIBRARY);
    let (status, said) = scene.reload(&(escapes("") + TRUST)).await;
    assert_eq!(status, 200, "{said:#}");
    scene.is_back("escapes").await;
    scene
}

fn inspected(scene: &Scene) -> Value {
    scene.told_as_json(&["plugin", "inspect", "escapes"], 0)
}

/// The line of a table that begins with this title, as text.
fn row<'a>(table: &'a str, title: &str) -> &'a str {
    let is_it = |line: &&str| line.trim_start_matches(['|', '│', ' ']).starts_with(title);
    table.lines().find(is_it).unwrap_or_else(|| panic!("no {title:?} in\n{table}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_is_shown_all_that_there_is_to_know_of_a_plugin() {
    let scene = scene_with_it().await;
    // It dies once, and later one of its calls fails.
    scene.check("USD", "segfault", "declined not_sent", "SIGSEGV").await;
    scene.is_back("escapes").await;
    scene.check("USD", "nothing", "transferring pending", "").await;
    scene.check("USD", "panic at it", "declined not_sent", "panicked").await;

    let sha256 = scene.told_as_json(&["plugin", "verify", LIBRARY, "--key", "anna.pub"], 0)["sha256"].clone();
    let shown = inspected(&scene);
    for (pointer, expected) in [
        ("/kind", json!("rail")),
        ("/plugin", json!("escapes")),
        ("/version", json!("1.0.0")),
        ("/sha256", sha256.clone()),
        ("/signer", json!("anna")),
        ("/isolation", json!("process")),
        ("/endpoints_asked", json!(["http://127.0.0.1:*", "tcp://127.0.0.1:*"])),
        ("/grants", json!(["pan", "http://127.0.0.1:1234"])),
        ("/sees_pan", json!(true)),
        ("/secrets", json!(["token"])),
        ("/state", json!("open")),
        ("/restarts", json!(1)),
        ("/stats/panics", json!(1)),
        ("/stats/errors", json!(1)),
        ("/stats/breaker", json!("closed")),
    ] {
        assert_eq!(shown.pointer(pointer), Some(&expected), "{pointer} in {shown:#}");
    }
    let number = |pointer: &str| shown.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
    assert!(number("/stats/calls") >= 2 && number("/resident_bytes") > 1 << 20, "{shown:#}");
    let latencies = ["p50", "p90", "p99"].map(|part| number(&format!("/stats/latency_{part}_us")));
    assert!(latencies[0] > 0 && latencies.is_sorted(), "{shown:#}");
    // Nothing that is secret.
    assert!(!shown.to_string().contains("token-of-the-villain"), "{shown:#}");

    // The same for people.
    let table = scene.says(&["plugin", "inspect", "escapes"], 0);
    for (title, expected) in [
        ("version", "1.0.0"),
        ("sha256", sha256.as_str().unwrap()),
        ("signed by", "anna"),
        ("isolation", "process"),
        ("asks for", "http://127.0.0.1:*"),
        ("is granted", "pan"),
        ("sees card numbers", "true"),
        ("state", "open"),
        ("restarts ", "1"),
        ("errors", "1"),
        ("panics", "1"),
        ("breaker", "closed"),
        ("memory", ""),
        ("latency p50, µs", ""),
        ("latency p99, µs", ""),
    ] {
        assert!(row(&table, title).contains(expected), "{title}: {table}");
    }
    let listed = scene.told_as_json(&["plugin", "list", "--running"], 0);
    let all = listed["instances"].as_array().unwrap();
    let names: BTreeSet<&str> = all.iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, BTreeSet::from(["escapes", "people", "steady"]));
    let table = scene.says(&["plugin", "list", "--running"], 0);
    assert!(["open", "µs"].iter().all(|part| row(&table, "escapes").contains(part)), "{table}");
    assert!(row(&table, "steady").contains("hello-rail"), "{table}");

    // And for Prometheus, by instance.
    let metrics = scene.text("/metrics").await;
    assert!(metrics.contains("\nprocess_resident_memory_bytes "), "{metrics}");
    let labels = r#"{instance="escapes",plugin="escapes",version="1.0.0",seat="current""#;
    let value = |line: &str| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
    let one = |metric: &str| {
        let start = format!("sportello_plugin_{metric}{labels}}}");
        metrics
            .lines()
            .find(|line| line.starts_with(&start))
            .map(value)
            .unwrap_or_else(|| panic!("no {start}: {metrics}"))
    };
    assert!(one("resident_bytes") > 1e6 && one("restarts_total") == 1.0 && one("panics_total") == 1.0, "{metrics}");
    let buckets = format!("sportello_plugin_call_seconds_bucket{labels},le=\"");
    let below: Vec<(&str, f64)> = metrics
        .lines()
        .filter_map(|line| Some((line.strip_prefix(&buckets)?.split_once('"')?.0, value(line))))
        .collect();
    let calls = one("call_seconds_count");
    let quantile = |part: f64| {
        let (end, _) = below.iter().find(|(_, count)| *count >= part * calls).unwrap_or_else(|| panic!("{metrics}"));
        end.parse::<f64>().unwrap()
    };
    let (p50, p99) = (quantile(0.5), quantile(0.99));
    assert!(0.0 < p50 && p50 <= p99 && p99 < 60.0, "{p50} {p99}: {metrics}");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_of_a_plugin_in_the_log_says_whose_it_is() {
    let noisy = rail("noisy", "GBP", "plugin = \"villain\"\nisolation = \"process\"");
    let scene = Scene::new(&built(), "process", &(escapes("") + &noisy));
    let check = async |currency, memo: &str, word: &str, instance: &str| {
        scene.commits(currency, memo, "wait=1").await;
        scene.until(word, async || scene.log().contains(word)).await;
        let log = scene.log();
        let line = log.lines().find(|line| line.contains(word)).unwrap();
        assert!(line.contains(&format!("instance=\"{instance}\"")), "{line}");
    };
    // What it writes on its standard error, and what it says to its host.
    check("USD", "stderr 1 a word of its own", "a word of its own", "escapes").await;
    check("GBP", "floods-log", "flood flood", "noisy").await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_is_switched_and_its_versions_are_changed_by_command() {
    let scene = scene_with_it().await;
    let tell = |what: &str, expected: &str| {
        let said = scene.says(&["plugin", what, "escapes"], 0);
        assert!(said.contains(expected), "{what}: {said}");
        said
    };
    for (what, state) in [("disable", "disabled"), ("drain", "drained")] {
        tell(what, "escapes: 1.0.0 takes nothing new, and finishes what it has");
        assert_eq!(inspected(&scene)["state"], state);
        assert!(row(&scene.says(&["plugin", "list", "--running"], 0), "escapes").contains(state));
        scene.check("USD", "nothing", "declined not_sent", "switch it on: sportello plugin enable").await;
        tell("enable", "escapes: 1.0.0 is there");
        tell("enable", "it was so already");
        assert_eq!(inspected(&scene)["state"], "open");
        scene.check("USD", "segfault", "declined not_sent", "SIGSEGV").await;
        scene.is_back("escapes").await;
    }

    let next = "plugins/libhostile_escapes_next.so";
    scene.drop_in("libhostile_escapes_next.so", &next_version(&built(), "hostile_escapes"));
    sign(&scene, next);
    let canary = "version = \"1.0.0\"\ncanary = { version = \"1.1.0\", share = \"5%\" }";
    let (status, said) = scene.reload(&(escapes(canary) + TRUST)).await;
    assert_eq!(status, 200, "{said:#}");
    assert!(scene.says(&["plugin", "list", "--running"], 0).contains("escapes: the canary 1.1.0 is tried on 5%"));
    assert_eq!(inspected(&scene)["canary"]["signer"], "anna");
    let said = tell("promote", "escapes: 1.1.0 is in the place of 1.0.0");
    assert!(said.contains("version = \"1.1.0\""), "it says what to write: {said}");
    assert_eq!((&inspected(&scene)["version"], &inspected(&scene)["canary"]), (&json!("1.1.0"), &Value::Null));
    tell("rollback", "escapes: 1.0.0 is in the place of 1.1.0");
    assert_eq!(inspected(&scene)["version"], "1.0.0");
    scene.check("USD", "nothing", "transferring pending", "").await;

    // In JSON it is what the interface answers; and what cannot be is told.
    let told = scene.told_as_json(&["plugin", "rollback", "escapes"], 0);
    assert_eq!((&told["changed"]["from"], &told["changed"]["to"]), (&json!("1.0.0"), &json!("1.1.0")), "{told:#}");
    for (what, name) in [("promote", "escapes"), ("rollback", "steady"), ("disable", "nobody")] {
        let output = scene.sportello(&["plugin", what, name]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && said.contains(name), "{what}: {said}");
    }
    scene.end().await;
}
