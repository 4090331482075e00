//! The links to a rail's own page for the payer of an order: made here, and known again, without anything being stored.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The bytes of the proof (NIST SP 800-107, section 5.3.4: half of the HMAC's).
const PROOF_LEN: usize = 16;

/// Makes links, and knows them again.
pub struct Links {
    base: String,
    key: Zeroizing<[u8; 32]>,
}

/// What a link is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// The rail's instance.
    pub instance: String,
    /// The order's key.
    pub order: String,
    /// When the link ends, in milliseconds since 1970.
    pub until_ms: u64,
}

impl Links {
    /// Links under the public address `base`; their proofs are made with a key that is derived from `secret`.
    pub fn new(base: impl Into<String>, secret: &[u8; 32]) -> Self {
        Self { base: base.into(), key: Zeroizing::new(hmac(secret, b"sportello page link 1").unwrap_or_default()) }
    }

    /// The public address, without a slash at its end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The address for this; nothing where a name is too long to stand in one.
    pub fn make(&self, act: &Act) -> Option<String> {
        let mut token = act.until_ms.to_be_bytes().to_vec();
        token.push(u8::try_from(act.instance.len()).ok()?);
        token.extend_from_slice(act.instance.as_bytes());
        token.extend_from_slice(act.order.as_bytes());
        let proof = hmac(&self.key, &token)?;
        token.extend_from_slice(proof.first_chunk::<PROOF_LEN>()?);
        Some(format!("{}/act/{}", self.base, BASE64_URL_SAFE_NO_PAD.encode(token)))
    }

    /// What a token is for; nothing where it was not made here, or its time is over.
    pub fn read(&self, token: &str, now_ms: u64) -> Option<Act> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (told, proof) = bytes.split_last_chunk::<PROOF_LEN>()?;
        let right = hmac(&self.key, told)?;
        if !bool::from(right.get(..PROOF_LEN)?.ct_eq(proof)) {
            return None;
        }
        let (until, rest) = told.split_first_chunk::<8>()?;
        let (len, rest) = rest.split_first()?;
        let (instance, order) = rest.split_at_checked(usize::from(*len))?;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        let act = Act { instance: text(instance)?, order: text(order)?, until_ms: u64::from_be_bytes(*until) };
        (now_ms < act.until_ms).then_some(act)
    }
}

/// HMAC-SHA-256 (RFC 2104), whose keys have any length.
fn hmac(key: &[u8; 32], data: &[u8]) -> Option<[u8; 32]> {
    let mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    Some(mac.chain_update(data).finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_good_for_what_it_was_made_for_and_until_its_end() {
        let links = Links::new("https://pay.example", &[7; 32]);
        let act = Act { instance: "card".to_owned(), order: "019a-1".to_owned(), until_ms: 100 };
        let url = links.make(&act).unwrap();
        let token = url.strip_prefix("https://pay.example/act/").unwrap();
        assert_eq!(links.read(token, 99), Some(act.clone()));
        assert_eq!(links.read(token, 100), None);
        assert_eq!(Links::new("https://pay.example", &[8; 32]).read(token, 99), None);
        for at in 0..token.len() {
            let mut other = token.to_owned();
            let changed = if other.as_bytes()[at] == b'A' { "B" } else { "A" };
            other.replace_range(at..=at, changed);
            assert_eq!(links.read(&other, 0), None, "{at}");
        }
        for other in ["", "A", &token[..8], &format!("{token}AA")] {
            assert_eq!(links.read(other, 0), None, "{other}");
        }
        // What belongs to a name does not slip into the other.
        let shifted = Act { instance: "card0".to_owned(), order: "19a-1".to_owned(), until_ms: 100 };
        assert_ne!(links.make(&shifted), links.make(&act));
        assert_eq!(links.make(&Act { instance: "a".repeat(256), ..act }), None);
    }
}
