//! What keeps an instance going, and what sees one off.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use sportello_host::Backoff;
use sportello_sdk::Kind;
use tokio::time::Instant;

use super::lineup::Seated;
use super::ruling::Ruling;
use super::slot::Slot;
use super::version::{Stage, Version};
use super::{SystemEntropy, Wire};

/// How often is looked whether one that leaves may go.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Wire {
    /// Opens a version again whenever it has ended by itself, or has not opened: after pauses that grow.
    pub(super) fn keep(self: &Arc<Self>, slot: &Arc<Slot>, version: &Arc<Version>) {
        tokio::spawn(keep(Arc::downgrade(self), slot.clone(), version.clone()));
    }

    /// Lets a version go that leaves, once what it was given has come to its end.
    pub(super) fn see_off(self: &Arc<Self>, slot: &Arc<Slot>, version: Arc<Version>) {
        tokio::spawn(see_off(Arc::downgrade(self), slot.clone(), version));
    }

    /// A call of a version has ended, or the version itself: where a canary fails too often, it goes back.
    pub(super) fn count(&self, slot: &Arc<Slot>, version: &Arc<Version>, has_failed: bool) {
        let Some((canary, returned)) = slot.count(version, has_failed) else { return };
        let Some(wire) = self.itself.upgrade() else { return };
        let (instance, because) = (&slot.name, &returned.because);
        tracing::error!(
            instance,
            version = canary.name(),
            because,
            "the canary goes back: it gets nothing new, and is not tried again until gateway.toml or its library changes"
        );
        wire.see_off(slot, canary);
        let instance = slot.name.clone();
        tokio::spawn(async move {
            let Ok(engine) = wire.engine() else { return };
            let written = Ruling::change(engine.store(), &instance, |ruling| ruling.returned = Some(returned.clone()));
            if let Err(error) = written.await {
                tracing::error!(instance, %error, "that a canary went back is not durable: a restart would try it again");
            }
        });
    }
}

async fn keep(wire: Weak<Wire>, slot: Arc<Slot>, version: Arc<Version>) {
    let backoff = Backoff::default();
    let (mut tries, mut opened, mut has_ended) = (0, Instant::now(), false);
    let instance = &slot.name;
    while !version.is_dismissed() {
        if let Stage::Open(running) = version.stage() {
            tokio::select! {
                why = running.gone() => {
                    tracing::error!(instance, version = version.name(), why, "the plugin has ended by itself");
                    version.set(Stage::Closed(why));
                    has_ended = true;
                }
                () = version.until_dismissed() => return,
            }
            drop(running);
            let Some(wire) = wire.upgrade() else { return };
            if wire.let_go(&slot, &version) {
                return;
            }
            wire.count(&slot, &version, true);
            if opened.elapsed() >= backoff.steady_after {
                tries = 0;
            }
        }
        let pause = backoff.pause(tries, sportello_engine::Entropy::random(&SystemEntropy));
        tries = tries.saturating_add(1);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = version.until_dismissed() => return,
        }
        let Some(wire) = wire.upgrade().filter(|wire| wire.is_connected()) else { return };
        let again = version.open(wire.clone()).await;
        if version.is_dismissed() {
            return version.close(Duration::ZERO, "it was to be opened no more").await;
        }
        match again {
            Ok(()) => {
                version.restarts.fetch_add(u64::from(has_ended), Ordering::Relaxed);
                opened = Instant::now();
                version.start();
            }
            Err(error) => {
                tracing::error!(instance, %error, "an instance does not open; all others go on without it");
            }
        }
    }
}

impl Wire {
    /// Whether a version that has ended by itself is not needed again: it was leaving, and another one is there that can be
    /// asked about what it was given.
    fn let_go(&self, slot: &Slot, version: &Arc<Version>) -> bool {
        let mut seats = slot.seats();
        let is_left = seats.lineup.is_leaving(version.number()) && seats.lineup.current.is_some();
        let is_gone = is_left && seats.lineup.gone(version.number());
        if is_gone {
            version.dismiss();
        }
        is_gone
    }
}

async fn see_off(wire: Weak<Wire>, slot: Arc<Slot>, version: Arc<Version>) {
    let number = version.number();
    let began = Instant::now();
    loop {
        let Some(wire) = wire.upgrade().filter(|wire| wire.is_connected()) else { return };
        let moved = slot.moved.notified();
        tokio::pin!(moved);
        // Registered before the look: what happens in between is heard.
        moved.as_mut().enable();
        let (is_leaving, open, is_last) = {
            let seats = slot.seats();
            let lineup = &seats.lineup;
            (lineup.is_leaving(number), lineup.open_at(number), !lineup.has_heir(number))
        };
        // It was called back, or has gone.
        if !is_leaving {
            return;
        }
        let is_done = match is_last && slot.kind == Kind::Rail {
            // Nobody else can be asked about what is open at it.
            true => wire.is_over_at(&slot, number).await,
            false => open == 0 || began.elapsed() >= wire.drain_versions() || !version.is_open(),
        };
        if is_done && wire.dismiss(&slot, &version).await {
            if open > 0 && !is_last {
                tracing::warn!(
                    instance = slot.name,
                    version = version.name(),
                    orders = open,
                    "a version has gone before what it was given has come to its end: the current one is asked about that"
                );
            }
            return;
        }
        drop(wire);
        let _ = tokio::time::timeout(LOOK_EVERY, moved).await;
    }
}

impl Wire {
    /// Closes a version that leaves. What comes for it while it ends its last calls finds another one. Answers whether it
    /// did: not where it was given something that only it can be asked about.
    async fn dismiss(&self, slot: &Arc<Slot>, version: &Arc<Version>) -> bool {
        {
            // Under the lock of the slots: nobody is put into one that is taken away.
            let mut slots = self.slots_mut();
            let mut seats = slot.seats();
            if !seats.lineup.gone(version.number()) {
                return false;
            }
            // In the same moment: whoever takes versions over looks for this.
            version.dismiss();
            let is_empty = seats.wanted.is_none() && seats.lineup.all().next().is_none();
            let is_same = slots.get(&slot.name).is_some_and(|there| Arc::ptr_eq(there, slot));
            if is_empty && is_same {
                slots.remove(&slot.name);
            }
        }
        version.close(version.member.instance.deadline, "another version has taken its place").await;
        tracing::info!(instance = slot.name, version = version.name(), "has finished, and is closed");
        true
    }

    /// Whether nothing is open that only this version can be asked about.
    async fn is_over_at(&self, slot: &Slot, number: u64) -> bool {
        let Ok(engine) = self.engine() else { return false };
        let open = engine.payments_open_at(&slot.name).await;
        let mut seats = slot.seats();
        let lineup = &mut seats.lineup;
        lineup.forget_but(number, |payment| open.iter().any(|open| open.0 == payment));
        // Where nobody has taken its place, whatever is open at the rail is its own.
        lineup.open_at(number) == 0 && (lineup.current.is_some() || open.is_empty())
    }
}
