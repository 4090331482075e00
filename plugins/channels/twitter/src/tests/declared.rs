use sportello_sdk::{Encoding, Handshake, Hash, Kind, Manifest, Signature, Strength, dispatch, kit};

use super::*;
use crate::MANIFEST;

/// X's pages: `sha256=` and base64 of the HMAC-SHA256 under the consumer secret, over the raw body for a delivery and
/// over `crc_token` for the question whose address this is.
#[test]
fn the_manifest_declares_what_x_does() {
    let manifest: Manifest = sportello_sdk::serde_json::from_str(MANIFEST).unwrap();
    assert_eq!((manifest.name.as_str(), manifest.kind), ("twitter", Kind::Channel));
    let webhook = manifest.webhook.unwrap();
    let (hash, encoding) = (Hash::Sha256, Encoding::Base64);
    let (prefix, secret) = ("sha256=".to_owned(), "consumer_secret".to_owned());
    let header = "x-twitter-webhooks-signature".to_owned();
    let signature = Signature::Hmac { hash, header, prefix: prefix.clone(), encoding, secret: secret.clone() };
    assert_eq!(webhook.signature, signature);
    let (query, field) = ("crc_token".to_owned(), "response_token".to_owned());
    let handshake = Handshake::HmacOfQuery { query, field, hash, prefix, encoding, secret };
    assert_eq!(webhook.handshake, Some(handshake));
    let facts = manifest.channel.unwrap();
    assert_eq!((facts.message_ids, facts.senders), (Strength::Strong, Strength::Strong));
    assert_eq!(facts.own_name_setting.as_deref(), Some("handle"));
    assert_eq!(facts.scheme, crate::text::SCHEME);
}

#[test]
fn a_missing_secret_is_told_when_opened() {
    let host = ScriptedHost::new().secret("consumer_key", "x");
    let settings = from_value(json!({ "handle": "sportello", "user_id": "1" })).unwrap();
    let opened = host.block_on(Twitter::open(settings, &host.call()));
    assert_eq!(opened.err().unwrap().code, "no_such_secret");
}

#[test]
fn conforms() {
    let options = kit::Options::read(include_str!("../../kit.json")).unwrap();
    kit::check(MANIFEST, &dispatch::channel::<Twitter>, &options).assert();
}
