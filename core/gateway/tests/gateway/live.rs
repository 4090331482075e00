//! Living with plugins: what is told of each, and what passes between one and the gateway, recorded and played again.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;

use reqwest::Method;
use serde_json::{Value, json};
use sportello_gateway::plugins::Plugins;
use sportello_host::{Loaded, Recording, Replay};

use crate::world::{Answer, CONFIG, World, answer, plugins, start_with};

fn may_operate() -> String {
    CONFIG.replacen("\"payments:confirmed\"]", "\"payments:confirmed\", \"operate\"]", 1)
}

fn rail() -> Loaded {
    match plugins() {
        Plugins::BuiltIn(all) => all.into_iter().find(|loaded| loaded.manifest().name == "test-rail").unwrap(),
        Plugins::Folders => unreachable!("they are linked in"),
    }
}

impl World {
    async fn switch(&self, path: &str) -> Answer {
        answer(self.request(Method::POST, path).bearer_auth("key-that-may-do-all")).await
    }

    async fn metrics(&self) -> String {
        let request = self.request(Method::GET, "/metrics").bearer_auth("key-that-may-read");
        request.send().await.unwrap().text().await.unwrap()
    }
}

#[tokio::test]
async fn each_plugin_is_measured_by_itself() {
    let world = start_with(CONFIG).await;
    let counted = |metrics: &str, line: &str| metrics.lines().any(|found| found == line);
    let labels = r#"{instance="bank",plugin="test-rail",version="1.0.0",seat="current"}"#;
    assert!(counted(&world.metrics().await, &format!("sportello_plugin_calls_total{labels} 0")));
    for n in 0..3 {
        assert_eq!(world.pay(&format!("m{n}"), json!({})).await.body["state"], "completed");
    }
    let metrics = world.metrics().await;
    let check = |name: &str, expected: u64| {
        let line = format!("sportello_plugin_{name}{labels} {expected}");
        assert!(counted(&metrics, &line), "no {line} in\n{metrics}");
    };
    check("up", 1);
    check("calls_total", 3);
    check("errors_total", 0);
    check("call_seconds_count", 3);
    check("breaker_open", 0);
    // Every line is a comment or a sample, and each metric is said to be something before it is told.
    for line in metrics.lines() {
        let known = ["# HELP ", "# TYPE ", "sportello_plugin_", "process_resident_memory_bytes "];
        assert!(known.iter().any(|start| line.starts_with(start)), "{line}");
    }
    assert_eq!(metrics.matches("# TYPE sportello_plugin_calls_total counter").count(), 1);
    let nobody = world.request(Method::GET, "/metrics").send().await.unwrap();
    assert_eq!(nobody.status(), 401);
    world.gateway.drain().await;
}

#[tokio::test]
async fn an_instance_tells_all_that_is_known_of_it() {
    let world = start_with(CONFIG).await;
    world.pay("i1", json!({})).await;
    let shown = world.get("/v1/instances").await.body;
    let bank = shown["instances"].as_array().unwrap().iter().find(|i| i["name"] == "bank").unwrap().clone();
    let expected = [
        ("/plugin", json!("test-rail")),
        ("/version", json!("1.0.0")),
        ("/isolation", json!("in-process")),
        ("/grants", json!([])),
        ("/endpoints_asked", json!([])),
        ("/sees_pan", json!(false)),
        ("/state", json!("open")),
        ("/restarts", json!(0)),
        ("/process", Value::Null),
        ("/stats/calls", json!(1)),
        ("/stats/errors", json!(0)),
        ("/stats/breaker", json!("closed")),
    ];
    for (pointer, expected) in expected {
        assert_eq!(bank.pointer(pointer), Some(&expected), "{pointer} in {bank:#}");
    }
    assert!(bank["stats"]["latency_p90_us"].is_u64());
    world.gateway.drain().await;
}

#[tokio::test]
async fn what_passes_is_recorded_and_played_to_another_version() {
    let world = start_with(&may_operate()).await;
    world.pay("before", json!({})).await;
    let begun = world.switch("/v1/instances/bank/record").await;
    assert_eq!(begun.status, 200, "{begun:?}");
    let file = world.folder.path().join(begun.body["file"].as_str().unwrap());
    for n in 0..3 {
        let memo = json!({"memo": "for 4111 1111 1111 1111"});
        assert_eq!(world.pay(&format!("r{n}"), memo).await.body["state"], "completed");
    }
    // Said again, it goes on as it was.
    assert_eq!(world.switch("/v1/instances/bank/record").await.body["file"], begun.body["file"]);
    let ended = world.switch("/v1/instances/bank/record-end").await;
    assert_eq!((ended.status, &ended.body["is_broken"]), (200, &json!(false)), "{ended:?}");
    assert_eq!(world.switch("/v1/instances/bank/record-end").await.status, 409);
    assert_eq!(world.switch("/v1/instances/nobody/record").await.status, 404);
    // It goes on without.
    assert_eq!(world.pay("after", json!({})).await.body["state"], "completed");

    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains("4111"), "{text}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o077, 0);
    let recording = Recording::read(File::open(&file).unwrap()).unwrap();
    assert!(recording.is_whole());
    assert_eq!(text.matches(r#""method":"submit""#).count(), 3);
    let replayed = Replay::default().play(&recording, &rail()).await;
    assert_eq!(replayed.differences, []);
    // `open`, three orders, and `close`; `run` was given up.
    assert!(replayed.calls >= 4, "{replayed:?}");
    world.gateway.drain().await;
}
