//! New versions beside the old ones, and then in their place: all of them or none.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use sportello_engine::{Clock, SystemClock};
use tokio::task::JoinSet;

use super::Wire;
use super::lineup::Seated;
use super::ruling::{Off, Returned};
use super::slot::{Slot, Wanted};
use super::tally::Tally;
use super::version::{Stage, Version};
use crate::config::Share;
use crate::plugins::Member;

/// An instance as it is to be.
#[derive(Clone)]
pub struct Intended {
    /// What the configuration wants.
    pub wanted: Wanted,
    /// Why it takes nothing new, where it is switched off.
    pub off: Option<Off>,
    /// The canary that was sent back, if one was.
    pub returned: Option<Returned>,
}

/// What has changed about an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// Its name.
    pub instance: String,
    /// The current version before; nothing where there was none.
    pub from: Option<String>,
    /// The current version now; nothing where there is none.
    pub to: Option<String>,
    /// The canary now; nothing where there is none.
    pub canary: Option<String>,
}

/// A version that did not open.
#[derive(Debug)]
pub struct NotOpened {
    /// The instance.
    pub instance: String,
    /// The version.
    pub version: String,
    /// Why.
    pub because: String,
}

/// The versions of an instance from now on.
struct Seating {
    slot: Arc<Slot>,
    intended: Intended,
    current: Option<Arc<Version>>,
    canary: Option<(Arc<Version>, Share)>,
    /// Whether what is to be current was the canary when this was planned.
    is_promotion: bool,
}

impl Wire {
    /// Puts these instances in the place of those that there are: what is new is opened first, and if one of them does not
    /// open nothing is changed. `at_once` is done in the same moment, in which no order is given to anybody. What was
    /// replaced or taken out finishes beside the new, and goes. One exchange at a time.
    ///
    /// # Errors
    /// Those that did not open; then none of the others is left open, and all is as before.
    pub async fn exchange(
        self: &Arc<Self>,
        intended: BTreeMap<String, Intended>,
        at_once: impl FnOnce(),
    ) -> Result<Vec<Changed>, Vec<NotOpened>> {
        let mut at_once = Some(at_once);
        loop {
            let mut fresh = Vec::new();
            let seatings: Vec<Seating> =
                intended.iter().map(|(name, intended)| self.seating(name, intended.clone(), &mut fresh)).collect();
            let promoted: Vec<Promoted> = seatings.iter().filter_map(Seating::promoted).collect();
            self.open_all(&fresh).await?;
            if let Some(changed) = self.seat_all(seatings, &fresh, &mut at_once) {
                return Ok(changed);
            }
            // While the new ones opened, a canary went back, or a version ended: what was planned with is not there.
            for version in fresh {
                version.close(Duration::ZERO, "what it was opened for has changed meanwhile").await;
            }
            if self.is_stopping() {
                return Err(intended.into_values().map(Intended::too_late).collect());
            }
            // Nobody wants to have it because of what it was before it failed.
            let sent_back: Vec<NotOpened> = promoted.into_iter().filter_map(Promoted::sent_back).collect();
            if !sent_back.is_empty() {
                return Err(sent_back);
            }
        }
    }

    /// Seats all of them in one moment; nothing where one of them was overtaken, or the gateway is about to stop.
    fn seat_all(
        self: &Arc<Self>,
        seatings: Vec<Seating>,
        fresh: &[Arc<Version>],
        at_once: &mut Option<impl FnOnce()>,
    ) -> Option<Vec<Changed>> {
        let mut changed = Vec::new();
        let mut leaving = Vec::new();
        {
            let mut slots = self.slots_mut();
            let is_too_late = self.is_stopping() && !fresh.is_empty();
            if is_too_late || seatings.iter().any(Seating::is_overtaken) {
                return None;
            }
            let gone: Vec<Arc<Slot>> = slots
                .values()
                .filter(|slot| !seatings.iter().any(|seating| seating.slot.name == slot.name))
                .cloned()
                .collect();
            for slot in gone {
                let left = retire(&slot, &mut changed);
                leaving.extend(left.into_iter().map(|version| (slot.clone(), version)));
            }
            for seating in seatings {
                let slot = seating.slot.clone();
                // Also one that was there: it may have gone for good meanwhile.
                slots.insert(slot.name.clone(), slot.clone());
                let left = seat(seating, &mut changed);
                leaving.extend(left.into_iter().map(|version| (slot.clone(), version)));
            }
            if let Some(at_once) = at_once.take() {
                at_once();
            }
        }
        for version in fresh {
            version.start();
            if let Some(slot) = self.slot(&version.member.instance.name) {
                self.keep(&slot, version);
            }
        }
        for (slot, version) in leaving {
            self.see_off(&slot, version);
        }
        Some(changed)
    }

    /// Which versions an instance is to have: those that are there already, and `fresh` ones for the rest.
    fn seating(&self, name: &str, mut intended: Intended, fresh: &mut Vec<Arc<Version>>) -> Seating {
        let slot = self.slot(name).unwrap_or_else(|| Slot::new(name, intended.wanted.member.instance.kind));
        if let Some(returned) = intended.sent_back(slot.standing().returned) {
            (intended.wanted.canary, intended.returned) = (None, Some(returned));
        }
        let (mut current, mut canary, mut is_promotion) = (None, None, false);
        if intended.off.is_none() {
            let standing = slot.standing();
            let current_now = standing.current.clone();
            let canary_now = standing.canary.as_ref().map(|(version, ..)| version.clone());
            let there: Vec<Arc<Version>> =
                standing.current.into_iter().chain(standing.canary.map(|(version, ..)| version)).collect();
            let mut take = |member: &Member, taken: Option<&Arc<Version>>| {
                let is_free = |v: &&Arc<Version>| taken.is_none_or(|taken| !Arc::ptr_eq(taken, v));
                // What works is not given up for what does not: whoever gets another seat is open, or opens first.
                let keeps_its_seat = |version: &Arc<Version>| match taken {
                    None => current_now.as_ref().is_some_and(|current| Arc::ptr_eq(current, version)),
                    Some(_) => true,
                };
                let known = there.iter().filter(is_free).find(|version| {
                    !version.is_dismissed()
                        && version.member.is_like(member)
                        && (keeps_its_seat(version) || matches!(version.stage(), Stage::Open(_)))
                });
                known.cloned().unwrap_or_else(|| {
                    let version = Version::new(member.clone());
                    fresh.push(version.clone());
                    version
                })
            };
            let taken = take(&intended.wanted.member, None);
            is_promotion = canary_now.is_some_and(|canary| Arc::ptr_eq(&canary, &taken));
            canary = intended.wanted.canary.as_ref().map(|(member, share)| (take(member, Some(&taken)), *share));
            current = Some(taken);
        }
        Seating { slot, intended, current, canary, is_promotion }
    }

    async fn open_all(self: &Arc<Self>, fresh: &[Arc<Version>]) -> Result<(), Vec<NotOpened>> {
        let mut opening = JoinSet::new();
        for version in fresh {
            let (wire, version) = (self.clone(), version.clone());
            // Why one does not open stands with it.
            opening.spawn(async move { drop(version.open(wire).await) });
        }
        while opening.join_next().await.is_some() {}
        let not_opened = |version: &Arc<Version>| match version.stage() {
            Stage::Open(_) => None,
            Stage::Closed(because) => Some(NotOpened {
                instance: version.member.instance.name.clone(),
                version: version.name().to_owned(),
                because,
            }),
        };
        let mut failed: Vec<NotOpened> = fresh.iter().filter_map(not_opened).collect();
        if failed.is_empty() {
            return Ok(());
        }
        for version in fresh {
            version.close(Duration::ZERO, "another one did not open").await;
        }
        failed.sort_by(|one, other| (&one.instance, &one.version).cmp(&(&other.instance, &other.version)));
        Err(failed)
    }
}

impl Intended {
    /// That the gateway is about to stop.
    fn too_late(self) -> NotOpened {
        let member = self.wanted.member;
        let version = member.loaded.manifest().version.clone();
        NotOpened { instance: member.instance.name, version, because: "the gateway is about to stop".to_owned() }
    }

    /// That the canary was sent back, of which this plan does not know.
    fn sent_back(&self, returned: Option<Returned>) -> Option<Returned> {
        let (canary, _) = self.wanted.canary.as_ref()?;
        returned.filter(|returned| returned.is(canary))
    }
}

impl Seating {
    /// Whether a version of it has gone since the plan was made, or was sent back.
    fn is_overtaken(&self) -> bool {
        let mut versions = self.current.iter().chain(self.canary.iter().map(|(version, _)| version));
        let seats = self.slot.seats();
        let is_leaving =
            |version: &Arc<Version>| seats.lineup.leaving.iter().any(|one| one.number() == version.number());
        versions.any(|version| version.is_dismissed() || is_leaving(version))
            || self.intended.sent_back(seats.returned.clone()).is_some()
    }

    /// The canary, if it is to be current.
    fn promoted(&self) -> Option<Promoted> {
        let version = self.current.clone().filter(|_| self.is_promotion)?;
        Some(Promoted { slot: self.slot.clone(), version, returned: self.intended.returned.clone() })
    }
}

/// A canary that is to be current.
struct Promoted {
    slot: Arc<Slot>,
    version: Arc<Version>,
    /// What had been sent back by then.
    returned: Option<Returned>,
}

impl Promoted {
    /// That it was sent back meanwhile.
    fn sent_back(self) -> Option<NotOpened> {
        let returned = self.slot.seats().returned.clone();
        let returned = returned.filter(|now| now.is(&self.version.member) && Some(now) != self.returned.as_ref())?;
        let because = format!("it went back as a canary in this moment: {}", returned.because);
        Some(NotOpened { instance: self.slot.name.clone(), version: returned.version, because })
    }
}

/// Takes an instance out: what it was given comes to its end, and nothing follows.
fn retire(slot: &Slot, changed: &mut Vec<Changed>) -> Vec<Arc<Version>> {
    let mut seats = slot.seats();
    if seats.wanted.take().is_none() {
        return Vec::new();
    }
    let from = seats.lineup.current.as_ref().map(|version| version.name().to_owned());
    changed.push(Changed { instance: slot.name.clone(), from, to: None, canary: None });
    seats.off = None;
    let now_ms = SystemClock.now_ms();
    seats.lineup.off_since_ms = now_ms;
    seats.lineup.seat(None, None, now_ms)
}

/// Seats an instance anew. Answers who leaves.
fn seat(seating: Seating, changed: &mut Vec<Changed>) -> Vec<Arc<Version>> {
    let Seating { slot, intended, current, canary, .. } = seating;
    let mut seats = slot.seats();
    let before = seats.lineup.current.clone();
    let number = |version: Option<&Arc<Version>>| version.map(Seated::number);
    let canary_before = seats.lineup.canary.as_ref().map(|(version, share)| (version.number(), *share));
    let canary_now = canary.as_ref().map(|(version, share)| (version.number(), *share));
    let is_other = number(before.as_ref()) != number(current.as_ref());
    if is_other || canary_before != canary_now {
        let name = |version: &Arc<Version>| version.name().to_owned();
        changed.push(Changed {
            instance: slot.name.clone(),
            from: before.as_ref().map(name),
            to: current.as_ref().map(name),
            canary: canary.as_ref().map(|(version, _)| name(version)),
        });
    }
    if is_other || canary_before.map(|(number, _)| number) != canary_now.map(|(number, _)| number) {
        seats.tally = Tally::default();
    }
    let is_replaced = current.as_ref().zip(before.as_ref()).is_some_and(|(now, before)| now.name() != before.name());
    if let Some(before) = before.filter(|_| is_replaced) {
        seats.previous = Some(before.member.clone());
    }
    if let Some(off) = &intended.off {
        seats.lineup.off_since_ms = off.since_ms;
    }
    seats.off = intended.off;
    seats.returned = intended.returned;
    seats.wanted = Some(intended.wanted);
    seats.lineup.seat(current, canary, SystemClock.now_ms())
}
