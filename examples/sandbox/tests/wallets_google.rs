//! Google Pay tokens, judged and opened as Google's documentation says: first those of Google Tink, then ours.
#![allow(
    unreachable_pub,
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly, and use their shared module in part"
)]

mod openssl;
mod world;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::base64::{Engine, engine::general_purpose::STANDARD};
use aes_gcm::aes::Aes256;
use ctr::{
    Ctr128BE,
    cipher::{KeyIvInit, StreamCipher},
};
use hmac::{Hmac, KeyInit, Mac};
use openssl::{OpenSsl, base64, key};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde_json::{Value, json};
use sha2::Sha256;
use world::Sandbox;

type Key = Hmac<Sha256>;

/// Who opens a token, and whom it trusts.
struct Merchant {
    openssl: OpenSsl,
    root_keys: Value,
    recipient: String,
    /// PEM or DER, in a file.
    private_key: std::path::PathBuf,
}

fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()
}

fn ended(expiration: &Value) -> bool {
    expiration.as_str().unwrap().parse::<u128>().unwrap() < now_ms()
}

/// Whether the owner of a SubjectPublicKeyInfo signed these parts.
fn is_signed(public: &[u8], signature: &Value, parts: &[&str]) -> bool {
    let message: Vec<u8> = parts
        .iter()
        .flat_map(|part| [&u32::try_from(part.len()).unwrap().to_le_bytes(), part.as_bytes()].concat())
        .collect();
    let point = public[public.len() - 65..].to_vec();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(&message, &base64(signature)).is_ok()
}

/// HMAC over the parts.
fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Key::new_from_slice(key).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// 64 bytes of HKDF (RFC 5869), whose two blocks are written out here.
fn derived(secret: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let extracted = mac(&[0; 32], &[secret]);
    let first = mac(&extracted, &[b"Google", &[1]]);
    let second = mac(&extracted, &[&first, b"Google", &[2]]);
    (first, second)
}

impl Merchant {
    /// The message, or the first thing that is wrong with the token.
    fn open(&self, token: &Value) -> Result<Value, &'static str> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        if token["protocolVersion"] != "ECv2" {
            return Err("protocolVersion");
        }
        let intermediate = &token["intermediateSigningKey"];
        let signed_key = text(&intermediate["signedKey"]);
        let by_root = self.root_keys.as_array().unwrap().iter().any(|root| {
            let public = base64(&root["keyValue"]);
            !ended(&root["keyExpiration"])
                && is_signed(&public, &intermediate["signatures"][0], &["Google", "ECv2", &signed_key])
        });
        if !by_root {
            return Err("the intermediate key's signature");
        }
        let key: Value = serde_json::from_str(&signed_key).unwrap();
        if ended(&key["keyExpiration"]) {
            return Err("keyExpiration");
        }
        let message = text(&token["signedMessage"]);
        let parts = ["Google", &self.recipient, "ECv2", &message];
        if !is_signed(&base64(&key["keyValue"]), &token["signature"], &parts) {
            return Err("the message's signature");
        }
        let message: Value = serde_json::from_str(&message).unwrap();
        let point = base64(&message["ephemeralPublicKey"]);
        const P256: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200";
        let shared = self.openssl.shared(&self.private_key, &[hex::decode(P256).unwrap(), point.clone()].concat());
        let (encryption, authentication) = derived(&[point, shared].concat());
        let mut data = base64(&message["encryptedMessage"]);
        if mac(&authentication, &[&data]) != base64(&message["tag"]) {
            return Err("tag");
        }
        Ctr128BE::<Aes256>::new_from_slices(&encryption, &[0; 16]).unwrap().apply_keystream(&mut data);
        let opened: Value = serde_json::from_slice(&data).unwrap();
        if ended(&opened["messageExpiration"]) {
            return Err("messageExpiration");
        }
        Ok(opened)
    }

    async fn of(sandbox: &Sandbox) -> Option<Self> {
        Some(Self {
            openssl: OpenSsl::here()?,
            root_keys: sandbox.see(format!("{}/google/keys.json", sandbox.wallets)).await["keys"].clone(),
            recipient: "gateway:sportello".to_owned(),
            private_key: key("google/merchant-key.pem"),
        })
    }
}

async fn mint(sandbox: &Sandbox, more: Value) -> Value {
    let mut ask = json!({ "amount_minor": 2000, "currency": "EUR" });
    ask.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    sandbox.on_wallets("google/token", ask).await
}

#[test]
fn the_judge_opens_what_tink_sealed() {
    let (Some(openssl), Some(fixtures)) = (OpenSsl::here(), world::fixtures()) else { return };
    let text = std::fs::read_to_string(fixtures.join("googlepay/ecv2_vectors.json")).unwrap();
    let vectors: Value = serde_json::from_str(&text).unwrap();
    let pkcs8 = openssl.file("tink.der", &base64(&vectors["merchant_private_key_pkcs8_b64"]));
    let pem = openssl.run(&["pkey", "-inform", "DER", "-in", &pkcs8]).unwrap();
    let merchant = Merchant {
        private_key: openssl.file("tink.pem", &pem).into(),
        openssl,
        root_keys: vectors["root_signing_keys"].clone(),
        recipient: vectors["recipient_id"].as_str().unwrap().to_owned(),
    };
    assert_eq!(merchant.open(&vectors["valid_token"]), Ok(vectors["valid_token_plaintext"].clone()));
    assert_eq!(merchant.open(&vectors["expired_message"]), Err("messageExpiration"));
}

#[tokio::test]
async fn a_token_opens_for_its_recipient() {
    let sandbox = Sandbox::start(&[]).await;
    let Some(mut merchant) = Merchant::of(&sandbox).await else { return };
    let mut opened = merchant.open(&mint(&sandbox, json!({})).await).unwrap();
    let cryptogram = opened["paymentMethodDetails"]["cryptogram"].take();
    assert_eq!(STANDARD.decode(cryptogram.as_str().unwrap()).unwrap().len(), 20);
    let mut details = json!({
        "pan": "5204240250197840", "expirationMonth": 12, "expirationYear": 2030,
        "authMethod": "CRYPTOGRAM_3DS", "cryptogram": null, "eciIndicator": "02",
    });
    assert_eq!(opened["paymentMethodDetails"], details);
    assert_eq!(
        (&opened["paymentMethod"], &opened["gatewayMerchantId"]),
        (&json!("CARD"), &json!("sportello-merchant"))
    );
    assert!(opened["messageId"].as_str().unwrap().len() > 64);
    let week = Duration::from_secs(7 * 24 * 3600).as_millis();
    let ends: u128 = opened["messageExpiration"].as_str().unwrap().parse().unwrap();
    assert!((now_ms()..=now_ms() + week).contains(&ends));

    let bare = mint(&sandbox, json!({ "authMethod": "PAN_ONLY", "card": "4111111111111111" })).await;
    details = merchant.open(&bare).unwrap()["paymentMethodDetails"].take();
    let expected = json!({
        "pan": "4111111111111111", "expirationMonth": 12, "expirationYear": 2030, "authMethod": "PAN_ONLY",
    });
    assert_eq!(details, expected);

    let elsewhere = mint(&sandbox, json!({ "gateway_merchant": "another" })).await;
    assert_eq!(merchant.open(&elsewhere).unwrap()["gatewayMerchantId"], "another");

    let other = mint(&sandbox, json!({ "merchant": "merchant:12345678901234567890" })).await;
    assert_eq!(merchant.open(&other), Err("the message's signature"));
    merchant.recipient = "merchant:12345678901234567890".to_owned();
    assert!(merchant.open(&other).is_ok());
}

#[tokio::test]
async fn a_token_with_a_fault_or_an_altered_field_is_refused_for_that() {
    let sandbox = Sandbox::start(&[]).await;
    let Some(merchant) = Merchant::of(&sandbox).await else { return };
    let check = async |more: Value, expected: &'static str| {
        let token = mint(&sandbox, more.clone()).await;
        assert_eq!(merchant.open(&token), Err(expected), "{more}");
    };
    check(json!({ "fault": "other_root" }), "the intermediate key's signature").await;
    check(json!({ "fault": "other_merchant" }), "tag").await;
    check(json!({ "fault": "expired_message" }), "messageExpiration").await;
    check(json!({ "expires_at_ms": 1_784_928_203_000_u64 }), "messageExpiration").await;
    check(json!({ "fault": "expired_key" }), "keyExpiration").await;
    check(json!({ "fault": "bad_seal" }), "tag").await;
    check(json!({ "altered": "protocolVersion" }), "protocolVersion").await;
    for field in ["signatures", "keyValue", "keyExpiration"] {
        check(json!({ "altered": field }), "the intermediate key's signature").await;
    }
    for field in ["signature", "encryptedMessage", "ephemeralPublicKey", "tag"] {
        check(json!({ "altered": field }), "the message's signature").await;
    }
    let first = merchant.open(&mint(&sandbox, json!({})).await).unwrap();
    let second = merchant.open(&mint(&sandbox, json!({ "fault": "replay" })).await).unwrap();
    assert_eq!(first["messageId"], second["messageId"]);
    assert_ne!(first["paymentMethodDetails"]["cryptogram"], second["paymentMethodDetails"]["cryptogram"]);
}
