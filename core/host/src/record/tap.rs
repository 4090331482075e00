//! The two sides between which the recorder stands.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use sportello_sdk::frames::{Peer, Reply};

use super::{Note, Passed, Recorder};

/// The plugin, as the host calls it.
pub(super) struct Called {
    pub(super) plugin: Arc<dyn Peer>,
    pub(super) recorder: Arc<Recorder>,
}

/// The host, as the plugin asks it.
pub(super) struct Asking {
    pub(super) host: Arc<dyn Peer>,
    pub(super) recorder: Arc<Recorder>,
}

impl Peer for Called {
    fn call(&self, parent: u64, method: &str, frame: Bytes, body: Bytes) -> BoxFuture<'static, Reply> {
        let recorder = Arc::clone(&self.recorder);
        let call = recorder.next_call();
        let passed = Passed { frame: frame.clone(), body: body.clone() };
        recorder.note(Note::Called { call, method: method.to_owned(), passed });
        let waiting = Waiting { recorder, call, is_over: false };
        let answering = self.plugin.call(parent, method, frame, body);
        Box::pin(async move {
            let mut waiting = waiting;
            let reply = answering.await;
            waiting.is_over = true;
            let passed = Passed { frame: reply.frame.clone(), body: reply.body.clone() };
            waiting.recorder.note(Note::Answered { call, ok: reply.ok, passed });
            reply
        })
    }

    fn notify(&self, method: &str, frame: Bytes) {
        self.plugin.notify(method, frame);
    }
}

/// Somebody who waits for an answer.
struct Waiting {
    recorder: Arc<Recorder>,
    call: u64,
    is_over: bool,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.is_over {
            self.recorder.note(Note::GivenUp { call: self.call });
        }
    }
}

impl Peer for Asking {
    fn call(&self, parent: u64, method: &str, frame: Bytes, body: Bytes) -> BoxFuture<'static, Reply> {
        let recorder = Arc::clone(&self.recorder);
        let ask = recorder.next_ask();
        let method_noted: Arc<str> = method.into();
        let passed = Passed { frame: frame.clone(), body: body.clone() };
        recorder.note(Note::Asked { ask, parent, method: Arc::clone(&method_noted), passed });
        let giving = self.host.call(parent, method, frame, body);
        Box::pin(async move {
            let reply = giving.await;
            let passed = Passed { frame: reply.frame.clone(), body: reply.body.clone() };
            recorder.note(Note::Given { ask, method: method_noted, ok: reply.ok, passed });
            reply
        })
    }

    fn notify(&self, method: &str, frame: Bytes) {
        self.host.notify(method, frame);
    }
}
