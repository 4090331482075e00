use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sportello_sdk::{Encoding, Handshake, Hash, Kind, Manifest, Note, Signature, Strength, dispatch, kit};

use super::*;
use crate::MANIFEST;

fn manifest() -> Manifest {
    sportello_sdk::serde_json::from_str(MANIFEST).unwrap()
}

/// Meta's pages: `sha256=` and the hexadecimal HMAC-SHA256 of the raw body under the application's secret; and the
/// question whose address this is, with a token that must be ours.
#[test]
fn the_manifest_declares_what_meta_does() {
    let manifest = manifest();
    assert_eq!((manifest.name.as_str(), manifest.kind), ("messenger", Kind::Channel));
    assert_eq!(manifest.secrets, SECRETS);
    let webhook = manifest.webhook.unwrap();
    let signature = Signature::Hmac {
        hash: Hash::Sha256,
        header: "x-hub-signature-256".to_owned(),
        prefix: "sha256=".to_owned(),
        encoding: Encoding::Hex,
        secret: "app_secret".to_owned(),
    };
    assert_eq!(webhook.signature, signature);
    let handshake = Handshake::EchoIfToken {
        token_query: "hub.verify_token".to_owned(),
        echo_query: "hub.challenge".to_owned(),
        require: [("hub.mode".to_owned(), "subscribe".to_owned())].into(),
        secret: "verify_token".to_owned(),
    };
    assert_eq!(webhook.handshake, Some(handshake));
    // Meta's pages say 5 seconds in one place and 20 in another.
    assert!(webhook.answer_within_ms.is_some_and(|within_ms| within_ms < 5000));
    let facts = manifest.channel.unwrap();
    assert_eq!((facts.message_ids, facts.senders), (Strength::Strong, Strength::Strong));
    assert_eq!(facts.scope_setting.as_deref(), Some("page_id"));
    assert_eq!(facts.scheme, crate::id::SCHEME);
    assert!(!facts.handles_change_hands && !facts.receipts);
}

/// What is declared, done by hand on the published vectors, where they are beside the repository: what the host does with
/// it is the host's own test.
#[test]
fn vectors() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../../shared/fixtures/messenger/vectors.json");
    let Ok(vectors) = std::fs::read(path) else {
        eprintln!("skipped: there is no {path}");
        return;
    };
    let vectors: Value = sportello_sdk::serde_json::from_slice(&vectors).unwrap();
    let Signature::Hmac { prefix, .. } = manifest().webhook.unwrap().signature else { panic!("it is no HMAC") };
    let check = |name: &str, body: &str, expected: &str, is_same: bool| {
        let text = |field: &str| vectors[name][field].as_str().unwrap();
        let mac = Hmac::<Sha256>::new_from_slice(text("secret").as_bytes()).unwrap();
        let tag = hex::encode(mac.chain_update(text(body)).finalize().into_bytes());
        assert_eq!(format!("{prefix}{tag}") == text(expected), is_same, "{name} {expected}");
    };
    check("xhub256_published", "payload", "expected", true);
    check("escaped_unicode_trap", "raw_body", "expected_over_raw_body", true);
    check("escaped_unicode_trap", "raw_body", "wrong_if_reserialised_utf8", false);
}

#[test]
fn a_missing_secret_is_told_when_opened() {
    for missing in SECRETS {
        let given = SECRETS.into_iter().filter(|name| *name != missing);
        let host = given.fold(ScriptedHost::new(), |host, name| host.secret(name, "x"));
        let settings = from_value(json!({ "page_id": "1" })).unwrap();
        let opened = host.block_on(Messenger::open(settings, &host.call()));
        assert_eq!(opened.err().unwrap().code, "no_such_secret", "{missing}");
    }
}

#[test]
fn conforms() {
    let mut options = kit::Options::read(include_str!("../../kit.json")).unwrap();
    // Longer than one message.
    let long = Note { key: "long".to_owned(), text: "word ".repeat(600), ..options.notes.first().unwrap().clone() };
    options.notes.push(long);
    kit::check(MANIFEST, &dispatch::channel::<Messenger>, &options).assert();
}
