//! The task that makes a call, and the call's share of its instance: given back when the work is really over, however
//! that comes about.

use std::sync::Arc;

use bytes::Bytes;
use sportello_sdk::frames::Reply;
use tokio::task::{JoinError, JoinHandle};

use crate::attest::Sent;
use crate::call::Reason;
use crate::running::{Shared, Way};

/// A call's share of its instance, given back when the task that does the work is really over.
pub(crate) struct Presence {
    pub(crate) shared: Arc<Shared>,
    /// Its number; 0 before it has one.
    pub(crate) call: u64,
    lane: Way,
    is_run: bool,
}

impl Presence {
    /// That of a `run`, which lasts as long as its instance.
    pub(crate) fn of_run(shared: &Arc<Shared>) -> Self {
        Self::counted(shared, true)
    }

    /// Counted from now on, and nothing else.
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self::counted(shared, false)
    }

    fn counted(shared: &Arc<Shared>, is_run: bool) -> Self {
        shared.arrive(is_run);
        Self { shared: Arc::clone(shared), call: 0, lane: Way::Beside, is_run }
    }

    /// Takes room on its way, and waits for it if need be.
    pub(crate) async fn take_room(&mut self, way: Way, deadline_ns: u64) -> Result<(), Reason> {
        self.shared.lane(way).enter(&self.shared, deadline_ns).await?;
        self.lane = way;
        Ok(())
    }

    /// Gets a number: from now on the plugin may ask on its behalf.
    pub(crate) fn begin(&mut self, deadline_ns: u64, about: u128) -> Result<(), Reason> {
        let none = Reason::Busy { what: "calls that were given up are still under way", retry_after_ms: 1000 };
        self.call = self.shared.world.calls.begin(deadline_ns, about).ok_or(none)?;
        Ok(())
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        if self.call != 0 {
            self.shared.world.calls.end(self.call);
        }
        if self.lane != Way::Beside {
            self.shared.lane(self.lane).leave();
        }
        self.shared.depart(self.is_run);
    }
}

/// The task that makes a call. Dropped, it is given up, and watched until it is gone.
pub(crate) struct Task {
    shared: Arc<Shared>,
    call: u64,
    /// Nothing once it is over.
    handle: Option<JoinHandle<(Reply, Sent)>>,
}

impl Task {
    /// Makes the call: `presence` is its share of the instance.
    pub(crate) fn spawn(presence: Presence, method: &'static str, frame: Bytes, body: Bytes) -> Self {
        let shared = Arc::clone(&presence.shared);
        let call = presence.call;
        let handle = shared.world.runtime.spawn(async move {
            let shared = &presence.shared;
            let reply = shared.plugin.call(0, method, frame, body).await;
            let sent = shared.world.calls.close(presence.call);
            drop(presence);
            (reply, sent)
        });
        Self { shared, call, handle: Some(handle) }
    }

    /// Waits for it to end.
    pub(crate) async fn join(&mut self) -> Result<(Reply, Sent), JoinError> {
        let joined = match &mut self.handle {
            Some(handle) => handle.await,
            None => std::future::pending().await,
        };
        self.handle = None;
        joined
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let Some(handle) = self.handle.take() else {
            return;
        };
        // Nothing is done on its behalf any more, even if it does not notice for a while.
        self.shared.world.calls.close(self.call);
        handle.abort();
        let shared = Arc::clone(&self.shared);
        self.shared.world.runtime.spawn(async move {
            if tokio::time::timeout(shared.hang_grace, handle).await.is_err() {
                shared.quarantine();
            }
        });
    }
}
