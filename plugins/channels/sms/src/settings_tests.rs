use super::*;
use sportello_sdk::serde_json::{Value, from_value, json};

fn settings(changes: &Value) -> Result<Settings, String> {
    let mut settings = json!({ "addresses": ["tls://smsc.example:3550"], "system_id": "sportello", "sender": "40404" });
    for (key, value) in changes.as_object().unwrap() {
        settings[key] = value.clone();
    }
    from_value::<Settings>(settings).map_err(|_| "shape".to_owned())
}

/// The key that the failure names, or nothing.
fn check(changes: Value, expected: Option<&str>) {
    let read = settings(&changes).and_then(|settings| {
        let all = settings.check().and_then(|()| settings.numbers()).and_then(|_| settings.sender());
        all.and_then(|_| settings.bind("secret")).map_err(|failure| failure.message)
    });
    match (read, expected) {
        (Ok(_), None) => {}
        (Err(message), Some(named)) if message.contains(named) => {}
        (read, _) => panic!("{changes}: {:?}, not {expected:?}", read.err()),
    }
}

#[test]
fn settings_are_checked() {
    check(json!({}), None);
    check(json!({ "addresses": ["tcp://127.0.0.1:2775", "tcp://127.0.0.1:2775"] }), None);
    check(json!({ "bind": "transmitter-and-receiver", "version": "5.0", "country": "IT" }), None);
    check(json!({ "number_format": "national", "country": "IT", "default_alphabet": "latin1" }), None);
    check(json!({ "receipt_ids": "hex-then-decimal", "submits_per_second": 50 }), None);
    check(json!({ "addresses": [] }), Some("addresses"));
    check(json!({ "addresses": ["smsc.example:2775"] }), Some("addresses"));
    check(json!({ "addresses": ["tcp://smsc.example"] }), Some("addresses"));
    check(json!({ "addresses": ["tcp://smsc.example:0"] }), Some("addresses"));
    check(json!({ "addresses": vec!["tcp://a:1"; 17] }), Some("addresses"));
    check(json!({ "window": 0 }), Some("window"));
    check(json!({ "window": 1001 }), Some("window"));
    check(json!({ "window_in": 0 }), Some("window_in"));
    check(json!({ "enquire_link_every_s": 0 }), Some("enquire_link_every_s"));
    check(json!({ "answer_within_s": 601 }), Some("answer_within_s"));
    check(json!({ "parts_wait_s": 0 }), Some("parts_wait_s"));
    check(json!({ "parts_max": 0 }), Some("parts_max"));
    check(json!({ "parts_max": 256 }), Some("shape"));
    check(json!({ "system_id": "a name that is too long" }), Some("system_id"));
    check(json!({ "system_id": "città" }), Some("system_id"));
    check(json!({ "system_type": "1234567890123" }), Some("system_type"));
    check(json!({ "address_range": "9".repeat(41) }), Some("address_range"));
    check(json!({ "country": "Italy" }), Some("country"));
    check(json!({ "number_format": "national" }), Some("country"));
    check(json!({ "version": "3.3" }), Some("shape"));
    check(json!({ "password": "x" }), Some("shape"));
    check(json!({ "windows": 5 }), Some("shape"));
    check(json!({ "sender": "" }), Some("sender"));
    check(json!({ "sender": "a name too long" }), Some("sender"));
    check(json!({ "sender": "città" }), Some("sender"));
    check(json!({ "sender": "+1" }), Some("sender"));
}

#[test]
fn a_password_is_not_named_by_its_value() {
    let failure = settings(&json!({})).unwrap().bind("too-long-a-secret").err().unwrap();
    assert!(failure.message.contains("`password`") && !failure.to_string().contains("too-long-a-secret"));
}

#[test]
fn senders() {
    let check = |changes: Value, expected: (u8, u8, &str)| {
        let sender = settings(&changes).unwrap().sender().unwrap();
        assert_eq!((sender.ton, sender.npi, sender.text.as_str()), expected, "{changes}");
    };
    check(json!({}), (3, 0, "40404"));
    check(json!({ "sender": "+393331234567" }), (1, 1, "393331234567"));
    check(json!({ "sender": "+393331234567", "number_format": "plus" }), (1, 1, "+393331234567"));
    check(json!({ "sender": "393331234567" }), (1, 1, "393331234567"));
    check(json!({ "sender": "Sportello" }), (5, 0, "Sportello"));
    check(json!({ "sender_ton": 0, "sender_npi": 1 }), (0, 1, "40404"));
}

#[test]
fn links() {
    let addresses = json!(["tcp://a:1", "tcp://b:2"]);
    let both = settings(&json!({ "addresses": addresses })).unwrap();
    assert_eq!(both.links().len(), 2);
    let apart = settings(&json!({ "addresses": addresses, "bind": "transmitter-and-receiver" })).unwrap();
    let roles: Vec<Role> = apart.links().into_iter().map(|(_, role)| role).collect();
    assert_eq!(roles, [Role::Transmitter, Role::Receiver, Role::Transmitter, Role::Receiver]);
}
