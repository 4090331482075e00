//! Google Pay: a payment method token as Google's "Payment data cryptography for merchants" has it, ECv2.

use aes_gcm::aes::Aes256;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ctr::{
    Ctr128BE,
    cipher::{KeyIvInit, StreamCipher},
};
use hmac::{Hmac, KeyInit, Mac};
use ring::{
    hkdf::{HKDF_SHA256, KeyType, Salt},
    rand::SystemRandom,
    signature::{EcdsaKeyPair, KeyPair},
};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Wallets, alter, alter::Coding, ec, keys::fresh_signer, money, random};
use crate::{
    clock,
    control::{Refusal, refused},
    json::put,
    lock::lock,
};

/// The number that stands for the card in this wallet, a Mastercard one.
const DPAN: &str = "5204240250197840";
/// The card itself, in a token without a cryptogram.
const PAN: &str = "5555555555554444";
/// Who opens the tokens.
const RECIPIENT: &str = "gateway:sportello";
/// For whom the gateway takes them.
const GATEWAY_MERCHANT: &str = "sportello-merchant";
const PROTOCOL: &str = "ECv2";
/// How long a message and an intermediate key are good for: a week, as with Google.
const WEEK_MS: u64 = 7 * 24 * 3_600_000;

/// What a token is minted for, as the control API is asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    /// What the person agreed to on the sheet. Google's token does not say it.
    amount_minor: u64,
    currency: String,
    /// The recipient id; without it [`RECIPIENT`].
    merchant: Option<String>,
    /// The merchant that the gateway takes it for; without it [`GATEWAY_MERCHANT`].
    gateway_merchant: Option<String>,
    #[serde(default, rename = "authMethod")]
    auth_method: AuthMethod,
    /// The card of a token with `PAN_ONLY`; without it [`PAN`].
    card: Option<String>,
    /// When the message ends; without it in a week.
    expires_at_ms: Option<u64>,
    fault: Option<Fault>,
    /// The name of a field that is changed when all is done.
    altered: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
enum AuthMethod {
    #[default]
    #[serde(rename = "CRYPTOGRAM_3DS")]
    Cryptogram,
    #[serde(rename = "PAN_ONLY")]
    Pan,
}

/// What is wrong with a token from the beginning.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Fault {
    /// The intermediate key is signed by another root.
    OtherRoot,
    /// Sealed for the key of another merchant.
    OtherMerchant,
    /// The message ended an hour ago.
    ExpiredMessage,
    /// The intermediate key did.
    ExpiredKey,
    /// The authentication tag was spoilt, and then signed.
    BadSeal,
    /// The message id of the last token, in a token of its own.
    Replay,
}

/// Mints one token, and enters its cryptogram.
pub(crate) fn mint(wallets: &Wallets, ask: &Ask) -> Result<Value, Refusal> {
    money::checked(ask.amount_minor, &ask.currency)?;
    let now = clock::now_ms();
    let hour_ago = now.saturating_sub(3_600_000);
    let expires_at = match ask.fault {
        Some(Fault::ExpiredMessage) => hour_ago,
        _ => ask.expires_at_ms.unwrap_or(now + WEEK_MS),
    };
    let mut details = json!({ "expirationMonth": 12, "expirationYear": 2030 });
    match ask.auth_method {
        AuthMethod::Cryptogram => {
            let cryptogram = STANDARD.encode(random::<20>()?);
            wallets.minted.mint(DPAN, &cryptogram);
            put(&mut details, "pan", json!(DPAN));
            put(&mut details, "authMethod", json!("CRYPTOGRAM_3DS"));
            put(&mut details, "cryptogram", json!(cryptogram));
            put(&mut details, "eciIndicator", json!("02"));
        }
        AuthMethod::Pan => {
            put(&mut details, "pan", json!(ask.card.as_deref().unwrap_or(PAN)));
            put(&mut details, "authMethod", json!("PAN_ONLY"));
        }
    }
    let message = json!({
        "messageExpiration": expires_at.to_string(),
        "messageId": message_id(wallets, ask.fault)?,
        "paymentMethod": "CARD",
        "paymentMethodDetails": details,
        "gatewayMerchantId": ask.gateway_merchant.as_deref().unwrap_or(GATEWAY_MERCHANT),
    });
    let theirs = match ask.fault {
        Some(Fault::OtherMerchant) => ec::nobodys()?,
        _ => ec::point(&wallets.google.merchant).unwrap_or_default().to_vec(),
    };
    let mut sealed = seal(&theirs, message.to_string().as_bytes())?;
    if ask.fault == Some(Fault::BadSeal) {
        alter::flip(&mut sealed, "/tag", Coding::Base64, |length| length / 2)?;
    }
    let key_ends = if ask.fault == Some(Fault::ExpiredKey) { hour_ago } else { now + WEEK_MS };
    let recipient = ask.merchant.as_deref().unwrap_or(RECIPIENT);
    let mut token = signed(wallets, ask.fault == Some(Fault::OtherRoot), key_ends, recipient, &written(&sealed))?;
    if let Some(field) = &ask.altered {
        altered(&mut token, field)?;
    }
    Ok(token)
}

/// An id that no other message has, unless it is a replay.
fn message_id(wallets: &Wallets, fault: Option<Fault>) -> Result<String, Refusal> {
    let mut last = lock(&wallets.last_message);
    if fault == Some(Fault::Replay) {
        return last.clone().ok_or_else(|| refused("fault: there is nothing to replay yet"));
    }
    let fresh = URL_SAFE_NO_PAD.encode(random::<81>()?);
    *last = Some(fresh.clone());
    Ok(fresh)
}

/// JSON as Google writes what it signs: `=` is escaped, so that a reader who writes it anew signs other bytes.
fn written(value: &Value) -> String {
    value.to_string().replace('=', "\\u003d")
}

/// Encrypts for the owner of the point `theirs`: `encryptedMessage`, `ephemeralPublicKey`, `tag`.
fn seal(theirs: &[u8], plain: &[u8]) -> Result<Value, &'static str> {
    let (ours, shared) = ec::agree(theirs)?;
    let keys = derived(&ours, &shared)?;
    let (encryption, authentication) = keys.split_at(32);
    let mut data = plain.to_vec();
    let mut cipher =
        Ctr128BE::<Aes256>::new_from_slices(encryption, &[0; 16]).map_err(|_| "a key of the wrong length")?;
    cipher.apply_keystream(&mut data);
    let mut mac = Hmac::<Sha256>::new_from_slice(authentication).map_err(|_| "a key of the wrong length")?;
    mac.update(&data);
    Ok(json!({
        "encryptedMessage": STANDARD.encode(data),
        "ephemeralPublicKey": STANDARD.encode(ours),
        "tag": STANDARD.encode(mac.finalize().into_bytes()),
    }))
}

/// 64 bytes: the key to encrypt with, then the one to authenticate with.
fn derived(ours: &[u8], shared: &[u8]) -> Result<[u8; 64], &'static str> {
    struct Keys;
    impl KeyType for Keys {
        fn len(&self) -> usize {
            64
        }
    }
    let mut keys = [0; 64];
    let extracted = Salt::new(HKDF_SHA256, &[0; 32]).extract(&[ours, shared].concat());
    let expanded = extracted.expand(&[b"Google"], Keys).map_err(|_| "no keys")?;
    expanded.fill(&mut keys).map_err(|_| "no keys")?;
    Ok(keys)
}

/// Signs `message` with an intermediate key made for it, and that key with the root.
fn signed(
    wallets: &Wallets,
    by_another_root: bool,
    key_ends_ms: u64,
    recipient: &str,
    message: &str,
) -> Result<Value, &'static str> {
    let intermediate = fresh_signer()?;
    let key = ec::public_key_info(intermediate.public_key().as_ref());
    let key = written(&json!({ "keyValue": STANDARD.encode(key), "keyExpiration": key_ends_ms.to_string() }));
    let another = if by_another_root { Some(fresh_signer()?) } else { None };
    let root = another.as_ref().unwrap_or(&wallets.google.root);
    Ok(json!({
        "protocolVersion": PROTOCOL,
        "signature": signature(&intermediate, &["Google", recipient, PROTOCOL, message])?,
        "intermediateSigningKey": {
            "signedKey": key,
            "signatures": [signature(root, &["Google", PROTOCOL, &key])?],
        },
        "signedMessage": message,
    }))
}

/// Over every part with its length before it, in four bytes, the lowest first.
fn signature(key: &EcdsaKeyPair, parts: &[&str]) -> Result<String, &'static str> {
    let mut message = Vec::new();
    for part in parts {
        let length = u32::try_from(part.len()).map_err(|_| "a part too long to be signed")?;
        message.extend(length.to_le_bytes());
        message.extend(part.as_bytes());
    }
    let signature = key.sign(&SystemRandom::new(), &message).map_err(|_| "no ECDSA signature")?;
    Ok(STANDARD.encode(signature))
}

/// Changes one field after the signatures; each of these must make a verifier refuse.
fn altered(token: &mut Value, field: &str) -> Result<(), Refusal> {
    let last = |length: usize| length.saturating_sub(1);
    let middle = |length: usize| length / 2;
    match field {
        "protocolVersion" => alter::flip(token, "/protocolVersion", Coding::Text, last),
        "signature" => alter::flip(token, "/signature", Coding::Base64, last),
        "signatures" => alter::flip(token, "/intermediateSigningKey/signatures/0", Coding::Base64, last),
        "keyValue" => within(token, "/intermediateSigningKey/signedKey", "/keyValue", Coding::Base64, last),
        "keyExpiration" => within(token, "/intermediateSigningKey/signedKey", "/keyExpiration", Coding::Text, last),
        "encryptedMessage" | "ephemeralPublicKey" | "tag" => {
            within(token, "/signedMessage", &format!("/{field}"), Coding::Base64, middle)
        }
        _ => Err(refused(format!("altered: `{field}` is no field of a token"))),
    }
}

/// Changes a field of the JSON that stands as text at `outer`.
fn within(token: &mut Value, outer: &str, inner: &str, coding: Coding, at: fn(usize) -> usize) -> Result<(), Refusal> {
    let absent = || refused(format!("altered: this token has no `{outer}`"));
    let text = token.pointer_mut(outer).ok_or_else(absent)?;
    let mut value: Value = serde_json::from_str(text.as_str().unwrap_or_default()).map_err(refused)?;
    alter::flip(&mut value, inner, coding, at)?;
    *text = Value::String(written(&value));
    Ok(())
}
