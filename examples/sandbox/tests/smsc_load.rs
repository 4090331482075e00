//! The load that the project's bench uses: complete, bounded, and fast enough to judge others by.
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

use std::{collections::BTreeSet, time::Instant};

use esme::{ANSWER, DELIVER, Link, RECEIVER, SUBMIT, Submit, TRANSCEIVER, pdu};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, tcp::OwnedReadHalf},
};
use world::Sandbox;

/// Asks for a load in a task of its own, and goes on.
fn load(sandbox: &Sandbox, wanted: Value) -> tokio::task::JoinHandle<Value> {
    let sandbox = sandbox.clone();
    tokio::spawn(async move { sandbox.on_smsc("load", wanted).await })
}

#[tokio::test]
async fn every_message_comes_once_whatever_the_link_does() {
    let sandbox = Sandbox::start(&["--smsc-fault", "redeliver_after_ms=1"]).await;
    let mut link = Link::bound(&sandbox, RECEIVER).await;
    let wanted = json!({ "messages": 400, "window": 7, "from": 30, "texts": ["pay {n} €", "{n}{n}", "x{n}"] });
    let running = load(&sandbox, wanted);
    let (mut acked, mut numbers, mut count) = (BTreeSet::new(), BTreeSet::new(), 0_u32);
    while acked.len() < 400 {
        let came = link.next().await;
        count += 1;
        match count {
            // Never answered: they come again on the next link.
            50..=53 => {}
            54 => {
                link.send(&pdu(6, 0, 9, b"")).await;
                while link.read().await.is_some() {}
                link = Link::bound(&sandbox, TRANSCEIVER).await;
            }
            // Put off: they come again on this one.
            100..=109 => link.answer(&came, 0x58).await,
            _ => {
                link.answer(&came, 0).await;
                let deliver = came.deliver();
                numbers.insert(deliver.from.1.clone());
                assert!(acked.insert(deliver.text()), "{} came twice", deliver.text());
            }
        }
    }
    let outcome = running.await.unwrap();
    assert_eq!((&outcome["messages"], &outcome["rejected"]), (&json!(400), &json!(0)));
    assert!(outcome["p50_us"].as_u64().unwrap() <= outcome["p99_us"].as_u64().unwrap());
    assert!(outcome["per_second"].as_u64().unwrap() > 0);
    let expected = (0..400).map(|number| match number % 3 {
        0 => format!("pay {number} \u{1b}e"),
        1 => format!("{number}{number}"),
        _ => format!("x{number}"),
    });
    assert_eq!(acked, expected.collect());
    assert_eq!(numbers.len(), 30);
    link.nothing().await;
}

/// Answers every `deliver_sm` of `messages`, and submits a text for each, reading and writing in large pieces.
async fn serve(sandbox: &Sandbox, messages: usize, submits: bool) {
    let link = TcpStream::connect(&sandbox.smsc).await.unwrap();
    let (mut reader, mut writer) = link.into_split();
    writer.write_all(&esme::bind(TRANSCEIVER, "sportello", "smsc-pw", 0x34)).await.unwrap();
    let mut buffer = Vec::new();
    let (mut taken, mut answered) = (0, 0);
    while taken < messages || submits && answered < messages {
        let mut out = Vec::new();
        for (command, sequence) in frames(&mut reader, &mut buffer).await {
            match command {
                DELIVER => {
                    taken += 1;
                    out.extend(pdu(DELIVER | ANSWER, 0, sequence, b"\0"));
                    if submits {
                        let number = format!("39333{:07}", taken % 1000);
                        out.extend(Submit { to: &number, message: b"Paid.", ..Submit::default() }.pdu(sequence));
                    }
                }
                command if command == SUBMIT | ANSWER => answered += 1,
                _ => {}
            }
        }
        writer.write_all(&out).await.unwrap();
    }
}

/// What the next read brings, as commands and sequence numbers.
async fn frames(reader: &mut OwnedReadHalf, buffer: &mut Vec<u8>) -> Vec<(u32, u32)> {
    buffer.reserve(65_536);
    assert!(reader.read_buf(buffer).await.unwrap() > 0);
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(head) = buffer.get(at..at + 16) {
        let word = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().unwrap());
        let end = at + usize::try_from(word(0)).unwrap();
        if end > buffer.len() {
            break;
        }
        found.push((word(4), word(12)));
        at = end;
    }
    buffer.drain(..at);
    found
}

#[tokio::test]
async fn a_load_counts_what_is_submitted_meanwhile_and_threads_stay_bounded() {
    let sandbox = Sandbox::start(&[]).await;
    let serving = tokio::spawn({
        let sandbox = sandbox.clone();
        async move { serve(&sandbox, 2000, true).await }
    });
    wait_for_bind(&sandbox).await;
    let outcome = load(&sandbox, json!({ "messages": 2000, "from": 20, "texts": ["pay {n} €"] })).await.unwrap();
    serving.await.unwrap();
    assert!(outcome["submitted"].as_u64().unwrap() <= 2000);
    let counters = sandbox.see(format!("{}/sandbox/smsc", sandbox.phones)).await["counters"].clone();
    assert_eq!((&counters["submitted"], &counters["acked"]), (&json!(2000), &json!(2000)));
    // Two answers to each of a thousand numbers; nothing of what they wrote themselves.
    let phone = sandbox.see(format!("{}/sandbox/phones/+393330000007", sandbox.phones)).await;
    assert_eq!(phone["texts"].as_array().unwrap().len(), 2);
}

async fn wait_for_bind(sandbox: &Sandbox) {
    loop {
        let smsc = sandbox.see(format!("{}/sandbox/smsc", sandbox.phones)).await;
        if smsc["links"].as_array().unwrap().iter().any(|link| !link["bound"].is_null()) {
            return;
        }
    }
}

/// Only in a release build do the figures mean anything: `cargo nextest run --release -p sandbox --run-ignored all`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "figures, for a release build"]
#[allow(clippy::print_stdout, reason = "figures are for reading")]
async fn figures() {
    let check = async |submits: bool, per_second_min: u64| {
        let sandbox = Sandbox::start(&[]).await;
        let messages = 300_000;
        let serving = tokio::spawn({
            let sandbox = sandbox.clone();
            async move { serve(&sandbox, messages, submits).await }
        });
        wait_for_bind(&sandbox).await;
        let started = Instant::now();
        let outcome =
            load(&sandbox, json!({ "messages": messages, "window": 100, "texts": ["pay {n} €"] })).await.unwrap();
        serving.await.unwrap();
        let per_second =
            u64::try_from(messages).unwrap() * 1000 / u64::try_from(started.elapsed().as_millis()).unwrap();
        println!("submits: {submits}: {outcome}, {per_second}/s to the last answer");
        assert!(per_second >= per_second_min, "{outcome}");
    };
    check(false, 50_000).await;
    check(true, 50_000).await;
}
