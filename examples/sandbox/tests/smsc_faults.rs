//! What the SMSC does badly when it is told to, and what it does about an ESME that does badly.
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

use std::time::Duration;

use esme::{ANSWER, DELIVER, ENQUIRE, Link, PAOLO, RECEIVER, SUBMIT, Submit, TRANSCEIVER, TRANSMITTER, bind, pdu};
use serde_json::{Value, json};
use world::Sandbox;

async fn write(sandbox: &Sandbox, text: &str) {
    sandbox.on_smsc("sms", json!({ "as": "paolo", "text": text })).await;
}

async fn counters(sandbox: &Sandbox) -> Value {
    sandbox.see(format!("{}/sandbox/smsc", sandbox.phones)).await["counters"].clone()
}

/// Takes `count` messages, answering each with what stands at its place; their texts and sequence numbers.
async fn receive(link: &mut Link, answers: &[u32]) -> Vec<(String, u32)> {
    let mut came = Vec::new();
    for status in answers {
        let pdu = link.next().await;
        link.answer(&pdu, *status).await;
        came.push((pdu.deliver().text(), pdu.sequence));
    }
    came
}

#[tokio::test]
async fn a_message_is_offered_again_until_it_is_answered_for_good() {
    let sandbox = Sandbox::start(&["--smsc-fault", "redeliver_after_ms=1"]).await;
    let mut link = Link::bound(&sandbox, TRANSCEIVER).await;
    let mut check = async |faults: Value, answers: &[u32], expected: Value| {
        sandbox.on_smsc("reset", json!({})).await;
        sandbox.on_smsc("faults", faults.clone()).await;
        write(&sandbox, "hello").await;
        let came = receive(&mut link, answers).await;
        assert!(came.iter().all(|(text, _)| text == "hello"));
        assert!(came.is_sorted_by(|one, next| one.1 < next.1), "a new sequence number each time: {came:?}");
        link.nothing().await;
        let counters = counters(&sandbox).await;
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&counters[key], value, "{key} after {faults} and {answers:?}");
        }
    };
    let none = json!({});
    check(none.clone(), &[0], json!({ "delivered": 1, "acked": 1 })).await;
    check(none.clone(), &[0x64, 0x14, 0x08, 0x58, 0], json!({ "delivered": 5, "acked": 1, "deferred": 4 })).await;
    check(none.clone(), &[0x65], json!({ "delivered": 1, "acked": 0, "rejected": 1 })).await;
    check(none.clone(), &[0x64, 0x66], json!({ "delivered": 2, "deferred": 1, "rejected": 1 })).await;
    check(json!({ "duplicate": 1 }), &[0, 0], json!({ "acked": 2, "duplicates": 1 })).await;
    check(json!({ "duplicate": 1 }), &[0x64, 0, 0], json!({ "acked": 2, "duplicates": 1 })).await;
    check(json!({ "lose_acks": 2 }), &[0, 0, 0], json!({ "acked": 1, "unacked": 2 })).await;
    // Nobody answers, and its time is up.
    sandbox.on_smsc("faults", json!({ "answer_within_ms": 1 })).await;
    write(&sandbox, "late").await;
    let first = link.next().await;
    let second = link.next().await;
    sandbox.on_smsc("faults", json!({ "answer_within_ms": 60_000 })).await;
    assert_eq!(first.deliver(), second.deliver());
    assert_ne!(first.sequence, second.sequence);
}

#[tokio::test]
async fn a_message_survives_its_link() {
    let sandbox = Sandbox::start(&[]).await;
    let check = async |how: &str| {
        sandbox.on_smsc("reset", json!({})).await;
        let mut link = Link::bound(&sandbox, TRANSCEIVER).await;
        for text in ["one", "two", "three"] {
            write(&sandbox, text).await;
        }
        assert_eq!(receive(&mut link, &[0]).await[0].0, "one");
        let (second, third) = (link.next().await, link.next().await);
        assert_eq!((second.deliver().text(), third.deliver().text()), ("two".to_owned(), "three".to_owned()));
        match how {
            "closed" => drop(link),
            "dropped" => {
                sandbox.on_smsc("faults", json!({ "drop_links": true })).await;
                assert_eq!(link.read().await, None);
            }
            _ => {
                link.send(&pdu(6, 0, 9, b"")).await;
                assert_eq!(link.next().await.head(), (6 | ANSWER, 0));
                assert_eq!(link.read().await, None);
            }
        }
        let mut other = Link::bound(&sandbox, RECEIVER).await;
        let came = receive(&mut other, &[0, 0]).await;
        assert_eq!(came.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>(), ["two", "three"], "{how}");
        other.nothing().await;
        assert_eq!(counters(&sandbox).await["unacked"], 2);
    };
    check("closed").await;
    check("dropped").await;
    check("unbound").await;
}

#[tokio::test]
async fn links_take_turns_within_their_windows() {
    let sandbox = Sandbox::start(&["--smsc-fault", "window=2"]).await;
    let mut transmitter = Link::bound(&sandbox, TRANSMITTER).await;
    let mut one = Link::bound(&sandbox, RECEIVER).await;
    let mut two = Link::bound(&sandbox, TRANSCEIVER).await;
    for text in ["a", "b", "c", "d", "e", "f"] {
        write(&sandbox, text).await;
    }
    let (a, c) = (one.next().await, one.next().await);
    assert_eq!((a.deliver().text(), c.deliver().text()), ("a".to_owned(), "c".to_owned()));
    one.nothing().await;
    assert_eq!(receive(&mut two, &[0, 0]).await.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>(), ["b", "d"]);
    // Only who answers gets more.
    assert_eq!(receive(&mut two, &[0, 0]).await.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>(), ["e", "f"]);
    two.nothing().await;
    one.nothing().await;
    transmitter.nothing().await;
    one.answer(&c, 0).await;
    one.answer(&a, 0).await;
    // An answer to nothing.
    one.answer(&a, 0).await;
    one.nothing().await;
    let counters = counters(&sandbox).await;
    assert_eq!((&counters["acked"], &counters["strays"]), (&json!(6), &json!(1)));
}

#[tokio::test]
async fn submissions_are_refused_as_told() {
    let sandbox = Sandbox::start(&[]).await;
    let mut link = Link::bound(&sandbox, TRANSCEIVER).await;
    let mut check = async |faults: Value, to: &str, expected: &[u32]| {
        sandbox.on_smsc("reset", json!({})).await;
        sandbox.on_smsc("faults", faults.clone()).await;
        for (sequence, status) in (2..).zip(expected) {
            link.send(&Submit { to, ..Submit::default() }.pdu(sequence)).await;
            let answer = link.next().await;
            assert_eq!((answer.head(), answer.sequence), ((SUBMIT | ANSWER, *status), sequence), "{faults}");
        }
        let counters = counters(&sandbox).await;
        let throttled = expected.iter().filter(|status| matches!(status, 0x14 | 0x58)).count();
        assert_eq!(counters["submitted"], json!(expected.iter().filter(|status| **status == 0).count()));
        assert_eq!(counters["throttled"], json!(throttled));
        assert_eq!(counters["refused"], json!(expected.iter().filter(|status| **status != 0).count()));
    };
    check(json!({ "throttle": 2 }), PAOLO, &[0x58, 0x58, 0]).await;
    check(json!({ "queue_full": 1 }), PAOLO, &[0x14, 0]).await;
    check(json!({ "refuse": { "number": "+393331234567", "status": 11 } }), PAOLO, &[11, 11]).await;
    check(json!({ "refuse": [{ "number": "+39333", "status": 11 }] }), PAOLO, &[0]).await;
    check(json!({}), "anna", &[0x0b]).await;
}

#[tokio::test]
async fn answers_are_lost_late_or_overtaken() {
    let sandbox = Sandbox::start(&[]).await;
    let submits = |count: u32| (2..2 + count).flat_map(|s| Submit::default().pdu(s)).collect::<Vec<u8>>();
    // What is answered in which order, and whether the link ends then.
    let check = async |faults: Value, sent: u32, expected: &[u32], ends: bool| {
        sandbox.on_smsc("reset", json!({})).await;
        let mut link = Link::bound(&sandbox, TRANSCEIVER).await;
        sandbox.on_smsc("faults", faults.clone()).await;
        link.send(&submits(sent)).await;
        for sequence in expected {
            let answer = link.next().await;
            assert_eq!((answer.head(), answer.sequence), ((SUBMIT | ANSWER, 0), *sequence), "{faults}");
        }
        match ends {
            true => assert_eq!(link.read().await, None, "{faults}"),
            false => link.nothing().await,
        }
    };
    let taken = async || counters(&sandbox).await["submitted"].as_u64().unwrap();
    check(json!({ "lose_submit_answers": 2 }), 4, &[4, 5], false).await;
    assert_eq!(taken().await, 4);
    check(json!({ "drop_after": 3 }), 5, &[2, 3], true).await;
    assert_eq!(taken().await, 3);
    check(json!({ "drop_after": 3, "drop_unanswered": 2 }), 3, &[2], true).await;
    assert_eq!(taken().await, 3);
    check(json!({ "drop_after": 3, "drop_unanswered": 9 }), 3, &[], true).await;
    check(json!({ "drop_after": 3 }), 2, &[2, 3], false).await;
    check(json!({ "answer_out_of_order": true }), 4, &[3, 2, 5, 4], false).await;
    check(json!({ "answer_out_of_order": true, "overtaking_wait_ms": 1 }), 1, &[2], false).await;
}

#[tokio::test]
async fn receipts_come_when_they_are_told_to() {
    let sandbox = Sandbox::start(&[]).await;
    let mut link = Link::bound(&sandbox, TRANSCEIVER).await;
    let mut check = async |faults: Value, expected: &[u32]| {
        sandbox.on_smsc("reset", json!({})).await;
        sandbox.on_smsc("faults", faults.clone()).await;
        link.send(&Submit { registered: 1, ..Submit::default() }.pdu(2)).await;
        for command in expected {
            let came = link.next().await;
            assert_eq!(came.command, *command, "{faults}");
            if *command == DELIVER {
                link.answer(&came, 0).await;
            }
        }
        link.nothing().await;
    };
    check(json!({}), &[SUBMIT | ANSWER, DELIVER]).await;
    check(json!({ "receipts": "before_answer" }), &[DELIVER, SUBMIT | ANSWER]).await;
    check(json!({ "receipts": "none" }), &[SUBMIT | ANSWER]).await;
    check(json!({ "late_receipts_ms": 1 }), &[SUBMIT | ANSWER, DELIVER]).await;
    check(json!({ "lose_submit_answers": 1 }), &[DELIVER]).await;
}

#[tokio::test]
async fn binds_are_refused_or_lead_to_silence() {
    let sandbox = Sandbox::start(&["--smsc-fault", "refuse_binds=1"]).await;
    let again = bind(TRANSCEIVER, "sportello", "smsc-pw", 0x34);
    let mut link = Link::open(&sandbox).await;
    link.send(&again).await;
    assert_eq!(link.next().await.head(), (TRANSCEIVER | ANSWER, 0x0d));
    link.send(&again).await;
    assert_eq!(link.next().await.head(), (TRANSCEIVER | ANSWER, 0));

    sandbox.on_smsc("faults", json!({ "silent_after_bind": true, "enquire_link_ms": 1 })).await;
    let mut silent = Link::bound(&sandbox, TRANSCEIVER).await;
    write(&sandbox, "nobody is told").await;
    silent.send(&[Submit::default().pdu(2), pdu(ENQUIRE, 0, 3, b"")].concat()).await;
    assert!(silent.is_silent(Duration::from_millis(200)).await);
    assert_eq!(counters(&sandbox).await["submitted"], 0);
    sandbox.on_smsc("faults", json!({ "silent_after_bind": false, "silent": true })).await;
    let mut mute = Link::open(&sandbox).await;
    mute.send(&again).await;
    assert!(mute.is_silent(Duration::from_millis(200)).await);
    // The silence ends, and what waited comes.
    drop((link, mute));
    sandbox.on_smsc("faults", json!({ "silent": false, "enquire_link_ms": 60_000 })).await;
    assert_eq!(receive(&mut silent, &[0]).await[0].0, "nobody is told");
}

#[tokio::test]
async fn a_link_that_does_not_answer_is_closed() {
    let sandbox = Sandbox::start(&["--smsc-fault", "enquire_link_ms=1"]).await;
    let mut link = Link::bound(&sandbox, TRANSCEIVER).await;
    for _ in 0..3 {
        let asked = link.next().await;
        assert_eq!(asked.head(), (ENQUIRE, 0));
        link.answer(&asked, 0).await;
    }
    assert_eq!(link.next().await.head(), (ENQUIRE, 0));
    sandbox.on_smsc("faults", json!({ "dead_after_ms": 1 })).await;
    assert_eq!(link.read().await, None);
    let counters = counters(&sandbox).await;
    assert_eq!((&counters["enquiries"], &counters["links_dead"]), (&json!(4), &json!(1)));
}

#[tokio::test]
async fn an_outage_refuses_connections_and_ends() {
    let sandbox = Sandbox::start(&[]).await;
    let mut link = Link::bound(&sandbox, TRANSCEIVER).await;
    for _ in 0..2 {
        sandbox.on_smsc("outage", json!({ "on": true })).await;
        assert_eq!(link.read().await, None);
        assert!(tokio::net::TcpStream::connect(&sandbox.smsc).await.is_err());
        assert_eq!(sandbox.see(format!("{}/sandbox/smsc", sandbox.phones)).await["links"], json!([]));
        write(&sandbox, "meanwhile").await;
        sandbox.on_smsc("outage", json!({ "on": true })).await;
        sandbox.on_smsc("outage", json!({ "on": false })).await;
        sandbox.on_smsc("outage", json!({ "on": false })).await;
        link = Link::bound(&sandbox, TRANSCEIVER).await;
        assert_eq!(receive(&mut link, &[0]).await[0].0, "meanwhile");
    }
}

#[tokio::test]
async fn octets_come_one_by_one_or_as_told() {
    let sandbox = Sandbox::start(&["--smsc-fault", "trickle=true"]).await;
    let mut link = Link::open(&sandbox).await;
    link.send(&bind(TRANSCEIVER, "sportello", "smsc-pw", 0x34)).await;
    assert_eq!(link.next_read().await, 1);
    assert_eq!(link.next().await.head(), (TRANSCEIVER | ANSWER, 0));
    sandbox.on_smsc("faults", json!({ "trickle": false })).await;
    sandbox.on_smsc("raw", json!({ "hex": "00000010 00007777 00000000 00000005" })).await;
    let raw = link.next().await;
    assert_eq!((raw.command, raw.sequence), (0x7777, 5));
    // Its answer is counted, and nothing else.
    link.send(&pdu(0x8000_0000, 3, 5, b"")).await;
    link.nothing().await;
    let counters = counters(&sandbox).await;
    assert_eq!((&counters["nacked"], &counters["strays"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn the_readme_names_every_switch_of_the_smsc() {
    let sandbox = Sandbox::start(&[]).await;
    let readme = include_str!("../README.md");
    let (_, switches) = readme.split_once("## Faults").unwrap();
    for key in sandbox.see(format!("{}/sandbox/faults", sandbox.phones)).await.as_object().unwrap().keys() {
        assert!(switches.contains(&format!("`{key}`")), "{key} is not in README.md");
    }
    let overview = sandbox.see(format!("{}/sandbox/smsc", sandbox.phones)).await;
    for key in overview["counters"].as_object().unwrap().keys() {
        assert!(readme.contains(&format!("`{key}`")), "{key} is not in README.md");
    }
}
