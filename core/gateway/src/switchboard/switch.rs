//! One instance: off and on, drained, its canary promoted, a version gone back to.

use serde::Serialize;
use sportello_engine::store::StoreError;
use sportello_engine::{Clock, SystemClock};

use super::{Standing, Switchboard, pinned};
use crate::config::{Problems, Reading};
use crate::plugins::{Deployment, Member};
use crate::wire::{Changed, Off, Pin, Returned, Ruling};

/// What became of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Switched {
    /// Its name.
    pub instance: String,
    /// What has changed; nothing where it was so already.
    pub changed: Option<Changed>,
    /// What to write into `gateway.toml`, so that it says so itself; nothing where it does.
    pub write: Option<String>,
    /// What may undo it; nothing where nothing does but another word.
    pub beware: Option<String>,
}

/// Why an instance was not switched.
#[derive(Debug, thiserror::Error)]
pub enum NotSwitched {
    /// There is none.
    #[error("no instance is called {0:?}")]
    Unknown(String),
    /// There is nothing to promote.
    #[error("{0:?} has no canary: write canary = {{ version = \"…\", share = \"5%\" }} in gateway.toml")]
    NoCanary(String),
    /// There is nothing to go back to.
    #[error(
        "{0:?} has no canary, and no version was current before: write version = \"…\" in gateway.toml, and have it read again"
    )]
    NoneBefore(String),
    /// It is off.
    #[error("{0:?} is switched off: switch it on first")]
    Off(String),
    /// It is not recorded.
    #[error("{0:?} is not being recorded")]
    NotRecorded(String),
    /// The recording has no file.
    #[error("the recording cannot be written: {0}")]
    Unwritable(String),
    /// A version cannot be had, or does not open.
    #[error(transparent)]
    Config(#[from] Problems),
    /// It is not durable.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Switchboard {
    /// Switches an instance off, durably: it takes nothing new, finishes what it has, and is closed.
    ///
    /// # Errors
    /// As [`NotSwitched`] has it; then nothing has changed.
    pub async fn disable(&self, name: &str) -> Result<Switched, NotSwitched> {
        let mut standing = self.standing.lock().await;
        known(&standing, name)?;
        let off = Off { since_ms: SystemClock.now_ms(), is_passing: false };
        let before = Ruling::of(self.engine.store(), name).await?.off;
        Ruling::change(self.engine.store(), name, |ruling| {
            ruling.off.get_or_insert_with(|| off.clone());
        })
        .await?;
        let drained = standing.drained.remove(name);
        let switched = self.settle(&mut standing, name, None).await;
        if switched.is_err() {
            Ruling::change(self.engine.store(), name, |ruling| ruling.off.clone_from(&before)).await?;
            standing.drained.extend(drained.map(|off| (name.to_owned(), off)));
        }
        switched
    }

    /// The same until the program ends, or it is switched on.
    ///
    /// # Errors
    /// As [`NotSwitched`] has it; then nothing has changed.
    pub async fn drain(&self, name: &str) -> Result<Switched, NotSwitched> {
        let mut standing = self.standing.lock().await;
        known(&standing, name)?;
        let off = Off { since_ms: SystemClock.now_ms(), is_passing: true };
        let before = standing.drained.get(name).cloned();
        standing.drained.entry(name.to_owned()).or_insert(off);
        let switched = self.settle(&mut standing, name, None).await;
        if switched.is_err() && before.is_none() {
            standing.drained.remove(name);
        }
        switched
    }

    /// Switches an instance on.
    ///
    /// # Errors
    /// As [`NotSwitched`] has it; then it is off as it was.
    pub async fn enable(&self, name: &str) -> Result<Switched, NotSwitched> {
        let mut standing = self.standing.lock().await;
        known(&standing, name)?;
        let mut before = None;
        let was_off = Ruling::of(self.engine.store(), name).await?.off;
        Ruling::change(self.engine.store(), name, |ruling| ruling.off = None).await?;
        let drained = standing.drained.remove(name);
        before.clone_from(&was_off);
        let switched = self.settle(&mut standing, name, None).await;
        if switched.is_err() {
            Ruling::change(self.engine.store(), name, |ruling| ruling.off.clone_from(&before)).await?;
            standing.drained.extend(drained.map(|off| (name.to_owned(), off)));
        }
        switched
    }

    /// Makes the canary the current version now, and at each start until `gateway.toml` says so itself, or something else.
    ///
    /// # Errors
    /// As [`NotSwitched`] has it; then nothing has changed.
    pub async fn promote(&self, name: &str) -> Result<Switched, NotSwitched> {
        let mut standing = self.standing.lock().await;
        known(&standing, name)?;
        let seats = self.wire.slot(name).map(|slot| slot.standing());
        if seats.as_ref().is_some_and(|seats| seats.off.is_some()) {
            return Err(NotSwitched::Off(name.to_owned()));
        }
        let canary = seats.and_then(|seats| seats.canary).ok_or_else(|| NotSwitched::NoCanary(name.to_owned()))?;
        let member = canary.0.member.clone();
        self.pin(&mut standing, name, member).await
    }

    /// Sends the canary back; where there is none, goes back to the version that was current before.
    ///
    /// # Errors
    /// As [`NotSwitched`] has it; then nothing has changed.
    pub async fn rollback(&self, name: &str) -> Result<Switched, NotSwitched> {
        let mut standing = self.standing.lock().await;
        known(&standing, name)?;
        let seats = self.wire.slot(name).map(|slot| slot.standing());
        if seats.as_ref().is_some_and(|seats| seats.off.is_some()) {
            return Err(NotSwitched::Off(name.to_owned()));
        }
        let (canary, previous) = seats.map(|seats| (seats.canary, seats.previous)).unwrap_or_default();
        if let Some((canary, ..)) = canary {
            let because = "an operator has sent it back".to_owned();
            let returned = Returned::new(&canary.member, because, SystemClock.now_ms());
            let before = Ruling::of(self.engine.store(), name).await?.returned;
            Ruling::change(self.engine.store(), name, |ruling| ruling.returned = Some(returned.clone())).await?;
            let write = Some("take `canary` out".to_owned());
            let switched = self.settle(&mut standing, name, write).await;
            if switched.is_err() {
                let is_ours = |ruling: &Ruling| ruling.returned.as_ref() == Some(&returned);
                Ruling::change(self.engine.store(), name, |ruling| {
                    if is_ours(ruling) {
                        ruling.returned.clone_from(&before);
                    }
                })
                .await?;
            }
            return switched;
        }
        // As it was, with the settings that it had: its file may have been written over.
        let member = match previous {
            Some(member) => member,
            None => self.before(&standing, name).await?,
        };
        self.pin(&mut standing, name, member).await
    }

    /// The version that was current before this program started, from the folders.
    async fn before(&self, standing: &Standing, name: &str) -> Result<Member, NotSwitched> {
        let none = || NotSwitched::NoneBefore(name.to_owned());
        let version = Ruling::of(self.engine.store(), name).await?.previous.ok_or_else(none)?;
        let mut config = standing.deployment.config.clone();
        for instance in config.instances.iter_mut().filter(|instance| instance.name == name) {
            (instance.version, instance.canary) = (Some(version.clone()), None);
        }
        let reading = Reading { config, problems: Vec::new() };
        let next = standing.deployment.prepare_next(reading, self.wire.clone()).await?;
        next.members.into_iter().find(|member| member.instance.name == name).ok_or_else(none)
    }

    /// Makes this the current version, durably.
    async fn pin(&self, standing: &mut Standing, name: &str, member: Member) -> Result<Switched, NotSwitched> {
        let version = member.loaded.manifest().version.clone();
        let file = known(standing, name)?;
        let beware = pinned::beware(&standing.deployment, &member, file);
        // A program's file says its version itself.
        let pin = file.exec.is_none().then(|| Pin::new(&version, file));
        let write = pin.as_ref().map(|_| format!("version = {version:?}, and no canary"));
        let mut deployment = standing.deployment.clone();
        deployment.canaries.retain(|(canary, _)| canary.instance.name != name);
        for there in deployment.members.iter_mut().filter(|there| there.instance.name == name) {
            *there = member.clone();
        }
        deployment.check_exclusive()?;
        let before = Ruling::of(self.engine.store(), name).await?;
        let was = self.wire.slot(name).and_then(|slot| Some(slot.current()?.name().to_owned()));
        Ruling::change(self.engine.store(), name, |ruling| {
            (ruling.pin, ruling.previous) = (pin.clone(), was.clone());
        })
        .await?;
        let switched = self.settle_with(standing, deployment, name, write).await;
        if switched.is_err() {
            // What else was decided meanwhile stays.
            Ruling::change(self.engine.store(), name, |ruling| {
                (ruling.pin, ruling.previous) = (before.pin.clone(), before.previous.clone());
            })
            .await?;
        }
        switched.map(|switched| Switched { beware, ..switched })
    }

    pub(super) async fn settle(
        &self,
        standing: &mut Standing,
        name: &str,
        write: Option<String>,
    ) -> Result<Switched, NotSwitched> {
        let deployment = standing.deployment.clone();
        self.settle_with(standing, deployment, name, write).await
    }

    async fn settle_with(
        &self,
        standing: &mut Standing,
        deployment: Deployment,
        name: &str,
        write: Option<String>,
    ) -> Result<Switched, NotSwitched> {
        let file = standing.file.clone();
        let changed = self.put(standing, deployment, file).await?;
        let changed = changed.into_iter().find(|changed| changed.instance == name);
        tracing::info!(instance = name, ?changed, "an operator has switched an instance");
        Ok(Switched { instance: name.to_owned(), changed, write, beware: None })
    }
}

pub(super) fn known<'a>(standing: &'a Standing, name: &str) -> Result<&'a crate::config::Instance, NotSwitched> {
    standing.file.get(name).ok_or_else(|| NotSwitched::Unknown(name.to_owned()))
}
