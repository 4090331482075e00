//! A token as it arrives: JSON in which JSON is signed as text (Google Pay API, "Payment data cryptography").

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use super::Refusal;

/// A token longer than this is none: real ones have some 2 kB.
const TOKEN_BYTES_MAX: usize = 32 * 1024;

/// A token, read and not yet believed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Token {
    protocol_version: String,
    pub(crate) signature: String,
    pub(crate) intermediate_signing_key: Intermediate,
    pub(crate) signed_message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Intermediate {
    pub(crate) signed_key: String,
    pub(crate) signatures: Vec<String>,
}

/// What an intermediate key is, as the root keys sign it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SignedKey {
    pub(crate) key_value: String,
    pub(crate) key_expiration: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignedMessage {
    encrypted_message: String,
    ephemeral_public_key: String,
    tag: String,
}

/// What is sealed.
pub(crate) struct Sealed {
    pub(crate) encrypted: Vec<u8>,
    pub(crate) ephemeral: Vec<u8>,
    pub(crate) tag: Vec<u8>,
}

/// More signatures than this nobody makes: one for each root key of the time.
const SIGNATURES_MAX: usize = 8;

impl Token {
    pub(crate) fn read(json: &[u8]) -> Result<Self, Refusal> {
        if json.len() > TOKEN_BYTES_MAX {
            return Err(Refusal::Malformed);
        }
        let token: Self = serde_json::from_slice(json).map_err(|_| Refusal::Malformed)?;
        if token.protocol_version != super::PROTOCOL {
            return Err(Refusal::Version);
        }
        if token.intermediate_signing_key.signatures.len() > SIGNATURES_MAX {
            return Err(Refusal::Malformed);
        }
        Ok(token)
    }

    pub(crate) fn sealed(&self) -> Result<Sealed, Refusal> {
        let message: SignedMessage = serde_json::from_str(&self.signed_message).map_err(|_| Refusal::Malformed)?;
        Ok(Sealed {
            encrypted: base64(&message.encrypted_message)?,
            ephemeral: base64(&message.ephemeral_public_key)?,
            tag: base64(&message.tag)?,
        })
    }
}

pub(crate) fn base64(text: &str) -> Result<Vec<u8>, Refusal> {
    BASE64_STANDARD.decode(text).map_err(|_| Refusal::Encoding)
}

/// A time in milliseconds since 1970, which the wallet writes as text.
pub(crate) fn time_ms(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}
