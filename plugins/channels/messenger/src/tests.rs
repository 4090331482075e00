//! The channel as the gateway sees it, against a scripted Meta.

mod declared;
mod random;
mod received;
mod sent;

use sportello_sdk::serde_json::{Value, from_value, json};
use sportello_sdk::testing::ScriptedHost;
use sportello_sdk::{Channel, HttpResponse};

use crate::Messenger;

const SECRETS: [&str; 3] = ["app_secret", "verify_token", "page_token"];

fn host() -> ScriptedHost {
    SECRETS.into_iter().fold(ScriptedHost::new(), |host, name| host.secret(name, &format!("the-{name}")))
}

/// The channel of page 1.
fn opened(host: &ScriptedHost) -> Messenger {
    let settings = from_value(json!({ "page_id": "1" })).unwrap();
    host.block_on(Messenger::open(settings, &host.call())).unwrap()
}

fn answer(status: u16, body: Value) -> HttpResponse {
    HttpResponse::new(status, "application/json", body.to_string())
}

/// Nothing that was logged, and nothing in `told`, may hold what was said or a secret.
fn nothing_is_told(host: &ScriptedHost, told: &str, said: &[&str]) {
    let logged: String = host.logs().into_iter().map(|line| line.message + "\n").collect();
    for secret in said.iter().copied().chain(["the-app_secret", "the-verify", "the-page_token"]) {
        assert!(!logged.contains(secret), "{logged}");
        assert!(!told.contains(secret), "{told}");
    }
}
