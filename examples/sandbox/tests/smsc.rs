//! The SMSC from outside: binds, frames, and texts in both directions, octet by octet.
#![allow(
    unreachable_pub,
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly, and use their shared modules in part"
)]

mod esme;
mod world;

use esme::{
    ANSWER, DELIVER, Deliver, ENQUIRE, Link, PAOLO, RECEIVER, SUBMIT, Submit, TRANSCEIVER, TRANSMITTER, bind, pdu,
};
use serde_json::{Value, json};
use world::Sandbox;

const NACK: u32 = 0x8000_0000;

#[tokio::test]
async fn who_may_bind() {
    let sandbox = Sandbox::start(&[]).await;
    let check = async |command: u32, system_id: &str, password: &str, version: u8, expected: u32| {
        let mut link = Link::open(&sandbox).await;
        link.send(&bind(command, system_id, password, version)).await;
        let answer = link.next().await;
        assert_eq!(answer.head(), (command | ANSWER, expected), "{command} {system_id} {password} {version:#x}");
        let version = [2, 0x10, 0, 1, version];
        let body = [&b"sandbox\0"[..], &version].concat();
        assert_eq!(answer.body, if expected == 0 { body } else { Vec::new() });
    };
    for command in [TRANSMITTER, RECEIVER, TRANSCEIVER] {
        check(command, "sportello", "smsc-pw", 0x34, 0).await;
        check(command, "sportello", "smsc-pw", 0x50, 0).await;
        check(command, "sportello", "wrong", 0x34, 0x0e).await;
        check(command, "nobody", "smsc-pw", 0x34, 0x0f).await;
        check(command, "sportello", "smsc-pw", 0x33, 0x0d).await;
    }
    let mut link = Link::open(&sandbox).await;
    link.send(&pdu(TRANSCEIVER, 0, 1, b"sportello\0no end")).await;
    assert_eq!(link.next().await.head(), (TRANSCEIVER | ANSWER, 0x02));
}

#[tokio::test]
async fn what_a_link_may_do_depends_on_its_bind() {
    let sandbox = Sandbox::start(&[]).await;
    let submit = Submit::default().pdu(2);
    let check = async |bound: Option<u32>, sent: &[u8], expected: (u32, u32)| {
        let mut link = match bound {
            Some(command) => Link::bound(&sandbox, command).await,
            None => Link::open(&sandbox).await,
        };
        link.send(sent).await;
        let answer = link.next().await;
        assert_eq!((answer.head(), answer.sequence), (expected, 2), "{bound:?} {sent:02x?}");
    };
    let plain = |command: u32| pdu(command, 0, 2, b"");
    let again = pdu(TRANSCEIVER, 0, 2, b"sportello\0smsc-pw\0\0\x34\0\0\0");
    check(None, &submit, (SUBMIT | ANSWER, 0x04)).await;
    check(None, &plain(ENQUIRE), (ENQUIRE | ANSWER, 0x04)).await;
    check(None, &plain(6), (6 | ANSWER, 0x04)).await;
    check(None, &plain(0x103), (0x103 | ANSWER, 0x04)).await;
    check(Some(RECEIVER), &submit, (SUBMIT | ANSWER, 0x04)).await;
    check(Some(TRANSMITTER), &submit, (SUBMIT | ANSWER, 0)).await;
    check(Some(TRANSCEIVER), &submit, (SUBMIT | ANSWER, 0)).await;
    check(Some(TRANSCEIVER), &again, (TRANSCEIVER | ANSWER, 0x05)).await;
    for bound in [RECEIVER, TRANSMITTER, TRANSCEIVER] {
        check(Some(bound), &plain(ENQUIRE), (ENQUIRE | ANSWER, 0)).await;
        check(Some(bound), &plain(6), (6 | ANSWER, 0)).await;
        for refused in [3, 7, 8, 0x21, 0x103] {
            check(Some(bound), &plain(refused), (refused | ANSWER, 0x03)).await;
        }
        check(Some(bound), &plain(0x7777), (NACK, 0x03)).await;
        check(Some(bound), &plain(DELIVER), (NACK, 0x03)).await;
    }
}

#[tokio::test]
async fn frames_come_in_any_pieces() {
    let sandbox = Sandbox::start(&[]).await;
    let whole = [Submit::default().pdu(2), pdu(ENQUIRE, 0, 3, b""), pdu(0x7777, 0, 4, b"xyz"), pdu(6, 0, 5, b"")];
    let check = async |octets: &[u8], piece: usize, expected: &[(u32, u32, u32)]| {
        let mut link = Link::bound(&sandbox, TRANSCEIVER).await;
        for piece in octets.chunks(piece) {
            link.send(piece).await;
        }
        let mut came = Vec::new();
        while let Some(pdu) = link.read().await {
            came.push((pdu.command, pdu.status, pdu.sequence));
        }
        assert_eq!(came, expected, "in pieces of {piece}");
    };
    let expected = [(SUBMIT | ANSWER, 0, 2), (ENQUIRE | ANSWER, 0, 3), (NACK, 3, 4), (6 | ANSWER, 0, 5)];
    for piece in [1, 2, 15, 16, 17, 1000] {
        check(&whole.concat(), piece, &expected).await;
    }
    // A length that cannot be: whatever comes after it is noise.
    let too_short = [&whole[1], &b"\0\0\0\x0f\0\0\0\x15\0\0\0\0\0\0\0\x09"[..], &whole[1]].concat();
    check(&too_short, 1000, &[(ENQUIRE | ANSWER, 0, 3), (NACK, 2, 0)]).await;
    check(b"\x7f\0\0\0", 4, &[(NACK, 2, 0)]).await;
    check(b"\0\0\0\0", 1, &[(NACK, 2, 0)]).await;
}

async fn thread(sandbox: &Sandbox, who: &str) -> Vec<Value> {
    let phone = sandbox.see(format!("{}/sandbox/phones/{who}", sandbox.phones)).await;
    phone["texts"].as_array().unwrap().clone()
}

#[tokio::test]
async fn texts_are_shown_on_the_phone_when_they_are_whole() {
    let sandbox = Sandbox::start(&[]).await;
    let mut link = Link::bound(&sandbox, TRANSCEIVER).await;
    let payload = [&[0x04, 0x24, 0, 200][..], &[b'y'; 200]].concat();
    let unknown = [0x15, 0x01, 0, 2, 9, 9];
    let sar = |number: u8| [2, 0x0c, 0, 2, 0, 7, 2, 0x0e, 0, 1, 2, 2, 0x0f, 0, 1, number];
    let plain = Submit::default();
    let mut check = async |sent: &[Submit<'_>], expected: &[(&str, &str, u64)]| {
        sandbox.on_smsc("reset", json!({})).await;
        for (sequence, submit) in (10..).zip(sent) {
            link.send(&submit.pdu(sequence)).await;
            let answer = link.next().await;
            assert_eq!((answer.head(), answer.sequence), ((SUBMIT | ANSWER, 0), sequence));
        }
        let texts = thread(&sandbox, "paolo").await;
        let shown: Vec<_> = texts
            .iter()
            .map(|t| (t["text"].as_str().unwrap(), t["encoding"].as_str().unwrap(), t["parts"].as_u64().unwrap()))
            .collect();
        assert_eq!(shown, expected);
        assert!(texts.iter().all(|text| text["from"] == "40404" && text["to"] == format!("+{PAOLO}")));
    };
    check(std::slice::from_ref(&plain), &[("hello", "gsm", 1)]).await;
    check(&[Submit { to: "+393331234567", ..plain.clone() }], &[("hello", "gsm", 1)]).await;
    check(&[Submit { message: b"20 \x1b\x65 \0\x02", ..plain.clone() }], &[("20 € @$", "gsm", 1)]).await;
    check(&[Submit { coding: 3, message: b"\xe7a", ..plain.clone() }], &[("ça", "latin1", 1)]).await;
    check(&[Submit { coding: 8, message: b"\xd8\x3c\xdf\x55", ..plain.clone() }], &[("🍕", "ucs2", 1)]).await;
    check(&[Submit { tlvs: &unknown, ..plain.clone() }], &[("hello", "gsm", 1)]).await;
    let long = "y".repeat(200);
    check(&[Submit { message: b"", tlvs: &payload, ..plain.clone() }], &[(&long, "gsm", 2)]).await;
    let part = |message| Submit { esm_class: 0x40, message, ..Submit::default() };
    let (first, second, third) = (b"\x05\0\x03\x09\x03\x01a", b"\x05\0\x03\x09\x03\x02b", b"\x05\0\x03\x09\x03\x03c");
    check(&[part(second), part(first), part(third)], &[("abc", "gsm", 3)]).await;
    check(&[part(third), part(first), part(third)], &[]).await;
    check(&[part(b"\x06\x08\x04\x01\x09\x02\x02b"), part(b"\x06\x08\x04\x01\x09\x02\x01a")], &[("ab", "gsm", 2)]).await;
    // The same number in another kind of reference is another message.
    check(&[part(b"\x06\x08\x04\0\x09\x03\x02b"), part(first), part(third)], &[]).await;
    let (one, two) = (sar(1), sar(2));
    let sar = |message, tlvs| Submit { message, tlvs, ..Submit::default() };
    check(&[sar(b"b", &two), sar(b"a", &one)], &[("ab", "gsm", 2)]).await;
}

#[tokio::test]
async fn receipts_say_what_became_of_a_message() {
    let faults = ["--smsc-fault", "dead=[\"+393330000001\"]", "--smsc-fault", "expire=[\"+393330000002\"]"];
    let sandbox = Sandbox::start(&faults).await;
    let mut link = Link::bound(&sandbox, TRANSCEIVER).await;
    let mut check = async |to: &str, registered: u8, expected: Option<(&str, u8)>| {
        let tlvs = [2, 4, 0, 2, 0xab, 0xcd];
        link.send(&Submit { to, registered, tlvs: &tlvs, ..Submit::default() }.pdu(2)).await;
        let id = link.next().await.message_id();
        if let Some((stat, state)) = expected {
            let came = link.next().await;
            let receipt = came.deliver();
            assert_eq!((receipt.esm_class, receipt.coding), (4, 0));
            assert_eq!((receipt.from.clone(), receipt.to.clone()), ((1, to.to_owned()), (3, "40404".to_owned())));
            let text = String::from_utf8(receipt.message.clone()).unwrap();
            assert!(text.starts_with(&format!("id:{id} sub:001 dlvrd:00")), "{text}");
            assert!(text.contains(&format!(" stat:{stat} err:")) && text.ends_with(" text:hello"), "{text}");
            let date = text.split_once("submit date:").unwrap().1.split(' ').next().unwrap();
            assert!(date.len() == 10 && date.bytes().all(|digit| digit.is_ascii_digit()), "{text}");
            assert_eq!(receipt.tlv(0x1e).unwrap(), [id.as_bytes(), b"\0"].concat());
            assert_eq!(receipt.tlv(0x427).unwrap(), [state]);
            assert_eq!(receipt.tlv(0x204).unwrap(), [0xab, 0xcd]);
            link.answer(&came, 0).await;
        }
        link.nothing().await;
    };
    check(PAOLO, 0, None).await;
    check(PAOLO, 1, Some(("DELIVRD", 2))).await;
    check(PAOLO, 2, None).await;
    check("393330000001", 0, None).await;
    check("393330000001", 1, Some(("UNDELIV", 5))).await;
    check("393330000001", 2, Some(("UNDELIV", 5))).await;
    check("393330000002", 1, Some(("EXPIRED", 3))).await;
    assert_eq!(thread(&sandbox, "paolo").await.len(), 3);
    assert!(thread(&sandbox, "+393330000001").await.is_empty());
    assert!(thread(&sandbox, "+393330000002").await.is_empty());
}

/// The texts of parts, put back together by their headers or parameters, in the order in which they came.
fn numbered(parts: &[Deliver]) -> Vec<(u8, u8, Vec<u8>)> {
    let place = |part: &Deliver| match (part.esm_class, part.message.as_slice()) {
        (0x40, [5, 0, 3, _, total, number, text @ ..]) => (*total, *number, text.to_vec()),
        (0x40, [6, 8, 4, _, _, total, number, text @ ..]) => (*total, *number, text.to_vec()),
        (0, text) => match (part.tlv(0x20e), part.tlv(0x20f)) {
            (Some([total]), Some([number])) => (*total, *number, text.to_vec()),
            _ => (1, 1, part.tlv(0x424).unwrap_or(text).to_vec()),
        },
        other => panic!("{other:02x?}"),
    };
    parts.iter().map(place).collect()
}

#[tokio::test]
async fn what_people_write_is_delivered() {
    let sandbox = Sandbox::start(&[]).await;
    let mut link = Link::bound(&sandbox, TRANSCEIVER).await;
    let mut check = async |sms: Value, coding: u8, expected: &[(u8, u8, &[u8])]| {
        let said = sandbox.on_smsc("sms", sms.clone()).await;
        assert_eq!(said["ids"].as_array().unwrap().len(), expected.len(), "{sms}");
        let mut parts = Vec::new();
        for _ in expected {
            let came = link.next().await;
            link.answer(&came, 0).await;
            parts.push(came.deliver());
        }
        let came = numbered(&parts);
        let came: Vec<(u8, u8, &[u8])> =
            came.iter().map(|(total, number, text)| (*total, *number, &text[..])).collect();
        assert_eq!(came, expected, "{sms}");
        assert!(parts.iter().all(|part| part.coding == coding && part.to == (3, "40404".to_owned())));
        link.nothing().await;
    };
    let paolo = |text: &str| json!({ "as": "paolo", "text": text });
    let with = |text: &str, more: Value| {
        let mut sms = paolo(text);
        sms.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        sms
    };
    check(paolo("pay 20 €"), 0, &[(1, 1, b"pay 20 \x1b\x65")]).await;
    check(paolo("ça"), 3, &[(1, 1, b"\xe7a")]).await;
    check(paolo("🍕"), 8, &[(1, 1, b"\xd8\x3c\xdf\x55")]).await;
    check(with("hi", json!({ "encoding": "ucs2" })), 8, &[(1, 1, b"\0h\0i")]).await;
    check(with("hi", json!({ "encoding": "latin1" })), 3, &[(1, 1, b"hi")]).await;
    check(with("hi", json!({ "encoding": "payload" })), 0, &[(1, 1, b"hi")]).await;
    let long = "y".repeat(60_000);
    check(with(&long, json!({ "encoding": "payload" })), 0, &[(1, 1, long.as_bytes())]).await;
    let (a, b) = ("a".repeat(153), "b".repeat(20));
    check(paolo(&format!("{a}{b}")), 0, &[(2, 1, a.as_bytes()), (2, 2, b.as_bytes())]).await;
    for parts in ["udh8", "udh16", "sar"] {
        let cut = |more: Value| {
            let mut sms = with("abcde", json!({ "parts": parts, "characters_per_part": 2 }));
            sms.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            sms
        };
        check(cut(json!({})), 0, &[(3, 1, b"ab"), (3, 2, b"cd"), (3, 3, b"e")]).await;
        check(cut(json!({ "order": [2, 0, 1] })), 0, &[(3, 3, b"e"), (3, 1, b"ab"), (3, 2, b"cd")]).await;
        check(cut(json!({ "omit": [1] })), 0, &[(3, 1, b"ab"), (3, 3, b"e")]).await;
        check(cut(json!({ "order": [1, 1] })), 0, &[(3, 2, b"cd"), (3, 2, b"cd")]).await;
    }
    let wrote = thread(&sandbox, "paolo").await;
    assert_eq!((&wrote[0]["text"], &wrote[0]["from"]), (&json!("pay 20 €"), &json!(format!("+{PAOLO}"))));
    assert_eq!(wrote.len(), 20);
}

#[tokio::test]
async fn addresses_are_written_as_asked() {
    let sandbox = Sandbox::start(&["--short-code", "50505"]).await;
    let mut link = Link::bound(&sandbox, RECEIVER).await;
    let mut check = async |sms: Value, from: (u8, &str), to: (u8, &str)| {
        sandbox.on_smsc("sms", sms.clone()).await;
        let came = link.next().await;
        link.answer(&came, 0).await;
        let came = came.deliver();
        assert_eq!((came.from.0, came.from.1.as_str()), from, "{sms}");
        assert_eq!((came.to.0, came.to.1.as_str()), to, "{sms}");
    };
    let code = (3, "50505");
    check(json!({ "as": "anna", "text": "x" }), (1, "33612345678"), code).await;
    check(json!({ "from": "+4477001", "text": "x" }), (1, "4477001"), code).await;
    check(json!({ "as": "luca", "text": "x", "source_ton": 0 }), (0, "+4915112345678"), code).await;
    check(json!({ "as": "luca", "text": "x", "source_ton": 2 }), (2, "15112345678"), code).await;
    check(json!({ "as": "luca", "text": "x", "source_ton": 5, "source": "Bank" }), (5, "Bank"), code).await;
    check(json!({ "as": "luca", "text": "x", "to": "+39333111" }), (1, "4915112345678"), (1, "39333111")).await;
    check(json!({ "as": "luca", "text": "x", "to": "12" }), (1, "4915112345678"), (3, "12")).await;
}

#[tokio::test]
async fn a_wrong_order_is_refused_with_a_sentence() {
    let sandbox = Sandbox::start(&[]).await;
    let check = async |path: &str, body: Value, status: u16, expected: &str| {
        let answer = sandbox.control("POST", format!("{}/sandbox/{path}", sandbox.phones), body.clone()).await;
        let says = answer.json()["error"].as_str().unwrap_or_default().to_owned();
        assert!(answer.status == status && says.contains(expected), "{path} {body}: {} {}", answer.status, answer.text);
    };
    check("sms", json!({ "text": "x" }), 400, "who writes").await;
    check("sms", json!({ "as": "nobody", "text": "x" }), 404, "no phone `nobody`").await;
    check("sms", json!({ "as": "paolo", "text": "ж", "encoding": "gsm" }), 400, "not all characters").await;
    check("sms", json!({ "as": "paolo", "text": "x", "order": [1] }), 400, "no part 1").await;
    check("sms", json!({ "as": "paolo", "text": "y".repeat(40_000) }), 400, "262 parts").await;
    check("sms", json!({ "as": "paolo", "text": "x", "to": "y".repeat(21) }), 400, "at most 20").await;
    check("faults", json!({ "wrong": 1 }), 400, "unknown field `wrong`").await;
    check("faults", json!({ "drop_links": 1 }), 400, "drop_links").await;
    check("raw", json!({ "hex": "00" }), 409, "nobody is bound").await;
    check("raw", json!({ "hex": "0" }), 400, "two digits").await;
    check("load", json!({ "messages": 1, "texts": ["x"] }), 409, "nobody is bound").await;
    let _link = Link::bound(&sandbox, RECEIVER).await;
    check("load", json!({ "messages": 0, "texts": ["x"] }), 400, "none of them").await;
    check("load", json!({ "messages": 1, "texts": ["y".repeat(161)] }), 400, "longer than one").await;
}
