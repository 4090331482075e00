//! Answers that nobody waits for: late, repeated, or to what another instance asked.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;

use futures_util::stream::{FuturesUnordered, Stream as _};
use futures_util::task::AtomicWaker;
use sportello_sdk::{Host, Level, async_trait};

use crate::Message;

/// Who takes answers that nobody waits for.
#[async_trait]
pub trait Late: Send + Sync {
    /// Takes one. `host` is that of `run`: what is reported with it is no order's own call.
    async fn late(&self, answer: Message, host: &Host);
}

/// How many may wait to be taken: more are dropped, and those whom they concern stay in doubt until they ask.
const WAITING_MAX: usize = 1024;

/// How many are taken at once.
const TAKING_MAX: usize = 32;

#[derive(Default)]
pub(super) struct Lates {
    waiting: Mutex<VecDeque<Message>>,
    waker: AtomicWaker,
}

impl Lates {
    /// Puts one in. `false` where there is no room.
    pub(super) fn put(&self, answer: Message) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= WAITING_MAX {
            return false;
        }
        waiting.push_back(answer);
        drop(waiting);
        self.waker.wake();
        true
    }

    /// Hands them on, for ever.
    pub(super) async fn hand_on(&self, late: &dyn Late, host: &Host) {
        let mut taking = FuturesUnordered::new();
        poll_fn(|context| {
            self.waker.register(context.waker());
            loop {
                while taking.len() < TAKING_MAX {
                    let Some(answer) = self.next() else { break };
                    taking.push(late.late(answer, host));
                }
                // Whoever is done makes room for the next.
                if !matches!(Pin::new(&mut taking).poll_next(context), Poll::Ready(Some(()))) {
                    return Poll::<()>::Pending;
                }
            }
        })
        .await;
    }

    fn next(&self) -> Option<Message> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// Says that one was dropped.
pub(super) fn dropped(host: &Host) {
    host.log(Level::Warn, "more answers that nobody waits for came than could be looked at: one was dropped");
}
