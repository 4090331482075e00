//! What a plugin answers, says and asks for, and should not.

use std::time::Instant;

use crate::programs::built;
use crate::provider::{Provider, Trap};
use crate::scene::{Scene, rail};

/// The same in-process and in a process of its own.
async fn lies_and_floods(isolation: &'static str) {
    let (provider, trap) = (Provider::start().await, Trap::set().await);
    let table = format!(
        "plugin = \"villain\"\nisolation = {isolation:?}\ndeadline = \"5s\"\ngrants = [{:?}, \"https://*:*\"]",
        provider.address
    );
    let scene = Scene::new(&built(), isolation, &rail("villain", "USD", &table));
    let check = async |memo: &str, expected: &str, told: &str| scene.check("USD", memo, expected, told).await;
    let is_isolated = isolation == "process";
    check("behaves", "completed settled", "").await;
    // No byte left for these, which is the host's own fact: so they are over, and nobody is in doubt.
    check("no-text", "declined not_sent", "not as agreed").await;
    check("no-failure", "declined not_sent", "not as agreed").await;
    check("nested", "declined not_sent", "not as agreed").await;
    check("panics", "declined not_sent", "panicked").await;
    scene.is_back("villain").await;
    let late = check("answers-late", "declined not_sent", "did not answer within").await;
    if !is_isolated {
        // Where it has a thread of its own, it answers after all: nobody listens, and the operator hears of it.
        scene.until("a late answer", async || scene.log().contains("code=\"call_over\"")).await;
        scene.until_it_is(&late, "declined not_sent").await;
    }
    check("hangs", "declined not_sent", "did not answer within").await;
    scene.is_back("villain").await;
    // A word that nobody knows is no decline.
    check("no-outcome", "transferring unknown", "").await;
    // Another amount than was ordered stands in suspense, and is for the operator to look at.
    check("other-amount", "in_review settled", "suspense").await;
    check("other-currency", "transferring unknown", "find out what moved").await;
    check("leaks", "completed settled", "").await;
    if is_isolated {
        // What it keeps is shown, and bounded.
        scene.until_instance("villain", |one| one["resident_bytes"].as_u64() > Some(64 << 20)).await;
        // 64 MB at a time.
        for _ in 0..8 {
            if scene.log().contains("its memory bound of 256 MB was reached") {
                break;
            }
            scene.commits("USD", "leaks", "wait=30").await;
        }
        scene.until("its bound", async || scene.log().contains("its memory bound of 256 MB was reached")).await;
        scene.is_back("villain").await;
    }
    let began = Instant::now();
    check("floods-log", "completed settled", "logs more lines than it may").await;
    // What fits a second, the seconds that it may have taken, and the one in which it began.
    let lines = scene.log().lines().filter(|line| line.contains("flood flood")).count() as u64;
    assert!((1..=200 * (began.elapsed().as_secs() + 2)).contains(&lines), "{lines} lines");
    assert!(scene.instance("villain").await["stats"]["log_lines_lost"].as_u64() > Some(0));
    denied(&scene, "floods-messages", "completed settled", "no_such_channel", 1_000).await;
    check("answers-twice", "completed settled", "had said").await;
    // Whom it was not granted: by address, by name, by a name that leads inside, and by a redirect, which nobody follows.
    let port = trap.port;
    denied(&scene, &format!("asks https://127.0.0.1:{port}/"), "declined declined", "not_granted", 1).await;
    denied(&scene, &format!("asks http://127.0.0.1:{port}/"), "declined declined", "not_granted", 1).await;
    denied(&scene, "asks http://bank.example/", "declined declined", "not_granted", 1).await;
    denied(&scene, &format!("asks https://localhost:{port}/"), "declined declined", "not_granted", 1).await;
    check(&format!("asks {}/elsewhere", provider.address), "declined declined", "302").await;
    assert_eq!(trap.came(), 0, "somebody came");
    let others = scene.get("/v1/payments?limit=20").await;
    let others = others["payments"].as_array().unwrap();
    let other = others.iter().find(|payment| payment["amount"]["currency"] == "EUR").unwrap();
    let key = format!("answers-anothers {}-1", other["id"].as_str().unwrap());
    denied(&scene, &key, "declined declined", "unknown_order", 1).await;
    let too_much = if is_isolated { "memory" } else { "not as agreed" };
    check("gigabyte", "declined not_sent", too_much).await;
    scene.is_back("villain").await;
    // Nor is it taken beside an answer that is right.
    check("gigabyte-beside", "declined not_sent", too_much).await;
    scene.is_back("villain").await;
    // In-process its thread is lost, and it is called no more; a process of its own is killed, and comes back.
    check("loops", "declined not_sent", if is_isolated { "it hung" } else { "called no more" }).await;
    if is_isolated {
        scene.is_back("villain").await;
        check("behaves", "completed settled", "").await;
    }
    scene.end().await;
}

/// It asks for what it does not get, at least so often: this comes of the order, and the operator is told, by the host, and can see how
/// often.
async fn denied(scene: &Scene, memo: &str, expected: &str, code: &str, times: u64) {
    let so_far = async || scene.instance("villain").await["stats"]["denied"].as_u64().unwrap();
    let before = so_far().await;
    scene.check("USD", memo, expected, "").await;
    let counted = so_far().await - before;
    assert!(counted >= times, "{memo}: {counted}");
    // The counter tells of each; the log once a second at most of the same.
    let said = format!("code=\"{code}\"");
    let is_told = |line: &str| line.contains("a plugin asked for what it does not get") && line.contains(&said);
    scene.until(memo, async || scene.log().lines().any(is_told)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_plugin_answers_and_asks_hurts_nobody_else_in_process() {
    lies_and_floods("in-process").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_plugin_answers_and_asks_hurts_nobody_else_isolated() {
    lies_and_floods("process").await;
}
