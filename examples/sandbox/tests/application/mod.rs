//! An application on Messenger, as the tests have it: it listens, checks signatures, and calls the Send API.

use crate::world::{Answer, Gateway, Sandbox, Scheme, answer};
use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};

pub const PAGE: &str = "104501234567890";
pub const OTHER_PAGE: &str = "104509876543210";
pub const TOKEN: &str = "sandbox-page-token";
pub const PAOLO: &str = "6720845931207741";
pub const PAOLO_ELSEWHERE: &str = "7104458219936620";
pub const ANNA: &str = "5932118470264493";

pub fn sha256(secret: &str, text: &[u8]) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn sha1(secret: &str, text: &[u8]) -> String {
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn is_signed(headers: &HeaderMap, body: &[u8]) -> bool {
    let is = |name: &str, expected: String| headers.get(name).is_some_and(|value| *value == expected);
    let secret = "sandbox-app-secret";
    is("x-hub-signature-256", format!("sha256={}", sha256(secret, body)))
        && is("x-hub-signature", format!("sha1={}", sha1(secret, body)))
        && body.is_ascii()
}

pub const APP: Scheme = Scheme {
    challenged: |query| {
        assert_eq!((&*query["hub.mode"], &*query["hub.verify_token"]), ("subscribe", "sandbox-verify-token"));
        query["hub.challenge"].clone()
    },
    signed: is_signed,
};

/// A sandbox whose Messenger delivers to an application that listens; `fields` are those it is subscribed to.
pub async fn start(refusals: &[u16], fields: &[&str], arguments: &[&str]) -> (Gateway, Sandbox) {
    let (app, url) = Gateway::listen_to(APP, refusals).await;
    let fields = format!("fields={}", json!(fields));
    let fixed = ["--messenger-webhook", &url, "--messenger-fault", &fields];
    let backoff = ["--messenger-fault", "retry_backoff_ms=1"];
    let sandbox = Sandbox::start(&[fixed.as_slice(), &backoff, arguments].concat()).await;
    (app, sandbox)
}

/// Calls the Send API with the page's token as a bearer.
pub async fn send(sandbox: &Sandbox, body: &Value) -> Option<Answer> {
    let url = format!("{}/v25.0/{PAGE}/messages", sandbox.messenger);
    Some(answer(sandbox.http.post(url).bearer_auth(TOKEN).json(body).send().await.ok()?).await)
}

pub fn text(to: &str, text: &str) -> Value {
    json!({ "recipient": { "id": to }, "messaging_type": "RESPONSE", "message": { "text": text } })
}

pub fn challenge(to: &str) -> Value {
    let button = |title: &str| json!({ "content_type": "text", "title": title, "payload": format!("{title}:123456") });
    let mut asked = text(to, "Pay Anna 20 €?");
    asked["message"]["quick_replies"] = json!([button("Confirm"), button("Cancel")]);
    asked
}

pub async fn write(sandbox: &Sandbox, who: &str, text: &str) -> String {
    let done = sandbox.on_messenger("messages", json!({ "as": who, "text": text })).await;
    done["mid"].as_str().unwrap().to_owned()
}

/// The messaging events of a delivery, entry by entry.
pub fn entries(body: &Value) -> Vec<Vec<&Value>> {
    assert_eq!(body["object"], "page");
    let list = |entry: &'_ Value| entry.get("messaging").is_some();
    let entries = body["entry"].as_array().unwrap();
    entries
        .iter()
        .map(|entry| entry[if list(entry) { "messaging" } else { "standby" }].as_array().unwrap().iter().collect())
        .collect()
}

pub fn texts(body: &Value) -> Vec<Vec<&str>> {
    entries(body)
        .into_iter()
        .map(|events| events.into_iter().map(|event| event["message"]["text"].as_str().unwrap()).collect())
        .collect()
}
