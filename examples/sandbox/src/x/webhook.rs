//! How X challenges a webhook and signs what it delivers.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::{X, events::Event};
use crate::{
    courier::{self, Courier, Faults, Headers, Provider, Record},
    serial::random,
};

/// Queues events for delivery.
pub(crate) fn deliver(x: &X, events: Vec<Event>) {
    let record =
        |event: Event| Record::new(event.subject.to_string(), event.envelope, event.kind, event.body.to_string());
    courier::deliver(x, events.into_iter().map(record).collect());
}

/// `sha256=` and the signature of `body` in base64, as in the header and in the answer to a challenge.
fn signature(secret: &str, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(body);
    format!("sha256={}", STANDARD.encode(mac.finalize().into_bytes()))
}

impl Provider for X {
    fn courier(&self) -> &Courier {
        &self.courier
    }

    fn delivery_faults(&self) -> Faults {
        self.faults.now().deliveries.clone()
    }

    fn secret(&self) -> &str {
        &self.credentials.consumer_secret
    }

    fn signatures(secret: &str, body: &[u8]) -> Headers {
        vec![("x-twitter-webhooks-signature", signature(secret, body))]
    }

    fn accepts(status: u16) -> bool {
        (200..300).contains(&status)
    }

    /// The challenge-response check: the place must sign a token with the consumer secret.
    async fn challenge(&self, url: &str) -> Result<(), String> {
        let token = format!("{:016x}{:016x}", random(), random());
        let (status, body) = self.courier.ask(url, &[("crc_token", &token)]).await?;
        if !Self::accepts(status) {
            return Err(format!("answered {status}"));
        }
        let body: Value = serde_json::from_slice(&body).map_err(|_| "the answer is no JSON".to_owned())?;
        let expected = signature(self.secret(), token.as_bytes());
        if body.get("response_token").and_then(Value::as_str) != Some(&expected) {
            return Err("the response_token is wrong".to_owned());
        }
        Ok(())
    }
}
