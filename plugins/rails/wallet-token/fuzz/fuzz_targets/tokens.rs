//! Whatever comes is refused, and nothing panics: as a whole token of either wallet, and as each of the parts that have a
//! form of their own. From the crate's folder: `cargo +nightly fuzz run tokens`.
#![no_main]

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use sportello_wallet_token::apple::{Apple, Binding};
use sportello_wallet_token::google::{Google, RootKey};

/// 2026-11-24.
const NOW_MS: u64 = 1_795_521_600_000;

fn apple(token: &[u8]) {
    let merchant = Apple::new(Vec::new(), Vec::new());
    assert!(merchant.verify(token, NOW_MS, Binding::WherePresent(b"payment")).is_err());
}

fn google(token: &[u8]) {
    // Without a root nothing of a token is read past its signatures.
    let merchant = Google::new(Vec::new(), Vec::new(), "merchant:1".to_owned(), None);
    assert!(merchant.verify(token, NOW_MS).is_err());
}

fn written(token: &Value) -> Vec<u8> {
    token.to_string().into_bytes()
}

fuzz_target!(|octets: &[u8]| {
    apple(octets);
    google(octets);
    let part = BASE64_STANDARD.encode(octets);
    let header = json!({"ephemeralPublicKey": "", "publicKeyHash": "", "transactionId": "00".repeat(32)});
    apple(&written(&json!({"version": "EC_v1", "data": "", "signature": part, "header": header})));
    let text = String::from_utf8_lossy(octets);
    google(&written(&json!({
        "protocolVersion": "ECv2",
        "signature": part,
        "intermediateSigningKey": {"signedKey": text, "signatures": [part]},
        "signedMessage": text,
    })));
    let _ = RootKey::all_from_json(&text);
});
