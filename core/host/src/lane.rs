//! The bulkhead: a flood of calls to one instance takes its own room and nobody else's.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use crate::call::Reason;
use crate::running::Shared;
use crate::spec::Limits;

/// Room for so many calls at once, and so many that wait for it.
pub(crate) struct Lane {
    room: Semaphore,
    waiting: AtomicUsize,
    waiting_max: usize,
}

impl Lane {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { room: Semaphore::new(limits.in_flight), waiting: AtomicUsize::new(0), waiting_max: limits.waiting }
    }

    /// Gives room back.
    pub(crate) fn leave(&self) {
        self.room.add_permits(1);
    }

    /// Takes room, until [`Lane::leave`].
    pub(crate) async fn enter(&self, shared: &Shared, deadline_ns: u64) -> Result<(), Reason> {
        if let Ok(permit) = self.room.try_acquire() {
            permit.forget();
            return Ok(());
        }
        let busy = |what| Reason::Busy { what, retry_after_ms: 100 };
        /// One in the queue, until it is dropped.
        struct Waiting<'a>(&'a AtomicUsize);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        let ahead = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        if ahead >= self.waiting_max {
            return Err(busy("`limits.in_flight` calls are under way, and `limits.waiting` wait for them"));
        }
        let left = shared.world.clock.until(deadline_ns).unwrap_or_default();
        match tokio::time::timeout(left, self.room.acquire()).await {
            Ok(Ok(permit)) => permit.forget(),
            _ => return Err(busy("`limits.in_flight` calls are under way, and none ended in time")),
        }
        // It may have been long.
        if shared.is_quarantined() {
            self.leave();
            return Err(Reason::Quarantined);
        }
        Ok(())
    }
}
