use sportello_sdk::Change;
use sportello_sdk::serde_json::{Value, from_str, json};

use super::*;

/// What a delivery comes to for page 1: a line for each message, then one for each reason to leave something aside.
fn lines(body: &str) -> Vec<String> {
    let delivery = match read(body.as_bytes(), &Id::parse("1").unwrap()) {
        Ok(delivery) => delivery,
        Err(failure) => return vec![failure.code],
    };
    let message = |m: Message| {
        let change = match m.change {
            Change::Written => "+",
            Change::Edited => "~",
            Change::Deleted => "x",
        };
        assert!(m.private && m.mentions.is_empty() && m.from_name.is_none());
        let (id, first) = (m.id.unwrap(), m.first_id.unwrap());
        let first = if first == id { String::new() } else { format!(" of {first}") };
        let to = m.in_reply_to.map(|id| format!(" re {id}")).unwrap_or_default();
        let at = m.written_at_ms.map(|ms| format!(" at {ms}")).unwrap_or_default();
        format!("{change} {id}{first} {}{to}{at}: {}", m.from, m.text)
    };
    let mut lines: Vec<String> = delivery.messages.into_iter().map(message).collect();
    lines.extend(delivery.left.into_iter().map(|(left, times)| format!("- {times} {left}")));
    lines
}

fn check(body: &Value, expected: &[&str]) {
    assert_eq!(lines(&body.to_string()), expected, "{body}");
}

/// A delivery for page 1 with these events.
fn delivery(events: &[Value]) -> Value {
    json!({ "object": "page", "entry": [{ "id": "1", "time": 1_458_692_752_478_u64, "messaging": events }] })
}

/// An event from person 2 to page 1, with these fields beside or in place of the usual ones.
fn event(fields: Value) -> Value {
    let mut event = json!({ "sender": { "id": "2" }, "recipient": { "id": "1" }, "timestamp": 1_458_692_752_478_u64 });
    for (key, value) in fields.as_object().unwrap() {
        event[key] = value.clone();
    }
    event
}

fn check_event(fields: Value, expected: &str) {
    check(&delivery(&[event(fields)]), &[expected]);
}

fn check_message(message: Value, expected: &str) {
    check_event(json!({ "message": message }), expected);
}

const AT: &str = "at 1458692752478";

#[test]
fn what_people_write() {
    let text = |text: &str| json!({ "mid": "m_1", "text": text });
    check_message(text("pay @anna 20 €"), &format!("+ m_1 messenger:1/2 {AT}: pay @anna 20 €"));
    check_message(text("😀 e\u{301} \u{202e}"), &format!("+ m_1 messenger:1/2 {AT}: 😀 e\u{301} \u{202e}"));
    check_message(text("  two\nlines "), &format!("+ m_1 messenger:1/2 {AT}:   two\nlines "));
    let reply = json!({ "mid": "m_2", "text": "yes", "reply_to": { "mid": "m_1", "is_self_reply": false } });
    check_message(reply, &format!("+ m_2 messenger:1/2 re m_1 {AT}: yes"));
    // What answers a story, or something unreadable, is still said.
    for answered in [json!({ "story": { "id": "7" } }), json!({ "mid": 7.5 }), json!("m_1"), json!(null)] {
        let reply = json!({ "mid": "m_2", "text": "yes", "reply_to": answered });
        check_message(reply, &format!("+ m_2 messenger:1/2 {AT}: yes"));
    }
    // A link comes with a preview of itself.
    let link = json!({ "mid": "m_1", "text": "help", "attachments": [{ "type": "fallback" }], "nlp": {} });
    check_message(link, &format!("+ m_1 messenger:1/2 {AT}: help"));
    // Ids and times as numbers, as texts, in seconds, and not at all.
    let message = json!({ "mid": "m_1", "text": "help" });
    let with = |field: &str, value: Value| json!({ "message": message, field: value });
    check_event(with("sender", json!({ "id": 2 })), &format!("+ m_1 messenger:1/2 {AT}: help"));
    check_event(with("recipient", json!({ "id": 1 })), &format!("+ m_1 messenger:1/2 {AT}: help"));
    check_event(with("timestamp", json!("1458692752478")), &format!("+ m_1 messenger:1/2 {AT}: help"));
    check_event(with("timestamp", json!("1527459824")), "+ m_1 messenger:1/2 at 1527459824000: help");
    for none in [json!(null), json!(-1), json!(1.5), json!("yesterday"), json!([]), json!(1e300)] {
        check_event(with("timestamp", none), "+ m_1 messenger:1/2: help");
    }
}

#[test]
fn what_people_choose() {
    let chosen = |payload: Value| json!({ "mid": "m_1", "text": "Confirm", "quick_reply": { "payload": payload } });
    check_message(chosen(json!("yes 431907")), &format!("+ m_1 messenger:1/2 {AT}: yes 431907"));
    check_message(chosen(json!(431_907)), &format!("+ m_1 messenger:1/2 {AT}: 431907"));
    for none in [json!(""), json!(" "), json!(null), json!({}), json!(["yes"])] {
        check_message(chosen(none), &format!("+ m_1 messenger:1/2 {AT}: Confirm"));
    }
    check_message(
        json!({ "mid": "m_1", "quick_reply": { "payload": "no" } }),
        &format!("+ m_1 messenger:1/2 {AT}: no"),
    );

    let pressed = |postback: Value| json!({ "postback": postback });
    let whole = json!({ "mid": "m_3", "title": "Get started", "payload": "help", "referral": { "ref": "x" } });
    check_event(pressed(whole), &format!("+ m_3 messenger:1/2 {AT}: help"));
    check_event(pressed(json!({ "mid": "m_3", "title": "help" })), &format!("+ m_3 messenger:1/2 {AT}: help"));
    let title = json!({ "mid": "m_3", "title": "help", "payload": "" });
    check_event(pressed(title), &format!("+ m_3 messenger:1/2 {AT}: help"));
    // Without an id of its own: the same once more is the same, another button or another time is not.
    let bare = |payload: &str| pressed(json!({ "payload": payload }));
    let id = |hash: &str| format!("+ postback:1/2:1458692752478:{hash} messenger:1/2 {AT}");
    check_event(bare("help"), &format!("{}: help", id("106a5842fc5fce6f")));
    check_event(bare("status"), &format!("{}: status", id("073c1634c496cdb6")));
    check_event(json!({ "timestamp": null, "postback": { "payload": "help" } }), "- 1 cannot be read: postback");
    check_event(pressed(json!({ "mid": "m_3" })), "- 1 cannot be read: postback");
}

#[test]
fn edits_and_deletions() {
    let edit =
        |number: Value, text: Value| json!({ "message_edit": { "mid": "m_1", "text": text, "num_edit": number } });
    let second = format!("~ m_1:edit:2 of m_1 messenger:1/2 {AT}: pay @anna 30 €");
    check_event(edit(json!(2), json!("pay @anna 30 €")), &second);
    check_event(edit(json!("2"), json!("pay @anna 30 €")), &second);
    let third = format!("~ m_1:edit-at:1458692752478 of m_1 messenger:1/2 {AT}: pay");
    check_event(edit(json!(null), json!("pay")), &third);
    // Nothing was edited: not a second message.
    check_event(edit(json!(0), json!("pay @anna 20 €")), "- 1 without a text");
    check_event(json!({ "message_edit": { "mid": "m_1", "num_edit": 0 } }), "- 1 without a text");
    check_event(edit(json!(2), json!(null)), "- 1 cannot be read: message_edit");
    check_event(json!({ "message_edit": { "text": "pay", "num_edit": 1 } }), "- 1 cannot be read: message_edit");
    let own = json!({ "sender": { "id": "1" }, "recipient": { "id": "2" }, "message_edit": { "mid": "m_1", "text": "x", "num_edit": 1 } });
    check_event(own, "- 1 written by the page itself");
    check_message(json!({ "mid": "m_1", "is_deleted": true }), &format!("x m_1:deleted of m_1 messenger:1/2 {AT}: "));
}

#[test]
fn what_is_not_said_to_us_is_no_message() {
    let message = json!({ "mid": "m_1", "text": "done" });
    let echo = json!({ "mid": "m_1", "text": "done", "is_echo": true, "app_id": 7, "metadata": "x" });
    let own = "- 1 written by the page itself";
    check_event(json!({ "sender": { "id": "1" }, "recipient": { "id": "2" }, "message": echo }), own);
    check_event(json!({ "sender": { "id": "1" }, "recipient": { "id": "2" }, "message": message }), own);
    check_message(echo, own);
    let other = "- 1 for another page";
    check_event(json!({ "recipient": { "id": "9" }, "message": message }), other);
    check(
        &json!({ "object": "page", "entry": [{ "id": "9", "messaging": [event(json!({ "message": message }))] }] }),
        &[other],
    );
    let reference = json!({ "sender": { "user_ref": "x" }, "message": message });
    check_event(reference, "- 1 written by somebody without a page-scoped id");

    let no_text = "- 1 without a text";
    check_message(
        json!({ "mid": "m_1", "attachments": [{ "type": "image", "payload": { "url": "https://x" } }] }),
        no_text,
    );
    check_message(json!({ "mid": "m_1", "sticker_id": 369_239_263_222_822_u64, "attachments": [] }), no_text);
    check_message(json!({ "mid": "m_1", "text": " \u{a0}\n" }), no_text);
    check_message(json!({ "mid": "m_1", "text": null }), no_text);

    for kind in ["delivery", "read", "reaction", "optin", "referral", "pass_thread_control", "policy_enforcement"] {
        check_event(json!({ kind: { "watermark": 1 } }), &format!("- 1 of a kind that is not for us: {kind}"));
    }
    let entry =
        |field: &str| json!({ "object": "page", "entry": [{ "id": "1", "time": 1, field: [{ "message": message }] }] });
    check(&entry("standby"), &["- 1 of a kind that is not for us: standby"]);
    check(&entry("changes"), &["- 1 of a kind that is not for us: changes"]);
    let instagram =
        json!({ "object": "instagram", "entry": [{ "id": "1", "messaging": [event(json!({ "message": message }))] }] });
    check(&instagram, &["- 1 of a kind that is not for us: instagram"]);
    // What a person wrote is in no line for the log, though it stands where a kind does.
    check_event(json!({ "pay @anna 20 €": 1 }), "- 1 of a kind that is not for us: payanna");
}

#[test]
fn what_cannot_be_read_spoils_nothing_around_it() {
    let good = |id: &str| event(json!({ "message": { "mid": id, "text": "help" } }));
    let broken = [
        json!("text"),
        json!(null),
        json!([]),
        json!({}),
        event(json!({ "message": "help" })),
        event(json!({ "message": { "text": "help" } })),
        event(json!({ "message": { "mid": "", "text": "help" } })),
        event(json!({ "message": { "mid": "m 1", "text": "help" } })),
        event(json!({ "message": { "mid": "m".repeat(401), "text": "help" } })),
        event(json!({ "message": { "mid": "m_1", "text": ["help"] } })),
        event(json!({ "message": { "mid": "m_1", "text": -7 } })),
        event(json!({ "sender": null, "message": { "mid": "m_1", "text": "help" } })),
        event(json!({ "sender": { "id": "anna" }, "message": { "mid": "m_1", "text": "help" } })),
        event(json!({ "sender": { "id": "2/3" }, "message": { "mid": "m_1", "text": "help" } })),
        event(json!({ "recipient": "1", "message": { "mid": "m_1", "text": "help" } })),
        event(json!({ "postback": [] })),
    ];
    for broken in broken {
        let lines = lines(&delivery(&[good("m_8"), broken.clone(), good("m_9")]).to_string());
        assert_eq!(lines.len(), 3, "{broken}: {lines:?}");
        assert!(lines[0].starts_with("+ m_8") && lines[1].starts_with("+ m_9"), "{broken}: {lines:?}");
        assert!(lines[2].starts_with("- 1 cannot be read: ") && !lines[2].contains("help"), "{broken}: {lines:?}");
    }
    let entries = |entries: Value| json!({ "object": "page", "entry": entries });
    let fine = json!({ "id": "1", "messaging": [good("m_8")] });
    let line = format!("+ m_8 messenger:1/2 {AT}: help");
    for broken in [json!(7), json!({}), json!({ "id": {} }), json!({ "id": "1", "messaging": {} })] {
        check(&entries(json!([broken, fine])), &[&line, "- 1 cannot be read: an entry"]);
    }
    check(&entries(json!([])), &[]);
    check(&entries(json!([{ "id": "1" }, { "id": "1", "messaging": null }])), &[]);
    for unlike in [entries(json!(null)), entries(json!({})), json!({ "entry": [] }), json!({}), json!([]), json!(null)]
    {
        check(&unlike, &["malformed"]);
    }
}

#[test]
fn nothing_is_too_deep_or_too_long() {
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let event = |fields: &str| format!(r#"{{"sender":{{"id":"2"}},"recipient":{{"id":"1"}},{fields}}}"#);
    let body =
        |events: &[String]| format!(r#"{{"object":"page","entry":[{{"id":"1","messaging":[{}]}}]}}"#, events.join(","));
    let good = event(r#""message":{"mid":"m_1","text":"help"}"#);
    let line = "+ m_1 messenger:1/2: help";
    // Where nobody looks, it does no harm; where somebody does, it is no text.
    let beside = event(&format!(r#""message":{{"mid":"m_2","text":"help","nlp":{deep}}},"x":{deep}"#));
    assert_eq!(lines(&body(&[good.clone(), beside])), [line, "+ m_2 messenger:1/2: help"]);
    for inside in ["\"message\":", "\"message\":{\"mid\":\"m_2\",\"text\":"] {
        let end = if inside.contains("mid") { "}" } else { "" };
        let broken = event(&format!("{inside}{deep}{end}"));
        assert_eq!(lines(&body(&[broken, good.clone()])), [line, "- 1 cannot be read: message"]);
    }
    assert_eq!(lines(&deep), ["malformed"]);
    assert_eq!(lines(&body(&[deep, good.clone()])), [line, "- 1 cannot be read: an event"]);
    let long = "x".repeat(100_000);
    let text = event(&format!(r#""message":{{"mid":"m_3","text":"{long}"}}"#));
    assert_eq!(lines(&body(&[text])), [format!("+ m_3 messenger:1/2: {long}")]);
    // As many events as Meta ever puts into one delivery.
    assert_eq!(lines(&body(&vec![good; 1000])), vec![line; 1000]);
}

/// Meta writes all but ASCII as escapes, and those beyond the first plane as two.
#[test]
fn escaped_unicode_is_read() {
    let check = |escaped: &str, expected: &str| {
        let message = format!(r#"{{"mid":"m_1","text":"{escaped}"}}"#);
        let event = format!(r#"{{"sender":{{"id":"2"}},"recipient":{{"id":"1"}},"message":{message}}}"#);
        let body = format!(r#"{{"object":"page","entry":[{{"id":"1","messaging":[{event}]}}]}}"#);
        assert_eq!(lines(&body), [expected], "{escaped}");
    };
    check(r"pay @anna 5 \u20ac", "+ m_1 messenger:1/2: pay @anna 5 €");
    check(r"\u00e4\u00f6\u00e5 \ud83c\udf55 \/ \u003c", "+ m_1 messenger:1/2: äöå 🍕 / <");
    // Half of a pair is no text, and not taken for one that was written otherwise.
    check(r"pay \ud83c", "- 1 cannot be read: message");
}

/// The samples of Meta's reference, where they are beside the repository.
#[test]
fn samples() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../../shared/fixtures/messenger/samples");
    let check = |name: &str, expected: &str| {
        let Ok(sample) = std::fs::read_to_string(format!("{folder}/{name}.json")) else {
            eprintln!("skipped: there is no {name} in {folder}");
            return;
        };
        let page_and_person = [("<PAGE_ID>", "1"), ("PAGE-ID", "1"), ("<PSID>", "2")];
        let sample = page_and_person.iter().fold(sample, |sample, (from, to)| sample.replace(from, to));
        let sample: Value = from_str(&sample).unwrap();
        // Some are an event alone, and one is a field's value.
        let sample = match (sample.get("entry"), sample.get("value")) {
            (Some(_), _) => sample,
            (None, Some(value)) => delivery(std::slice::from_ref(value)),
            (None, None) => delivery(&[sample]),
        };
        assert_eq!(lines(&sample.to_string()), [expected], "{name}");
    };
    let id = "mid.1457764197618:41d102a3e1ae206a38";
    check("message_quick_reply", &format!("+ {id} messenger:1/2 {AT}: <DEVELOPER_DEFINED_PAYLOAD>"));
    let answered = "m_1fTq8oLumEyIp3Q2MR-aY7IfLZDamVrALniheU";
    let reply = "m_1457764197618:41d102a3e1ae206a38";
    check("message_reply_to", &format!("+ {reply} messenger:1/2 re {answered} {AT}: hello, world!"));
    check("message_echo", "- 1 written by the page itself");
    check("messaging_postbacks_field_value", "- 1 written by somebody without a page-scoped id");
}
