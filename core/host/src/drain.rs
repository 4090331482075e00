//! The end of an instance: first it takes nothing new, then it finishes, then it says goodbye. In another order it does
//! not compile.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use sportello_sdk::frames::plugin_method;

use crate::call::{Ask, CallError};
use crate::running::{Running, Shared, Way};

/// How long a plugin may take to say goodbye, however long its calls may take: somebody waits for it to be gone.
const GOODBYE_MAX: Duration = Duration::from_secs(5);

/// An instance that takes no calls any more. [`Drained::close`] ends it.
#[must_use = "a drained instance is still to be closed"]
pub struct Drained {
    shared: Arc<Shared>,
    left: usize,
}

impl std::fmt::Debug for Drained {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Drained")
            .field("instance", &self.shared.world.instance)
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

impl Running {
    /// Takes no new calls, waits for the calls under way, but no longer than `within`, and ends `run` when they have
    /// ended, for it may be what answers them. All clones of this instance refuse calls from now on.
    pub async fn drain(self, within: Duration) -> Drained {
        let shared = self.0;
        shared.stop();
        let until = tokio::time::Instant::now() + within;
        let finished = tokio::time::timeout_at(until, shared.idle_but_run()).await.is_ok();
        let supervisor = shared.supervisor.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(supervisor) = supervisor {
            supervisor.abort();
            let _ = supervisor.await;
        }
        if finished {
            // What `run` leaves behind ends at once, or never.
            let _ = tokio::time::timeout(shared.hang_grace, shared.idle()).await;
        }
        let left = shared.in_flight();
        Drained { shared, left }
    }
}

impl Drained {
    /// How many calls did not end in time. Whether bytes left for them, each of their callers knows.
    pub fn left(&self) -> usize {
        self.left
    }

    /// Lets the plugin say goodbye within its deadline and at most 5 s, and lets go of it. A process of its own ends.
    ///
    /// # Errors
    /// What it failed with; it is closed all the same.
    pub async fn close(self) -> Result<(), CallError> {
        let shared = self.shared;
        let within = shared.deadline.min(GOODBYE_MAX);
        let closed = shared.call(Way::Beside, Ask::new(plugin_method::CLOSE, b"").within(within)).await;
        // Whatever the plugin still holds of them.
        shared.world.streams.end();
        if let Some(life) = shared.life() {
            life.kill();
        }
        closed.map(|_| ())
    }
}
