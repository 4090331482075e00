//! Answers that nobody waits for: late, repeated, or to what another instance asked.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
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
    dropped: AtomicU64,
    waker: AtomicWaker,
}

impl Lates {
    /// Puts one in, where there is room.
    pub(super) fn put(&self, answer: Message) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < WAITING_MAX {
            waiting.push_back(answer);
        } else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        drop(waiting);
        self.waker.wake();
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
                let dropped = self.dropped.swap(0, Ordering::Relaxed);
                if dropped > 0 {
                    let what =
                        format!("{dropped} answers that nobody waits for were dropped: more came than are looked at");
                    host.log(Level::Warn, what);
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

#[cfg(test)]
mod tests {
    use sportello_sdk::testing::{ScriptedHost, poll_once};

    use super::*;
    use crate::Mti;

    /// Takes its time.
    struct Slow(AtomicU64);

    #[async_trait]
    impl Late for Slow {
        async fn late(&self, _: Message, _: &Host) {
            self.0.fetch_add(1, Ordering::Relaxed);
            std::future::pending::<()>().await;
        }
    }

    #[test]
    fn there_is_an_end_to_what_waits_and_what_is_dropped_is_told() {
        let (host, lates, slow) = (ScriptedHost::new(), Lates::default(), Slow(AtomicU64::new(0)));
        let call = host.call();
        let mut handed = std::pin::pin!(lates.hand_on(&slow, &call));
        let flood = || (0..1_500).for_each(|_| lates.put(Message::new(Mti::FINANCIAL_ANSWER)));
        flood();
        assert!(poll_once(handed.as_mut()).is_pending());
        flood();
        assert!(poll_once(handed.as_mut()).is_pending());
        let told: Vec<String> = host.logs().into_iter().map(|log| log.message).collect();
        let dropped =
            |count: u64| format!("{count} answers that nobody waits for were dropped: more came than are looked at");
        assert_eq!(told, [dropped(1_500 - 1_024), dropped(1_500 - 32)]);
        assert_eq!(slow.0.load(Ordering::Relaxed), 32);
    }
}
