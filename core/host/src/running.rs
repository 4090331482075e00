//! An instance that is open: how it is called, and what keeps a call from hurting anything else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use sportello_sdk::Manifest;
use sportello_sdk::frames::{Peer, Reply};
use tokio::sync::{Notify, Semaphore};
use tokio::task::{JoinError, JoinHandle};

use crate::attest::Sent;
use crate::breaker::{Breaker, Pass};
use crate::call::{Answer, Ask, CallError, Circumstances, Reason, answer_of, frame_of};
use crate::keepalive::KeepAlive;
use crate::rate::Rate;
use crate::spec::{Backoff, Limits};
use crate::stats::{Counters, Stats};
use crate::world::World;

/// Slots beside those of calls and webhooks: `open`, `run`, `close`, and room to spare.
pub(crate) const SLOTS_BESIDE: usize = 8;

/// The largest seed and deadline: every JSON reader holds it exactly.
pub(crate) const NUMBER_MAX: u64 = (1 << 53) - 1;

const MS_NS: u64 = 1_000_000;

/// An instance that is open. Cheap to clone: all clones are the same instance.
#[derive(Clone)]
pub struct Running(pub(crate) Arc<Shared>);

/// Where an instance stands. It only moves down this list.
mod stage {
    pub(super) const OPEN: u8 = 0;
    pub(super) const STOPPING: u8 = 1;
}

/// What all clones of an instance share.
pub(crate) struct Shared {
    pub(crate) world: Arc<World>,
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) plugin: Arc<dyn Peer>,
    pub(crate) deadline: Duration,
    pub(crate) hang_grace: Duration,
    pub(crate) backoff: Backoff,
    pub(crate) counters: Counters,
    pub(crate) supervisor: std::sync::Mutex<Option<JoinHandle<()>>>,
    pub(crate) started: AtomicBool,
    outgoing: Lane,
    incoming: Lane,
    rate: Rate,
    breaker: Breaker,
    stage: AtomicU8,
    quarantined: AtomicBool,
    in_flight: AtomicUsize,
    idle: Notify,
    _keep_alive: Option<Arc<KeepAlive>>,
}

/// Room for so many calls at once, and so many that wait for it.
struct Lane {
    room: Semaphore,
    waiting: AtomicUsize,
    waiting_max: usize,
}

/// Which way a call came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// The gateway wants something of the plugin: limited in rate, and stopped by the breaker.
    Outgoing,
    /// A provider sent something: it has room of its own, and is always listened to.
    Incoming,
    /// The host itself, to open or close the instance.
    Beside,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("instance", &self.0.world.instance).finish_non_exhaustive()
    }
}

impl Running {
    /// The instance's name.
    pub fn instance(&self) -> &str {
        &self.0.world.instance
    }

    /// What the plugin says of itself.
    pub fn manifest(&self) -> &Arc<Manifest> {
        &self.0.manifest
    }

    /// Calls the plugin. The call ends with an answer, or at its deadline, whatever the plugin does.
    ///
    /// # Errors
    /// As [`Reason`] has it, in its order, with whether bytes left.
    pub async fn ask(&self, ask: Ask<'_>) -> Result<Answer, CallError> {
        self.0.call(Way::Outgoing, ask).await
    }

    /// Calls `method` with `params`.
    ///
    /// # Errors
    /// As for [`Running::ask`].
    pub async fn call(&self, method: &'static str, params: &impl Serialize) -> Result<Answer, CallError> {
        let params = serde_json::to_vec(params).map_err(|error| {
            CallError::refused(Reason::Broken(format!("the parameters cannot be written as JSON: {error}")))
        })?;
        self.ask(Ask::new(method, &params)).await
    }

    /// What it has done.
    pub fn stats(&self) -> Stats {
        let shared = &self.0;
        let in_flight = shared.in_flight.load(Ordering::Relaxed) as u64;
        let breaker = shared.breaker.state(shared.world.clock.now_ns());
        shared.counters.read(in_flight, breaker, shared.quarantined.load(Ordering::Relaxed))
    }
}

impl Shared {
    pub(crate) fn new(
        world: Arc<World>,
        manifest: Arc<Manifest>,
        plugin: Arc<dyn Peer>,
        spec: &crate::spec::Spec,
    ) -> Self {
        let keep_alive = KeepAlive::of(&world.runtime);
        Self {
            world,
            manifest,
            plugin,
            deadline: spec.deadline,
            hang_grace: spec.hang_grace,
            backoff: spec.backoff,
            counters: Counters::new(),
            supervisor: std::sync::Mutex::new(None),
            started: AtomicBool::new(false),
            outgoing: Lane::new(&spec.limits),
            incoming: Lane::new(&spec.limits),
            rate: Rate::new(spec.limits.per_second),
            breaker: Breaker::new(spec.breaker),
            stage: AtomicU8::new(stage::OPEN),
            quarantined: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
            idle: Notify::new(),
            _keep_alive: keep_alive,
        }
    }

    /// Makes one call, and counts it unless it is the host's own.
    pub(crate) async fn call(self: &Arc<Self>, way: Way, ask: Ask<'_>) -> Result<Answer, CallError> {
        let began_ns = self.world.clock.now_ns();
        let within = ask.within.unwrap_or(self.deadline);
        let within_ns = u64::try_from(within.as_nanos()).unwrap_or(u64::MAX);
        let deadline_ns = began_ns.saturating_add(within_ns).min(u64::MAX - 1);
        if way == Way::Beside {
            let (_, presence) = self.admit(way, began_ns, deadline_ns).await.map_err(CallError::refused)?;
            return self.perform(presence, ask, deadline_ns, within).await;
        }
        Counters::count(&self.counters.calls);
        let (pass, presence) = match self.admit(way, began_ns, deadline_ns).await {
            Ok(admitted) => admitted,
            Err(reason) => {
                Counters::count(&self.counters.errors);
                Counters::count(&self.counters.refused);
                return Err(CallError::refused(reason));
            }
        };
        let result = self.perform(presence, ask, deadline_ns, within).await;
        let now_ns = self.world.clock.now_ns();
        self.counters.took(now_ns.saturating_sub(began_ns));
        self.judge(&result, now_ns, pass);
        result
    }

    /// Lets a call through, or says why not: flatly, in the order of [`Reason`].
    async fn admit(self: &Arc<Self>, way: Way, now_ns: u64, deadline_ns: u64) -> Result<(Pass, Presence), Reason> {
        // Counted first and looked at then: whoever stops the instance does it the other way round, and so either it
        // sees this call or this call sees that it is stopping.
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        let mut presence = Presence { shared: Arc::clone(self), call: 0, lane: Way::Beside };
        if self.quarantined.load(Ordering::SeqCst) {
            return Err(Reason::Quarantined);
        }
        if way == Way::Beside {
            presence.begin(deadline_ns)?;
            return Ok((Pass::Usual, presence));
        }
        if self.stage.load(Ordering::SeqCst) != stage::OPEN {
            return Err(Reason::Stopping);
        }
        self.lane(way).enter(self, deadline_ns).await?;
        presence.lane = way;
        let retry_after_ms = |ns: u64| ns.div_ceil(MS_NS);
        let mut pass = Pass::Usual;
        if way == Way::Outgoing {
            self.rate.admit(now_ns).map_err(|ns| Reason::Busy {
                what: "`limits.per_second` is reached",
                retry_after_ms: retry_after_ms(ns),
            })?;
            pass = self.breaker.admit(now_ns).map_err(|ns| Reason::Resting { retry_after_ms: retry_after_ms(ns) })?;
        }
        presence.begin(deadline_ns)?;
        Ok((pass, presence))
    }

    /// Makes the call in a task of its own: where it is awaited, a future that does not yield could not be timed out.
    async fn perform(
        self: &Arc<Self>,
        presence: Presence,
        ask: Ask<'_>,
        deadline_ns: u64,
        within: Duration,
    ) -> Result<Answer, CallError> {
        let world = &self.world;
        let call = presence.call;
        let left = world.clock.until(deadline_ns).unwrap_or(within);
        let now_ms = world.services.now_ms();
        let left_ms = u64::try_from(left.as_millis()).unwrap_or(NUMBER_MAX);
        let circumstances = Circumstances {
            call,
            now_ms,
            deadline_ms: now_ms.saturating_add(left_ms).min(NUMBER_MAX),
            seed: world.services.random() & NUMBER_MAX,
            trace: ask.trace,
        };
        let frame = frame_of(&circumstances, ask.params);
        let mut task = self.spawn(presence, ask.method, frame, ask.body);
        match tokio::time::timeout(left, task.join()).await {
            Ok(Ok((reply, sent))) => answer_of(reply, sent),
            Ok(Err(error)) if error.is_panic() => {
                Err(CallError { reason: Reason::Panicked, sent: world.calls.close(call) })
            }
            // The runtime is going away.
            Ok(Err(_)) => Err(CallError { reason: Reason::Stopping, sent: world.calls.close(call) }),
            Err(_) => {
                let within_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
                Err(CallError { reason: Reason::Timeout { within_ms }, sent: world.calls.close(call) })
            }
        }
    }

    pub(crate) fn spawn(self: &Arc<Self>, presence: Presence, method: &'static str, frame: Bytes, body: Bytes) -> Task {
        let call = presence.call;
        let handle = self.world.runtime.spawn(async move {
            let shared = &presence.shared;
            let reply = shared.plugin.call(0, method, frame, body).await;
            let sent = shared.world.calls.close(presence.call);
            drop(presence);
            (reply, sent)
        });
        Task { shared: Arc::clone(self), call, handle: Some(handle) }
    }

    /// Counts what came of a call, and lets the breaker know.
    fn judge(&self, result: &Result<Answer, CallError>, now_ns: u64, pass: Pass) {
        let Err(error) = result else {
            return self.breaker.succeeded();
        };
        Counters::count(&self.counters.errors);
        if matches!(error.reason, Reason::Timeout { .. }) {
            Counters::count(&self.counters.timeouts);
        }
        if error.is_panic() {
            Counters::count(&self.counters.panics);
        }
        if error.is_outage() {
            self.breaker.failed(now_ns, pass);
        } else {
            self.breaker.succeeded();
        }
    }

    fn lane(&self, way: Way) -> &Lane {
        match way {
            Way::Incoming => &self.incoming,
            Way::Outgoing | Way::Beside => &self.outgoing,
        }
    }

    /// Takes no new calls from now on.
    pub(crate) fn stop(&self) {
        self.stage.fetch_max(stage::STOPPING, Ordering::SeqCst);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stage.load(Ordering::SeqCst) != stage::OPEN || self.quarantined.load(Ordering::SeqCst)
    }

    /// Waits until no call is under way.
    pub(crate) async fn idle(&self) {
        loop {
            let idle = self.idle.notified();
            tokio::pin!(idle);
            // Registered before the look at the count: what ends in between is heard.
            idle.as_mut().enable();
            if self.in_flight() == 0 {
                return;
            }
            idle.await;
        }
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// A task that was given up goes on: its thread is lost to everybody else.
    fn quarantine(&self) {
        if !self.quarantined.swap(true, Ordering::SeqCst) {
            let instance = &*self.world.instance;
            tracing::error!(
                instance,
                "the plugin does not give its thread back and is called no more; all else goes on. Restart the gateway \
                 with another build of the plugin"
            );
        }
    }
}

impl Lane {
    fn new(limits: &Limits) -> Self {
        Self { room: Semaphore::new(limits.in_flight), waiting: AtomicUsize::new(0), waiting_max: limits.waiting }
    }

    /// Takes room, which [`Presence`] gives back.
    async fn enter(&self, shared: &Shared, deadline_ns: u64) -> Result<(), Reason> {
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
        if shared.quarantined.load(Ordering::SeqCst) {
            self.room.add_permits(1);
            return Err(Reason::Quarantined);
        }
        Ok(())
    }
}

/// A call's share of its instance, given back when the task that does the work is really over.
pub(crate) struct Presence {
    pub(crate) shared: Arc<Shared>,
    /// Its number; 0 before it has one.
    pub(crate) call: u64,
    lane: Way,
}

impl Presence {
    /// The presence of `run`, which nobody waits for.
    pub(crate) fn of_run(shared: &Arc<Shared>) -> Result<Self, Reason> {
        shared.in_flight.fetch_add(1, Ordering::SeqCst);
        let mut presence = Self { shared: Arc::clone(shared), call: 0, lane: Way::Beside };
        presence.begin(u64::MAX)?;
        Ok(presence)
    }

    fn begin(&mut self, deadline_ns: u64) -> Result<(), Reason> {
        let none = Reason::Busy { what: "calls that were given up are still under way", retry_after_ms: 1000 };
        self.call = self.shared.world.calls.begin(deadline_ns).ok_or(none)?;
        Ok(())
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        if self.call != 0 {
            self.shared.world.calls.end(self.call);
        }
        if self.lane != Way::Beside {
            self.shared.lane(self.lane).room.add_permits(1);
        }
        if self.shared.in_flight.fetch_sub(1, Ordering::SeqCst) == 1 && self.shared.is_stopping() {
            self.shared.idle.notify_waiters();
        }
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
