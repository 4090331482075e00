//! A channel that has more to say than anybody can take.

use crate::programs::built;
use crate::scene::Scene;

/// How much of this machine's memory the gateway may take on behalf of a channel that floods it, in MB. What it is handed
/// over at once has two and a half.
const MORE_MB: u64 = 200;

async fn floods(isolation: &'static str) {
    let channel = format!(
        "[channels.shouts]\nplugin = \"shouts\"\nisolation = {isolation:?}\nsettings = {{ text_len = 10000 }}\n"
    );
    let scene = Scene::new(&built(), isolation, &channel);
    let rounds = || scene.log().matches("of 250 messages").count();
    scene.until("hundreds of messages", async || rounds() > 0).await;
    let before = scene.memory_mb("VmRSS:");
    // While it shouts, others pay.
    for _ in 0..10 {
        let so_far = rounds();
        scene.others_go_on().await;
        scene.until("hundreds more", async || rounds() > so_far).await;
    }
    let most = scene.memory_mb("VmHWM:");
    assert!(most < before + MORE_MB, "from {before} MB to {most}");
    // The operator sees how much it says, and has it be quiet.
    let (status, disabled) = scene.post("/v1/instances/shouts/disable").await;
    assert_eq!(status, 200, "{disabled:#}");
    scene.until_instance("shouts", |one| one["state"] == "disabled" && one["leaving"] == serde_json::json!([])).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_that_floods_fills_no_memory_and_holds_nobody_up_isolated() {
    floods("process").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_that_floods_fills_no_memory_and_holds_nobody_up_in_process() {
    floods("in-process").await;
}
