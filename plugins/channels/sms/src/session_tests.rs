use std::future::{pending, ready};
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use sportello_sdk::frames::{CallFrame, HostFrame, Peer, Reply, host_method};
use sportello_sdk::testing::{block_on, poll_once};
use sportello_sdk::{Channel, serde_json};

use super::*;
use crate::Sms;
use crate::pdu::tests::pdu;

const BIND_TRANSCEIVER_RESP: u32 = 0x8000_0009;
const SUBMIT_SM_RESP: u32 = 0x8000_0004;
const DELIVER_SM: u32 = 0x05;

/// A host whose time passes and whose sleeps never end: nothing tells a plugin the time but answers.
#[derive(Default)]
struct Clockwork {
    now_ms: AtomicU64,
    streams: AtomicUsize,
    writes: AtomicUsize,
    /// How many writes are taken before the connection breaks; 0 for all.
    writes_max: AtomicUsize,
    to_read: Arc<Mutex<Vec<u8>>>,
}

impl Clockwork {
    fn host(self: &Arc<Self>) -> Host {
        let now_ms = self.now_ms.load(Ordering::Relaxed);
        let frame = CallFrame { call: 1, now_ms, deadline_ms: now_ms + 10_000, seed: 1, trace: None, params: () };
        Host::new(Arc::clone(self) as Arc<dyn Peer>, &frame)
    }

    /// What there is to be read, as soon as there is something.
    fn read(&self) -> BoxFuture<'static, Reply> {
        let (to_read, now_ms) = (Arc::clone(&self.to_read), self.now_ms.load(Ordering::Relaxed));
        Box::pin(poll_fn(move |_| match std::mem::take(&mut *to_read.lock().unwrap()) {
            octets if octets.is_empty() => Poll::Pending,
            octets => {
                let frame = HostFrame { now_ms, result: serde_json::Value::Null };
                Poll::Ready(Reply { ok: true, frame: serde_json::to_vec(&frame).unwrap().into(), body: octets.into() })
            }
        }))
    }

    fn reply(&self, result: &serde_json::Value, body: Bytes) -> Reply {
        let frame = HostFrame { now_ms: self.now_ms.load(Ordering::Relaxed), result };
        Reply { ok: true, frame: serde_json::to_vec(&frame).unwrap().into(), body }
    }
}

impl Peer for Clockwork {
    fn call(&self, _: u64, method: &str, _: Bytes, _: Bytes) -> BoxFuture<'static, Reply> {
        let nothing = serde_json::Value::Null;
        let reply = match method {
            host_method::SECRET => self.reply(&serde_json::json!({ "value": "secret" }), Bytes::new()),
            host_method::STREAM_CONNECT => {
                self.streams.fetch_add(1, Ordering::Relaxed);
                self.reply(&serde_json::json!({ "stream": 1 }), Bytes::new())
            }
            host_method::STREAM_WRITE => {
                let before = self.writes.fetch_add(1, Ordering::Relaxed);
                match self.writes_max.load(Ordering::Relaxed) {
                    max if max > 0 && before >= max => broken(),
                    _ => self.reply(&nothing, Bytes::new()),
                }
            }
            host_method::STREAM_READ => return self.read(),
            host_method::STORE_GET => self.reply(&serde_json::json!({ "version": 0 }), Bytes::new()),
            _ => return Box::pin(pending()),
        };
        Box::pin(ready(reply))
    }

    fn notify(&self, _: &str, _: Bytes) {}
}

fn broken() -> Reply {
    let failure = Failure::new(sportello_sdk::Source::Host, "unreachable", "the connection broke");
    Reply { ok: false, frame: serde_json::to_vec(&failure).unwrap().into(), body: Bytes::new() }
}

/// A plugin that is bound, after so much was read.
fn opened(world: &Arc<Clockwork>) -> Sms {
    world.now_ms.store(1_000, Ordering::Relaxed);
    let settings = serde_json::json!({ "addresses": ["tcp://smsc:1"], "system_id": "sportello", "sender": "40404" });
    world.to_read.lock().unwrap().extend(pdu(BIND_TRANSCEIVER_RESP, 0, 1, b"SMSC\0"));
    block_on(Sms::open(serde_json::from_value(settings).unwrap(), &world.host())).unwrap()
}

fn note(key: &str) -> sportello_sdk::Note {
    let note = serde_json::json!({ "key": key, "to": "tel:+393331234567", "private": true, "text": "Done" });
    serde_json::from_value(note).unwrap()
}

/// The SMSC answers a note and goes, and the next that is written finds that out first. What was answered is not unknown.
#[test]
fn what_was_answered_before_a_link_broke_is_not_sent_twice() {
    let world = Arc::new(Clockwork::default());
    let sms = opened(&world);
    let host = world.host();
    let mut running = pin!(sms.run(&host));
    while world.writes.load(Ordering::Relaxed) == 0 || !world.to_read.lock().unwrap().is_empty() {
        assert!(poll_once(running.as_mut()).is_pending());
    }
    let calls = [world.host(), world.host()];
    let mut first = pin!(sms.send(note("n1"), &calls[0]));
    assert!(poll_once(first.as_mut()).is_pending() && poll_once(running.as_mut()).is_pending());
    assert_eq!(world.writes.load(Ordering::Relaxed), 2);
    // One turn of the link reads before it writes: what comes just after that is read when the write has failed.
    world.writes_max.store(2, Ordering::Relaxed);
    let mut second = pin!(sms.send(note("n2"), &calls[1]));
    assert!(poll_once(second.as_mut()).is_pending() && poll_once(running.as_mut()).is_pending());
    let answer = [pdu(SUBMIT_SM_RESP, 0, 2, b"id-1\0"), pdu(DELIVER_SM, 0, 9, b"")].concat();
    world.to_read.lock().unwrap().extend(answer);
    world.now_ms.store(1_100, Ordering::Relaxed);
    for _ in 0..8 {
        assert!(poll_once(running.as_mut()).is_pending());
    }
    let std::task::Poll::Ready(Ok(sent)) = poll_once(first.as_mut()) else { panic!("it was answered") };
    assert_eq!(sent.id.as_deref(), Some("id-1"));
}

/// After a minute in which nothing was heard a note is sent. It is not overdue in the moment in which it is made.
#[test]
fn a_note_on_a_link_that_was_silent_has_its_whole_time() {
    let world = Arc::new(Clockwork::default());
    let sms = opened(&world);
    let host = world.host();
    let mut running = pin!(sms.run(&host));
    while world.writes.load(Ordering::Relaxed) == 0 || !world.to_read.lock().unwrap().is_empty() {
        assert!(poll_once(running.as_mut()).is_pending());
    }
    world.now_ms.store(61_000, Ordering::Relaxed);
    let call = world.host();
    let mut sending = pin!(sms.send(note("n1"), &call));
    for _ in 0..8 {
        assert!(poll_once(sending.as_mut()).is_pending());
        assert!(poll_once(running.as_mut()).is_pending());
    }
    assert_eq!((world.writes.load(Ordering::Relaxed), world.streams.load(Ordering::Relaxed)), (2, 1));
    // Had the link been given up, there would be another stream, or the note would have failed.
}
