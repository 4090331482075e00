//! Apple Pay tokens: real ones, minted ones, and whatever can be wrong with them.

mod mint;

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use mint::apple::{Chain, Draft, MERCHANT_ID, Wallet};
use mint::{APPLE_PAN, CRYPTOGRAM, NOW_MS, key, pem};
use proptest::prelude::*;
use serde_json::{Value, json};
use sportello_wallet_token::apple::{Apple, Binding, MerchantKey, Payment, Refusal, merchant_id_hash, roots_from_pem};

const BINDING: Binding<'static> = Binding::WherePresent(b"payment");

fn open(merchant: &Apple, token: &Value, received_ms: u64) -> Result<Payment, Refusal> {
    let json = token.to_string();
    merchant.verify(json.as_bytes(), received_ms, BINDING)?.open()
}

fn check(merchant: &Apple, token: &Value, expected: Result<(), Refusal>) {
    check_at(merchant, token, NOW_MS, expected);
}

fn check_at(merchant: &Apple, token: &Value, received_ms: u64, expected: Result<(), Refusal>) {
    let found = open(merchant, token, received_ms).and_then(|payment| payment.is_for(2000, 978));
    assert_eq!(found, expected, "{token}");
}

#[test]
fn a_token_opens_to_what_the_payer_agreed_to() {
    let wallet = Wallet::new(&Chain::default());
    let merchant = wallet.merchant();
    for is_rsa in [false, true] {
        let draft = Draft { is_rsa, ..Draft::default() };
        let token = wallet.mint(&draft).to_string();
        let verified = merchant.verify(token.as_bytes(), NOW_MS, BINDING).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(verified.transaction_id(), draft.transaction_id);
        let payment = verified.open().unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(payment.pan.reveal(), APPLE_PAN);
        assert_eq!((payment.expiry.year(), payment.expiry.month()), (2030, 12));
        assert_eq!(payment.cryptogram.reveal(), CRYPTOGRAM);
        assert_eq!(payment.eci.map(|eci| eci.digits()).as_deref(), Some("07"));
        assert_eq!(payment.is_for(2000, 978), Ok(()));
        assert_eq!(payment.is_for(2001, 978), Err(Refusal::Amount));
        assert_eq!(payment.is_for(2000, 840), Err(Refusal::Currency));
    }
}

#[test]
fn a_token_is_opened_with_whichever_key_it_names() {
    let wallet = Wallet::new(&Chain::default());
    let merchant = wallet.merchant();
    let check_key = |key, expected| check(&merchant, &wallet.mint(&Draft { key, ..Draft::default() }), expected);
    check_key(1, Ok(()));
    check_key(2, Ok(()));
    check_key(3, Err(Refusal::Key));
}

#[test]
fn a_signer_may_have_an_rsa_key() {
    let wallet = Wallet::new(&Chain { leaf_is_rsa: true, ..Chain::default() });
    let merchant = wallet.merchant();
    check(&merchant, &wallet.mint(&Draft::default()), Ok(()));
    check(&merchant, &wallet.mint(&Draft { digest: Some(vec![0; 32]), ..Draft::default() }), Err(Refusal::Digest));
}

#[test]
fn every_field_that_is_altered_is_noticed() {
    let wallet = Wallet::new(&Chain::default());
    let merchant = wallet.merchant();
    let draft = Draft { application_data: Some(b"payment"), ..Draft::default() };
    let rsa = Draft { is_rsa: true, ..draft.clone() };
    let (ec, rsa) = (wallet.mint(&draft), wallet.mint(&rsa));
    check(&merchant, &ec, Ok(()));
    check(&merchant, &rsa, Ok(()));
    let check = |token: &Value, pointer: &str, value: Value, expected: Refusal| {
        let mut token = token.clone();
        *token.pointer_mut(pointer).unwrap() = value;
        check(&merchant, &token, Err(expected));
    };
    for (token, material) in [(&ec, "/header/ephemeralPublicKey"), (&rsa, "/header/wrappedKey")] {
        let flipped = |pointer: &str| {
            let mut bytes = BASE64_STANDARD.decode(token.pointer(pointer).unwrap().as_str().unwrap()).unwrap();
            let at = bytes.len() / 2;
            bytes[at] ^= 1;
            json!(BASE64_STANDARD.encode(bytes))
        };
        check(token, "/version", json!("EC_v2"), Refusal::Version);
        check(token, "/data", flipped("/data"), Refusal::Digest);
        check(token, material, flipped(material), Refusal::Digest);
        check(token, "/header/transactionId", json!("1badc0de".repeat(8)), Refusal::Digest);
        check(token, "/header/applicationData", json!("00".repeat(32)), Refusal::Digest);
        check(token, "/header/publicKeyHash", flipped("/header/publicKeyHash"), Refusal::Key);
        // Each of these is not what it should be at all.
        check(token, "/header/transactionId", json!("0BADC0DE".repeat(8)), Refusal::TransactionId);
        check(token, "/header/transactionId", json!("0badc0d"), Refusal::TransactionId);
        check(token, "/header/transactionId", json!("0badc0de0badc0de0"), Refusal::TransactionId);
        check(token, "/header/applicationData", json!("0"), Refusal::Encoding);
        check(token, "/header/applicationData", json!("zz"), Refusal::Encoding);
        for pointer in ["/data", "/signature", material, "/header/publicKeyHash"] {
            let text = token.pointer(pointer).unwrap().as_str().unwrap();
            check(token, pointer, json!(text.trim_end_matches('=').get(1..)), Refusal::Encoding);
            check(token, pointer, json!("%%%%"), Refusal::Encoding);
            check(token, pointer, json!(7), Refusal::Malformed);
        }
        check(token, "/signature", json!(""), Refusal::Container);
        check(token, "/header", json!([]), Refusal::Malformed);
    }
    // What one version has is nothing to the other.
    check(&ec, "/version", json!("RSA_v1"), Refusal::Malformed);
    check(&rsa, "/version", json!("EC_v1"), Refusal::Malformed);
}

/// What is signed is members without a mark between them: none may lend bytes to its neighbour, or one token would have many
/// ids, and be bound to no payment.
#[test]
fn where_a_member_ends_is_not_for_others_to_say() {
    let wallet = Wallet::new(&Chain::default());
    let merchant = wallet.merchant();
    let draft = Draft { application_data: Some(b"payment"), ..Draft::default() };
    for token in [wallet.mint(&draft), wallet.mint(&Draft { is_rsa: true, ..draft.clone() })] {
        let hex = |pointer: &str| token.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
        let (id, bound) = (hex("/header/transactionId"), hex("/header/applicationData"));
        let mut unbound = token.clone();
        unbound["header"]["transactionId"] = json!(format!("{id}{bound}"));
        unbound["header"].as_object_mut().unwrap().remove("applicationData");
        check(&merchant, &unbound, Err(Refusal::TransactionId));
        let mut shifted = token.clone();
        shifted["header"]["transactionId"] = json!(id[..id.len() - 2]);
        shifted["header"]["applicationData"] = json!(format!("{}{bound}", &id[id.len() - 2..]));
        check(&merchant, &shifted, Err(Refusal::TransactionId));
        let mut moved = token.clone();
        let data = [BASE64_STANDARD.decode(token["data"].as_str().unwrap()).unwrap(), vec![0x0b, 0xad]].concat();
        moved["data"] = json!(BASE64_STANDARD.encode(data));
        moved["header"]["transactionId"] = json!(id[4..]);
        check(&merchant, &moved, Err(Refusal::TransactionId));
    }
}

/// Whatever byte of the signature is another, the token is refused, or it says the same.
#[test]
fn every_byte_of_the_signature_counts_or_says_nothing() {
    let wallet = Wallet::new(&Chain::default());
    let merchant = wallet.merchant();
    let token = wallet.mint(&Draft::default());
    let signature = BASE64_STANDARD.decode(token["signature"].as_str().unwrap()).unwrap();
    let mut taken = 0;
    for at in 0..signature.len() {
        let mut altered = signature.clone();
        altered[at] ^= 1;
        let mut token = token.clone();
        token["signature"] = json!(BASE64_STANDARD.encode(altered));
        taken += u32::from(open(&merchant, &token, NOW_MS).is_ok());
    }
    // The version numbers and the list of digests, which repeat what stands elsewhere.
    assert!(taken < 20, "{taken} bytes of {} could be altered", signature.len());
}

#[test]
fn a_signature_has_one_shape() {
    let wallet = Wallet::new(&Chain::default());
    let stranger = Wallet::new(&Chain { root: "Another Root", ..Chain::default() });
    let merchant = wallet.merchant();
    let check = |draft: Draft, expected| check(&merchant, &wallet.mint(&draft), expected);
    let usual = Draft::default;
    let (leaf, intermediate) = (wallet.leaf.clone(), wallet.intermediate.clone());
    let with = |certificates| Draft { certificates: Some(certificates), ..usual() };
    check(Draft { attached: true, ..usual() }, Err(Refusal::Container));
    check(Draft { signers: 0, ..usual() }, Err(Refusal::Signers));
    check(Draft { signers: 2, ..usual() }, Err(Refusal::Signers));
    check(with(vec![]), Err(Refusal::Leaf));
    check(with(vec![leaf.clone()]), Err(Refusal::Intermediate));
    check(with(vec![intermediate.clone()]), Err(Refusal::Leaf));
    check(with(vec![leaf.clone(), intermediate.clone(), stranger.leaf.clone()]), Err(Refusal::Leaf));
    check(with(vec![leaf.clone(), intermediate.clone(), stranger.root.clone()]), Err(Refusal::Certificates));
    check(with(vec![leaf.clone(), intermediate.clone(), wallet.root.clone()]), Ok(()));
    check(with(vec![stranger.leaf.clone(), stranger.intermediate.clone()]), Err(Refusal::Root));
    check(with(vec![leaf.clone(), stranger.intermediate]), Err(Refusal::Root));
    check(Draft { signer: Some(intermediate), ..usual() }, Err(Refusal::Signer));
    check(Draft { attributes: false, ..usual() }, Err(Refusal::Attributes));
    check(Draft { without: Some("1.2.840.113549.1.9.3"), ..usual() }, Err(Refusal::Attributes));
    check(Draft { without: Some("1.2.840.113549.1.9.4"), ..usual() }, Err(Refusal::Attributes));
    check(Draft { without: Some("1.2.840.113549.1.9.5"), ..usual() }, Err(Refusal::Attributes));
    check(Draft { twice: true, ..usual() }, Err(Refusal::Attributes));
    check(Draft { digest: Some(vec![]), ..usual() }, Err(Refusal::Digest));
}

#[test]
fn a_chain_has_one_shape() {
    let usual = Chain::default;
    let check = |chain: Chain, expected| {
        let wallet = Wallet::new(&chain);
        check(&wallet.merchant(), &wallet.mint(&Draft::default()), expected);
    };
    check(Chain { leaf_mark: false, ..usual() }, Err(Refusal::Leaf));
    check(Chain { intermediate_mark: false, ..usual() }, Err(Refusal::Intermediate));
    check(Chain { leaf_by_another: true, ..usual() }, Err(Refusal::CertificateSignature));
    check(Chain { intermediate_is_authority: false, ..usual() }, Err(Refusal::CertificateUse));
    check(Chain { intermediate_signs_certificates: false, ..usual() }, Err(Refusal::CertificateUse));
    check(Chain { leaf_is_authority: true, ..usual() }, Err(Refusal::CertificateUse));
    check(Chain { leaf_signs: false, ..usual() }, Err(Refusal::CertificateUse));
    check(Chain { leaf_unknown_critical: true, ..usual() }, Err(Refusal::CertificateUse));
    check(Chain { leaf_from_year: 2027, ..usual() }, Err(Refusal::CertificateTime));
    check(Chain { leaf_until_year: 2026, ..usual() }, Err(Refusal::CertificateTime));
    check(Chain { intermediate_until_year: 2026, ..usual() }, Err(Refusal::CertificateTime));
    check(Chain { root_until_year: 2026, ..usual() }, Err(Refusal::CertificateTime));
}

#[test]
fn a_chain_that_was_verified_before_is_judged_by_the_time_again() {
    let wallet = Wallet::new(&Chain::default());
    let merchant = wallet.merchant();
    let day_ms = 86_400_000;
    let signed_at = |signed_ms| wallet.mint(&Draft { signed_ms, ..Draft::default() });
    check(&merchant, &signed_at(NOW_MS), Ok(()));
    let later_ms = NOW_MS + 4 * 366 * day_ms;
    check_at(&merchant, &signed_at(later_ms), later_ms, Err(Refusal::CertificateTime));
    let earlier_ms = NOW_MS - 2 * 366 * day_ms;
    check_at(&merchant, &signed_at(earlier_ms), earlier_ms, Err(Refusal::CertificateTime));
    check(&merchant, &signed_at(NOW_MS), Ok(()));
}

#[test]
fn a_token_arrives_within_five_minutes_of_its_signature() {
    let wallet = Wallet::new(&Chain::default());
    let merchant = wallet.merchant();
    let token = wallet.mint(&Draft { signed_ms: NOW_MS, ..Draft::default() });
    let check = |received_ms, expected| check_at(&merchant, &token, received_ms, expected);
    check(NOW_MS, Ok(()));
    check(NOW_MS + 300_000, Ok(()));
    check(NOW_MS + 300_001, Err(Refusal::Stale));
    check(NOW_MS - 1000, Ok(()));
    check(NOW_MS - 1001, Err(Refusal::Future));
    check(NOW_MS + 86_400_000, Err(Refusal::Stale));
}

#[test]
fn a_token_for_another_merchant_does_not_open() {
    let wallet = Wallet::new(&Chain::default());
    let merchant = wallet.merchant();
    let token = wallet.mint(&Draft { merchant_id: "merchant.example.other", ..Draft::default() });
    check(&merchant, &token, Err(Refusal::Sealed));
    // Sealed for another's key, and said to be for ours.
    let mut token = wallet.mint(&Draft { key: 3, ..Draft::default() });
    token["header"]["publicKeyHash"] = wallet.mint(&Draft::default())["header"]["publicKeyHash"].clone();
    check(&merchant, &token, Err(Refusal::Sealed));
    // And for our key of the other kind.
    token["header"]["publicKeyHash"] =
        wallet.mint(&Draft { is_rsa: true, ..Draft::default() })["header"]["publicKeyHash"].clone();
    check(&merchant, &token, Err(Refusal::Key));
}

#[test]
fn a_token_is_bound_to_what_the_page_asked_for() {
    let wallet = Wallet::new(&Chain::default());
    let merchant = wallet.merchant();
    let check = |application_data, binding, expected| {
        let token = wallet.mint(&Draft { application_data, ..Draft::default() }).to_string();
        let found = merchant.verify(token.as_bytes(), NOW_MS, binding).map(drop);
        assert_eq!(found, expected, "{application_data:?} {binding:?}");
    };
    check(None, Binding::WherePresent(b"payment"), Ok(()));
    check(Some(&b"payment"[..]), Binding::WherePresent(b"payment"), Ok(()));
    check(Some(&b"another"[..]), Binding::WherePresent(b"payment"), Err(Refusal::ApplicationData));
    check(None, Binding::Required(b"payment"), Err(Refusal::ApplicationData));
    check(Some(&b"payment"[..]), Binding::Required(b"payment"), Ok(()));
    check(Some(&b"another"[..]), Binding::Required(b"payment"), Err(Refusal::ApplicationData));
}

#[test]
fn what_is_sealed_is_a_payment() {
    let wallet = Wallet::new(&Chain::default());
    let merchant = wallet.merchant();
    let check = |pointer: &str, value: Value, expected| {
        let mut draft = Draft::default();
        *draft.payload.pointer_mut(pointer).unwrap() = value;
        check(&merchant, &wallet.mint(&draft), expected);
    };
    check("", json!("no payment"), Err(Refusal::Payload));
    check("/applicationPrimaryAccountNumber", json!("4895370012003479"), Err(Refusal::Pan));
    check("/applicationPrimaryAccountNumber", json!(""), Err(Refusal::Pan));
    check("/applicationPrimaryAccountNumber", json!(null), Err(Refusal::Payload));
    check("/applicationExpirationDate", json!("261130"), Ok(()));
    check("/applicationExpirationDate", json!("261031"), Err(Refusal::Expired));
    check("/applicationExpirationDate", json!("2612"), Err(Refusal::Payload));
    check("/currencyCode", json!("840"), Err(Refusal::Currency));
    check("/currencyCode", json!("EUR"), Err(Refusal::Payload));
    check("/transactionAmount", json!(1999), Err(Refusal::Amount));
    check("/transactionAmount", json!(20.5), Err(Refusal::Payload));
    check("/transactionAmount", json!(-2000), Err(Refusal::Payload));
    check("/paymentDataType", json!("EMV"), Err(Refusal::PaymentData));
    check("/paymentDataType", json!("None"), Err(Refusal::Payload));
    check("/paymentData", json!({}), Err(Refusal::Payload));
    check("/paymentData/onlinePaymentCryptogram", json!("not base64"), Err(Refusal::Payload));
    check("/paymentData/onlinePaymentCryptogram", json!(""), Err(Refusal::Payload));
    check("/paymentData/eciIndicator", json!(""), Ok(()));
    check("/paymentData/eciIndicator", json!(null), Ok(()));
    check("/paymentData/eciIndicator", json!("123"), Err(Refusal::Payload));
}

#[test]
fn a_key_or_a_root_that_is_none_is_said_to_be_none() {
    let hash = merchant_id_hash(MERCHANT_ID);
    assert!(MerchantKey::from_pem(&pem(&key(1)), hash).is_some());
    assert!(MerchantKey::from_pem("", hash).is_none());
    assert!(MerchantKey::from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", hash).is_none());
    assert!(roots_from_pem("").is_none());
    assert!(roots_from_pem(&pem(&key(1))).is_none());
}

/// A token that Apple signed, with its test key (spreedly/gala). Its certificate expired in 2024: the clock is passed in.
#[test]
fn a_token_that_apple_signed_opens() {
    let Some(gala) = fixture("applepay/gala") else { return };
    let read = |name: &str| std::fs::read_to_string(gala.join(name)).unwrap();
    let expected: Value = serde_json::from_str(&read("../gala_expected.json")).unwrap();
    let test_key: Value = serde_json::from_str(&read("test_key.json")).unwrap();
    let private = p256::SecretKey::from_slice(&hex::decode(test_key["scalar_hex"].as_str().unwrap()).unwrap()).unwrap();
    let hash = hex::decode(expected["merchant_id_hex"].as_str().unwrap()).unwrap().try_into().unwrap();
    let keys = vec![MerchantKey::from_pem(&pem(&private), hash).unwrap()];
    let merchant = Apple::new(keys, roots_from_pem(&read("AppleRootCA-G3.pem")).unwrap());
    let token = read("token.json");
    // 2021-09-01T19:03:06Z
    let signed_ms = 1_630_522_986_000;
    let verify = |received_ms| merchant.verify(token.as_bytes(), received_ms, BINDING).map(drop);
    assert_eq!(verify(signed_ms + 300_000), Ok(()));
    assert_eq!(verify(signed_ms + 301_000), Err(Refusal::Stale));
    assert_eq!(verify(signed_ms - 2000), Err(Refusal::Future));
    assert_eq!(verify(NOW_MS), Err(Refusal::CertificateTime));

    let verified = merchant.verify(token.as_bytes(), signed_ms, BINDING).unwrap_or_else(|why| panic!("{why}"));
    assert!(verified.transaction_id().starts_with("f7f133694685bab2"));
    let payment = verified.open().unwrap_or_else(|why| panic!("{why}"));
    let plain = &expected["plaintext"];
    assert_eq!(payment.pan.reveal(), plain["applicationPrimaryAccountNumber"]);
    assert_eq!((payment.expiry.year(), payment.expiry.month()), (2024, 9));
    assert_eq!(payment.cryptogram.reveal(), plain["paymentData"]["onlinePaymentCryptogram"]);
    assert_eq!(payment.eci, None);
    assert_eq!(payment.is_for(100, 840), Ok(()));

    // Another root, though of the same name and shape, is not theirs.
    let stranger = Wallet::new(&Chain { root: "Apple Root CA - G3", ..Chain::default() }).merchant();
    assert_eq!(stranger.verify(token.as_bytes(), signed_ms, BINDING).map(drop), Err(Refusal::Root));
}

fn fixture(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/fixtures").join(name);
    if !folder.exists() {
        eprintln!("skipped: {name} is not among the fixtures here");
        return None;
    }
    Some(folder)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_comes_nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let merchant = Apple::new(vec![], vec![]);
        prop_assert!(merchant.verify(&bytes, NOW_MS, BINDING).is_err());
        let token = json!({
            "version": "EC_v1", "data": "", "signature": BASE64_STANDARD.encode(&bytes),
            "header": {"ephemeralPublicKey": "", "publicKeyHash": "", "transactionId": "00".repeat(32)},
        });
        prop_assert!(open(&merchant, &token, NOW_MS).is_err());
    }
}

#[test]
fn whatever_is_cut_off_or_altered_nothing_panics_and_nothing_opens_to_something_else() {
    let wallet = Wallet::new(&Chain::default());
    let merchant = wallet.merchant();
    let token = wallet.mint(&Draft::default()).to_string();
    let mut runner = proptest::test_runner::TestRunner::default();
    let altered = (0..token.len(), any::<u8>(), any::<bool>());
    runner
        .run(&altered, |(at, byte, is_cut)| {
            let mut bytes = token.clone().into_bytes();
            if is_cut {
                bytes.truncate(at);
            } else {
                bytes[at] = byte;
            }
            if let Ok(payment) = merchant.verify(&bytes, NOW_MS, BINDING).and_then(|verified| verified.open()) {
                prop_assert_eq!(payment.pan.reveal(), APPLE_PAN);
                prop_assert_eq!(payment.is_for(2000, 978), Ok(()));
            }
            Ok(())
        })
        .unwrap();
}
