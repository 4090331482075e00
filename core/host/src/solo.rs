//! A call that lasts as long as its instance, on a thread of its own: while it keeps that thread, nothing else stands
//! still.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::future::{AbortHandle, Abortable};
use sportello_sdk::frames::Reply;
use tokio::sync::oneshot;

use crate::inside::Inside;
use crate::running::Shared;
use crate::task::Presence;

/// How such a call ended.
pub(crate) enum End {
    /// With this.
    Replied(Reply),
    /// In a panic.
    Panicked,
    /// Not at all: it keeps its thread.
    Hangs,
}

/// Such a call. Dropped, it is given up, and watched until it is gone.
pub(crate) struct Solo {
    shared: Arc<Shared>,
    call: u64,
    giving_up: AbortHandle,
    /// Comes when nothing of the call is left; gone without a word, it panicked or was given up. Nothing once it is over.
    reply: Option<oneshot::Receiver<Reply>>,
    /// How often a poll began or ended: odd within one.
    polls: Arc<AtomicU64>,
}

impl Solo {
    /// Makes the call: `presence` is its share of the instance.
    pub(crate) fn start(presence: Presence, method: &'static str, frame: Bytes) -> std::io::Result<Self> {
        let shared = Arc::clone(&presence.shared);
        let call = presence.call;
        let (giving_up, given_up) = AbortHandle::new_pair();
        let (answer, reply) = oneshot::channel();
        let polls = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&polls);
        let work = move || {
            let world = &presence.shared.world;
            let calling = Inside::new(&world.instance, &presence.shared.plugin, method, frame, Bytes::new());
            let replied = world.runtime.block_on(async {
                let mut calling = pin!(Abortable::new(calling, given_up));
                let counting = std::future::poll_fn(|context| {
                    counted.fetch_add(1, Ordering::Relaxed);
                    let polled = calling.as_mut().poll(context);
                    counted.fetch_add(1, Ordering::Relaxed);
                    polled
                });
                counting.await
            });
            world.calls.close(presence.call);
            drop(presence);
            if let Ok(reply) = replied {
                let _ = answer.send(reply);
            }
        };
        std::thread::Builder::new().name(method.to_owned()).spawn(work)?;
        Ok(Self { shared, call, giving_up, reply: Some(reply), polls })
    }

    /// Waits for it to end, however long that takes; but one single poll may last no longer than a call may.
    pub(crate) async fn end(&mut self) -> End {
        let within = self.shared.deadline.saturating_add(self.shared.hang_grace);
        let mut polls_before = 0;
        while let Some(reply) = &mut self.reply {
            if let Ok(reply) = tokio::time::timeout(within, reply).await {
                self.reply = None;
                return reply.map_or(End::Panicked, End::Replied);
            }
            let polls = self.polls.load(Ordering::Relaxed);
            if polls == polls_before && polls % 2 == 1 {
                break;
            }
            polls_before = polls;
        }
        End::Hangs
    }
}

impl Drop for Solo {
    fn drop(&mut self) {
        let Some(gone) = self.reply.take() else {
            return;
        };
        self.shared.world.calls.close(self.call);
        self.giving_up.abort();
        let shared = Arc::clone(&self.shared);
        self.shared.world.runtime.spawn(async move {
            if tokio::time::timeout(shared.hang_grace, gone).await.is_err() {
                shared.quarantine();
            }
        });
    }
}
