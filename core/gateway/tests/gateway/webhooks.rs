//! What providers deliver.

use crate::world::{CONFIG, WEBHOOK_SECRET, World, answer, start, start_with};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use sha2::Sha256;

fn signature(body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(WEBHOOK_SECRET.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

fn delivery(world: &World, path: &str, body: &str, signature: Option<&str>) -> RequestBuilder {
    let mut request = world.request(Method::POST, path).body(body.to_owned());
    if let Some(signature) = signature {
        request = request.header("x-signature", signature);
    }
    request
}

async fn deliver(world: &World, path: &str, body: &str, signature: Option<&str>) -> u16 {
    answer(delivery(world, path, body, signature)).await.status
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

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_the_plugin_never_answers_is_answered_in_time_and_known_when_it_comes_again() {
    let hasty = "plugin = \"hasty-channel\"\ndeadline = \"60s\"";
    let world = start_with(&CONFIG.replace("plugin = \"test-channel\"", hasty)).await;
    let message = json!({"id": "m1", "from": "1002", "text": "pay @anna 4 € for the pizza"}).to_string();
    let signed = signature(&message);
    let again = || delivery(&world, "/in/chat/and-never-return", &message, Some(&signed));
    let first = answer(again()).await;
    assert_eq!((first.status, &first.body["type"]), (503, &json!("/problems/unavailable")), "{first:?}");
    assert_eq!(first.headers["content-type"], "application/problem+json");
    // As a provider does; where the machine is so slow that nothing was durable in time, more than once.
    let mut status = first.status;
    for _ in 0..20 {
        if status == 503 {
            status = answer(again()).await.status;
        }
    }
    assert_eq!(status, 200);
    assert_eq!(payments(&world).await, 1);
    let instances = world.get("/v1/instances").await.body;
    assert!(instances["instances"][1]["stats"]["timeouts"].as_u64() >= Some(1), "{instances}");
    world.gateway.drain().await;
}
