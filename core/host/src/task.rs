//! A call that was begun, and its share of its instance: given back when the work is really over, however
//! that comes about.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{AbortHandle, Abortable, BoxFuture};
use sportello_sdk::frames::Reply;
use tokio::sync::oneshot;

use crate::attest::Sent;
use crate::call::Reason;
use crate::inside::Inside;
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

/// A call that was begun. Dropped, it is given up, and watched until it is gone.
pub(crate) struct Task {
    shared: Arc<Shared>,
    call: u64,
    giving_up: AbortHandle,
    /// Comes when nothing of the call is left; gone without a word, it was given up or its runtime is going away. Nothing
    /// once it is over.
    over: Option<oneshot::Receiver<Over>>,
}

/// What a call came to.
pub(crate) type Over = Result<(Reply, Sent), Reason>;

impl Task {
    /// The call, and what makes it, which is for [`aside`](crate::errand::aside): `presence` is its share of the instance.
    pub(crate) fn new(
        presence: Presence,
        method: &'static str,
        frame: Bytes,
        body: Bytes,
    ) -> (Self, BoxFuture<'static, ()>) {
        let shared = Arc::clone(&presence.shared);
        let call = presence.call;
        let doing = async move {
            let shared = &presence.shared;
            let reply = Inside::new(&shared.world.instance, &shared.plugin, method, frame, body).await;
            let sent = shared.world.calls.close(presence.call);
            drop(presence);
            (reply, sent)
        };
        let (giving_up, given_up) = AbortHandle::new_pair();
        let (tell, over) = oneshot::channel();
        let doing = Abortable::new(AssertUnwindSafe(doing).catch_unwind(), given_up);
        let doing = async move {
            if let Ok(done) = doing.await {
                // Whoever gave it up hears nothing.
                let _ = tell.send(done.map_err(|_| Reason::Panicked));
            }
        };
        (Self { shared, call, giving_up, over: Some(over) }, Box::pin(doing))
    }

    /// What it came to, if it is over.
    pub(crate) fn over(&mut self) -> Option<Over> {
        let over = match self.over.as_mut()?.try_recv() {
            Ok(over) => over,
            Err(oneshot::error::TryRecvError::Empty) => return None,
            Err(oneshot::error::TryRecvError::Closed) => Err(Reason::Stopping),
        };
        self.over = None;
        Some(over)
    }

    /// Waits for it to end.
    pub(crate) async fn join(&mut self) -> Over {
        let over = match &mut self.over {
            Some(over) => over.await,
            None => std::future::pending().await,
        };
        self.over = None;
        over.unwrap_or(Err(Reason::Stopping))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let Some(over) = self.over.take() else {
            return;
        };
        // Nothing is done on its behalf any more, even if it does not notice for a while.
        self.shared.world.calls.close(self.call);
        self.giving_up.abort();
        let shared = Arc::clone(&self.shared);
        self.shared.world.runtime.spawn(async move {
            if tokio::time::timeout(shared.hang_grace, over).await.is_err() {
                shared.quarantine();
            }
        });
    }
}
