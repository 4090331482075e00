//! A plugin that ignores that it is to go: its calls never end, and it never says goodbye.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::programs::built;
use crate::scene::{Scene, rail};

fn villains(isolation: &str, deadline: &str) -> String {
    let table = |deadline: &str| format!("plugin = \"villain\"\nisolation = {isolation:?}\ndeadline = {deadline:?}");
    // One of them is waited for longer than anybody waits here.
    rail("villain", "USD", &table(deadline)) + &rail("slow", "GBP", &table("10m"))
}

async fn is_made_to_go(isolation: &'static str) {
    let mut scene = Scene::new(&built(), isolation, &villains(isolation, "4s"));
    let says_no_goodbye = "the plugin did not close as it should";
    let goes_unwillingly = async |version: usize| {
        let told = || scene.log().matches(says_no_goodbye).count();
        scene.until(says_no_goodbye, async || told() == version).await;
        scene.until_instance("villain", |one| one["leaving"] == json!([])).await;
        scene.others_go_on().await;
    };
    let in_flight = async |currency, name| {
        scene.check(currency, "stays", "completed settled", "").await;
        let waiting = tokio::spawn(scene.paying(currency, "hangs", "wait=30"));
        scene.until_instance(name, |one| one["stats"]["in_flight"] == 1).await;
        // Not awaited here: it hangs.
        [waiting]
    };

    // A reload: what is new is given to another, and the old one is gone when its call has had its time.
    let [waiting] = in_flight("USD", "villain").await;
    let (status, reloaded) = scene.reload(&villains(isolation, "3s")).await;
    assert_eq!((status, &reloaded["changed"][0]["instance"]), (200, &json!("villain")), "{reloaded:#}");
    scene.check("USD", "behaves", "completed settled", "").await;
    let hung = waiting.await.unwrap().unwrap();
    assert_eq!((&hung["state"], &hung["attempts"][0]["state"]), (&json!("declined"), &json!("not_sent")), "{hung:#}");
    goes_unwillingly(1).await;

    // The operator takes it out of use.
    let [waiting] = in_flight("USD", "villain").await;
    let (status, drained) = scene.post("/v1/instances/villain/drain").await;
    assert_eq!(status, 200, "{drained:#}");
    assert_eq!(scene.instance("villain").await["state"], "drained");
    goes_unwillingly(2).await;
    assert_eq!(waiting.await.unwrap().unwrap()["attempts"][0]["state"], "not_sent");

    // The gateway stops: no longer than it gives itself, whatever a plugin was given.
    let [waiting] = in_flight("GBP", "slow").await;
    scene.others_end().await;
    let began = Instant::now();
    let told = Command::new("kill").args(["-TERM", &scene.gateway.0.id().to_string()]).status();
    assert!(told.unwrap().success());
    let status = tokio::task::block_in_place(|| scene.gateway.0.wait()).unwrap();
    assert!(began.elapsed() < Duration::from_secs(60), "it took {:?}\n{}", began.elapsed(), scene.log());
    assert_eq!(status.code(), Some(0), "{}", scene.log());
    assert!(scene.log().contains("calls did not end in time"), "{}", scene.log());
    assert_eq!(scene.log().matches(says_no_goodbye).count(), 3, "{}", scene.log());
    drop(waiting);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_does_not_go_is_made_to_isolated() {
    is_made_to_go("process").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_does_not_go_is_made_to_in_process() {
    is_made_to_go("in-process").await;
}
