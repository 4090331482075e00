//! What providers deliver.

use crate::world::{WEBHOOK_SECRET, World, answer, start};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::json;
use sha2::Sha256;

fn signature(body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(WEBHOOK_SECRET.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

async fn deliver(world: &World, path: &str, body: &str, signature: Option<&str>) -> u16 {
    let mut request = world.request(Method::POST, path).body(body.to_owned());
    if let Some(signature) = signature {
        request = request.header("x-signature", signature);
    }
    answer(request).await.status
}

async fn payments(world: &World) -> usize {
    world.get("/v1/payments").await.body["payments"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_message_becomes_a_payment_and_a_forged_one_nothing() {
    let world = start().await;
    let message = json!({"id": "m1", "from": "1002", "text": "pay @anna 4 € for the pizza"}).to_string();
    let right = signature(&message);

    // Forged in every way: nothing is stored, and each is counted.
    for wrong in [None, Some(""), Some("zz"), Some(&right.to_uppercase()[1..]), Some(&signature("another body"))] {
        let status = deliver(&world, "/in/chat", &message, wrong).await;
        assert!((400..500).contains(&status), "{wrong:?}: {status}");
    }
    assert_eq!(payments(&world).await, 0);
    let instances = world.get("/v1/instances").await;
    let chat = &instances.body["instances"].as_array().unwrap().iter().find(|i| i["name"] == "chat").unwrap().clone();
    assert_eq!(chat["stats"]["webhooks_refused"], 5, "{chat}");
    assert_eq!(chat["state"], "open");

    for _ in 0..2 {
        assert_eq!(deliver(&world, "/in/chat/deeper/path", &message, Some(&right)).await, 200);
    }
    assert_eq!(payments(&world).await, 1, "the same message twice is one payment");

    let nonsense = "this is no JSON";
    assert_eq!(deliver(&world, "/in/chat", nonsense, Some(&signature(nonsense))).await, 400);
    let counted = world.get("/v1/instances").await.body["instances"][1]["stats"].clone();
    assert_eq!(counted["errors"], 1, "{counted}");
    assert_eq!(deliver(&world, "/in/nobody", &message, Some(&right)).await, 404);
    assert_eq!(deliver(&world, "/in/bank", &message, Some(&right)).await, 404);
    let huge = "x".repeat((1 << 20) + 1);
    assert_eq!(deliver(&world, "/in/chat", &huge, Some(&right)).await, 413);
    world.gateway.drain().await;
}
