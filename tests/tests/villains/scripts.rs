//! A script that answers when its time is over, and one that would outlive its gateway.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::programs::{built, root};
use crate::provider::Provider;
use crate::scene::{Scene, rail};

/// A script as an instance; nothing where there is no Python.
pub(crate) fn program(script: &Path, more: &str) -> Option<String> {
    let python = Path::new("/usr/bin/python3");
    if !python.exists() {
        assert!(std::env::var_os("SPORTELLO_PEERS").is_none(), "python3 should be here");
        return None;
    }
    let library = Path::new("/usr/lib").join(python.canonicalize().unwrap().file_name().unwrap());
    Some(format!(
        "exec = [{python:?}, \"-I\", {script:?}]\nreads = [{library:?}]\nlimits = {{ memory_mb = 512 }}\n{more}"
    ))
}

/// The one that answers late.
fn late(provider: &Provider) -> Option<String> {
    let more = format!("grants = [{:?}]\ndeadline = \"4s\"", provider.address);
    program(&root().join("tests/hostile/late.py"), &more)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_comes_when_its_time_is_over_is_nobodys() {
    let provider = Provider::start().await;
    let Some(table) = late(&provider) else { return };
    let scene = Scene::new(&built(), "process", &rail("late", "USD", &table));
    scene.is_back("late").await;
    let process = scene.instance("late").await["process"].clone();
    let answers = || scene.log().matches("has answered late").count();

    // Nothing had left: the payment is over, and what it answers then settles nothing.
    let id = scene.check("USD", "late", "declined not_sent", "did not answer within").await;
    scene.until("it answers", async || answers() == 1).await;
    scene.others_go_on().await;
    scene.until_it_is(&id, "declined not_sent").await;

    // Its provider has it: that is in doubt, and ends by asking and not by what it answers.
    let memo = format!("late {}/late", provider.address);
    let (became, id) = scene.commits("USD", &memo, "wait=0").await;
    assert!(became.starts_with("transferring"), "{became}");
    scene.until_it_is(&id, "completed settled").await;
    scene.until("it answers", async || answers() == 2).await;
    let events = scene.get(&format!("/v1/payments/{id}/events")).await.to_string();
    assert!(events.contains("unknown"), "{events}");
    assert_eq!(provider.taken("/late"), 1);

    let after = scene.instance("late").await;
    assert_eq!((&after["process"], &after["restarts"]), (&process, &json!(0)), "{after:#}");
    scene.end().await;
}

/// The gateway is killed, and says goodbye to nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_ends_with_its_gateway_whatever_it_does() {
    let provider = Provider::start().await;
    let Some(table) = late(&provider) else { return };
    for memo in ["deaf", "becomes-another"] {
        let mut scene = Scene::new(&built(), "process", &rail("late", "USD", &table));
        scene.is_back("late").await;
        let process = scene.instance("late").await["process"].as_u64().unwrap();
        scene.others_end().await;
        tokio::spawn(scene.paying("USD", memo, "wait=0"));
        let is_another = || {
            let name = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&name).contains("while True")
        };
        scene.until("it is deaf", async || scene.log().contains("reads no more") || is_another()).await;
        scene.gateway.0.kill().unwrap();
        scene.gateway.0.wait().unwrap();
        let began = Instant::now();
        while Path::new(&format!("/proc/{process}")).exists() {
            assert!(began.elapsed() < Duration::from_secs(20), "{memo}: {process} is still there");
            tokio::task::yield_now().await;
        }
    }
}
