//! How Messenger verifies a webhook and signs what it delivers.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

use super::{
    Messenger,
    cast::{APP_SECRET, VERIFY_TOKEN},
};
use crate::{
    courier::{Courier, Faults, Headers, Provider},
    serial::random,
};

/// `HMAC-SHA256(secret, text)` in lower-case hexadecimal: `X-Hub-Signature-256`, and `appsecret_proof`.
pub(crate) fn hmac_sha256(secret: &str, text: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(text);
    hex::encode(mac.finalize().into_bytes())
}

/// The older signature, which Messenger still sends beside the other.
fn sha1_signature(secret: &str, body: &[u8]) -> (&'static str, String) {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret.as_bytes()) else {
        return ("x-hub-signature", String::new());
    };
    mac.update(body);
    ("x-hub-signature", format!("sha1={}", hex::encode(mac.finalize().into_bytes())))
}

impl Provider for Messenger {
    fn courier(&self) -> &Courier {
        &self.courier
    }

    fn delivery_faults(&self) -> Faults {
        self.faults.now().deliveries.clone()
    }

    fn secret(&self) -> &str {
        APP_SECRET
    }

    fn signatures(secret: &str, body: &[u8]) -> Headers {
        let signature = format!("sha256={}", hmac_sha256(secret, body));
        vec![("x-hub-signature-256", signature), sha1_signature(secret, body)]
    }

    /// `sha1_only`: signed rightly in the older way alone, which proves no longer enough.
    fn forged(&self, how: &str, body: &[u8]) -> Option<Headers> {
        (how == "sha1_only").then(|| vec![sha1_signature(APP_SECRET, body)])
    }

    fn accepts(status: u16) -> bool {
        status == 200
    }

    /// The verification request: the place knows the token, and gives the challenge back.
    async fn challenge(&self, url: &str) -> Result<(), String> {
        let challenge = random().to_string();
        let query = [("hub.mode", "subscribe"), ("hub.verify_token", VERIFY_TOKEN), ("hub.challenge", &challenge)];
        let (status, body) = self.courier.ask(url, &query).await?;
        if !Self::accepts(status) {
            return Err(format!("answered {status}"));
        }
        if *body != *challenge.as_bytes() {
            return Err("the challenge did not come back".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may fail loudly, and says when it skips"
)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_the_published_vectors() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures/messenger/vectors.json");
        let Ok(vectors) = std::fs::read(path) else {
            println!("skipped: the shared fixtures are not here");
            return;
        };
        let vectors: serde_json::Value = serde_json::from_slice(&vectors).unwrap();
        let check = |vector: &str, text: &str, expected: &str| {
            let vector = &vectors[vector];
            let signed =
                Messenger::signatures(vector["secret"].as_str().unwrap(), vector[text].as_str().unwrap().as_bytes());
            assert_eq!(signed[0].1, vector[expected].as_str().unwrap());
        };
        check("xhub256_published", "payload", "expected");
        check("escaped_unicode_trap", "raw_body", "expected_over_raw_body");
    }
}
