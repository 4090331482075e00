//! Verifies webhooks before a plugin sees a byte of them, by the scheme that its manifest declares.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha1::Sha1;
use sha2::Sha256;
use sportello_sdk::frames::WebhookFrame;
use sportello_sdk::{Bytes, Encoding, Handshake, Hash, Secret, Signature, Webhook, WebhookReply};
use subtle::ConstantTimeEq;

/// The longest challenge that is answered, in bytes: nobody is given a signature over a text of their choice at length.
const CHALLENGE_LEN_MAX: usize = 512;

/// What becomes of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The provider sent it: the plugin may see it.
    Verified,
    /// The provider asked whether this address is ours. The host answers; the plugin never hears of it.
    Handshake(WebhookReply),
    /// It is refused with this status, for this reason. The reason is for the log: whoever sent it learns nothing.
    Refused(u16, &'static str),
}

/// Judges a delivery: `scheme` as the manifest has it, `secrets` as the operator set them.
pub fn verify(
    scheme: Option<&Webhook>,
    secrets: &BTreeMap<String, Secret>,
    head: &WebhookFrame,
    body: &[u8],
) -> Verdict {
    let Some(scheme) = scheme else {
        return Verdict::Refused(404, "the plugin takes no webhooks");
    };
    match head.method.as_str() {
        "GET" => match &scheme.handshake {
            Some(handshake) => answer(handshake, secrets, &head.query),
            None => Verdict::Refused(405, "a GET, where the provider asks no question"),
        },
        "POST" => match check_signature(&scheme.signature, secrets, head, body) {
            Ok(()) => Verdict::Verified,
            Err(Refusal(status, why)) => Verdict::Refused(status, why),
        },
        _ => Verdict::Refused(405, "neither a GET nor a POST"),
    }
}

/// The secrets that a scheme cannot do without.
pub(crate) fn secrets_of(scheme: &Webhook) -> Vec<&str> {
    let mut names = Vec::new();
    match &scheme.signature {
        Signature::Hmac { secret, .. } => names.push(secret.as_str()),
        Signature::Unrecognised => {}
    }
    match &scheme.handshake {
        Some(Handshake::HmacOfQuery { secret, .. } | Handshake::EchoIfToken { secret, .. }) => {
            names.push(secret.as_str());
        }
        Some(Handshake::Unrecognised) | None => {}
    }
    names.dedup();
    names
}

struct Refusal(u16, &'static str);

const LATER_SCHEME: Refusal = Refusal(501, "the manifest names a scheme of a later contract");
const NO_SECRET: Refusal = Refusal(503, "the secret that it is verified with is not set");

fn check_signature(
    signature: &Signature,
    secrets: &BTreeMap<String, Secret>,
    head: &WebhookFrame,
    body: &[u8],
) -> Result<(), Refusal> {
    let Signature::Hmac { hash, header, prefix, encoding, secret } = signature else {
        return Err(LATER_SCHEME);
    };
    let mut given = head.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(header));
    let value = match (given.next(), given.next()) {
        (Some((_, value)), None) => value,
        (None, _) => return Err(Refusal(401, "it carries no signature")),
        // One reader would take the first and another the last.
        (Some(_), Some(_)) => return Err(Refusal(400, "it carries two signatures")),
    };
    let value = value.strip_prefix(prefix.as_str()).ok_or(Refusal(401, "the signature is of another kind"))?;
    let tag = decode(*encoding, value).ok_or(Refusal(401, "the signature cannot be decoded"))?;
    let key = key_of(secrets, secret)?;
    if verify_hmac(*hash, key, body, &tag) { Ok(()) } else { Err(Refusal(401, "the signature is wrong")) }
}

fn answer(handshake: &Handshake, secrets: &BTreeMap<String, Secret>, query: &str) -> Verdict {
    let answered = match handshake {
        Handshake::HmacOfQuery { query: name, field, hash, prefix, encoding, secret } => key_of(secrets, secret)
            .and_then(|key| {
                let challenge = one(query, name).ok_or(Refusal(400, "the question has no challenge, or several"))?;
                if !is_token(&challenge) {
                    return Err(Refusal(400, "the challenge is no token"));
                }
                let tag = encode(*encoding, &hmac(*hash, key, challenge.as_bytes()));
                let answer = json!({ field: format!("{prefix}{tag}") });
                Ok(reply("application/json", answer.to_string()))
            }),
        Handshake::EchoIfToken { token_query, echo_query, require, secret } => {
            key_of(secrets, secret).and_then(|token| {
                let refused = Refusal(403, "the question does not carry our token");
                let fits = require.iter().all(|(name, value)| one(query, name).as_ref() == Some(value));
                let given = one(query, token_query).unwrap_or_default();
                if !fits || !bool::from(given.as_bytes().ct_eq(token)) {
                    return Err(refused);
                }
                let echo = one(query, echo_query).ok_or(Refusal(400, "the question has no challenge, or several"))?;
                Ok(reply("text/plain; charset=utf-8", echo))
            })
        }
        Handshake::Unrecognised => Err(LATER_SCHEME),
    };
    match answered {
        Ok(reply) => Verdict::Handshake(reply),
        Err(Refusal(status, why)) => Verdict::Refused(status, why),
    }
}

/// Whether a challenge is a token, and cannot be anything else: letters, digits and what joins them.
///
/// The key that answers a challenge is the one that deliveries are signed with. So whoever asks for the answer to a
/// challenge that reads as a delivery (`{"…":…}`, `a=1&b=2`) would be given that delivery's signature.
fn is_token(challenge: &str) -> bool {
    challenge
        .trim_end_matches('=')
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'+' | b'/'))
}

/// An empty key would verify whatever anybody signs with an empty key.
fn key_of<'a>(secrets: &'a BTreeMap<String, Secret>, name: &str) -> Result<&'a [u8], Refusal> {
    secrets.get(name).map(|secret| secret.reveal().as_bytes()).filter(|key| !key.is_empty()).ok_or(NO_SECRET)
}

/// The one value of this name in the query, decoded; nothing where there are several, or it is too long.
fn one(query: &str, name: &str) -> Option<String> {
    let mut values = url::form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
    let (_, value) = values.next()?;
    let usable = values.next().is_none() && !value.is_empty() && value.len() <= CHALLENGE_LEN_MAX;
    usable.then(|| value.into_owned())
}

fn reply(content_type: &str, body: String) -> WebhookReply {
    WebhookReply {
        status: 200,
        headers: vec![
            ("content-type".to_owned(), content_type.to_owned()),
            // What is echoed is not to be run by a browser that somebody sends here.
            ("x-content-type-options".to_owned(), "nosniff".to_owned()),
        ],
        body: Bytes::from(body),
    }
}

fn decode(encoding: Encoding, text: &str) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Base64 => BASE64.decode(text).ok(),
        // Small letters alone, as the contract has it: one signature has one spelling.
        Encoding::Hex if text.bytes().any(|byte| byte.is_ascii_uppercase()) => None,
        Encoding::Hex => hex::decode(text).ok(),
    }
}

fn encode(encoding: Encoding, bytes: &[u8]) -> String {
    match encoding {
        Encoding::Base64 => BASE64.encode(bytes),
        Encoding::Hex => hex::encode(bytes),
    }
}

/// HMAC (RFC 2104) takes keys of any length, so there is no error to have.
fn hmac(hash: Hash, key: &[u8], data: &[u8]) -> Vec<u8> {
    match hash {
        Hash::Sha1 => {
            Hmac::<Sha1>::new_from_slice(key).map(|mac| mac.chain_update(data).finalize().into_bytes().to_vec())
        }
        Hash::Sha256 => {
            Hmac::<Sha256>::new_from_slice(key).map(|mac| mac.chain_update(data).finalize().into_bytes().to_vec())
        }
    }
    .unwrap_or_default()
}

/// Whether `tag` is the whole HMAC of `data`, compared in constant time.
fn verify_hmac(hash: Hash, key: &[u8], data: &[u8], tag: &[u8]) -> bool {
    match hash {
        Hash::Sha1 => {
            Hmac::<Sha1>::new_from_slice(key).is_ok_and(|mac| mac.chain_update(data).verify_slice(tag).is_ok())
        }
        Hash::Sha256 => {
            Hmac::<Sha256>::new_from_slice(key).is_ok_and(|mac| mac.chain_update(data).verify_slice(tag).is_ok())
        }
    }
}

#[cfg(test)]
mod tests;
