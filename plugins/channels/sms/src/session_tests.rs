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

/// A host whose time passes and whose sleeps never end: nothing tells a plugin the time but answers.
#[derive(Default)]
struct Clockwork {
    now_ms: AtomicU64,
    streams: AtomicUsize,
    writes: AtomicUsize,
    to_read: Mutex<Vec<u8>>,
}

impl Clockwork {
    fn host(self: &Arc<Self>) -> Host {
        let now_ms = self.now_ms.load(Ordering::Relaxed);
        let frame = CallFrame { call: 1, now_ms, deadline_ms: now_ms + 10_000, seed: 1, trace: None, params: () };
        Host::new(Arc::clone(self) as Arc<dyn Peer>, &frame)
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
                self.writes.fetch_add(1, Ordering::Relaxed);
                self.reply(&nothing, Bytes::new())
            }
            host_method::STREAM_READ => match std::mem::take(&mut *self.to_read.lock().unwrap()) {
                octets if octets.is_empty() => return Box::pin(pending()),
                octets => self.reply(&nothing, octets.into()),
            },
            host_method::STORE_GET => self.reply(&serde_json::json!({ "version": 0 }), Bytes::new()),
            _ => return Box::pin(pending()),
        };
        Box::pin(ready(reply))
    }

    fn notify(&self, _: &str, _: Bytes) {}
}

/// After a minute in which nothing was heard a note is sent. It is not overdue in the moment in which it is made.
#[test]
fn a_note_on_a_link_that_was_silent_has_its_whole_time() {
    let world = Arc::new(Clockwork::default());
    world.now_ms.store(1_000, Ordering::Relaxed);
    let settings = serde_json::json!({ "addresses": ["tcp://smsc:1"], "system_id": "sportello", "sender": "40404" });
    let sms = block_on(Sms::open(serde_json::from_value(settings).unwrap(), &world.host())).unwrap();
    let host = world.host();
    world.to_read.lock().unwrap().extend(pdu(BIND_TRANSCEIVER_RESP, 0, 1, b"SMSC\0"));
    let mut running = pin!(sms.run(&host));
    while world.writes.load(Ordering::Relaxed) == 0 || !world.to_read.lock().unwrap().is_empty() {
        assert!(poll_once(running.as_mut()).is_pending());
    }
    world.now_ms.store(61_000, Ordering::Relaxed);
    let note = serde_json::json!({ "key": "n1", "to": "tel:+393331234567", "private": true, "text": "Done" });
    let note = serde_json::from_value(note).unwrap();
    let call = world.host();
    let mut sending = pin!(sms.send(note, &call));
    for _ in 0..8 {
        assert!(poll_once(sending.as_mut()).is_pending());
        assert!(poll_once(running.as_mut()).is_pending());
    }
    assert_eq!((world.writes.load(Ordering::Relaxed), world.streams.load(Ordering::Relaxed)), (2, 1));
    // Had the link been given up, there would be another stream, or the note would have failed.
}
