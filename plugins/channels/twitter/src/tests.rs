//! The channel as the gateway sees it, against a scripted X.

mod caught_up;
mod declared;
mod received;
mod sent;

use sportello_sdk::serde_json::{Value, from_value, json};
use sportello_sdk::testing::ScriptedHost;
use sportello_sdk::{Channel, HttpResponse};

use crate::Twitter;

const API: &str = "https://api.x.com";

/// A host with the account's secrets, at a whole second.
fn host() -> ScriptedHost {
    ["consumer_key", "consumer_secret", "access_token", "access_token_secret"]
        .into_iter()
        .fold(ScriptedHost::new().now_ms(1_700_000_000_000), |host, name| host.secret(name, &format!("the-{name}")))
}

/// The channel of the account `sportello`, whose id is 1.
fn opened(host: &ScriptedHost, catch_up_every_s: u64) -> Twitter {
    let settings = json!({ "handle": "sportello", "user_id": "1", "catch_up_every_s": catch_up_every_s });
    let settings = from_value(settings).unwrap();
    host.block_on(Twitter::open(settings, &host.call())).unwrap()
}

fn answer(status: u16, body: Value) -> HttpResponse {
    HttpResponse::new(status, "application/json", body.to_string())
}

/// Nothing that was logged, and nothing in `told`, may hold what was said in private or a secret.
fn nothing_is_told(host: &ScriptedHost, told: &str, private: &[&str]) {
    let logged: String = host.logs().into_iter().map(|line| line.message + "\n").collect();
    for secret in private.iter().copied().chain(["the-consumer", "the-access"]) {
        assert!(!logged.contains(secret), "{logged}");
        assert!(!told.contains(secret), "{told}");
    }
}
