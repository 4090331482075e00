mod declared;
mod links;
mod received;
mod sent;

use std::pin::pin;
use std::task::Poll;

use futures_util::future::{Either, select};
use sportello_sdk::serde_json::{Value, from_value, json};
use sportello_sdk::testing::{ScriptedHost, StreamAnswer};
use sportello_sdk::{Channel, Failure, Note, Sent};

use crate::Sms;

const ADDRESS: &str = "tls://smsc.example:3550";

const BIND_TRANSCEIVER: u32 = 0x09;
const SUBMIT_SM: u32 = 0x04;
const DELIVER_SM: u32 = 0x05;
const UNBIND: u32 = 0x06;
const ENQUIRE_LINK: u32 = 0x15;
const ANSWER: u32 = 0x8000_0000;

/// A PDU as the peer sees it: read and written here by hand, after the specification's tables.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Raw {
    command: u32,
    status: u32,
    sequence: u32,
    body: Vec<u8>,
}

fn raw(command: u32, status: u32, sequence: u32, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(16 + body.len()).unwrap();
    let head = [len, command, status, sequence].map(u32::to_be_bytes).concat();
    [head.as_slice(), body].concat()
}

fn raws(mut octets: &[u8]) -> Vec<Raw> {
    let mut all = Vec::new();
    while octets.len() >= 16 {
        let word = |at: usize| u32::from_be_bytes(octets[at..at + 4].try_into().unwrap());
        let len = word(0) as usize;
        all.push(Raw { command: word(4), status: word(8), sequence: word(12), body: octets[16..len].to_vec() });
        octets = &octets[len..];
    }
    assert!(octets.is_empty(), "a write holds whole PDUs");
    all
}

/// What a well-behaved SMSC answers: submits get their sequence number as an id.
fn answer(pdu: &Raw) -> Vec<u8> {
    match pdu.command {
        BIND_TRANSCEIVER => raw(pdu.command | ANSWER, 0, pdu.sequence, b"SMSC\0"),
        SUBMIT_SM => raw(pdu.command | ANSWER, 0, pdu.sequence, format!("id-{}\0", pdu.sequence).as_bytes()),
        ENQUIRE_LINK | UNBIND => raw(pdu.command | ANSWER, 0, pdu.sequence, b""),
        _ => Vec::new(),
    }
}

/// A host with an SMSC that answers each PDU so, all that came in one write in one read.
fn smsc(answer: impl Fn(&Raw) -> Vec<u8> + Send + Sync + 'static) -> ScriptedHost {
    let host = ScriptedHost::new().secret("password", "secret");
    host.on_stream(ADDRESS, move |octets| StreamAnswer::Says(raws(octets).iter().flat_map(&answer).collect()))
}

fn opened(host: &ScriptedHost, changes: Value) -> Sms {
    let mut settings = json!({ "addresses": [ADDRESS], "system_id": "sportello", "sender": "40404", "country": "IT" });
    for (key, value) in changes.as_object().unwrap() {
        settings[key] = value.clone();
    }
    host.block_on(Sms::open(from_value(settings).unwrap(), &host.call())).unwrap()
}

/// Lets `run` go on while `meanwhile` does its work.
fn running<T>(host: &ScriptedHost, sms: &Sms, meanwhile: impl Future<Output = T>) -> T {
    let call = host.call();
    host.block_on(async {
        let run = pin!(sms.run(&call));
        match select(run, pin!(meanwhile)).await {
            Either::Left((ended, _)) => panic!("`run` ended first: {ended:?}"),
            Either::Right((done, _)) => done,
        }
    })
}

/// Waits, turn by turn, until something is so.
async fn until(so: impl Fn() -> bool) {
    let mut turns = 0;
    std::future::poll_fn(|context| {
        turns += 1;
        assert!(turns < 20_000, "it never came to be");
        context.waker().wake_by_ref();
        if so() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

fn logged(host: &ScriptedHost, line: &str) -> usize {
    host.logs().iter().filter(|log| log.message.contains(line)).count()
}

async fn bound(host: &ScriptedHost, links: usize) {
    until(|| logged(host, "is bound") >= links).await;
}

/// What was written to a stream, of one kind.
fn written(host: &ScriptedHost, stream: u64, command: u32) -> Vec<Raw> {
    raws(&host.stream_written(stream)).into_iter().filter(|pdu| pdu.command == command).collect()
}

fn note(text: &str) -> Note {
    let note = json!({ "key": "note-1", "to": "tel:+393331234567", "private": true, "text": text });
    from_value(note).unwrap()
}

/// Sends a note once a link is bound.
fn send(host: &ScriptedHost, sms: &Sms, note: Note) -> Result<Sent, Failure> {
    let links = logged(host, "is bound") + 1;
    running(host, sms, async {
        bound(host, links).await;
        sms.send(note, &host.call()).await
    })
}

/// Nobody finds in a log what is somebody's own.
fn nothing_is_told(host: &ScriptedHost, words: &[&str]) {
    for log in host.logs() {
        assert!(!words.iter().any(|word| log.message.contains(word)), "{}", log.message);
    }
}
