//! Between the engine, which knows payments and no plugins, and the host, which knows plugins and no payments. No other
//! place knows both.
//!
//! An instance is a [`Slot`], and is known by its name alone. In a slot are its versions: [`Wire::exchange`] puts new ones
//! beside the old, `lineup` says which of them is given what, and `keep` opens again what has ended and sees off what was
//! replaced.

mod exchange;
mod gone;
mod keep;
mod lineup;
mod ports;
mod randomness;
mod ruling;
mod served;
mod services;
mod setup;
mod slot;
mod tally;
mod version;
mod words;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard, Weak};
use std::time::Duration;

use sportello_engine::Engine;
use sportello_host::{Running, Services};
use sportello_sdk::{Failure, Source};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::pages::Links;
use crate::vault::Vault;
use version::is_for_good;

pub use exchange::{Changed, Intended, NotOpened};
pub use gone::Gone;
pub(crate) use lineup::Seated;
pub use randomness::SystemEntropy;
pub use ruling::{Off, Pin, Returned, Ruling};
pub use setup::setup;
pub use slot::{Slot, Standing, Wanted};
pub use tally::{Counts, Tally};
pub use version::{Stage, Version};

/// The instances of a gateway, and its engine once that is there.
pub struct Wire {
    /// Itself, for what goes on beside a call.
    itself: Weak<Wire>,
    counter: RwLock<Option<Counter>>,
    slots: RwLock<BTreeMap<String, Arc<Slot>>>,
    /// Whether every instance had its first chance to open: before that nobody is told that one is not there.
    opened: watch::Sender<bool>,
    /// How long a version that was replaced may take to end what it was given, in milliseconds.
    drain_versions_ms: AtomicU64,
    /// Whether the gateway is about to stop: then nobody gets a seat any more.
    is_stopping: AtomicBool,
}

/// What stands behind the instances of a gateway that runs.
#[derive(Clone)]
pub struct Counter {
    /// What knows payments.
    pub engine: Engine,
    /// What keeps card numbers; nothing where nobody may see any.
    pub vault: Option<Vault>,
    /// What makes links to pages; nothing where no browser reaches this program.
    pub links: Option<Arc<Links>>,
}

impl Wire {
    /// With no instances yet.
    pub fn new() -> Arc<Self> {
        Arc::new_cyclic(|itself| Self {
            itself: itself.clone(),
            counter: RwLock::default(),
            slots: RwLock::default(),
            opened: watch::Sender::new(false),
            drain_versions_ms: AtomicU64::new(0),
            is_stopping: AtomicBool::new(false),
        })
    }

    /// The services of a gateway that is not running: for those who only check.
    pub fn unconnected() -> Arc<dyn Services> {
        Self::new()
    }

    /// Lets the engine be reached, and what stands beside it.
    pub fn connect(&self, counter: Counter) {
        *self.counter.write().unwrap_or_else(PoisonError::into_inner) = Some(counter);
    }

    /// How long a version that was replaced may take to end what it was given.
    pub fn set_drain_versions(&self, within: Duration) {
        let ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
        self.drain_versions_ms.store(ms, Ordering::Relaxed);
    }

    fn drain_versions(&self) -> Duration {
        Duration::from_millis(self.drain_versions_ms.load(Ordering::Relaxed))
    }

    /// The instances, by name.
    pub fn slots(&self) -> Vec<Arc<Slot>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// The instance of this name.
    pub fn slot(&self, name: &str) -> Option<Arc<Slot>> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn slots_mut(&self) -> RwLockWriteGuard<'_, BTreeMap<String, Arc<Slot>>> {
        self.slots.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// What takes what is new at the instance of this name, if it is open.
    pub fn running(&self, name: &str) -> Option<Running> {
        self.slot(name)?.current()?.running()
    }

    /// What was given this order at the instance of this name, or takes what is new there, if it is open.
    pub fn running_for(&self, name: &str, order: &sportello_model::Order) -> Option<Running> {
        let asked = slot::asked(order);
        self.slot(name)?.seats().lineup.ask(asked)?.running()
    }

    /// Opens the instances for the first time. One that does not open is tried again from time to time, and hurts nobody
    /// but itself; unless its settings are at fault. One that is switched off stays closed, unless orders are open at it,
    /// about which nobody else could be asked.
    ///
    /// # Errors
    /// Those whose settings cannot work, each with the plugin's own words.
    pub async fn open(self: &Arc<Self>, intended: BTreeMap<String, Intended>) -> Result<(), Vec<String>> {
        let mut opening = JoinSet::new();
        for (name, intended) in intended {
            let slot = Slot::new(&name, intended.wanted.member.instance.kind);
            let is_needed = match &intended.off {
                Some(_) => self.engine().map_err(|failure| vec![failure.to_string()])?.open_at(&name).await > 0,
                None => true,
            };
            let versions = slot.begin(intended, is_needed);
            self.slots_mut().insert(name, slot.clone());
            for version in versions {
                let (wire, slot) = (self.clone(), slot.clone());
                opening.spawn(async move {
                    let opened = version.open(wire.clone()).await;
                    match &opened {
                        Ok(()) => version.start(),
                        Err(error) => {
                            let instance = &slot.name;
                            tracing::error!(instance, %error, "an instance does not open; all others go on without it");
                        }
                    }
                    wire.keep(&slot, &version);
                    if slot.seats().lineup.is_leaving(version.number()) {
                        wire.see_off(&slot, version);
                    }
                    opened
                });
            }
        }
        let mut unworkable = Vec::new();
        while let Some(opened) = opening.join_next().await {
            if let Ok(Err(error)) = opened
                && is_for_good(&error)
            {
                unworkable.push(error.to_string());
            }
        }
        self.opened.send_replace(true);
        unworkable.sort();
        if unworkable.is_empty() { Ok(()) } else { Err(unworkable) }
    }

    /// Nobody gets a seat any more: what is seated from here on would be closed by nobody.
    pub fn stop(&self) {
        // In no exchange's moment.
        let _slots = self.slots_mut();
        self.is_stopping.store(true, Ordering::SeqCst);
    }

    /// Whether nobody gets a seat any more.
    pub fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::SeqCst)
    }

    /// Lets every instance finish within `within`, and closes it.
    pub async fn close(&self, within: Duration) {
        let mut closing = JoinSet::new();
        for version in self.versions() {
            closing.spawn(async move { version.close(within, "the gateway is about to stop").await });
        }
        while closing.join_next().await.is_some() {}
        self.disconnect();
    }

    /// What is open, or is to be, all versions of all instances.
    pub(crate) fn members(&self) -> Vec<crate::plugins::Member> {
        self.versions().iter().map(|version| version.member.clone()).collect()
    }

    fn versions(&self) -> Vec<Arc<Version>> {
        self.slots().iter().flat_map(|slot| slot.seats().lineup.all().cloned().collect::<Vec<_>>()).collect()
    }

    /// Lets go of the engine and of all instances, which know this wire as well: they would keep each other, and the
    /// store, for ever.
    pub fn disconnect(&self) {
        *self.counter.write().unwrap_or_else(PoisonError::into_inner) = None;
        for version in self.versions() {
            version.dismiss();
            version.set(Stage::Closed("the gateway has stopped".to_owned()));
        }
    }

    fn is_connected(&self) -> bool {
        self.counter.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn engine(&self) -> Result<Engine, Failure> {
        self.of_counter(|counter| counter.engine.clone())
    }

    /// What `of` takes from behind the counter.
    fn of_counter<T>(&self, of: impl FnOnce(&Counter) -> T) -> Result<T, Failure> {
        let counter = self.counter.read().unwrap_or_else(PoisonError::into_inner);
        counter.as_ref().map(of).ok_or_else(|| {
            Failure::new(Source::Host, "not_ready", "the gateway is starting or stopping").retry_after(1_000)
        })
    }
}
