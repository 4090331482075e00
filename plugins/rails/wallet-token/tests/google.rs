//! Google Pay tokens: some that Tink sealed, minted ones, and whatever can be wrong with them.

mod mint;

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use mint::google::{Draft, merchant, mint, roots};
use mint::{CRYPTOGRAM, GOOGLE_PAN, NOW_MS, key, pem};
use proptest::prelude::*;
use serde_json::{Value, json};
use sportello_wallet_token::google::{Authentication, Google, MerchantKey, Payment, Refusal, RootKey};

fn open(merchant: &Google, token: &str, received_ms: u64) -> Result<Payment, Refusal> {
    merchant.verify(token.as_bytes(), received_ms)?.open()
}

fn check(token: &Value, expected: Result<(), Refusal>) {
    check_at(token, NOW_MS, expected);
}

fn check_at(token: &Value, received_ms: u64, expected: Result<(), Refusal>) {
    assert_eq!(open(&merchant(None), &token.to_string(), received_ms).map(drop), expected, "{token}");
}

#[test]
fn a_token_opens_to_what_the_payer_agreed_to() {
    let draft = Draft::default();
    let payment = open(&merchant(None), &mint(&draft).to_string(), NOW_MS).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(payment.message_id, draft.payload["messageId"].as_str().unwrap());
    assert_eq!(payment.pan.reveal(), GOOGLE_PAN);
    assert_eq!((payment.expiry.year(), payment.expiry.month()), (2030, 12));
    let Authentication::Cryptogram { cryptogram, eci } = payment.authentication else { panic!("no cryptogram") };
    assert_eq!(cryptogram.reveal(), CRYPTOGRAM);
    assert_eq!(eci.map(|eci| eci.digits()).as_deref(), Some("02"));
}

#[test]
fn a_token_opens_with_whichever_key_it_is_sealed_for() {
    let check_key = |key, expected| check(&mint(&Draft { key, ..Draft::default() }), expected);
    check_key(1, Ok(()));
    check_key(2, Ok(()));
    check_key(3, Err(Refusal::Sealed));
}

#[test]
fn a_root_key_is_one_that_is_valid_and_of_this_protocol() {
    let check_root = |root, expected| check(&mint(&Draft { root, ..Draft::default() }), expected);
    check_root(31, Ok(()));
    check_root(34, Ok(()));
    check_root(32, Err(Refusal::IntermediateSignature));
    check_root(33, Err(Refusal::IntermediateSignature));
    check_root(35, Err(Refusal::IntermediateSignature));
    let token = mint(&Draft { intermediate_until_ms: u64::MAX, ..Draft::default() });
    check_at(&token, NOW_MS + 1_000_000, Err(Refusal::Roots));
    // Among several signatures one is enough.
    let mut token = mint(&Draft::default());
    let right = token["intermediateSigningKey"]["signatures"][0].clone();
    let wrong = mint(&Draft { root: 35, ..Draft::default() })["intermediateSigningKey"]["signatures"][0].clone();
    token["intermediateSigningKey"]["signatures"] = json!([wrong, right]);
    check(&token, Ok(()));
    token["intermediateSigningKey"]["signatures"] = json!([]);
    check(&token, Err(Refusal::IntermediateSignature));
}

#[test]
fn every_field_that_is_altered_is_noticed() {
    let token = mint(&Draft::default());
    check(&token, Ok(()));
    let check = |pointer: &str, value: Value, expected: Refusal| {
        let mut token = token.clone();
        *token.pointer_mut(pointer).unwrap() = value;
        check(&token, Err(expected));
    };
    let other = mint(&Draft { payload: json!({}), intermediate_until_ms: NOW_MS + 5, ..Draft::default() });
    let of_other = |pointer: &str| other.pointer(pointer).unwrap().clone();
    check("/protocolVersion", json!("ECv1"), Refusal::Version);
    check("/signature", of_other("/signature"), Refusal::Signature);
    check("/signedMessage", of_other("/signedMessage"), Refusal::Signature);
    let signed_key = "/intermediateSigningKey/signedKey";
    check(signed_key, of_other(signed_key), Refusal::IntermediateSignature);
    let signature = "/intermediateSigningKey/signatures/0";
    check(signature, of_other(signature), Refusal::IntermediateSignature);
    // Each of these is not what it should be at all.
    check("/signature", json!("%%"), Refusal::Encoding);
    check("/signature", json!(""), Refusal::Signature);
    check(signature, json!("AAA"), Refusal::Encoding);
    check(signature, json!(""), Refusal::IntermediateSignature);
    check(signed_key, json!("{}"), Refusal::IntermediateSignature);
    check("/intermediateSigningKey", json!({}), Refusal::Malformed);
    check("/intermediateSigningKey/signatures", json!(vec![""; 9]), Refusal::Malformed);
    check("/signedMessage", json!({}), Refusal::Malformed);
}

#[test]
fn the_code_is_checked_before_anything_is_opened() {
    check(&mint(&Draft { tag: Some(vec![0; 32]), ..Draft::default() }), Err(Refusal::Sealed));
    check(&mint(&Draft { tag: Some(vec![]), ..Draft::default() }), Err(Refusal::Sealed));
}

#[test]
fn a_token_for_another_recipient_is_not_ours() {
    let recipient = "merchant:another";
    check(&mint(&Draft { recipient, ..Draft::default() }), Err(Refusal::Signature));
}

#[test]
fn a_gateway_takes_tokens_for_its_own_merchant() {
    let check = |id: Value, expected| {
        let mut draft = Draft::default();
        draft.payload["gatewayMerchantId"] = id;
        let found = open(&merchant(Some("shop-7")), &mint(&draft).to_string(), NOW_MS).map(drop);
        assert_eq!(found, expected);
    };
    check(json!("shop-7"), Ok(()));
    check(json!("shop-8"), Err(Refusal::GatewayMerchant));
    check(json!(null), Err(Refusal::GatewayMerchant));
}

#[test]
fn nothing_is_good_for_ever() {
    let token = mint(&Draft::default());
    check_at(&token, NOW_MS + 59_999, Ok(()));
    check_at(&token, NOW_MS + 60_000, Err(Refusal::MessageExpired));
    let token = mint(&Draft { intermediate_until_ms: NOW_MS, ..Draft::default() });
    check_at(&token, NOW_MS - 1, Ok(()));
    check_at(&token, NOW_MS, Err(Refusal::IntermediateExpired));
}

#[test]
fn a_key_that_was_verified_before_is_judged_by_the_time_again() {
    let merchant = merchant(None);
    // Signed by the root that ends first.
    let token = mint(&Draft { root: 34, ..Draft::default() }).to_string();
    let check = |at_ms, expected| assert_eq!(open(&merchant, &token, at_ms).map(drop), expected);
    check(NOW_MS, Ok(()));
    check(NOW_MS + 1, Err(Refusal::IntermediateSignature));
    check(NOW_MS, Ok(()));
    let token = mint(&Draft { intermediate_until_ms: NOW_MS + 1, ..Draft::default() }).to_string();
    let check = |at_ms, expected| assert_eq!(open(&merchant, &token, at_ms).map(drop), expected);
    check(NOW_MS, Ok(()));
    check(NOW_MS + 1, Err(Refusal::IntermediateExpired));
}

#[test]
fn what_is_sealed_is_a_payment() {
    let check = |pointer: &str, value: Value, expected| {
        let mut draft = Draft::default();
        *draft.payload.pointer_mut(pointer).unwrap() = value;
        check(&mint(&draft), expected);
    };
    check("", json!("no payment"), Err(Refusal::Payload));
    check("/messageId", json!(""), Err(Refusal::Payload));
    check("/messageExpiration", json!("+1795521600001"), Err(Refusal::Payload));
    check("/messageExpiration", json!(""), Err(Refusal::Payload));
    check("/paymentMethod", json!("TOKENIZED_CARD"), Err(Refusal::PaymentMethod));
    check("/paymentMethodDetails/authMethod", json!("NONE"), Err(Refusal::AuthMethod));
    check("/paymentMethodDetails/cryptogram", json!(null), Err(Refusal::Cryptogram));
    check("/paymentMethodDetails/cryptogram", json!("%"), Err(Refusal::Cryptogram));
    check("/paymentMethodDetails/eciIndicator", json!(null), Ok(()));
    check("/paymentMethodDetails/eciIndicator", json!(""), Ok(()));
    check("/paymentMethodDetails/eciIndicator", json!("x"), Err(Refusal::Payload));
    check("/paymentMethodDetails/pan", json!("5204240250197841"), Err(Refusal::Pan));
    check("/paymentMethodDetails/expirationMonth", json!(13), Err(Refusal::Payload));
    check("/paymentMethodDetails/expirationYear", json!(26), Err(Refusal::Payload));
    check("/paymentMethodDetails/expirationYear", json!(2025), Err(Refusal::Expired));
}

#[test]
fn root_keys_are_read_as_they_are_published() {
    let check = |json: &str, expected: Option<usize>| {
        assert_eq!(RootKey::all_from_json(json).map(|keys| keys.len()), expected, "{json}");
    };
    check(&roots(), Some(3));
    check("", None);
    check(r#"{"keys": []}"#, None);
    let key: Value = serde_json::from_str(&roots()).unwrap();
    let of_first_protocol = json!({"keys": [key["keys"][0]]});
    check(&of_first_protocol.to_string(), None);
    for (member, value) in
        [("keyExpiration", Value::Null), ("keyExpiration", json!("soon")), ("keyValue", json!("AAAA"))]
    {
        let mut keys = json!({"keys": [key["keys"][3], key["keys"][3]]});
        keys["keys"][1][member] = value;
        check(&keys.to_string(), None);
    }
}

#[test]
fn a_key_that_is_none_is_said_to_be_none() {
    assert!(MerchantKey::from_pem("").is_none());
    assert!(MerchantKey::from_base64("AAAA").is_none());
    let der = pem(&key(1)).lines().filter(|line| !line.starts_with('-')).collect::<String>();
    assert!(MerchantKey::from_base64(&der).is_some());
}

/// Tokens that Google Tink sealed, right ones and wrong ones.
#[test]
fn tokens_that_tink_sealed_are_judged_as_tink_judges_them() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/fixtures/googlepay/ecv2_vectors.json");
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("skipped: googlepay is not among the fixtures here");
        return;
    };
    let vectors: Value = serde_json::from_str(&text).unwrap();
    let roots = RootKey::all_from_json(&json!({"keys": vectors["root_signing_keys"]}).to_string()).unwrap();
    let key = MerchantKey::from_base64(vectors["merchant_private_key_pkcs8_b64"].as_str().unwrap()).unwrap();
    let recipient = vectors["recipient_id"].as_str().unwrap().to_owned();
    let merchant = Google::new(roots, vec![key], recipient, None);
    let check = |name: &str, expected: Result<(), Refusal>| {
        assert_eq!(open(&merchant, &vectors[name].to_string(), NOW_MS).map(drop), expected, "{name}");
    };
    check("valid_token", Ok(()));
    check("expired_message", Err(Refusal::MessageExpired));
    check("plaintext_not_json", Err(Refusal::Payload));
    check("invalid_tag", Err(Refusal::Sealed));
    check("expired_intermediate", Err(Refusal::IntermediateExpired));
    let payment = open(&merchant, &vectors["valid_token"].to_string(), NOW_MS).unwrap_or_else(|why| panic!("{why}"));
    let plain = &vectors["valid_token_plaintext"];
    assert_eq!(payment.message_id, plain["messageId"].as_str().unwrap());
    assert_eq!(payment.pan.reveal(), plain["paymentMethodDetails"]["pan"].as_str().unwrap());
    assert!(matches!(payment.authentication, Authentication::PanOnly));
    // Another's roots are not theirs.
    assert_eq!(
        open(&self::merchant(None), &vectors["valid_token"].to_string(), NOW_MS).map(drop).unwrap_err(),
        Refusal::IntermediateSignature
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_comes_nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400), text in ".{0,80}") {
        let merchant = merchant(None);
        prop_assert!(merchant.verify(&bytes, NOW_MS).is_err());
        let mut token = mint(&Draft::default());
        token["signature"] = json!(BASE64_STANDARD.encode(&bytes));
        prop_assert!(open(&merchant, &token.to_string(), NOW_MS).is_err());
        token["intermediateSigningKey"]["signedKey"] = json!(text);
        prop_assert!(open(&merchant, &token.to_string(), NOW_MS).is_err());
    }

    #[test]
    fn whatever_is_cut_off_or_altered_opens_to_nothing_else(at in 0_usize..1400, byte: u8, is_cut: bool) {
        let mut bytes = mint(&Draft::default()).to_string().into_bytes();
        let at = at % bytes.len();
        if is_cut {
            bytes.truncate(at);
        } else {
            bytes[at] = byte;
        }
        let opened = merchant(None).verify(&bytes, NOW_MS).and_then(|verified| verified.open());
        if let Ok(payment) = opened {
            prop_assert_eq!(payment.pan.reveal(), GOOGLE_PAN);
        }
    }
}
