//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07): a request that is sent again is not done again.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use http::HeaderMap;
use sha2::{Digest, Sha256};

use super::problem::{Kind, Problem};
use crate::redact::hide_cards;

/// The longest key, in bytes.
const KEY_LEN_MAX: usize = 255;

/// The request's key: a string of RFC 8941, in quotes; or the same without them, as many clients send it.
///
/// # Errors
/// 400 where it is missing, there twice, or not of this form.
pub fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else {
        let detail = "send Idempotency-Key with a value of your own for each payment, such as a UUID";
        return Err(Problem::new(Kind::IdempotencyKeyMissing, detail));
    };
    let bad = |detail: &str| Problem::new(Kind::BadRequest, detail);
    if values.next().is_some() {
        return Err(bad("there is more than one Idempotency-Key"));
    }
    let written = value.to_str().map_err(|_| bad("the Idempotency-Key is not ASCII"))?.trim();
    let key = if let Some(quoted) = written.strip_prefix('"') {
        unquoted(quoted).ok_or_else(|| bad("the Idempotency-Key is no string of RFC 8941"))?
    } else if written.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b',' | b';')) {
        written.to_owned()
    } else {
        return Err(bad("put the Idempotency-Key in quotes"));
    };
    if key.is_empty() || key.len() > KEY_LEN_MAX {
        return Err(bad("an Idempotency-Key has 1 to 255 characters"));
    }
    // It is journalled as it came; where a card number stands in it, something else that is as good.
    match hide_cards(&key) {
        Cow::Borrowed(_) => Ok(key),
        Cow::Owned(_) => Ok(format!("sha256:{}", hex::encode(Sha256::digest(&key)))),
    }
}

/// What follows the opening quote, up to the closing one, which must be the end.
fn unquoted(quoted: &str) -> Option<String> {
    let mut text = String::with_capacity(quoted.len());
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => return chars.next().is_none().then_some(text),
            '\\' => text.push(chars.next().filter(|c| matches!(c, '"' | '\\'))?),
            c => text.push(c),
        }
    }
}

/// What makes two requests the same: method, route and body.
pub fn fingerprint(method: &str, route: &str, body: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [method.as_bytes(), route.as_bytes(), body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// The keys of requests that are being worked on, so that the same key at the same time is told so.
pub struct InFlight([Mutex<HashSet<String>>; SHARDS]);

const SHARDS: usize = 16;

/// Ends when the request has been answered, however that comes about.
pub struct Claim<'a> {
    shard: &'a Mutex<HashSet<String>>,
    name: String,
}

impl InFlight {
    /// Nothing is being worked on.
    pub fn new() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }

    /// Begins to work on a request.
    ///
    /// # Errors
    /// 409 while another with the same key of the same caller is being worked on.
    pub fn claim(&self, caller: &str, key: &str) -> Result<Claim<'_>, Problem> {
        let name = format!("{caller}\n{key}");
        let at = name.bytes().fold(0u8, |sum, b| sum.wrapping_mul(31).wrapping_add(b));
        let [first, ..] = &self.0;
        let shard = self.0.get(usize::from(at) % SHARDS).unwrap_or(first);
        let fresh = shard.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
        if !fresh {
            let detail = "the first request with this Idempotency-Key is still being worked on";
            return Err(Problem::new(Kind::InFlight, detail).retry_after(1));
        }
        Ok(Claim { shard, name })
    }
}

impl Default for InFlight {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.shard.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        let check = |values: &[&str], expected: Result<&str, Kind>| {
            let headers = values
                .iter()
                .map(|value| {
                    (http::HeaderName::from_static("idempotency-key"), http::HeaderValue::from_str(value).unwrap())
                })
                .collect();
            let found = key(&headers);
            assert_eq!(
                found.as_deref().map_err(|p| p.kind()),
                expected.as_ref().map(|k| *k).map_err(|k| *k),
                "{values:?}"
            );
        };
        check(&["\"8e03978e-40d5-43dd-bc93-6894a57f9324\""], Ok("8e03978e-40d5-43dd-bc93-6894a57f9324"));
        check(&["8e03978e-40d5-43dd-bc93-6894a57f9324"], Ok("8e03978e-40d5-43dd-bc93-6894a57f9324"));
        check(&["\"a \\\"b\\\\\""], Ok("a \"b\\"));
        check(&[&"k".repeat(255)], Ok(&"k".repeat(255)));
        check(&[], Err(Kind::IdempotencyKeyMissing));
        check(&["a", "a"], Err(Kind::BadRequest));
        for bad in ["", "\"\"", "\"a", "\"a\"b", "\"a\\n\"", "a b", "a\"b", "a;b=c", "\"a\";b", "\"\\\""] {
            check(&[bad], Err(Kind::BadRequest));
        }
        check(&[&"k".repeat(256)], Err(Kind::BadRequest));
    }

    #[test]
    fn the_same_key_at_the_same_time_is_told_so() {
        let in_flight = InFlight::new();
        let first = in_flight.claim("shop", "k").unwrap_or_else(|_| panic!());
        assert_eq!(in_flight.claim("shop", "k").err().map(|p| p.kind()), Some(Kind::InFlight));
        assert!(in_flight.claim("till", "k").is_ok());
        drop(first);
        assert!(in_flight.claim("shop", "k").is_ok());
    }

    #[test]
    fn fingerprints_tell_parts_apart() {
        assert_ne!(fingerprint("POST", "/a", b"b"), fingerprint("POST", "/ab", b""));
        assert_eq!(fingerprint("POST", "/a", b"b"), fingerprint("POST", "/a", b"b"));
    }
}
