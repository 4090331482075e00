//! Providers' deliveries.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use sportello_host::Reason;
use sportello_sdk::frames::{Reply, WebhookFrame};
use sportello_sdk::{Bytes, Failure, Secret, WebhookRequest};

use crate::world::{manifest, ok, raw, spec, until};

fn signature(body: &str) -> String {
    hex::encode(Hmac::<Sha256>::new_from_slice(b"key").unwrap().chain_update(body).finalize().into_bytes())
}

fn delivery(method: &str, query: &str, signature: Option<String>, body: &str) -> WebhookRequest {
    WebhookRequest {
        head: WebhookFrame {
            method: method.to_owned(),
            path: "/".to_owned(),
            query: query.to_owned(),
            headers: signature.into_iter().map(|value| ("x-signature".to_owned(), value)).collect(),
        },
        body: Bytes::from(body.to_owned()),
    }
}

#[tokio::test]
async fn a_plugin_sees_what_its_provider_sent_and_nothing_else() {
    let webhook = json!({
        "signature": { "scheme": "hmac", "hash": "sha256", "header": "x-signature", "encoding": "hex", "secret": "key" },
        "handshake": { "scheme": "echo_if_token", "token_query": "token", "echo_query": "challenge", "secret": "key" },
    });
    let manifest = manifest(&[("secrets", json!(["key"])), ("webhook", webhook)]);
    let seen = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&seen);
    // The plugin does as the path of the delivery says.
    let loaded = raw(manifest, move |asked| {
        counted.fetch_add(1, Ordering::SeqCst);
        async move {
            match asked.frame.params["query"].as_str().unwrap() {
                "input" => Reply::failure(&Failure::input("bad", "no such event")),
                "provider" => Reply::failure(&Failure::provider("gone", "gone")),
                "retry" => Reply::failure(&Failure::input("busy", "not yet").retry_after(1)),
                "unsupported" => Reply::failure(&Failure::unsupported("webhook")),
                "panic" => panic!("told to"),
                "strange" => ok(json!({ "status": 42 })),
                "headers" => {
                    ok(json!({ "status": 202, "headers": [["x-a", "1"], ["set-cookie", "a=b"], ["x\n", "1"]] }))
                }
                _ => ok(json!({ "status": 200 })),
            }
        }
    });
    let mut spec = spec();
    spec.secrets = [("key".to_owned(), Secret::new("key"))].into();
    let running = loaded.open(spec).await.unwrap();

    let refused = AtomicUsize::new(0);
    let check = async |request: WebhookRequest, expected: u16, expected_seen: bool| {
        let before = seen.load(Ordering::SeqCst);
        let query = request.head.query.clone();
        let delivered = running.webhook(request).await;
        assert_eq!(delivered.reply.status, expected, "{query}: {delivered:?}");
        assert_eq!(seen.load(Ordering::SeqCst) > before, expected_seen, "{query}");
        refused.fetch_add(usize::from(delivered.refused.is_some()), Ordering::SeqCst);
        delivered
    };
    let signed = |query: &str| delivery("POST", query, Some(signature("{}")), "{}");
    check(signed("ok"), 200, true).await;
    check(signed("input"), 400, true).await;
    check(signed("provider"), 503, true).await;
    check(signed("retry"), 503, true).await;
    check(signed("unsupported"), 404, true).await;
    check(signed("panic"), 503, true).await;
    check(signed("strange"), 503, true).await;
    let delivered = check(signed("headers"), 202, true).await;
    assert_eq!(delivered.reply.headers, [("x-a".to_owned(), "1".to_owned())]);
    check(delivery("POST", "ok", Some(signature("{}")), "{ }"), 401, false).await;
    check(delivery("POST", "ok", None, "{}"), 401, false).await;
    check(delivery("GET", "token=wrong&challenge=7", None, ""), 403, false).await;
    assert_eq!(refused.load(Ordering::SeqCst), 3);
    let delivered = check(delivery("GET", "token=key&challenge=7", None, ""), 200, false).await;
    assert_eq!(delivered.reply.body, "7");
}

#[tokio::test]
async fn a_provider_is_answered_as_soon_as_it_wants_whatever_the_plugin_does() {
    let check = async |wanted_ms: Option<u64>, deadline_ms: u64, expected_ms: u64| {
        let webhook = json!({
            "signature": { "scheme": "hmac", "hash": "sha256", "header": "x-signature", "encoding": "hex", "secret": "key" },
            "answer_within_ms": wanted_ms,
        });
        let manifest = manifest(&[("secrets", json!(["key"])), ("webhook", webhook)]);
        let mut spec = spec();
        spec.secrets = [("key".to_owned(), Secret::new("key"))].into();
        spec.deadline = Duration::from_millis(deadline_ms);
        let running = raw(manifest, |_| std::future::pending::<Reply>()).open(spec).await.unwrap();
        let delivered = running.webhook(delivery("POST", "", Some(signature("{}")), "{}")).await;
        assert_eq!(delivered.reply.status, 503, "{delivered:?}");
        assert_eq!(delivered.error.unwrap().reason, Reason::Timeout { within_ms: expected_ms });
        // Given up, and gone: the next delivery has its room.
        until(|| running.stats().in_flight == 0).await;
        assert!(!running.stats().quarantined);
    };
    check(Some(20), 60_000, 20).await;
    check(Some(60_000), 20, 20).await;
    check(None, 20, 20).await;
}
