//! A token as it arrives: JSON whose members are base64 and hexadecimal (Apple, "Payment token format reference").

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use super::Refusal;

/// A token longer than this is none: real ones have some 4 kB.
const TOKEN_BYTES_MAX: usize = 32 * 1024;

/// An id has as many bytes as a hash. It must: what is signed has no marks between its members, so whoever could give an id
/// another length could give one token many ids, and take it from the payment that it is bound to.
const ID_BYTES: usize = 32;

/// What the content's key is made from, or wrapped in.
pub(crate) enum KeyMaterial {
    /// `EC_v1`: the SubjectPublicKeyInfo of a key that lived for this token.
    Ephemeral(Vec<u8>),
    /// `RSA_v1`: the content's key, encrypted.
    Wrapped(Vec<u8>),
}

/// A token, decoded and not yet believed.
pub(crate) struct Token {
    pub(crate) key_material: KeyMaterial,
    pub(crate) data: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    /// Lower-case hexadecimal.
    pub(crate) transaction_id: String,
    pub(crate) application_data: Option<Vec<u8>>,
    /// SHA-256 of the SubjectPublicKeyInfo of the merchant's key.
    pub(crate) public_key_hash: Vec<u8>,
    transaction_id_bytes: Vec<u8>,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    version: Cow<'a, str>,
    #[serde(borrow)]
    data: Cow<'a, str>,
    #[serde(borrow)]
    signature: Cow<'a, str>,
    #[serde(borrow)]
    header: Header<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header<'a> {
    #[serde(borrow, default)]
    ephemeral_public_key: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    wrapped_key: Option<Cow<'a, str>>,
    #[serde(borrow)]
    public_key_hash: Cow<'a, str>,
    #[serde(borrow)]
    transaction_id: Cow<'a, str>,
    #[serde(borrow, default)]
    application_data: Option<Cow<'a, str>>,
}

impl Token {
    pub(crate) fn read(json: &[u8]) -> Result<Self, Refusal> {
        if json.len() > TOKEN_BYTES_MAX {
            return Err(Refusal::Malformed);
        }
        let wire: Wire<'_> = serde_json::from_slice(json).map_err(|_| Refusal::Malformed)?;
        let header = wire.header;
        let key_material = match (&*wire.version, header.ephemeral_public_key, header.wrapped_key) {
            ("EC_v1", Some(key), None) => KeyMaterial::Ephemeral(base64(&key)?),
            ("RSA_v1", None, Some(key)) => KeyMaterial::Wrapped(base64(&key)?),
            ("EC_v1" | "RSA_v1", _, _) => return Err(Refusal::Malformed),
            _ => return Err(Refusal::Version),
        };
        let is_id = |id: &str| id.len() == 2 * ID_BYTES && id.bytes().all(is_lower_hex);
        let transaction_id = Some(header.transaction_id).filter(|id| is_id(id)).ok_or(Refusal::TransactionId)?;
        let application_data = match header.application_data {
            Some(text) => Some(hex::decode(&*text).map_err(|_| Refusal::Encoding)?),
            None => None,
        };
        Ok(Self {
            key_material,
            data: base64(&wire.data)?,
            signature: base64(&wire.signature)?,
            transaction_id_bytes: hex::decode(&*transaction_id).map_err(|_| Refusal::TransactionId)?,
            transaction_id: transaction_id.into_owned(),
            application_data,
            public_key_hash: base64(&header.public_key_hash)?,
        })
    }

    /// What the wallet signed: the decoded members, one after the other.
    pub(crate) fn signed(&self) -> Vec<u8> {
        let (KeyMaterial::Ephemeral(key) | KeyMaterial::Wrapped(key)) = &self.key_material;
        let application_data = self.application_data.as_deref().unwrap_or_default();
        [key.as_slice(), &self.data, &self.transaction_id_bytes, application_data].concat()
    }
}

fn is_lower_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

fn base64(text: &str) -> Result<Vec<u8>, Refusal> {
    BASE64_STANDARD.decode(text).map_err(|_| Refusal::Encoding)
}
