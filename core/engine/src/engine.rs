//! The engine itself: what it holds, how it starts, and the one way in which payments change.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use parking_lot::RwLock;
use sha2::{Digest, Sha256};
use sportello_model::command::Visibility;
use sportello_model::payment::{Event, Refusal, Taker};
use sportello_model::{Handle, Payment, PaymentId, Posting};
use tokio::sync::{Notify, oneshot};

use crate::agenda::Agenda;
use crate::chatter::Chatter;
use crate::code::CodeKey;
use crate::directory::Directory;
use crate::job::{Due, Job};
use crate::live::{Live, Lives, Now};
use crate::ports::{Clock, Entropy, Ports};
use crate::proof::{Move, Proofs};
use crate::restraint::Restraint;
use crate::setup::Setup;
use crate::store::{EffectId, EffectRow, PaymentRow, Store, StoreError, Write};
use crate::waiting::Waiting;

/// Drives payments to their end. Cheap to clone.
///
/// Beside what all clones share it holds what the operator had decided when it was made: whatever is done by one of them
/// sees one state of that from beginning to end. Each entrance takes the latest ([`Engine::latest`]).
#[derive(Clone)]
pub struct Engine(pub(crate) Arc<Inner>, pub(crate) Arc<Known>);

/// What the operator has decided, ready to be looked up. Never changed: exchanged as a whole.
pub(crate) struct Known {
    pub(crate) setup: Setup,
    pub(crate) directory: Directory,
}

impl Known {
    fn new(mut setup: Setup) -> Arc<Self> {
        let directory = Directory::new(std::mem::take(&mut setup.profiles));
        Arc::new(Self { setup, directory })
    }
}

/// An order that is, or may be, at a rail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenOrder {
    /// The payment.
    pub payment: PaymentId,
    /// The rail's instance.
    pub rail: Box<str>,
    /// The version that was given it; nothing where that was not kept.
    pub taken_by: Option<Arc<Taker>>,
}

/// What an engine is made of.
pub struct Parts {
    /// What the operator has decided.
    pub setup: Setup,
    /// What is durable.
    pub store: Store,
    /// Rails and channels.
    pub ports: Arc<dyn Ports>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// What one-time codes are derived from.
    pub code_key: CodeKey,
}

pub(crate) struct Inner {
    /// The latest, for whoever comes in.
    known: RwLock<Arc<Known>>,
    pub(crate) store: Store,
    pub(crate) ports: Arc<dyn Ports>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) code_key: CodeKey,
    pub(crate) lives: Lives,
    pub(crate) agenda: Arc<Agenda<Due>>,
    pub(crate) chatter: Chatter,
    pub(crate) proofs: Proofs,
    pub(crate) restraint: Restraint,
    pub(crate) waiting: Waiting,
    entropy: Arc<dyn Entropy>,
    /// The last id given out: ids grow even within a millisecond.
    last_id: AtomicU64,
    loading: tokio::sync::Mutex<()>,
    draining: AtomicBool,
    busy: AtomicUsize,
    idle: Notify,
}

/// Why a change did not happen.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The payment refuses the event.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It is not durable.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a change will make of a payment, once it is durable.
pub(crate) struct Prepared {
    payment: Payment,
    hash: [u8; 32],
    row: PaymentRow,
    postings: Vec<Posting>,
    due: Vec<(Due, EffectRow)>,
}

/// What belongs into one commit: changes of payments that are locked, proofs that move, and all else.
#[derive(Default)]
pub(crate) struct Batch<'a> {
    pub(crate) write: Write,
    pub(crate) proofs: Vec<Move>,
    pub(crate) changes: Vec<(&'a Arc<Live>, &'a mut Now, Prepared)>,
}

impl From<Write> for Batch<'_> {
    fn from(write: Write) -> Self {
        Self { write, ..Self::default() }
    }
}

impl Engine {
    /// Starts, and takes up whatever was left to be done.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn start(parts: Parts) -> Result<Self, StoreError> {
        let known = Known::new(parts.setup);
        let inner = Inner {
            known: RwLock::new(known.clone()),
            store: parts.store,
            ports: parts.ports,
            clock: parts.clock,
            lives: Lives::new(parts.code_key.clone()),
            code_key: parts.code_key,
            agenda: Agenda::new(),
            chatter: Chatter::default(),
            proofs: Proofs::default(),
            restraint: Restraint::default(),
            waiting: Waiting::default(),
            entropy: parts.entropy,
            last_id: AtomicU64::new(0),
            loading: tokio::sync::Mutex::default(),
            draining: AtomicBool::new(false),
            busy: AtomicUsize::new(0),
            idle: Notify::new(),
        };
        let engine = Self(Arc::new(inner), known);
        engine.recover().await?;
        engine.keep_agenda();
        Ok(engine)
    }

    /// Goes by what the operator has decided now, all of it at once: what was begun before ends by what held then, and what
    /// comes in from now on sees nothing of that.
    pub fn reconfigure(&self, setup: Setup) {
        *self.0.known.write() = Known::new(setup);
    }

    /// The same engine, going by what the operator has decided last.
    pub(crate) fn latest(&self) -> Self {
        Self(self.0.clone(), self.0.known.read().clone())
    }

    /// Who may see the payments of whoever has this handle, where nothing else is said.
    pub fn visibility(&self, handle: &Handle) -> Visibility {
        let known = self.0.known.read();
        known.directory.profile(handle).map_or(Visibility::Private, |profile| profile.visibility)
    }

    /// How many orders are open at this rail: given to it, or about to be, and not known to have come to an end.
    pub async fn open_at(&self, rail: &str) -> usize {
        let mut open = 0;
        for live in self.0.lives.all() {
            let now = live.now.lock().await;
            open += now.payment.attempts.iter().filter(|a| *a.rail == *rail && !a.state.is_final()).count();
        }
        open
    }

    /// The payments that have such orders.
    pub async fn payments_open_at(&self, rail: &str) -> Vec<PaymentId> {
        let mut open = Vec::new();
        for live in self.0.lives.all() {
            let now = live.now.lock().await;
            if now.payment.attempts.iter().any(|a| *a.rail == *rail && !a.state.is_final()) {
                open.push(live.id);
            }
        }
        open
    }

    /// The orders that are open at any rail, each with who took it.
    pub async fn orders_open(&self) -> Vec<OpenOrder> {
        let mut open = Vec::new();
        for live in self.0.lives.all() {
            let now = live.now.lock().await;
            let out = now.payment.attempts.iter().filter(|attempt| attempt.state.is_out());
            open.extend(out.map(|attempt| OpenOrder {
                payment: live.id,
                rail: attempt.rail.clone(),
                taken_by: attempt.taken_by.clone(),
            }));
        }
        open
    }

    /// The store, to read from.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// Takes nothing new from now on, and waits until what is being done is done, or until `deadline_ms` (milliseconds
    /// since 1970). Answers whether all was done; what was not is taken up at the next start.
    pub async fn drain(&self, deadline_ms: u64) -> bool {
        self.0.draining.store(true, Ordering::SeqCst);
        let all_idle = async {
            loop {
                let idle = self.0.idle.notified();
                if self.0.busy.load(Ordering::SeqCst) == 0 {
                    return;
                }
                idle.await;
            }
        };
        tokio::select! {
            biased;
            () = all_idle => true,
            () = self.0.clock.sleep_until(deadline_ms) => false,
        }
    }

    /// Whether nothing new is taken.
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::SeqCst)
    }

    /// Counts something new among what a drain waits for, unless nothing new is taken any more. In this order: so either
    /// the drain sees it, or it sees the drain.
    pub(crate) fn enter(&self) -> Option<Busy> {
        let busy = Busy::new(self.0.clone());
        (!self.is_draining()).then_some(busy)
    }

    /// Runs something that a drain waits for.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        Busy::new(self.0.clone()).spawn(work);
    }

    /// Does something to its end, even if whoever waits for it goes away in the middle: what is durable must be set off,
    /// and what memory holds must be what is durable.
    pub(crate) async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (tell, told) = oneshot::channel();
        // It has many kilobytes, and would be copied from hand to hand.
        let work = Box::pin(work);
        self.spawn(async move {
            // Whoever has gone away hears nothing.
            let _ = tell.send(work.await);
        });
        // It ends without a word where it panics, or the runtime goes away.
        told.await.map_err(|_| StoreError::Closed)
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.0.clock.now_ms()
    }

    /// A new id: a UUID of version 7 (RFC 9562, section 5.7), whose first 74 bits of time and counter always grow.
    pub(crate) fn new_id(&self) -> PaymentId {
        let now_ms = self.now_ms();
        // Milliseconds and a counter of 12 bits; when the counter is used up, the next millisecond is borrowed.
        let floor = now_ms << 12;
        let last = self.0.last_id.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(floor.max(last + 1)));
        let stamp = floor.max(last.unwrap_or(0) + 1);
        let (ms, counter) = (stamp >> 12, stamp & 0xfff);
        let random = self.0.entropy.random() & 0x3fff_ffff_ffff_ffff;
        let high = u128::from(ms) << 80 | 0x7 << 76 | u128::from(counter) << 64;
        PaymentId(high | 0x8000_0000_0000_0000 | u128::from(random))
    }

    /// The payment under way of this id, or the stored one.
    pub(crate) async fn live(&self, id: PaymentId) -> Result<Option<Arc<Live>>, StoreError> {
        if let Some(live) = self.0.lives.get(id) {
            return Ok(Some(live));
        }
        // One at a time: else a payment that was loaded, changed and let go of by others in the meantime would come back
        // as it was.
        let _loading = self.0.loading.lock().await;
        if let Some(live) = self.0.lives.get(id) {
            return Ok(Some(live));
        }
        let Some(stored) = self.0.store.payment(id).await? else { return Ok(None) };
        if stored.payment.state.is_terminal() {
            return Ok(Some(Live::new(stored.payment, stored.hash)));
        }
        let payment = stored.payment.clone();
        let live = Live::new(stored.payment, stored.hash);
        self.0.lives.keep(live.clone(), &payment);
        Ok(Some(live))
    }

    /// Changes one payment, durably.
    pub(crate) async fn change(
        &self,
        live: &Arc<Live>,
        now: &mut Now,
        events: &[Event],
        done: Option<EffectId>,
    ) -> Result<Vec<Due>, ChangeError> {
        let done = || Batch::from(Write { done: done.into_iter().collect(), ..Write::default() });
        self.change_with(live, now, events, done).await
    }

    /// Changes one payment, durably, in one commit with whatever `batch` holds.
    pub(crate) async fn change_with(
        &self,
        live: &Arc<Live>,
        now: &mut Now,
        events: &[Event],
        batch: impl Fn() -> Batch<'static>,
    ) -> Result<Vec<Due>, ChangeError> {
        match self.try_change(live, now, events, batch()).await {
            // A payment that has ended is in nobody's keeping: whoever else looked at it has changed it.
            Err(ChangeError::Store(StoreError::Stale)) => {
                let stored = self.0.store.payment(live.id).await?.ok_or(StoreError::Stale)?;
                *now = Now { payment: stored.payment, hash: stored.hash };
                self.try_change(live, now, events, batch()).await
            }
            changed => changed,
        }
    }

    async fn try_change(
        &self,
        live: &Arc<Live>,
        now: &mut Now,
        events: &[Event],
        batch: Batch<'static>,
    ) -> Result<Vec<Due>, ChangeError> {
        let prepared = self.prepare(now, events)?;
        let Batch { write, proofs, .. } = batch;
        Ok(self.commit(Batch { write, proofs, changes: vec![(live, now, prepared)] }).await?)
    }

    /// What `events` would make of a payment, if it does not refuse them.
    pub(crate) fn prepare_if(&self, now: &Now, events: &[Event]) -> Result<Option<Prepared>, StoreError> {
        match self.prepare(now, events) {
            Ok(prepared) => Ok(Some(prepared)),
            Err(ChangeError::Refused(_)) => Ok(None),
            Err(ChangeError::Store(error)) => Err(error),
        }
    }

    /// What `events` would make of a payment.
    pub(crate) fn prepare(&self, now: &Now, events: &[Event]) -> Result<Prepared, ChangeError> {
        let at_ms = self.now_ms();
        let mut payment = now.payment.clone();
        let expected = payment.version;
        let (mut postings, mut due) = (Vec::new(), Vec::new());
        for event in events {
            let next = payment.apply(event, at_ms)?;
            payment = next.payment;
            postings.extend(next.postings);
            for (index, effect) in next.effects.into_iter().enumerate() {
                // Versions grow, and no event has as many as 16 effects: so the number is the payment's own.
                let id = EffectId { owner: payment.id, number: payment.version << 4 | index as u64 };
                due.push(due_row(id, at_ms.saturating_add(effect.after_ms()), Job::Effect(effect))?);
            }
        }
        let entry = written(&EntryBody { events, postings: &postings })?;
        let hash = Sha256::new().chain_update(now.hash).chain_update(&entry).finalize().into();
        let row = PaymentRow {
            id: payment.id,
            expected,
            version: payment.version,
            state: payment.state,
            made_at_ms: payment.made_at_ms,
            changed_at_ms: at_ms,
            snapshot: written(&payment.snapshot())?,
            entry,
            hash,
        };
        Ok(Prepared { payment, hash, row, postings, due })
    }

    /// Makes changes durable, all in one commit, and then true.
    pub(crate) async fn commit(&self, batch: Batch<'_>) -> Result<Vec<Due>, StoreError> {
        let Batch { mut write, proofs, changes } = batch;
        for moved in &proofs {
            write.links.push(moved.link()?);
        }
        let mut due = Vec::new();
        let mut moved = Vec::with_capacity(changes.len());
        for (live, now, prepared) in changes {
            write.payments.push(prepared.row);
            write.postings.extend(prepared.postings);
            for (mut later, row) in prepared.due {
                later.live = Some(live.clone());
                due.push(later);
                write.effects.push(row);
            }
            moved.push((live, now, prepared.payment, prepared.hash));
        }
        if let Err(error) = self.0.store.write(write).await {
            self.0.proofs.forget(&proofs);
            return Err(error);
        }
        self.0.proofs.moved(proofs);
        for (live, now, payment, hash) in moved {
            self.0.lives.moved(live, &payment);
            *now = Now { payment, hash };
        }
        Ok(due)
    }
}

/// What is kept of something to do in memory, and in the store.
pub(crate) fn due_row(id: EffectId, at_ms: u64, job: Job) -> Result<(Due, EffectRow), StoreError> {
    let row = EffectRow { id, due_ms: at_ms, tries: 0, body: written(&job)? };
    Ok((Due { id, at_ms, tries: 0, job, live: None }, row))
}

pub(crate) fn written(what: &impl serde::Serialize) -> Result<Vec<u8>, StoreError> {
    Ok(serde_json::to_vec(what)?)
}

#[derive(serde::Serialize)]
struct EntryBody<'a> {
    events: &'a [Event],
    postings: &'a [Posting],
}

/// Counts what a drain waits for.
pub(crate) struct Busy(Arc<Inner>);

impl Busy {
    fn new(inner: Arc<Inner>) -> Self {
        inner.busy.fetch_add(1, Ordering::SeqCst);
        Self(inner)
    }

    /// Runs what this counts.
    pub(crate) fn spawn(self, work: impl Future<Output = ()> + Send + 'static) {
        let ports = self.0.ports.clone();
        ports.start(Box::pin(async move {
            let _busy = self;
            work.await;
        }));
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if self.0.busy.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}
