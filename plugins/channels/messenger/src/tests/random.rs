use proptest::prelude::*;
use sportello_sdk::frames::WebhookFrame;
use sportello_sdk::{Change, WebhookRequest};

use super::*;

/// JSON made of Meta's own words, in places where they do and do not belong.
fn json_like_metas() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("page"),
        Just("1"),
        Just("2"),
        Just("9"),
        Just("m_1"),
        Just("help"),
        Just(""),
        Just("1458692752478"),
        Just("\u{0}"),
        Just("é🍕"),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(json!(1)),
        word.prop_map(Value::from),
        Just(json!({ "id": "1" })),
        Just(json!({ "id": "2" })),
        Just(json!({ "mid": "m_1", "text": "help" })),
    ];
    let name = prop_oneof![
        Just("id"),
        Just("sender"),
        Just("recipient"),
        Just("message"),
        Just("postback"),
        Just("message_edit"),
        Just("mid"),
        Just("text"),
        Just("payload"),
        Just("quick_reply"),
        Just("reply_to"),
        Just("timestamp"),
        Just("num_edit"),
        Just("is_echo"),
        Just("is_deleted"),
        Just("title"),
        Just("user_ref"),
        Just("messaging"),
    ];
    leaf.prop_recursive(5, 60, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(name.clone(), inner, 0..7).prop_map(|fields| {
                Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    })
}

/// An object with another's fields in place of its own.
fn merged(mut object: Value, with: Value) -> Value {
    for (name, value) in with.as_object().into_iter().flatten() {
        object[name] = value.clone();
    }
    object
}

fn envelope(events: Vec<Value>) -> Value {
    json!({ "object": "page", "entry": [{ "id": "1", "messaging": events }] })
}

/// Whatever comes, it is answered, and what is handed in is what the gateway may believe.
fn check(body: Vec<u8>) -> Result<(), TestCaseError> {
    let host = host();
    let head =
        WebhookFrame { method: "POST".to_owned(), path: "/".to_owned(), query: String::new(), headers: Vec::new() };
    let messenger = opened(&host);
    let reply = host.block_on(messenger.webhook(WebhookRequest { head, body: body.into() }, &host.call()));
    prop_assert!(reply.map_or(true, |reply| reply.status == 200));
    for message in host.messages() {
        prop_assert!(message.private && message.from.as_str().starts_with("messenger:1/"));
        prop_assert!(message.from.as_str() != "messenger:1/1");
        let id = message.id.unwrap();
        prop_assert!(!id.is_empty());
        prop_assert_eq!(message.text.trim().is_empty(), message.change == Change::Deleted);
        prop_assert_eq!(message.first_id == Some(id), message.change == Change::Written);
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_json(body in json_like_metas()) {
        check(body.to_string().into_bytes())?;
    }

    /// Good events, each with fields of it and of what is in it taken away or put in another's place.
    #[test]
    fn any_events(
        events in proptest::collection::vec((0_usize..3, json_like_metas(), json_like_metas()), 0..5),
    ) {
        let event = |(kind, beside, inside): (usize, Value, Value)| {
            let kind = ["message", "message_edit", "postback"][kind];
            let content = json!({ "mid": "m_1", "text": "help", "payload": "help", "num_edit": 1 });
            let event = json!({ "sender": { "id": "2" }, "recipient": { "id": "1" }, kind: merged(content, inside) });
            merged(event, beside)
        };
        check(envelope(events.into_iter().map(event).collect()).to_string().into_bytes())?;
    }

    #[test]
    fn a_good_delivery_with_bytes_changed(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6)) {
        let event = json!({ "sender": { "id": "2" }, "recipient": { "id": "1" }, "timestamp": 1_458_692_752_478_u64,
            "message": { "mid": "m_1", "text": "pay @anna 20 €", "quick_reply": { "payload": "yes" }, "reply_to": { "mid": "m_0" } } });
        let mut body = envelope(vec![event]).to_string().into_bytes();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        check(body)?;
    }

    #[test]
    fn any_bytes(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        check(body)?;
    }
}
