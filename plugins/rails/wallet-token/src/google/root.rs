//! The wallet's root keys, and the chain from one of them to a message.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::token::{SignedKey, Token, base64, time_ms};
use super::{PROTOCOL, Refusal, SENDER};
use crate::signature::{Algorithm, PublicKey};

/// A key that intermediate keys are signed with.
pub struct RootKey {
    key: PublicKey,
    until_ms: u64,
}

#[derive(Deserialize)]
struct Wire {
    keys: Vec<WireKey>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireKey {
    key_value: String,
    protocol_version: String,
    #[serde(default)]
    key_expiration: Option<String>,
}

impl RootKey {
    /// The keys for `ECv2` of the JSON that Google publishes them in:
    /// `{"keys": [{"keyValue": …, "protocolVersion": "ECv2", "keyExpiration": …}, …]}`. Nothing if there are none, or one
    /// of them cannot be read: a key without an end is no root key of this protocol.
    pub fn all_from_json(json: &str) -> Option<Vec<Self>> {
        let wire: Wire = serde_json::from_str(json).ok()?;
        let ours = wire.keys.iter().filter(|key| key.protocol_version == PROTOCOL);
        let keys: Option<Vec<Self>> = ours.map(Self::read).collect();
        keys.filter(|keys| !keys.is_empty())
    }

    fn read(wire: &WireKey) -> Option<Self> {
        let until_ms = time_ms(wire.key_expiration.as_deref()?)?;
        Some(Self { key: verifying_key(&wire.key_value).ok()?, until_ms })
    }
}

/// As many intermediate keys are remembered at most; the wallet has a few at a time.
const KEYS_MAX: usize = 64;

/// The root keys, and the intermediate keys that one of them was found to have signed: a key that came once comes thousands
/// of times.
pub(crate) struct Roots {
    roots: Vec<RootKey>,
    verified: Mutex<BTreeMap<[u8; 32], Intermediate>>,
}

/// An intermediate key that a root key has signed. When both are valid is asked at each token.
#[derive(Clone)]
struct Intermediate {
    key: PublicKey,
    until_ms: u64,
    root_until_ms: u64,
}

impl Roots {
    pub(crate) fn new(roots: Vec<RootKey>) -> Self {
        Self { roots, verified: Mutex::new(BTreeMap::new()) }
    }

    /// Whether a root key that is valid at `at_ms` has signed the intermediate key, and that the message, for
    /// `recipient_id`.
    pub(crate) fn verify(&self, token: &Token, recipient_id: &str, at_ms: u64) -> Result<(), Refusal> {
        let name = name(&token.intermediate_signing_key);
        let known = self.verified.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
        let intermediate = match known.filter(|known| at_ms < known.root_until_ms) {
            Some(intermediate) => intermediate,
            None => {
                let intermediate = self.judge(token, at_ms)?;
                let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
                if verified.len() >= KEYS_MAX {
                    verified.clear();
                }
                verified.insert(name, intermediate.clone());
                intermediate
            }
        };
        if at_ms >= intermediate.until_ms {
            return Err(Refusal::IntermediateExpired);
        }
        let signed = framed(&[SENDER, recipient_id, PROTOCOL, &token.signed_message]);
        if !intermediate.key.verifies(Algorithm::ECDSA_SHA256, &signed, &base64(&token.signature)?) {
            return Err(Refusal::Signature);
        }
        Ok(())
    }

    fn judge(&self, token: &Token, at_ms: u64) -> Result<Intermediate, Refusal> {
        let mut valid = self.roots.iter().filter(|root| at_ms < root.until_ms).peekable();
        if valid.peek().is_none() {
            return Err(Refusal::Roots);
        }
        let intermediate = &token.intermediate_signing_key;
        let signed = framed(&[SENDER, PROTOCOL, &intermediate.signed_key]);
        let mut signatures = Vec::new();
        for text in &intermediate.signatures {
            signatures.push(base64(text)?);
        }
        let is_by = |root: &RootKey, one: &[u8]| root.key.verifies(Algorithm::ECDSA_SHA256, &signed, one);
        let has_signed = |root: &&RootKey| signatures.iter().any(|one| is_by(root, one));
        let root = valid.find(has_signed).ok_or(Refusal::IntermediateSignature)?;
        let key: SignedKey = serde_json::from_str(&intermediate.signed_key).map_err(|_| Refusal::IntermediateKey)?;
        let until_ms = time_ms(&key.key_expiration).ok_or(Refusal::IntermediateKey)?;
        Ok(Intermediate { key: verifying_key(&key.key_value)?, until_ms, root_until_ms: root.until_ms })
    }
}

/// What an intermediate key and all its signatures are remembered by.
fn name(intermediate: &super::token::Intermediate) -> [u8; 32] {
    let signatures = intermediate.signatures.iter().map(String::as_str);
    let parts: Vec<&str> = std::iter::once(intermediate.signed_key.as_str()).chain(signatures).collect();
    Sha256::digest(framed(&parts)).into()
}

fn verifying_key(text: &str) -> Result<PublicKey, Refusal> {
    let der = base64(text).map_err(|_| Refusal::IntermediateKey)?;
    PublicKey::of_p256(&der).ok_or(Refusal::IntermediateKey)
}

/// The parts, each after its length in four bytes, the lowest first. A token is far shorter than what does not fit.
fn framed(parts: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}
