//! Apple Pay tokens, judged and opened with OpenSSL; merchant validation.
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

use std::collections::BTreeSet;

use aes_gcm::{
    AesGcm, KeyInit,
    aead::{Aead, consts::U16},
    aes::{Aes128, Aes256},
};
use openssl::{OpenSsl, base64, key};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use world::Sandbox;

/// Euros, and what else is asked for.
fn ask(more: Value) -> Value {
    let mut ask = json!({ "amount_minor": 2000, "currency": "EUR" });
    ask.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ask
}

async fn mint(sandbox: &Sandbox, more: Value) -> Value {
    sandbox.on_wallets("apple/token", ask(more)).await
}

/// What the version says is signed.
fn signed(token: &Value) -> Vec<u8> {
    let payment = &token["paymentData"];
    let header = &payment["header"];
    let key = if payment["version"] == "EC_v1" { "ephemeralPublicKey" } else { "wrappedKey" };
    let hex = |value: &Value| hex::decode(value.as_str().unwrap_or_default()).unwrap();
    [
        base64(header.get(key).unwrap_or(&json!(""))),
        base64(&payment["data"]),
        hex(&header["transactionId"]),
        hex(&header["applicationData"]),
    ]
    .concat()
}

/// OpenSSL's verdict on the signature.
fn verify(openssl: &OpenSsl, token: &Value) -> Result<(), String> {
    let signature = openssl.file("signature.der", &base64(&token["paymentData"]["signature"]));
    let content = openssl.file("content", &signed(token));
    let root = key("apple/root.pem");
    let judged = ["cms", "-verify", "-inform", "DER", "-in", &signature, "-content", &content, "-binary"];
    let rules = ["-CAfile", root.to_str().unwrap(), "-purpose", "any", "-out", "/dev/null"];
    openssl.run(&[judged.as_slice(), &rules].concat()).map(|_| ())
}

/// What stands in the token, for the owner of the merchant's keys.
fn open(openssl: &OpenSsl, token: &Value, merchant: &str) -> Option<Value> {
    let payment = &token["paymentData"];
    let header = &payment["header"];
    let data = base64(&payment["data"]);
    let plain = if payment["version"] == "EC_v1" {
        let shared = openssl.shared(&key("apple/merchant-key.pem"), &base64(&header["ephemeralPublicKey"]));
        let party: [u8; 32] = Sha256::digest(merchant).into();
        let secret = Sha256::digest([&[0, 0, 0, 1], &*shared, b"\x0Did-aes256-GCMApple", &party].concat());
        AesGcm::<Aes256, U16>::new(&secret).decrypt(&Default::default(), data.as_slice())
    } else {
        let wrapped = openssl.file("wrapped", &base64(&header["wrappedKey"]));
        let file = key("apple/merchant-rsa-key.pem");
        let padding = ["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256"];
        let unwrap = ["pkeyutl", "-decrypt", "-inkey", file.to_str().unwrap(), "-in", &wrapped];
        let secret = openssl.run(&[unwrap.as_slice(), &padding].concat()).ok()?;
        AesGcm::<Aes128, U16>::new_from_slice(&secret).unwrap().decrypt(&Default::default(), data.as_slice())
    };
    plain.ok().map(|plain| serde_json::from_slice(&plain).unwrap())
}

const MERCHANT: &str = "merchant.example.sportello";

#[tokio::test]
async fn a_token_is_signed_under_the_root_and_opens_with_the_merchants_keys_alone() {
    let Some(openssl) = OpenSsl::here() else { return };
    let sandbox = Sandbox::start(&[]).await;
    let check = async |version: &str, certificate: &str| {
        let application_data = json!({ "version": version, "application_data": "b3JkZXIgMTc=" });
        let token = mint(&sandbox, application_data).await;
        verify(&openssl, &token).unwrap();
        let header = &token["paymentData"]["header"];
        assert_eq!(token["paymentData"]["version"], version);
        assert_eq!(header["applicationData"], hex::encode(Sha256::digest("order 17")));
        assert_eq!(token["transactionIdentifier"], header["transactionId"].as_str().unwrap().to_ascii_uppercase());
        let hash = Sha256::digest(openssl.public_key_info(&key(certificate)));
        assert_eq!(base64(&header["publicKeyHash"]), hash.as_slice());
        let mut opened = open(&openssl, &token, MERCHANT).unwrap();
        let cryptogram = opened["paymentData"]["onlinePaymentCryptogram"].take();
        assert_eq!(base64(&cryptogram).len(), 20);
        let expected = json!({
            "applicationPrimaryAccountNumber": "4895370012003478",
            "applicationExpirationDate": "301231",
            "currencyCode": "978",
            "transactionAmount": 2000,
            "deviceManufacturerIdentifier": "040010030273",
            "paymentDataType": "3DSecure",
            "paymentData": { "onlinePaymentCryptogram": null, "eciIndicator": "7" },
        });
        assert_eq!(opened, expected);
    };
    check("EC_v1", "apple/merchant.pem").await;
    check("RSA_v1", "apple/merchant-rsa.pem").await;
    // The merchant's id is part of the key.
    let other = mint(&sandbox, json!({ "merchant": "merchant.example.other" })).await;
    verify(&openssl, &other).unwrap();
    assert_eq!(open(&openssl, &other, MERCHANT), None);
    assert!(open(&openssl, &other, "merchant.example.other").is_some());
}

#[test]
fn a_merchants_certificate_names_it_and_belongs_to_its_key() {
    let Some(openssl) = OpenSsl::here() else { return };
    let id = hex::encode_upper(Sha256::digest(MERCHANT));
    for name in ["merchant", "merchant-rsa", "merchant-identity"] {
        let certificate = key(&format!("apple/{name}.pem"));
        let private = key(&format!("apple/{name}-key.pem"));
        let public = openssl.run(&["pkey", "-in", private.to_str().unwrap(), "-pubout", "-outform", "DER"]).unwrap();
        assert_eq!(openssl.public_key_info(&certificate), public, "{name}");
        let text = openssl.run(&["x509", "-in", certificate.to_str().unwrap(), "-noout", "-text"]).unwrap();
        let text = String::from_utf8(text).unwrap();
        // Two bytes of header, a text of 64 characters, before the id.
        let extension = text.split_once("1.2.840.113635.100.6.32:").unwrap().1.trim_start();
        assert!(extension.starts_with(&format!(".@{id}")), "{text}");
    }
}

#[tokio::test]
async fn a_token_with_a_fault_is_wrong_in_that_alone() {
    let Some(openssl) = OpenSsl::here() else { return };
    let sandbox = Sandbox::start(&[]).await;
    let check = async |fault: &str, version: &str, expected: Result<(), &str>| {
        let token = mint(&sandbox, json!({ "fault": fault, "version": version })).await;
        match (verify(&openssl, &token), expected) {
            (Ok(()), Ok(())) => {}
            (Err(said), Err(expected)) if said.contains(expected) => {}
            (said, _) => panic!("{fault}: {said:?}"),
        }
        token
    };
    let opened = |token: &Value| open(&openssl, token, MERCHANT);
    check("other_root", "EC_v1", Err("unable to get local issuer certificate")).await;
    check("expired_leaf", "EC_v1", Err("certificate has expired")).await;
    for version in ["EC_v1", "RSA_v1"] {
        let token = check("other_merchant", version, Ok(())).await;
        assert_eq!(opened(&token), None);
        let token = check("bad_seal", version, Ok(())).await;
        assert_eq!(opened(&token), None);
        let token = check("wrong_amount", version, Ok(())).await;
        assert_eq!(opened(&token).unwrap()["transactionAmount"], 2001);
        let token = check("wrong_currency", version, Ok(())).await;
        assert_eq!(opened(&token).unwrap()["currencyCode"], "840");
        let first = mint(&sandbox, json!({ "version": version })).await;
        let second = check("replay", version, Ok(())).await;
        assert_eq!(first["transactionIdentifier"], second["transactionIdentifier"]);
        assert_ne!(first["paymentData"]["data"], second["paymentData"]["data"]);
    }
    // OpenSSL knows nothing of Apple's marks, which are two of the certificates' extensions.
    let marks = |token: &Value| {
        let signature = openssl.file("signature.der", &base64(&token["paymentData"]["signature"]));
        let text = openssl.run(&["pkcs7", "-inform", "DER", "-in", &signature, "-print_certs", "-text"]).unwrap();
        let text = String::from_utf8(text).unwrap();
        (text.contains("1.2.840.113635.100.6.29:"), text.contains("1.2.840.113635.100.6.2.14:"))
    };
    assert_eq!(marks(&check("replay", "EC_v1", Ok(())).await), (true, true));
    assert_eq!(marks(&check("replay", "RSA_v1", Ok(())).await), (true, true));
    assert_eq!(marks(&check("no_leaf_marker", "EC_v1", Ok(())).await), (false, true));
    assert_eq!(marks(&check("no_intermediate_marker", "EC_v1", Ok(())).await), (true, false));
}

#[tokio::test]
async fn the_signature_says_when_it_was_made() {
    let Some(openssl) = OpenSsl::here() else { return };
    let sandbox = Sandbox::start(&[]).await;
    let check = async |more: Value, expected: Option<&str>| {
        let token = mint(&sandbox, more).await;
        verify(&openssl, &token).unwrap();
        let signature = openssl.file("signature.der", &base64(&token["paymentData"]["signature"]));
        let text = openssl.run(&["cms", "-cmsout", "-print", "-inform", "DER", "-in", &signature]).unwrap();
        let text = String::from_utf8_lossy(&text);
        let said = text.split_once("signingTime").map(|(_, after)| after.contains(expected.unwrap_or_default()));
        assert_eq!(said, expected.map(|_| true), "{text}");
    };
    check(json!({ "signed_at_ms": 1_784_928_203_000_u64 }), Some("Jul 24 21:23:23 2026 GMT")).await;
    let old = json!({ "signed_at_ms": 1_784_928_203_000_u64, "fault": "old_signing_time" });
    check(old, Some("Jul 24 20:23:23 2026 GMT")).await;
    check(json!({ "version": "RSA_v1" }), Some("GMT")).await;
    check(json!({ "fault": "no_signing_time" }), None).await;
}

#[tokio::test]
async fn a_field_that_was_altered_is_found_out() {
    let Some(openssl) = OpenSsl::here() else { return };
    let sandbox = Sandbox::start(&[]).await;
    let check = async |version: &str, field: &str, signature_holds: bool| {
        let ask = json!({ "version": version, "application_data": "AAAA", "altered": field });
        let token = mint(&sandbox, ask).await;
        assert_eq!(verify(&openssl, &token).is_ok(), signature_holds, "{field}");
        token
    };
    for (version, key) in [("EC_v1", "ephemeralPublicKey"), ("RSA_v1", "wrappedKey")] {
        for field in [key, "data", "transactionId", "applicationData", "signature", "version"] {
            check(version, field, false).await;
        }
        // What no signature covers betrays itself by what it is compared with.
        let token = check(version, "transactionIdentifier", true).await;
        let inner = token["paymentData"]["header"]["transactionId"].as_str().unwrap().to_ascii_uppercase();
        assert_ne!(token["transactionIdentifier"], inner);
        let token = check(version, "publicKeyHash", true).await;
        let hashes: BTreeSet<Vec<u8>> = ["apple/merchant.pem", "apple/merchant-rsa.pem"]
            .iter()
            .map(|name| Sha256::digest(openssl.public_key_info(&openssl::key(name))).to_vec())
            .collect();
        assert!(!hashes.contains(&base64(&token["paymentData"]["header"]["publicKeyHash"])));
    }
}

#[tokio::test]
async fn what_no_wallet_would_mint_is_refused() {
    let sandbox = Sandbox::start(&[]).await;
    let check = async |body: Value, expected: &str| {
        let answer = sandbox.control("POST", format!("{}/apple/token", sandbox.wallets), body).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert!(answer.text.contains(expected), "{}", answer.text);
    };
    check(json!({ "currency": "EUR" }), "amount_minor").await;
    check(json!({ "amount_minor": 0, "currency": "EUR" }), "amount_minor").await;
    check(json!({ "amount_minor": 1, "currency": "XXX" }), "`XXX` is not known").await;
    check(ask(json!({ "version": "EC_v2" })), "RSA_v1").await;
    check(ask(json!({ "fault": "sunspots" })), "no_leaf_marker").await;
    check(ask(json!({ "fault": "replay" })), "nothing to replay").await;
    check(ask(json!({ "fault": "other_root", "version": "RSA_v1" })), "EC_v1 alone").await;
    check(ask(json!({ "altered": "colour" })), "`colour` is no field").await;
    check(ask(json!({ "altered": "wrappedKey" })), "has no").await;
    check(ask(json!({ "altered": "applicationData" })), "has no").await;
    check(ask(json!({ "amount": "20.00" })), "amount").await;
}

#[tokio::test]
async fn a_merchant_is_given_a_session_when_it_asks_as_apple_demands() {
    let sandbox = Sandbox::start(&[]).await;
    let good = json!({
        "merchantIdentifier": MERCHANT, "displayName": "Sportello",
        "initiative": "web", "initiativeContext": "pay.example.org",
    });
    let call = async |change: Value| {
        let mut body = good.clone();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        sandbox.control("POST", format!("{}/apple/paymentSession", sandbox.wallets), body).await
    };
    let check = async |change: Value, expected: &str| {
        let answer = call(change).await;
        assert_eq!((answer.status, &answer.json()["statusCode"]), (417, &json!("417")));
        assert!(answer.text.contains(expected), "{}", answer.text);
    };
    let session = call(json!({})).await.json();
    assert_eq!((&session["domainName"], &session["displayName"]), (&json!("pay.example.org"), &json!("Sportello")));
    assert_ne!(session["merchantSessionIdentifier"], call(json!({})).await.json()["merchantSessionIdentifier"]);
    check(json!({ "merchantIdentifier": "merchant.example.other" }), "not registered").await;
    check(json!({ "merchantIdentifier": null }), "expected a string").await;
    check(json!({ "displayName": "" }), "displayName").await;
    check(json!({ "initiative": "messaging" }), "initiative").await;
    check(json!({ "initiativeContext": "https://pay.example.org" }), "initiativeContext").await;
    sandbox.on_wallets("sandbox/faults", json!({ "refuse_sessions": true })).await;
    check(json!({}), "not authorized").await;
    sandbox.on_wallets("sandbox/reset", json!({})).await;
    assert_eq!(call(json!({})).await.status, 200);
}
