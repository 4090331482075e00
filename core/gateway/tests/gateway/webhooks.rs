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
    let refused = async |instance: usize| {
        let instances = world.get("/v1/instances").await.body["instances"].take();
        instances[instance]["webhooks_refused"].as_u64().unwrap()
    };
    let (bank, chat) = (0, 1);
    assert_eq!(refused(chat).await, 5);

    for _ in 0..2 {
        assert_eq!(deliver(&world, "/in/chat/deeper/path", &message, Some(&right)).await, 200);
    }
    assert_eq!(payments(&world).await, 1, "the same message twice is one payment");

    let nonsense = "this is no JSON";
    assert_eq!(deliver(&world, "/in/chat", nonsense, Some(&signature(nonsense))).await, 400);
    let counted = world.get("/v1/instances").await.body["instances"][chat].take();
    assert_eq!((&counted["stats"]["errors"], &counted["state"]), (&json!(1), &json!("open")), "{counted}");
    assert_eq!(deliver(&world, "/in/nobody", &message, Some(&right)).await, 404);
    assert_eq!(deliver(&world, "/in/bank", &message, Some(&right)).await, 404);
    let huge = "x".repeat((1 << 20) + 1);
    assert_eq!(deliver(&world, "/in/chat", &huge, Some(&right)).await, 413);
    assert_eq!((refused(chat).await, refused(bank).await), (6, 1));
    world.gateway.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_for_an_instance_that_is_not_open_is_counted_too() {
    let world = start_with(&CONFIG.replace("name = \"sportello\"", "name = \"panics\"")).await;
    let message = json!({"id": "m1", "from": "1002", "text": "pay @anna 4 € for the pizza"}).to_string();
    for _ in 0..2 {
        assert_eq!(deliver(&world, "/in/chat", &message, Some(&signature(&message))).await, 503);
    }
    let chat = world.get("/v1/instances").await.body["instances"][1].take();
    let expected = (&json!("closed"), &json!(2), &json!(null));
    assert_eq!((&chat["state"], &chat["webhooks_refused"], &chat["stats"]), expected, "{chat}");

    // And an operator sees it.
    let here = CONFIG.replace("127.0.0.1:0", &world.gateway.address().to_string());
    std::fs::write(world.folder.path().join("gateway.toml"), here).unwrap();
    let list = |more: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sportello"));
        command.args(["plugin", "list", "--running"]).args(more).env_remove("SPORTELLO_CONFIG");
        let output = command.current_dir(world.folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let said = list(&[]);
    let line = said.lines().find(|line| line.contains("test-channel")).unwrap();
    let words: Vec<&str> = line.split_whitespace().filter(|word| *word != "│").collect();
    assert_eq!(words, ["chat", "test-channel", "closed", "2"], "{said}");
    assert!(said.contains("chat is not open: ") && said.contains("this channel panics"), "{said}");
    let told: serde_json::Value = serde_json::from_str(&list(&["--json"])).unwrap();
    assert_eq!(told["instances"][1]["webhooks_refused"], 2);
    world.gateway.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_the_plugin_never_answers_is_answered_in_time_and_known_when_it_comes_again() {
    let hasty = "plugin = \"hasty-channel\"\ndeadline = \"60s\"";
    let world = start_with(&CONFIG.replace("plugin = \"test-channel\"", hasty)).await;
    let message = json!({"id": "m1", "from": "1002", "text": "pay @anna 4 € for the pizza"}).to_string();
    let signed = signature(&message);
    let again = || delivery(&world, "/in/chat/and-never-return", &message, Some(&signed));
    let in_time = tokio::time::timeout(std::time::Duration::from_secs(30), answer(again()));
    let first = in_time.await.unwrap();
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
