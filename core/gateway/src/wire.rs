//! Between the engine, which knows payments and no plugins, and the host, which knows plugins and no payments. No other
//! place knows both.

mod ports;
mod randomness;
mod services;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use sportello_engine::Engine;
use sportello_host::{OpenError, Reason, Running, Services};
use sportello_sdk::{Failure, Kind, Source};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::api::webhooks::Told;
use crate::pages::Links;
use crate::plugins::{Deployment, Member};
use crate::vault::Vault;

pub use randomness::SystemEntropy;

/// The shortest and the longest pause before an instance that did not open is opened again.
const REOPEN_AFTER: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// The instances of a gateway, and its engine once that is there.
pub struct Wire {
    counter: RwLock<Option<Counter>>,
    slots: BTreeMap<String, Slot>,
    /// Whether every instance had its first chance to open: before that nobody is told that one is not there.
    opened: watch::Sender<bool>,
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

/// An instance, open or not.
pub struct Slot {
    /// What is to be opened.
    pub member: Member,
    /// Deliveries that were refused before the plugin saw them, whether it was open or not.
    pub webhooks_refused: AtomicU64,
    /// Up to where the log has been told of them.
    pub refusals_told: Told,
    stage: RwLock<Stage>,
}

/// Where an instance stands.
#[derive(Clone)]
pub enum Stage {
    /// It has not opened, for this reason; it is tried again.
    Closed(String),
    /// It is open.
    Open(Running),
}

impl Wire {
    /// The instances of a deployment, none of them open yet.
    pub fn new(members: Vec<Member>) -> Arc<Self> {
        let slot = |member: Member| {
            let stage = RwLock::new(Stage::Closed("it has not been opened yet".to_owned()));
            (
                member.instance.name.clone(),
                Slot { member, webhooks_refused: AtomicU64::new(0), refusals_told: Told::default(), stage },
            )
        };
        Arc::new(Self {
            counter: RwLock::default(),
            slots: members.into_iter().map(slot).collect(),
            opened: watch::Sender::new(false),
        })
    }

    /// The services of a gateway that is not running: for those who only check.
    pub fn unconnected() -> Arc<dyn Services> {
        Self::new(Vec::new())
    }

    /// Lets the engine be reached, and what stands beside it.
    pub fn connect(&self, counter: Counter) {
        *self.counter.write().unwrap_or_else(PoisonError::into_inner) = Some(counter);
    }

    /// The instances, by name.
    pub fn slots(&self) -> &BTreeMap<String, Slot> {
        &self.slots
    }

    /// The instance of this name, if it is open.
    pub fn running(&self, name: &str) -> Option<Running> {
        match self.slots.get(name)?.stage() {
            Stage::Open(running) => Some(running),
            Stage::Closed(_) => None,
        }
    }

    /// Opens every instance. One that does not open is tried again from time to time, and hurts nobody but itself;
    /// unless its settings are at fault.
    ///
    /// # Errors
    /// Those whose settings cannot work, each with the plugin's own words.
    pub async fn open(self: &Arc<Self>) -> Result<(), Vec<String>> {
        let mut opening = JoinSet::new();
        for name in self.slots.keys() {
            let (wire, name) = (self.clone(), name.clone());
            opening.spawn(async move { wire.open_one(&name).await });
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
        if !unworkable.is_empty() {
            unworkable.sort();
            return Err(unworkable);
        }
        for name in self.slots.keys().filter(|name| self.running(name).is_none()) {
            tokio::spawn(reopen(Arc::downgrade(self), name.clone()));
        }
        Ok(())
    }

    async fn open_one(self: &Arc<Self>, name: &str) -> Result<(), OpenError> {
        let Some(slot) = self.slots.get(name) else {
            return Ok(());
        };
        match slot.member.loaded.open(slot.member.spec(self.clone())).await {
            Ok(running) => {
                running.start();
                slot.set(Stage::Open(running));
                tracing::info!(instance = name, plugin = slot.member.instance.plugin, "open");
                Ok(())
            }
            Err(error) => {
                tracing::error!(instance = name, %error, "an instance does not open; all others go on without it");
                slot.set(Stage::Closed(error.to_string()));
                Err(error)
            }
        }
    }

    /// Lets every instance finish within `within`, and closes it.
    pub async fn close(&self, within: Duration) {
        let mut closing = JoinSet::new();
        for (name, slot) in &self.slots {
            let stage = slot.set(Stage::Closed("the gateway is about to stop".to_owned()));
            let Stage::Open(running) = stage else {
                continue;
            };
            let name = name.clone();
            closing.spawn(async move {
                let drained = running.drain(within).await;
                if drained.left() > 0 {
                    tracing::warn!(instance = name, calls = drained.left(), "calls did not end in time");
                }
                if let Err(error) = drained.close().await {
                    tracing::warn!(instance = name, %error, "the plugin did not close as it should");
                }
            });
        }
        while closing.join_next().await.is_some() {}
        self.disconnect();
    }

    /// Lets go of the engine and of all instances, which know this wire as well: they would keep each other, and the
    /// store, for ever.
    pub fn disconnect(&self) {
        *self.counter.write().unwrap_or_else(PoisonError::into_inner) = None;
        for slot in self.slots.values() {
            slot.set(Stage::Closed("the gateway has stopped".to_owned()));
        }
    }
}

impl Slot {
    /// Where the instance stands.
    pub fn stage(&self) -> Stage {
        self.stage.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, stage: Stage) -> Stage {
        std::mem::replace(&mut *self.stage.write().unwrap_or_else(PoisonError::into_inner), stage)
    }
}

/// Tries until the instance is open, or the gateway is gone.
async fn reopen(wire: std::sync::Weak<Wire>, name: String) {
    let [mut pause, pause_max] = REOPEN_AFTER;
    loop {
        tokio::time::sleep(pause).await;
        let Some(wire) = wire.upgrade().filter(|wire| wire.is_connected()) else {
            return;
        };
        if wire.open_one(&name).await.is_ok() {
            return;
        }
        pause = (pause * 2).min(pause_max);
    }
}

/// Whether opening it again will end the same until an operator changes the settings.
fn is_for_good(error: &OpenError) -> bool {
    match error {
        OpenError::Spec { .. } => true,
        OpenError::Failed { error, .. } => match &error.reason {
            Reason::Failed(failure) => failure.source == Source::Settings && !failure.is_retryable(),
            _ => false,
        },
    }
}

impl Wire {
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

/// What the engine is told of a deployment.
pub fn setup(deployment: &Deployment) -> sportello_engine::Setup {
    let config = &deployment.config;
    let ms = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut setup = sportello_engine::Setup {
        profiles: config.profiles.clone(),
        routes: config.routes.iter().map(route).collect(),
        policy: sportello_engine::Policy {
            exempt: config.policy.exempt.clone(),
            code_lifetime_ms: ms(config.policy.code_lifetime),
            code_tries: u8::try_from(config.policy.code_tries).unwrap_or(u8::MAX),
            attempts_max: config.policy.attempts_max,
            repeat_window_ms: ms(config.policy.repeat_window),
            verified_for_ms: ms(config.policy.verified_for),
            challenges_max: config.policy.challenges_max,
            enrolment: config.policy.enrolment,
            enrolment_lifetime_ms: ms(config.policy.enrolment_lifetime),
        },
        house: config.house.clone(),
        public_url: config.gateway.public_url.clone(),
        ..Default::default()
    };
    for member in &deployment.members {
        let instance = member.instance.name.clone();
        let manifest = member.loaded.manifest();
        match member.instance.kind {
            Kind::Channel => setup.channels.extend(member.channel_setup()),
            Kind::Rail => {
                let facts = manifest.rail.clone();
                setup.rails.extend(facts.map(|facts| sportello_engine::RailSetup { instance, facts }));
            }
        }
    }
    setup
}

fn route(route: &crate::config::Route) -> sportello_engine::Route {
    use crate::config::RoutePath;
    let (transfer, collect, payout) = match route.path.clone() {
        RoutePath::Transfer(transfer) => (transfer, Vec::new(), Vec::new()),
        RoutePath::CollectThenPayOut { collect, payout } => (Vec::new(), collect, payout),
    };
    sportello_engine::Route {
        name: route.name.clone(),
        currencies: route.currencies.clone(),
        transfer,
        collect,
        payout,
    }
}
