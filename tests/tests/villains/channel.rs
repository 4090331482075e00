//! A channel that panics wherever it may be called. The people whose payments it would tell of pay on.

use crate::programs::built;
use crate::scene::Scene;

/// The HMAC-SHA-256 of `{}` with the channel's secret.
const SIGNATURE: &str = "5575c50531d935bb735fd4f25d47dd6d7e79355b053f884647d00bdbfeae7f9f";

fn panics_in(place: &str, isolation: &str) -> String {
    format!(
        "[channels.hello]\nplugin = \"panics-channel\"\nisolation = {isolation:?}\n\
         settings = {{ panic_in = {place:?}, webhook_secret = \"secret-of-the-panicking-channel-0123\" }}\n"
    )
}

async fn hurts_itself_alone(isolation: &'static str) {
    let scene = Scene::new(&built(), isolation, &panics_in("nowhere", isolation));
    let told = async |what: &str| scene.until(what, async || scene.log().contains(what)).await;
    let panicked = async || scene.until_instance("hello", |one| one["stats"]["panics"].as_u64() > Some(0)).await;
    let becomes = async |place: &str| {
        let (status, said) = scene.reload(&panics_in(place, isolation)).await;
        assert_eq!(status, 200, "{place}: {said:#}");
    };
    scene.others_go_on().await;

    // It is not opened, and the one that is there stays.
    let before = scene.instance("hello").await["process"].clone();
    let (status, said) = scene.reload(&panics_in("open", isolation)).await;
    assert!(status == 422 && said.to_string().contains("panicked"), "{status} {said:#}");
    let after = scene.instance("hello").await;
    assert_eq!((&after["process"], &after["state"]), (&before, &"open".into()), "{after:#}");
    scene.others_go_on().await;

    // Whom it should tell of a payment it does not: that is put off, and the payment is made.
    becomes("send").await;
    panicked().await;
    scene.others_go_on().await;

    becomes("webhook").await;
    let status = scene.delivered("/in/hello", "{}", ("x-hello-signature", SIGNATURE)).await;
    assert!(status >= 500, "{status}");
    panicked().await;
    scene.others_go_on().await;

    // It is started again, and again, with pauses.
    becomes("run").await;
    scene.until_instance("hello", |one| one["stats"]["restarts"].as_u64() > Some(1)).await;
    told("the plugin's `run` ended and is started again after a pause").await;
    scene.others_go_on().await;

    // It goes, whatever it says.
    becomes("close").await;
    becomes("nowhere").await;
    told("the plugin did not close as it should").await;
    scene.until_instance("hello", |one| one["leaving"] == serde_json::json!([])).await;
    scene.is_back("hello").await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_that_panics_hurts_itself_alone_in_process() {
    hurts_itself_alone("in-process").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_that_panics_hurts_itself_alone_isolated() {
    hurts_itself_alone("process").await;
}
