//! A script that does what it should not: its process ends alone, and what it was doing is in doubt until that was asked about;
//! and one that would outlive its gateway.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::programs::{built, root};
use crate::provider::Provider;
use crate::scene::{Scene, rail};

/// What runs scripts.
pub(crate) const PYTHON: &str = "/usr/bin/python3";

/// What comes with it.
pub(crate) fn its_library() -> PathBuf {
    Path::new("/usr/lib").join(Path::new(PYTHON).canonicalize().unwrap().file_name().unwrap())
}

/// A script as an instance; nothing where there is no Python.
pub(crate) fn program(script: &Path, more: &str) -> Option<String> {
    if !Path::new(PYTHON).exists() {
        assert!(std::env::var_os("SPORTELLO_PEERS").is_none(), "python3 should be here");
        return None;
    }
    let library = its_library();
    Some(format!(
        "exec = [{PYTHON:?}, \"-I\", {script:?}]\nreads = [{library:?}]\nlimits = {{ memory_mb = 512 }}\n{more}"
    ))
}

/// What ends a script's process; the currency of the instance to which that happens, so that no pause before a start is a long
/// one; and what the operator is told.
const ENDS: [(&str, &str, &str); 5] = [
    ("exit", "GBP", "exit status: 3"),
    ("abort", "CHF", "ended by itself with signal: "),
    ("closes", "SEK", "it closed its standard output"),
    ("prints", "NOK", "100 lines on its standard output were none of the protocol's"),
    ("endless", "DKK", "a line of more than 8 MiB"),
];

/// A villain, where there is a Python.
pub(crate) fn villain(provider: &Provider) -> Option<String> {
    let more = format!("grants = [{:?}]\ndeadline = \"4s\"", provider.address);
    program(&root().join("tests/hostile/villain.py"), &more)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_a_script_ends_it_alone_and_its_order_is_asked_about() {
    let provider = Provider::start().await;
    let Some(table) = villain(&provider) else { return };
    let villains: String = ENDS.iter().map(|(end, currency, _)| rail(end, currency, &table)).collect();
    let scene = Scene::new(&built(), "process", &(villains + &rail("stays", "USD", &table)));
    let in_doubt = async |end: &str, currency, told: &str| {
        scene.is_back(end).await;
        // Its provider has it when that happens.
        let (_, id) = scene.commits(currency, &format!("{} {}/{end}", memo_of(end), provider.address), "wait=0").await;
        scene.until(told, async || scene.log().contains(told)).await;
        let events = async || scene.get(&format!("/v1/payments/{id}/events")).await.to_string();
        scene.until(end, async || events().await.contains("unknown")).await;
        scene.others_go_on().await;
        id
    };
    let mut orders = Vec::new();
    for (end, currency, told) in ENDS {
        orders.push((end, currency, in_doubt(end, currency, told).await));
    }
    for (end, currency, id) in orders {
        scene.until_it_is(&id, "completed settled").await;
        assert_eq!(provider.taken(&format!("/{end}")), 1, "{end}");
        scene.is_back(end).await;
        assert_eq!(scene.instance(end).await["restarts"], 1, "{end}");
        scene.check(currency, "floods-log", "completed settled", "logs more lines than it may").await;
    }
    // What finds its memory's end and goes on is shown that it has an end, and nobody else has less.
    let id = in_doubt("stays", "USD", "MemoryError").await;
    scene.until_it_is(&id, "completed settled").await;
    assert_eq!(scene.instance("stays").await["restarts"], 0);
    scene.end().await;
}

/// What an instance is told to do.
fn memo_of(instance: &str) -> &str {
    if instance == "stays" { "hoards" } else { instance }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_comes_when_its_time_is_over_is_nobodys() {
    let provider = Provider::start().await;
    let Some(table) = villain(&provider) else { return };
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
    let Some(table) = villain(&provider) else { return };
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
