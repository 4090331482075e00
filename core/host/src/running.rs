//! An instance that is open: how it is called, and what keeps a call from hurting anything else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use serde::Serialize;
use sportello_sdk::Manifest;
use sportello_sdk::frames::Peer;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::breaker::{Breaker, Pass};
use crate::call::{Answer, Ask, CallError, Reason, answer_of};
use crate::errand::aside;
use crate::frame::Circumstances;
use crate::keepalive::KeepAlive;
use crate::lane::Lane;
use crate::life::{Connected, Life, Tether};
use crate::rate::Rate;
use crate::spec::Backoff;
use crate::stats::{Counters, Stats};
use crate::task::{Presence, Task};
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
    /// Its own process, if it has one.
    tether: Tether,
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
    /// The calls under way; a `run` is counted by itself.
    calls: AtomicUsize,
    runs: AtomicUsize,
    idle: Notify,
    /// Takes work away from a call that keeps its thread.
    keep_alive: Option<Arc<KeepAlive>>,
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
        self.ask(Ask::of(method, params)?).await
    }

    /// What it has done.
    pub fn stats(&self) -> Stats {
        let shared = &self.0;
        let in_flight = shared.in_flight() as u64;
        let breaker = shared.breaker.state(shared.world.clock.now_ns());
        let stats = shared.counters.read(in_flight, breaker, shared.quarantined.load(Ordering::Relaxed));
        let denied = &shared.world.denied;
        Stats { denied: denied.asks(), lines_lost: denied.lines(), ..stats }
    }

    /// The process that it lives in; nothing where it shares this one.
    pub fn life(&self) -> Option<&Arc<dyn Life>> {
        self.0.life()
    }

    /// Why the process that it lives in has ended by itself, as soon as it has: killed by a signal, by its bounds, or for
    /// hanging. Then it answers nothing any more, and is to be opened again. Of an instance that shares this process, or is
    /// being stopped, it never comes to an end. It keeps nothing of the instance alive.
    pub fn gone(&self) -> impl Future<Output = String> + Send + use<> {
        let ended = self.0.life().map(|life| life.ended());
        let shared = Arc::downgrade(&self.0);
        async move {
            if let Some(ended) = ended {
                let why = ended.await;
                let is_open = |shared: Arc<Shared>| shared.stage.load(Ordering::SeqCst) == stage::OPEN;
                if shared.upgrade().is_some_and(is_open) {
                    return why;
                }
            }
            std::future::pending().await
        }
    }
}

impl Shared {
    pub(crate) fn new(
        world: Arc<World>,
        manifest: Arc<Manifest>,
        connected: Connected,
        spec: &crate::spec::Spec,
    ) -> Self {
        let keep_alive = KeepAlive::of(&world.runtime);
        Self {
            world,
            manifest,
            plugin: connected.peer,
            tether: Tether(connected.life),
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
            calls: AtomicUsize::new(0),
            runs: AtomicUsize::new(0),
            idle: Notify::new(),
            keep_alive,
        }
    }

    /// Makes one call, and counts it unless it is the host's own.
    pub(crate) async fn call(self: &Arc<Self>, way: Way, ask: Ask<'_>) -> Result<Answer, CallError> {
        let began_ns = self.world.clock.now_ns();
        let within = ask.within.unwrap_or(self.deadline);
        let within_ns = u64::try_from(within.as_nanos()).unwrap_or(u64::MAX);
        let deadline_ns = began_ns.saturating_add(within_ns).min(u64::MAX - 1);
        if way == Way::Beside {
            let (_, presence) = self.admit(way, began_ns, deadline_ns, ask.about).await.map_err(CallError::refused)?;
            return self.perform(presence, ask, deadline_ns, within).await;
        }
        Counters::count(&self.counters.calls);
        let (pass, presence) = match self.admit(way, began_ns, deadline_ns, ask.about).await {
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
    async fn admit(
        self: &Arc<Self>,
        way: Way,
        now_ns: u64,
        deadline_ns: u64,
        about: u128,
    ) -> Result<(Option<Pass>, Presence), Reason> {
        // Counted first and looked at then: whoever stops the instance does it the other way round, and so either it
        // sees this call or this call sees that it is stopping.
        let mut presence = Presence::new(self);
        if self.is_quarantined() {
            return Err(Reason::Quarantined);
        }
        if way == Way::Beside {
            presence.begin(deadline_ns, about)?;
            return Ok((None, presence));
        }
        if self.stage.load(Ordering::SeqCst) != stage::OPEN {
            return Err(Reason::Stopping);
        }
        presence.take_room(way, deadline_ns).await?;
        let retry_after_ms = |ns: u64| ns.div_ceil(MS_NS);
        let mut pass = None;
        if way == Way::Outgoing {
            self.rate.admit(now_ns).map_err(|ns| Reason::Busy {
                what: "`limits.per_second` is reached",
                retry_after_ms: retry_after_ms(ns),
            })?;
            let resting = |ns| Reason::Resting { retry_after_ms: retry_after_ms(ns) };
            pass = Some(self.breaker.admit(now_ns).map_err(resting)?);
        }
        presence.begin(deadline_ns, about)?;
        Ok((pass, presence))
    }

    /// Makes the call.
    async fn perform(
        self: &Arc<Self>,
        presence: Presence,
        ask: Ask<'_>,
        deadline_ns: u64,
        within: Duration,
    ) -> Result<Answer, CallError> {
        let world = &self.world;
        let call = presence.call;
        let now_ms = world.services.now_ms();
        // What it may have waited for its turn is small beside a deadline, and is not worth another look at the clock.
        let within_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
        let circumstances = Circumstances {
            call,
            now_ms,
            deadline_ms: now_ms.saturating_add(within_ms).min(NUMBER_MAX),
            seed: world.services.random() & NUMBER_MAX,
            trace: ask.trace,
        };
        let frame = ask.params.frame(&circumstances);
        let deadline = world.clock.at(deadline_ns);
        let reason = if self.life().is_some() {
            // Nothing of the plugin runs here, and what waits for its process yields: it needs no task.
            let asking = self.plugin.call(0, ask.method, frame, ask.body);
            match tokio::time::timeout_at(deadline, asking).await {
                Ok(reply) => return answer_of(reply, world.calls.close(call)),
                Err(_) => Reason::Timeout { within_ms },
            }
        } else {
            // A future that does not yield could not be timed out where it is awaited.
            let (mut task, doing) = Task::new(presence, ask.method, frame, ask.body);
            match self.keep_alive {
                Some(_) => aside(&world.runtime, doing).await,
                None => drop(world.runtime.spawn(doing)),
            }
            let over = match task.over() {
                Some(over) => Ok(over),
                None => tokio::time::timeout_at(deadline, task.join()).await,
            };
            match over {
                Ok(Ok((reply, sent))) => return answer_of(reply, sent),
                Ok(Err(reason)) => reason,
                Err(_) => Reason::Timeout { within_ms },
            }
        };
        Err(CallError { reason, sent: world.calls.close(call) })
    }

    /// Counts what came of a call. The breaker hears of those that it let through: a webhook that arrives says nothing of
    /// whether the provider can be reached.
    fn judge(&self, result: &Result<Answer, CallError>, now_ns: u64, pass: Option<Pass>) {
        let error = result.as_ref().err();
        if let Some(error) = error {
            Counters::count(&self.counters.errors);
            if matches!(error.reason, Reason::Timeout { .. }) {
                Counters::count(&self.counters.timeouts);
            }
            if error.is_panic() {
                Counters::count(&self.counters.panics);
            }
        }
        match (pass, error.is_some_and(CallError::is_outage)) {
            (Some(pass), true) => self.breaker.failed(now_ns, pass),
            (Some(_), false) => self.breaker.succeeded(),
            (None, _) => {}
        }
    }

    pub(crate) fn lane(&self, way: Way) -> &Lane {
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
        self.stage.load(Ordering::SeqCst) != stage::OPEN || self.is_quarantined()
    }

    /// Waits until no call is under way.
    pub(crate) async fn idle(&self) {
        self.until(|| self.in_flight() == 0).await;
    }

    /// Waits until no call is under way but `run`.
    pub(crate) async fn idle_but_run(&self) {
        self.until(|| self.calls.load(Ordering::SeqCst) == 0).await;
    }

    /// Waits for what can come true when a call ends.
    async fn until(&self, is_so: impl Fn() -> bool) {
        loop {
            let idle = self.idle.notified();
            tokio::pin!(idle);
            // Registered before the look at the count: what ends in between is heard.
            idle.as_mut().enable();
            if is_so() {
                return;
            }
            idle.await;
        }
    }

    /// One more is under way.
    pub(crate) fn arrive(&self, is_run: bool) {
        self.count(is_run).fetch_add(1, Ordering::SeqCst);
    }

    /// One is over.
    pub(crate) fn depart(&self, is_run: bool) {
        self.count(is_run).fetch_sub(1, Ordering::SeqCst);
        if self.is_stopping() {
            self.idle.notify_waiters();
        }
    }

    pub(crate) fn is_quarantined(&self) -> bool {
        self.quarantined.load(Ordering::SeqCst)
    }

    /// How many are under way, a `run` among them.
    pub(crate) fn in_flight(&self) -> usize {
        self.calls.load(Ordering::SeqCst) + self.runs.load(Ordering::SeqCst)
    }

    fn count(&self, is_run: bool) -> &AtomicUsize {
        if is_run { &self.runs } else { &self.calls }
    }

    /// Its own process, if it has one.
    pub(crate) fn life(&self) -> Option<&Arc<dyn Life>> {
        self.tether.0.as_ref()
    }

    /// A task that was given up goes on: its thread is lost to everybody else. A process of its own is killed instead, and
    /// takes no thread of ours with it.
    pub(crate) fn quarantine(&self) {
        if let Some(life) = self.life() {
            life.kill();
            return;
        }
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
