//! What a plugin answers, says and asks for, and should not.

use crate::provider::Provider;
use crate::scene::{Scene, built_with_villains, rail};

/// The same in-process and in a process of its own.
async fn lies_and_floods(isolation: &'static str) {
    let provider = Provider::start().await;
    let table = format!(
        "plugin = \"villain\"\nisolation = {isolation:?}\ndeadline = \"5s\"\ngrants = [{:?}, \"https://*:*\"]",
        provider.address
    );
    let scene = Scene::new(&built_with_villains(), isolation, &rail("villain", "USD", &table));
    let check = async |memo: &str, expected: &str, told: &str| scene.check("USD", memo, expected, told).await;
    let is_isolated = isolation == "process";
    check("behaves", "completed settled", "").await;
    // No byte left for these, which is the host's own fact: so they are over, and nobody is in doubt.
    check("no-text", "declined not_sent", "not as agreed").await;
    check("no-failure", "declined not_sent", "not as agreed").await;
    check("nested", "declined not_sent", "not as agreed").await;
    check("panics", "declined not_sent", "panicked").await;
    scene.is_back("villain").await;
    check("answers-late", "declined not_sent", "did not answer within").await;
    check("hangs", "declined not_sent", "did not answer within").await;
    scene.is_back("villain").await;
    // A word that nobody knows is no decline.
    check("no-outcome", "transferring unknown", "").await;
    // Another amount than was ordered stands in suspense, and is for the operator to look at.
    check("other-amount", "in_review settled", "suspense").await;
    check("other-currency", "transferring unknown", "find out what moved").await;
    check("leaks", "completed settled", "").await;
    check("floods-log", "completed settled", "flood flood").await;
    check("floods-messages", "completed settled", "").await;
    check("answers-twice", "completed settled", "").await;
    // Whom it was not granted: by address, by a name that leads inside, and by a redirect, which nobody follows.
    check("asks https://127.0.0.1:1/", "declined declined", "not_granted").await;
    check("asks http://127.0.0.1:1/", "declined declined", "not_granted").await;
    check("asks https://localhost:1/", "declined declined", "unreachable").await;
    check(&format!("asks {}/elsewhere", provider.address), "declined declined", "302").await;
    let others = scene.get("/v1/payments?limit=20").await;
    let others = others["payments"].as_array().unwrap();
    let other = others.iter().find(|payment| payment["amount"]["currency"] == "EUR").unwrap();
    let key = format!("answers-anothers {}-1", other["id"].as_str().unwrap());
    check(&key, "declined declined", "unknown_order").await;
    let too_much = if is_isolated { "memory" } else { "not as agreed" };
    check("gigabyte", "declined not_sent", too_much).await;
    scene.is_back("villain").await;
    // In-process its thread is lost, and it is called no more; a process of its own is killed, and comes back.
    check("loops", "declined not_sent", if is_isolated { "it hung" } else { "called no more" }).await;
    if is_isolated {
        scene.is_back("villain").await;
        check("behaves", "completed settled", "").await;
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_plugin_answers_and_asks_hurts_nobody_else_in_process() {
    lies_and_floods("in-process").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_plugin_answers_and_asks_hurts_nobody_else_isolated() {
    lies_and_floods("process").await;
}
