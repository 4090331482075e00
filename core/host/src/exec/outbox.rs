//! What waits to be written to the plugin: whoever has something to say never waits, and one task writes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;

/// Lines for the plugin, in the order in which they were put here.
#[derive(Default)]
pub(crate) struct Outbox {
    lines: Mutex<Vec<u8>>,
    /// Also what is being written and has not been taken yet.
    waiting: AtomicUsize,
    filled: Notify,
}

impl Outbox {
    /// Puts a line at the end.
    pub(crate) fn put(&self, line: &[u8]) {
        self.waiting.fetch_add(line.len(), Ordering::Relaxed);
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(line);
        self.filled.notify_one();
    }

    /// How many bytes the plugin has not taken yet.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Writes whatever is put here, until the other side takes nothing any more.
    pub(crate) async fn write_to(&self, mut pipe: impl AsyncWrite + Unpin) {
        loop {
            let lines = std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner));
            if lines.is_empty() {
                self.filled.notified().await;
                continue;
            }
            let mut rest = lines.as_slice();
            while !rest.is_empty() {
                let Ok(taken @ 1..) = pipe.write(rest).await else {
                    return;
                };
                self.waiting.fetch_sub(taken, Ordering::Relaxed);
                rest = rest.get(taken..).unwrap_or_default();
            }
        }
    }
}
