use rusmpp_core::CommandId;
use sportello_sdk::{Fate, Source};

use super::*;
use crate::pdu::Delivery;

const PAOLO: &str = "393331234567";

/// A `deliver_sm` after the specification's table (SMPP 3.4, section 4.6.1).
fn delivery(
    sequence: u32,
    (ton, from): (u8, &str),
    (esm_class, coding): (u8, u8),
    user_data: &[u8],
    rest: &[u8],
) -> Vec<u8> {
    let body = [
        &[0, ton, 1],
        from.as_bytes(),
        b"\0\x03\x0040404\0",
        &[esm_class, 0, 0, 0, 0, 0, 0, coding, 0, u8::try_from(user_data.len()).unwrap()],
        user_data,
        rest,
    ];
    raw(DELIVER_SM, 0, sequence, &body.concat())
}

fn plain(sequence: u32, text: &str) -> Vec<u8> {
    delivery(sequence, (1, PAOLO), (0, 0), text.as_bytes(), b"")
}

/// A part with an 8-bit reference.
fn part(sequence: u32, (reference, total, index): (u8, u8, u8), text: &str) -> Vec<u8> {
    let user_data = [&[5, 0, 3, reference, total, index], text.as_bytes()].concat();
    delivery(sequence, (1, PAOLO), (0x40, 0), &user_data, b"")
}

/// A bound link is told all of this in one read: what it answers, as `sequence` or `sequence!status`, sorted by sequence.
fn heard(host: &ScriptedHost, sms: &Sms, deliveries: &[Vec<u8>]) -> Vec<String> {
    let stream = host.streams() + 1;
    running(host, sms, async {
        until(|| host.streams() == stream && !host.stream_written(stream).is_empty()).await;
        host.stream_says(stream, &deliveries.concat());
        let answers = || written(host, stream, DELIVER_SM | ANSWER);
        until(|| answers().len() >= deliveries.len()).await;
        let mut answers = answers();
        answers.sort_by_key(|pdu| pdu.sequence);
        assert!(answers.iter().all(|pdu| pdu.body == b"\0"));
        let told = answers.iter().map(|pdu| match pdu.status {
            0 => pdu.sequence.to_string(),
            status => format!("{}!{status:#x}", pdu.sequence),
        });
        told.collect()
    })
}

/// What is answered, and which texts become messages.
fn check(deliveries: &[Vec<u8>], answers: &[&str], texts: &[&str]) {
    let host = smsc(answer);
    let sms = opened(&host, json!({}));
    assert_eq!(heard(&host, &sms, deliveries), answers);
    let messages = host.messages();
    assert_eq!(messages.iter().map(|message| message.text.as_str()).collect::<Vec<_>>(), texts);
    for message in messages {
        assert_eq!((message.from.as_str(), message.private, message.id), ("tel:+393331234567", true, None));
    }
    nothing_is_told(&host, &["@anna", "3331234567"]);
}

#[test]
fn messages() {
    check(&[plain(5, "pay \0anna 20")], &["5"], &["pay @anna 20"]);
    check(&[delivery(5, (2, "3331234567"), (0, 0), b"hi", b"")], &["5"], &["hi"]);
    check(&[delivery(5, (1, PAOLO), (0, 8), &[0xd8, 0x3c, 0xdf, 0x55], b"")], &["5"], &["🍕"]);
    check(&[delivery(5, (1, PAOLO), (0, 3), b"caff\xe8", b"")], &["5"], &["caffè"]);
    check(&[delivery(5, (1, PAOLO), (0, 0), b"", b"\x04\x24\0\x04long")], &["5"], &["long"]);
    // Many in one read, the same twice: nobody here can tell a repeat.
    check(&[plain(5, "one"), plain(6, "two"), plain(7, "two")], &["5", "6", "7"], &["one", "two", "two"]);
    // Acknowledged, and no message.
    check(&[delivery(5, (5, "Bank"), (0, 0), b"pay \0anna 20", b"")], &["5"], &[]);
    check(&[delivery(5, (3, "40404"), (0, 0), b"pay \0anna 20", b"")], &["5"], &[]);
    check(&[delivery(5, (1, PAOLO), (0, 0), b"\xff", b"")], &["5"], &[]);
    check(&[delivery(5, (1, PAOLO), (0, 8), &[0xd8, 0x3c], b"")], &["5"], &[]);
    check(&[delivery(5, (1, PAOLO), (0, 7), b"hi", b"")], &["5"], &[]);
    check(&[delivery(5, (1, PAOLO), (0x40, 0), b"\x09hi", b"")], &["5"], &[]);
    check(&[delivery(5, (1, PAOLO), (0x40, 4), b"\x06\x05\x04\x0b\x84\x23\xf0x", b"")], &["5"], &[]);
    check(&[delivery(5, (1, PAOLO), (0x08, 0), b"hi", b"")], &["5"], &[]);
    // Refused: it is no text.
    check(&[delivery(5, (1, PAOLO), (0, 4), b"\x01\x02", b"")], &["5!0x66"], &[]);
    check(&[delivery(5, (1, PAOLO), (0, 0xf5), b"\x01\x02", b"")], &["5!0x66"], &[]);
}

#[test]
fn what_comes_at_once_is_answered_at_once() {
    let host = smsc(answer);
    let sms = opened(&host, json!({}));
    let deliveries: Vec<Vec<u8>> = (10..510).map(|sequence| plain(sequence, "hi")).collect();
    assert_eq!(heard(&host, &sms, &deliveries).len(), 500);
    assert_eq!(host.messages().len(), 500);
    let writes = host.asked().iter().filter(|asked| *asked == "stream.write").count();
    assert!(writes < 30, "{writes}");
    // Beyond what may be under way, the rest is put off, and none of it is lost.
    let sms = opened(&smsc(answer), json!({ "window_in": 10 }));
    let answers = heard(&host, &sms, &deliveries[..30]);
    assert_eq!(answers.iter().filter(|answer| answer.ends_with("!0x64")).count(), 20);
}

#[test]
fn a_message_is_acknowledged_when_it_is_durable_and_not_before() {
    let full = Failure::new(Source::Host, "store", "the store is full").retry_after(1000);
    let check = |failure: Failure, expected: &str| {
        let host = smsc(answer).fails("message", failure);
        let sms = opened(&host, json!({}));
        assert_eq!(heard(&host, &sms, &[plain(5, "pay \0anna 20")]), [expected]);
        // The SMSC delivers it again.
        let host = host.works_again("message");
        assert_eq!(heard(&host, &sms, &[plain(6, "pay \0anna 20")]), ["6"]);
        assert_eq!(host.messages().len(), 1);
        nothing_is_told(&host, &["@anna", "3331234567"]);
    };
    check(full, "5!0x64");
    check(Failure::provider("odd", "…"), "5!0x64");
    check(Failure::input("bad_message", "…"), "5!0x66");
}

#[test]
fn long_messages() {
    check(
        &[part(5, (7, 3, 3), "20"), part(6, (7, 3, 1), "pay \0"), part(7, (7, 3, 2), "anna ")],
        &["5", "6", "7"],
        &["pay @anna 20"],
    );
    // A pair and an escape whose halves are in two parts.
    let halves = |sequence, index, half: &[u8]| {
        delivery(sequence, (1, PAOLO), (0x40, 8), &[&[5, 0, 3, 1, 2, index], half].concat(), b"")
    };
    check(&[halves(5, 1, &[0xd8, 0x3c]), halves(6, 2, &[0xdf, 0x55])], &["5", "6"], &["🍕"]);
    // A 16-bit reference, and optional parameters.
    let wide = |sequence, index, text: &[u8]| {
        delivery(sequence, (1, PAOLO), (0x40, 0), &[&[6, 8, 4, 1, 2, 2, index], text].concat(), b"")
    };
    check(&[wide(5, 2, b"b"), wide(6, 1, b"a")], &["5", "6"], &["ab"]);
    let sar = |sequence, index, text: &[u8]| {
        let rest = [2, 0x0c, 0, 2, 1, 2, 2, 0x0e, 0, 1, 2, 2, 0x0f, 0, 1, index];
        delivery(sequence, (1, PAOLO), (0, 0), text, &rest)
    };
    check(&[sar(5, 2, b"b"), sar(6, 1, b"a")], &["5", "6"], &["ab"]);
    // Repeated parts, and those of two messages at once.
    check(
        &[
            part(5, (7, 2, 1), "a"),
            part(6, (7, 2, 1), "a"),
            part(7, (8, 2, 2), "d"),
            part(8, (7, 2, 2), "b"),
            part(9, (8, 2, 1), "c"),
        ],
        &["5", "6", "7", "8", "9"],
        &["ab", "cd"],
    );
    // An incomplete message is none, and one whose parts differ never will be.
    check(&[part(5, (7, 2, 1), "pay \0anna 20")], &["5"], &[]);
    check(
        &[part(5, (7, 2, 1), "pay \0anna 20"), part(6, (7, 2, 1), "pay \0anna 90"), part(7, (7, 2, 2), "x")],
        &["5", "6", "7!0x66"],
        &[],
    );
    // Parts that cannot be.
    check(&[part(5, (7, 2, 3), "a"), part(6, (7, 0, 1), "a"), part(7, (7, 2, 0), "a")], &["5", "6", "7"], &[]);
    // One part of one is a whole message.
    check(&[part(5, (7, 1, 1), "hi")], &["5"], &["hi"]);
}

#[test]
fn three_hundred_parts() {
    // A header counts to 255: that many become a message, and the rest begins another, which never is one.
    let parts: Vec<Vec<u8>> = (0..300_u32)
        .map(|at| {
            let index = u8::try_from(at % 255).unwrap() + 1;
            part(at + 10, (7, 255, index), &format!("<{index}>"))
        })
        .collect();
    let host = smsc(answer);
    let answers = heard(&host, &opened(&host, json!({})), &parts);
    assert!(answers.len() == 300 && answers.iter().all(|answer| !answer.contains('!')));
    let whole: String = (1..=255).map(|index| format!("<{index}>")).collect();
    assert_eq!(host.messages().iter().map(|message| message.text.clone()).collect::<Vec<_>>(), [whole]);
}

/// What an instance answers to one delivery, with no link in between.
fn taken(host: &ScriptedHost, sms: &Sms, delivery: &[u8]) -> u32 {
    let body = sportello_sdk::Bytes::copy_from_slice(&delivery[16..]);
    let delivery = Delivery::read(CommandId::DeliverSm, &body).unwrap();
    host.block_on(sms.shared.inbox.take(delivery, &host.call()))
}

#[test]
fn a_long_message_whose_end_is_not_durable_is_completed_later() {
    let full = Failure::new(Source::Host, "store", "the store is full").retry_after(1000);
    let host = smsc(answer);
    let parts = [part(5, (7, 2, 1), "pay \0anna "), part(6, (7, 2, 2), "20")];
    assert_eq!(taken(&host, &opened(&host, json!({})), &parts[0]), 0);
    let host = host.fails("message", full.clone());
    // Another instance, after a restart.
    let sms = opened(&host, json!({}));
    assert_eq!(taken(&host, &sms, &parts[1]), 0x64);
    let host = host.works_again("message");
    assert_eq!(taken(&host, &sms, &parts[1]), 0);
    assert_eq!(host.messages().len(), 1);
    // A part that cannot be stored is put off, and so is what there is no room for.
    let host = host.fails("store.put", full);
    assert_eq!(taken(&host, &sms, &part(7, (9, 2, 1), "x")), 0x64);
}

#[test]
fn parts_that_never_come_are_given_up() {
    let host = smsc(answer);
    let sms = opened(&host, json!({ "parts_wait_s": 60 }));
    running(&host, &sms, async {
        bound(&host, 1).await;
        host.stream_says(1, &part(5, (7, 2, 1), "pay \0anna 20"));
        until(|| logged(&host, "1 long messages are given up") == 1).await;
        // What comes too late begins anew.
        host.stream_says(1, &part(6, (7, 2, 2), "x"));
        until(|| written(&host, 1, DELIVER_SM | ANSWER).len() == 2).await;
    });
    assert_eq!(host.messages(), []);
    nothing_is_told(&host, &["@anna", "3331234567"]);
}

#[test]
fn receipts() {
    let text = b"id:id-2 sub:001 dlvrd:001 submit date:2611241200 done date:2611241201 stat:DELIVRD err:000 text:Your code: 43190";
    let receipt = || delivery(5, (1, PAOLO), (0x04, 0), text, b"");
    let host = smsc(answer);
    assert_eq!(heard(&host, &opened(&host, json!({})), &[receipt()]), ["5"]);
    let told = host.receipts();
    assert_eq!(
        (told[0].id.as_str(), told[0].fate, told[0].detail.as_deref()),
        ("id-2", Fate::Delivered, Some("DELIVRD err:000"))
    );
    assert_eq!(host.messages(), []);
    // Not asked for, and still on its way.
    let host = smsc(answer);
    assert_eq!(heard(&host, &opened(&host, json!({ "receipts": false })), &[receipt()]), ["5"]);
    let enroute = delivery(6, (1, PAOLO), (0x04, 0), b"id:id-2 stat:ENROUTE", b"");
    assert_eq!(heard(&host, &opened(&host, json!({})), &[enroute]), ["6"]);
    assert_eq!(host.receipts(), []);
    // Faster than the note's own answer: tried again, and then forgotten.
    let unknown = Failure::input("unknown_note", "no note has that id").retry_after(500);
    let host = smsc(answer).fails("receipt", unknown);
    assert_eq!(heard(&host, &opened(&host, json!({})), &[receipt()]), ["5"]);
    assert_eq!(host.asked().iter().filter(|asked| *asked == "receipt").count(), 5);
    nothing_is_told(&host, &["43190", "3331234567"]);
    // What cannot be kept is put off; what never can is not worth it.
    let full = Failure::new(Source::Host, "store", "the store is full").retry_after(1000);
    let host = smsc(answer).fails("receipt", full);
    assert_eq!(heard(&host, &opened(&host, json!({})), &[receipt()]), ["5!0x64"]);
    let host = smsc(answer).fails("receipt", Failure::input("bad_receipt", "…"));
    assert_eq!(heard(&host, &opened(&host, json!({})), &[receipt()]), ["5"]);
}

#[test]
fn its_own_number_is_nobody() {
    let host = smsc(answer);
    let sms = opened(&host, json!({ "sender": "+393331234567" }));
    assert_eq!(heard(&host, &sms, &[plain(5, "pay \0anna 20")]), ["5"]);
    assert_eq!(host.messages(), []);
}
