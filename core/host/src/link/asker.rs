//! The other side of a link, as this side calls it.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use sportello_sdk::frames::{Peer, Reply};
use sportello_sdk::{Failure, Source};
use tokio::sync::oneshot;

use super::{Kind, Outbox, Outgoing};

/// The other side: what is asked of it, and waited for.
pub(crate) struct Asker<O> {
    outbox: O,
    asked: Mutex<Asked>,
}

#[derive(Default)]
struct Asked {
    last: u64,
    waiting: HashMap<u64, oneshot::Sender<Reply>>,
    /// What everything is answered with once the link is over.
    over: Option<Failure>,
}

impl<O: Outbox> Asker<O> {
    pub(crate) fn new(outbox: O) -> Self {
        Self { outbox, asked: Mutex::default() }
    }

    pub(crate) fn outbox(&self) -> &O {
        &self.outbox
    }

    /// A reply has come. Answers whether somebody has waited for it.
    pub(crate) fn answered(&self, id: u64, reply: Reply) -> bool {
        let waiting = self.asked().waiting.remove(&id);
        waiting.is_some_and(|waiting| waiting.send(reply).is_ok())
    }

    /// Everything that is waited for, and is asked from now on, is answered with this.
    pub(crate) fn end(&self, failure: Failure) {
        let waiting = {
            let mut asked = self.asked();
            if asked.over.is_some() {
                return;
            }
            asked.over = Some(failure.clone());
            std::mem::take(&mut asked.waiting)
        };
        for waiting in waiting.into_values() {
            let _ = waiting.send(Reply::failure(&failure));
        }
    }

    fn asked(&self) -> std::sync::MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks, at once.
    pub(crate) fn ask(
        self: &Arc<Self>,
        parent: u64,
        method: &str,
        frame: &[u8],
        body: &[u8],
    ) -> Result<Asking<O>, Failure> {
        let mut message = Outgoing { kind: Kind::Call, ok: true, id: 0, parent, method, frame, body };
        if let Some(why) = message.excess() {
            return Err(Failure::new(Source::Host, "too_large", why));
        }
        if self.outbox.is_full() {
            let why = "so much waits for it to be read that nothing more is asked";
            return Err(Failure::new(Source::Plugin, "busy", why).retry_after(100));
        }
        let (sender, reply) = oneshot::channel();
        let alone = {
            let mut asked = self.asked();
            if let Some(over) = &asked.over {
                return Err(over.clone());
            }
            asked.last += 1;
            message.id = asked.last;
            asked.waiting.insert(message.id, sender);
            asked.waiting.len() == 1
        };
        self.outbox.send(&message, alone);
        Ok(Asking { asker: Arc::clone(self), id: message.id, alone, reply })
    }
}

/// The other side is a peer like any other; an `Arc` of it, since a call outlives whoever made it.
pub(crate) struct Far<O>(pub(crate) Arc<Asker<O>>);

impl<O: Outbox> Peer for Far<O> {
    fn call(&self, parent: u64, method: &str, frame: Bytes, body: Bytes) -> BoxFuture<'static, Reply> {
        match self.0.ask(parent, method, &frame, &body) {
            Ok(asking) => Box::pin(asking),
            Err(failure) => Box::pin(std::future::ready(Reply::failure(&failure))),
        }
    }

    fn notify(&self, method: &str, frame: Bytes) {
        let message = Outgoing { method, frame: &frame, ..Outgoing::bare(Kind::Notify, 0) };
        // What is only told may be lost under load.
        if message.excess().is_none() && !self.0.outbox.is_full() {
            self.0.outbox.send(&message, false);
        }
    }
}

/// A call under way. Dropped, it is given up, and the other side is told.
pub(crate) struct Asking<O: Outbox> {
    asker: Arc<Asker<O>>,
    id: u64,
    /// Whether nothing else was asked when it was.
    pub(crate) alone: bool,
    reply: oneshot::Receiver<Reply>,
}

impl<O: Outbox> Future for Asking<O> {
    type Output = Reply;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Reply> {
        // The sender goes away unused with the link alone, which answers everything first.
        let lost = |_| Reply::failure(&Failure::new(Source::Plugin, "crashed", "the link is gone"));
        Pin::new(&mut self.reply).poll(context).map(|reply| reply.unwrap_or_else(lost))
    }
}

impl<O: Outbox> Drop for Asking<O> {
    fn drop(&mut self) {
        if self.asker.asked().waiting.remove(&self.id).is_some() {
            self.asker.outbox.send(&Outgoing::bare(Kind::Cancel, self.id), false);
        }
    }
}
