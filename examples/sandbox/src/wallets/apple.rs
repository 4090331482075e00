//! Apple Pay: a payment token as Apple's "Payment token format reference" has it, EC_v1 and RSA_v1.

use aes_gcm::{
    AesGcm, KeyInit,
    aead::{Aead, consts::U16},
    aes::{Aes128, Aes256},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use rsa::pkcs8::DecodePublicKey;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    Wallets, alter,
    alter::Coding,
    cms::{self, Signer},
    ec, money, random,
};
use crate::{
    clock,
    control::{Refusal, refused},
    json::put,
    lock::lock,
};

/// The number that stands for the card in this wallet, a Visa one.
const DPAN: &str = "4895370012003478";
/// Whose tokens the merchant's certificates open.
pub(crate) const MERCHANT: &str = "merchant.example.sportello";
/// How long ago a token with the fault `old_signing_time` was signed: longer than any verifier waits.
const OLD_MS: u64 = 3_600_000;

/// What a token is minted for, as the control API is asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    amount_minor: u64,
    /// As ISO 4217 spells it, such as `EUR`.
    currency: String,
    /// The merchant id; without it [`MERCHANT`].
    merchant: Option<String>,
    #[serde(default)]
    version: Version,
    /// The signing time; without it the present.
    signed_at_ms: Option<u64>,
    /// What the merchant's page gave as `applicationData`, in base64: its hash goes into the header.
    application_data: Option<String>,
    fault: Option<Fault>,
    /// The name of a field that is changed when all is done.
    altered: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
enum Version {
    #[default]
    #[serde(rename = "EC_v1")]
    Ec,
    #[serde(rename = "RSA_v1")]
    Rsa,
}

/// What is wrong with a token from the beginning.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Fault {
    /// Signed under another root, whose certificates have the same names.
    OtherRoot,
    /// Sealed for the key of another merchant.
    OtherMerchant,
    /// Signed an hour ago.
    OldSigningTime,
    /// The signature does not say when.
    NoSigningTime,
    /// The leaf has not the extension that marks it.
    NoLeafMarker,
    /// The intermediate has not.
    NoIntermediateMarker,
    /// The leaf's validity ended in 2025.
    ExpiredLeaf,
    /// The ciphertext was spoilt, and then signed.
    BadSeal,
    /// The transaction id of the last token, in a token of its own.
    Replay,
    /// One minor unit more than was asked for.
    WrongAmount,
    /// US dollars, or euros where dollars were asked for.
    WrongCurrency,
}

/// Mints one token, and enters its cryptogram.
pub(crate) fn mint(wallets: &Wallets, ask: &Ask) -> Result<Value, Refusal> {
    let (amount, currency) = money::checked(ask.amount_minor, &ask.currency)?;
    let cryptogram = STANDARD.encode(random::<20>()?);
    let payment = json!({
        "applicationPrimaryAccountNumber": DPAN,
        "applicationExpirationDate": "301231",
        "currencyCode": match (ask.fault, currency) {
            (Some(Fault::WrongCurrency), "840") => "978",
            (Some(Fault::WrongCurrency), _) => "840",
            _ => currency,
        },
        "transactionAmount": amount + u64::from(ask.fault == Some(Fault::WrongAmount)),
        "deviceManufacturerIdentifier": "040010030273",
        "paymentDataType": "3DSecure",
        // One digit, as Apple writes it where a network has two.
        "paymentData": { "onlinePaymentCryptogram": cryptogram, "eciIndicator": "7" },
    });
    let transaction = transaction(wallets, ask.fault)?;
    let merchant = ask.merchant.as_deref().unwrap_or(MERCHANT);
    let mut sealed = seal(wallets, ask, merchant, payment.to_string().as_bytes())?;
    if ask.fault == Some(Fault::BadSeal) {
        spoil(&mut sealed.data);
    }
    let application_data = match &ask.application_data {
        Some(text) => Some(Sha256::digest(STANDARD.decode(text).map_err(refused)?).to_vec()),
        None => None,
    };
    let signed = [
        sealed.key.as_slice(),
        sealed.data.as_slice(),
        transaction.as_slice(),
        application_data.as_deref().unwrap_or_default(),
    ]
    .concat();
    let signature = sign(wallets, ask, &signed)?;
    let (version, key) = match ask.version {
        Version::Ec => ("EC_v1", "ephemeralPublicKey"),
        Version::Rsa => ("RSA_v1", "wrappedKey"),
    };
    let mut header = json!({
        key: STANDARD.encode(&sealed.key),
        "publicKeyHash": STANDARD.encode(Sha256::digest(sealed.recipient)),
        "transactionId": hex::encode(&transaction),
    });
    if let Some(hash) = application_data {
        put(&mut header, "applicationData", Value::String(hex::encode(hash)));
    }
    let mut token = json!({
        "paymentData": {
            "version": version,
            "data": STANDARD.encode(&sealed.data),
            "signature": STANDARD.encode(signature),
            "header": header,
        },
        "paymentMethod": { "displayName": "Visa 1111", "network": "Visa", "type": "debit" },
        "transactionIdentifier": hex::encode_upper(&transaction),
    });
    if let Some(field) = &ask.altered {
        altered(&mut token, field)?;
    }
    wallets.minted.mint(DPAN, &cryptogram);
    Ok(token)
}

/// 32 bytes that no other token has, unless it is a replay.
fn transaction(wallets: &Wallets, fault: Option<Fault>) -> Result<Vec<u8>, Refusal> {
    let mut last = lock(&wallets.last_transaction);
    if fault == Some(Fault::Replay) {
        return last.clone().ok_or_else(|| refused("fault: there is nothing to replay yet"));
    }
    let fresh = random::<32>()?.to_vec();
    *last = Some(fresh.clone());
    Ok(fresh)
}

struct Sealed<'a> {
    /// The ephemeral public key, or the wrapped key.
    key: Vec<u8>,
    data: Vec<u8>,
    /// For whose key, as a SubjectPublicKeyInfo.
    recipient: &'a [u8],
}

fn seal<'a>(wallets: &'a Wallets, ask: &Ask, merchant: &str, plain: &[u8]) -> Result<Sealed<'a>, Refusal> {
    let keys = &wallets.apple;
    let recipient = match (ask.version, ask.fault == Some(Fault::OtherMerchant)) {
        (Version::Ec, false) => &keys.merchant,
        (Version::Ec, true) => &keys.other_merchant,
        (Version::Rsa, false) => &keys.merchant_rsa,
        (Version::Rsa, true) => &keys.other_merchant_rsa,
    };
    let (key, data) = match ask.version {
        Version::Ec => {
            let (ours, shared) = ec::agree(ec::point(recipient).unwrap_or_default())?;
            let secret = derived(&shared, &Sha256::digest(merchant));
            (ec::public_key_info(&ours), encrypt::<AesGcm<Aes256, U16>>(&secret, plain)?)
        }
        Version::Rsa => {
            let secret = random::<16>()?;
            let public =
                rsa::PublicKey::from_public_key_der(recipient).map_err(|_| "the merchant's key is no RSA key")?;
            let wrapped = public.oaep_encrypt::<Sha256>(&secret).map_err(|_| "no wrapped key")?;
            (wrapped, encrypt::<AesGcm<Aes128, U16>>(&secret, plain)?)
        }
    };
    Ok(Sealed { key, data, recipient })
}

/// The key that both sides derive (NIST SP 800-56A, 5.8.1, with SHA-256): one block, for 32 bytes are asked for.
fn derived(shared: &[u8], merchant_id_hash: &[u8]) -> [u8; 32] {
    let parts: [&[u8]; 5] = [&[0, 0, 0, 1], shared, b"\x0Did-aes256-GCM", b"Apple", merchant_id_hash];
    Sha256::digest(parts.concat()).into()
}

/// With sixteen zeros for a nonce: no key is used twice.
fn encrypt<C: KeyInit + Aead>(key: &[u8], plain: &[u8]) -> Result<Vec<u8>, &'static str> {
    let cipher = C::new_from_slice(key).map_err(|_| "a key of the wrong length")?;
    cipher.encrypt(&Default::default(), plain).map_err(|_| "no ciphertext")
}

fn sign(wallets: &Wallets, ask: &Ask, content: &[u8]) -> Result<Vec<u8>, Refusal> {
    let keys = &wallets.apple;
    let chain = match (ask.version, ask.fault) {
        (Version::Ec, Some(Fault::OtherRoot)) => &keys.other_root,
        (Version::Ec, Some(Fault::NoLeafMarker)) => &keys.leaf_unmarked,
        (Version::Ec, Some(Fault::NoIntermediateMarker)) => &keys.intermediate_unmarked,
        (Version::Ec, Some(Fault::ExpiredLeaf)) => &keys.leaf_expired,
        (Version::Ec, _) => &keys.chain,
        (
            Version::Rsa,
            Some(Fault::OtherRoot | Fault::NoLeafMarker | Fault::NoIntermediateMarker | Fault::ExpiredLeaf),
        ) => return Err(refused("fault: its certificate is there for EC_v1 alone")),
        (Version::Rsa, _) => &keys.rsa_chain,
    };
    let signer = match ask.version {
        Version::Ec => Signer::Ec(&keys.signer),
        Version::Rsa => Signer::Rsa(&keys.rsa_signer),
    };
    let now = ask.signed_at_ms.unwrap_or_else(clock::now_ms);
    let signed_at_ms = match ask.fault {
        Some(Fault::OldSigningTime) => Some(now.saturating_sub(OLD_MS)),
        Some(Fault::NoSigningTime) => None,
        _ => Some(now),
    };
    Ok(cms::sign(content, signer, chain, signed_at_ms)?)
}

/// Another last byte: of the authentication tag.
fn spoil(data: &mut [u8]) {
    if let Some(last) = data.last_mut() {
        *last ^= 1;
    }
}

/// Changes one field after the signature; each of these must make a verifier refuse.
fn altered(token: &mut Value, field: &str) -> Result<(), Refusal> {
    let middle = |length: usize| length / 2;
    match field {
        "version" => {
            if let Some(version) = token.pointer_mut("/paymentData/version") {
                *version = json!(if *version == json!("EC_v1") { "RSA_v1" } else { "EC_v1" });
            }
            Ok(())
        }
        "data" => alter::flip(token, "/paymentData/data", Coding::Base64, middle),
        // Its end: six bytes close the elements of indefinite length, before them stands the signature's value.
        "signature" => alter::flip(token, "/paymentData/signature", Coding::Base64, |length| length.saturating_sub(7)),
        "ephemeralPublicKey" | "wrappedKey" | "publicKeyHash" => {
            alter::flip(token, &format!("/paymentData/header/{field}"), Coding::Base64, middle)
        }
        "transactionId" | "applicationData" => {
            alter::flip(token, &format!("/paymentData/header/{field}"), Coding::Hex, middle)
        }
        "transactionIdentifier" => alter::flip(token, "/transactionIdentifier", Coding::Hex, middle),
        _ => Err(refused(format!("altered: `{field}` is no field of a token"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A token that Apple made, with its key: the fixture `applepay/gala`, which is not here in every checkout.
    #[test]
    fn a_token_of_apples_own_is_sealed_as_ours_are() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/applepay");
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
        let (Some(token), Some(expected)) = (read("gala/token.json"), read("gala_expected.json")) else { return };
        let token: Value = serde_json::from_str(&token).unwrap();
        let expected: Value = serde_json::from_str(&expected).unwrap();
        let base64 = |text: &Value| STANDARD.decode(text.as_str().unwrap()).unwrap();
        let merchant = hex::decode(expected["merchant_id_hex"].as_str().unwrap()).unwrap();
        let key = derived(&base64(&expected["shared_secret_b64"]), &merchant);
        assert_eq!(key.as_slice(), base64(&expected["symmetric_key_b64"]));
        let data = base64(&token["data"]);
        let cipher = AesGcm::<Aes256, U16>::new_from_slice(&key).unwrap();
        let plain = cipher.decrypt(&Default::default(), data.as_slice()).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&plain).unwrap(), expected["plaintext"]);
        assert_eq!(encrypt::<AesGcm<Aes256, U16>>(&key, &plain).unwrap(), data);
    }
}
