//! What is written after an answer was given: nobody waits for it, and nothing is lost with it.
//!
//! An outcome is the gateway's to keep, and is durable there once the order's call has returned. The desk's own note of it
//! saves a question later; where it is lost, a repeat of the order is unknown, and is reversed. The approval of an
//! authorization alone does not come afterwards: a capture needs it.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use futures_util::stream::{FuturesUnordered, Stream as _};
use futures_util::task::AtomicWaker;
use sportello_sdk::{Bytes, Host};

use super::record::{Record, encoded};

/// How many may wait: whoever comes then writes by itself.
const WAITING_MAX: usize = 4_096;

/// How many are written at once, so that they share commits.
const WRITING_MAX: usize = 64;

/// A record that is to replace the version before it.
struct Write {
    name: String,
    expected: u64,
    value: Bytes,
}

#[derive(Default)]
struct Inner {
    waiting: VecDeque<Write>,
    /// What is on its way to the store, by name.
    records: HashMap<String, Record>,
}

#[derive(Default)]
pub(super) struct Afterwards {
    inner: Mutex<Inner>,
    waker: AtomicWaker,
}

impl Afterwards {
    /// Keeps `record` in place of version `expected`, soon. Somebody who was faster wins.
    pub(super) async fn keep(&self, name: String, expected: u64, record: Record, host: &Host) {
        let Ok(value) = encoded(&record) else { return };
        let value = Bytes::from(value);
        let is_taken = {
            let mut inner = self.inner();
            let has_room = inner.waiting.len() < WAITING_MAX;
            if has_room {
                inner.records.insert(name.clone(), record);
                inner.waiting.push_back(Write { name: name.clone(), expected, value: value.clone() });
            }
            has_room
        };
        if is_taken {
            self.waker.wake();
        } else {
            let _ = host.save(&name, expected, value).await;
        }
    }

    /// What is on its way under this name.
    pub(super) fn record(&self, name: &str) -> Option<Record> {
        self.inner().records.get(name).cloned()
    }

    /// Writes, for ever.
    pub(super) async fn run(&self, host: &Host) {
        let mut writing = FuturesUnordered::new();
        poll_fn(|context| {
            self.waker.register(context.waker());
            loop {
                while writing.len() < WRITING_MAX {
                    let Some(write) = self.next() else { break };
                    writing.push(self.write(write, host));
                }
                if !matches!(Pin::new(&mut writing).poll_next(context), Poll::Ready(Some(()))) {
                    return Poll::<()>::Pending;
                }
            }
        })
        .await;
    }

    /// Writes all that waits. For the plugin's `close`.
    pub(super) async fn flush(&self, host: &Host) {
        while let Some(write) = self.next() {
            self.write(write, host).await;
        }
    }

    async fn write(&self, write: Write, host: &Host) {
        // Lost, it is asked for again: see above.
        let _ = host.save(&write.name, write.expected, write.value).await;
        self.inner().records.remove(&write.name);
    }

    fn next(&self) -> Option<Write> {
        self.inner().waiting.pop_front()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
