//! A Google Pay of the tests' own.

use aes_gcm::aes::Aes256;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::pkcs8::EncodePublicKey;
use serde_json::{Value, json};
use sha2::Sha256;
use sportello_wallet_token::google::{Google, MerchantKey, RootKey};

use super::{CRYPTOGRAM, GOOGLE_PAN, NOW_MS, key, pem};

pub(crate) const RECIPIENT: &str = "merchant:12345678901234567890";

/// What a token is to be, right unless a test spoils it.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) payload: Value,
    pub(crate) root: u8,
    pub(crate) key: u8,
    pub(crate) recipient: &'static str,
    pub(crate) intermediate_until_ms: u64,
    pub(crate) tag: Option<Vec<u8>>,
    /// What the message has in place of the ephemeral key.
    pub(crate) ephemeral: Option<Vec<u8>>,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            payload: json!({
                "messageExpiration": (NOW_MS + 60_000).to_string(),
                "messageId": "AH2EjtfkY514K5lmPF4NOP9lMR5tPedsjQR719hIzI",
                "paymentMethod": "CARD",
                "paymentMethodDetails": {
                    "pan": GOOGLE_PAN,
                    "expirationMonth": 12,
                    "expirationYear": 2030,
                    "authMethod": "CRYPTOGRAM_3DS",
                    "cryptogram": CRYPTOGRAM,
                    "eciIndicator": "02",
                },
            }),
            root: 31,
            key: 1,
            recipient: RECIPIENT,
            intermediate_until_ms: NOW_MS + 86_400_000,
            tag: None,
            ephemeral: None,
        }
    }
}

fn public(key: &p256::SecretKey) -> String {
    BASE64_STANDARD.encode(key.public_key().to_public_key_der().unwrap().as_bytes())
}

fn signature(key: p256::SecretKey, parts: &[&str]) -> String {
    let mut message = Vec::new();
    for part in parts {
        message.extend_from_slice(&u32::try_from(part.len()).unwrap().to_le_bytes());
        message.extend_from_slice(part.as_bytes());
    }
    let signature: Signature = SigningKey::from(key).sign(&message);
    BASE64_STANDARD.encode(signature.to_der().as_bytes())
}

/// The root keys of the tests, as Google publishes its own: one of another protocol, one that has expired, two that have not.
pub(crate) fn roots() -> String {
    let entry = |seed: u8, protocol: &str, until_ms: u64| json!({"keyValue": public(&key(seed)), "protocolVersion": protocol, "keyExpiration": until_ms.to_string()});
    json!({"keys": [
        {"keyValue": public(&key(33)), "protocolVersion": "ECv1"},
        entry(32, "ECv2", NOW_MS - 1),
        entry(34, "ECv2", NOW_MS + 1),
        entry(31, "ECv2", NOW_MS + 1_000_000),
    ]})
    .to_string()
}

/// A merchant who believes the root keys of the tests.
pub(crate) fn merchant(gateway_merchant_id: Option<&str>) -> Google {
    let keys = [1, 2].map(|seed| MerchantKey::from_pem(&pem(&key(seed))).unwrap()).into();
    let roots = RootKey::all_from_json(&roots()).unwrap();
    Google::new(roots, keys, RECIPIENT.to_owned(), gateway_merchant_id.map(str::to_owned))
}

/// A token.
pub(crate) fn mint(draft: &Draft) -> Value {
    let ephemeral = key(98);
    let point = ephemeral.public_key().to_sec1_point(false).as_bytes().to_vec();
    let shared = p256::ecdh::diffie_hellman(ephemeral.to_nonzero_scalar(), key(draft.key).public_key().as_affine());
    let mut derived = [0_u8; 64];
    let material = [point.as_slice(), shared.raw_secret_bytes()].concat();
    Hkdf::<Sha256>::new(Some(&[0; 32]), &material).expand(b"Google", &mut derived).unwrap();
    let mut encrypted = draft.payload.to_string().into_bytes();
    Ctr128BE::<Aes256>::new_from_slices(&derived[..32], &[0; 16]).unwrap().apply_keystream(&mut encrypted);
    let mut code = Hmac::<Sha256>::new_from_slice(&derived[32..]).unwrap();
    code.update(&encrypted);
    let tag = draft.tag.clone().unwrap_or_else(|| code.finalize().into_bytes().to_vec());
    let signed_message = json!({
        "encryptedMessage": BASE64_STANDARD.encode(&encrypted),
        "ephemeralPublicKey": BASE64_STANDARD.encode(draft.ephemeral.as_ref().unwrap_or(&point)),
        "tag": BASE64_STANDARD.encode(tag),
    })
    .to_string();
    let intermediate = key(41);
    let signed_key =
        json!({"keyValue": public(&intermediate), "keyExpiration": draft.intermediate_until_ms.to_string()})
            .to_string();
    json!({
        "protocolVersion": "ECv2",
        "signature": signature(intermediate, &["Google", draft.recipient, "ECv2", &signed_message]),
        "intermediateSigningKey": {
            "signedKey": signed_key,
            "signatures": [signature(key(draft.root), &["Google", "ECv2", &signed_key])],
        },
        "signedMessage": signed_message,
    })
}
