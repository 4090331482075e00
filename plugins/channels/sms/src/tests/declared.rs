use sportello_sdk::{Kind, Manifest, Strength, dispatch, kit};

use super::*;
use crate::MANIFEST;

#[test]
fn the_manifest_declares_what_sms_is() {
    let manifest: Manifest = sportello_sdk::serde_json::from_str(MANIFEST).unwrap();
    assert_eq!((manifest.name.as_str(), manifest.kind, manifest.webhook), ("sms", Kind::Channel, None));
    let facts = manifest.channel.unwrap();
    assert_eq!(facts.scheme, crate::number::SCHEME);
    // A message carries no id, a sender can be forged, and a number is given to somebody else in time.
    assert_eq!((facts.message_ids, facts.senders), (Strength::Weak, Strength::Weak));
    assert!(facts.handles_change_hands && facts.receipts);
}

#[test]
fn a_missing_secret_and_bad_settings_are_told_when_opened() {
    let settings = json!({ "addresses": [ADDRESS], "system_id": "sportello", "sender": "40404" });
    let open = |host: ScriptedHost, settings: &Value| {
        let opened = host.block_on(Sms::open(from_value(settings.clone()).unwrap(), &host.call()));
        opened.err().map(|failure| failure.code)
    };
    assert_eq!(open(ScriptedHost::new(), &settings).as_deref(), Some("no_such_secret"));
    let host = || ScriptedHost::new().secret("password", "secret");
    assert_eq!(open(host(), &settings), None);
    let long = ScriptedHost::new().secret("password", "longer than it may be");
    assert_eq!(open(long, &settings).as_deref(), Some("bad_settings"));
}

/// With no SMSC in reach, as the kit's file has it, and with one, which only a test can play.
#[test]
fn conforms() {
    let mut options = kit::Options::read(include_str!("../../kit.json")).unwrap();
    kit::check(MANIFEST, &dispatch::channel::<Sms>, &options).assert();
    options.provider = Some(|host| {
        host.on_stream(ADDRESS, |octets| StreamAnswer::Says(raws(octets).iter().flat_map(answer).collect()))
    });
    kit::check(MANIFEST, &dispatch::channel::<Sms>, &options).assert();
}
