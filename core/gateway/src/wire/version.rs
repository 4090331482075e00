//! One version of an instance: what it is made of, and where it stands.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use sportello_engine::Taker;
use sportello_host::{OpenError, Reason, Running};
use sportello_sdk::Source;
use tokio::sync::Notify;

use super::Wire;
use super::lineup::Seated;
use super::served::Served;
use crate::plugins::Member;
use crate::redact::Redactor;

/// One version of an instance.
pub struct Version {
    number: u64,
    /// What is opened.
    pub member: Member,
    taker: Arc<Taker>,
    /// Keeps its secrets out of what it says.
    redactor: Arc<Redactor>,
    /// How often it was opened again after it had ended by itself.
    pub(super) restarts: AtomicU64,
    stage: RwLock<Stage>,
    is_dismissed: AtomicBool,
    dismissed: Notify,
}

/// Where a version stands.
#[derive(Clone)]
pub enum Stage {
    /// It is not open, for this reason; it is tried again.
    Closed(String),
    /// It is open.
    Open(Running),
}

impl Seated for Arc<Version> {
    fn number(&self) -> u64 {
        self.number
    }

    fn is_open(&self) -> bool {
        matches!(self.stage(), Stage::Open(_))
    }

    fn stands_in_for(&self, other: &Self) -> bool {
        self.member.stands_in_for(&other.member)
    }
}

impl Version {
    pub(super) fn new(member: Member) -> Arc<Self> {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        Arc::new(Self {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            taker: Arc::new(member.taker()),
            redactor: Arc::new(member.redactor()),
            member,
            restarts: AtomicU64::new(0),
            stage: RwLock::new(Stage::Closed("it has not been opened yet".to_owned())),
            is_dismissed: AtomicBool::new(false),
            dismissed: Notify::new(),
        })
    }

    /// What is kept of it with the orders that it takes.
    pub(crate) fn taker(&self) -> &Arc<Taker> {
        &self.taker
    }

    pub(super) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Where it stands.
    pub fn stage(&self) -> Stage {
        self.stage.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The instance, if it is open.
    pub fn running(&self) -> Option<Running> {
        match self.stage() {
            Stage::Open(running) => Some(running),
            Stage::Closed(_) => None,
        }
    }

    /// How often it was opened again after it had ended by itself.
    pub fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// What the plugin calls this version.
    #[expect(clippy::misnamed_getters, reason = "a version's name is what the plugin calls this version")]
    pub fn name(&self) -> &str {
        &self.member.loaded.manifest().version
    }

    pub(super) fn set(&self, stage: Stage) -> Stage {
        std::mem::replace(&mut *self.stage.write().unwrap_or_else(PoisonError::into_inner), stage)
    }

    /// Opens it; what it does by itself begins with [`Version::start`].
    pub(super) async fn open(&self, wire: Arc<Wire>) -> Result<(), OpenError> {
        let room_max = u64::from(self.member.instance.stored_mb) << 20;
        let served = Served { wire, redactor: self.redactor.clone(), room_max };
        match self.member.loaded.open(self.member.spec(Arc::new(served))).await {
            Ok(running) => {
                self.set(Stage::Open(running));
                Ok(())
            }
            Err(error) => {
                let error = self.clean_open(error);
                self.set(Stage::Closed(error.to_string()));
                Err(error)
            }
        }
    }

    /// Lets it do what it has to do by itself.
    pub(super) fn start(&self) {
        if let Stage::Open(running) = self.stage() {
            running.start();
            let (instance, version) = (&self.member.instance.name, self.name());
            tracing::info!(instance, plugin = self.member.instance.plugin, version, "open");
        }
    }

    /// Nobody opens it again.
    pub(super) fn dismiss(&self) {
        self.is_dismissed.store(true, Ordering::SeqCst);
        self.dismissed.notify_waiters();
    }

    pub(super) fn is_dismissed(&self) -> bool {
        self.is_dismissed.load(Ordering::SeqCst)
    }

    /// Returns once nobody opens it again.
    pub(super) async fn until_dismissed(&self) {
        loop {
            let dismissed = self.dismissed.notified();
            tokio::pin!(dismissed);
            // Registered before the look: what happens in between is heard.
            dismissed.as_mut().enable();
            if self.is_dismissed() {
                return;
            }
            dismissed.await;
        }
    }

    /// Lets it finish within `within`, and closes it for good.
    pub(super) async fn close(&self, within: Duration, because: &str) {
        self.dismiss();
        let Stage::Open(running) = self.set(Stage::Closed(because.to_owned())) else {
            return;
        };
        let (instance, version) = (&self.member.instance.name, self.name());
        let drained = running.drain(within).await;
        if drained.left() > 0 {
            tracing::warn!(instance, version, calls = drained.left(), "calls did not end in time");
        }
        if let Err(error) = drained.close().await {
            tracing::warn!(instance, version, %error, "the plugin did not close as it should");
        }
    }
}

/// Whether opening it again will end the same until an operator changes the settings.
pub(super) fn is_for_good(error: &OpenError) -> bool {
    match error {
        OpenError::Spec { .. } => true,
        OpenError::Failed { error, .. } => match &error.reason {
            Reason::Failed(failure) => failure.source == Source::Settings && !failure.is_retryable(),
            _ => false,
        },
    }
}
