//! An instance: its versions, and what was decided about them.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sportello_engine::{Clock, SystemClock};
use sportello_model::Order;
use sportello_sdk::Kind;
use tokio::sync::Notify;

use super::exchange::Intended;
use super::lineup::{Asked, Lineup, Seated};
use super::ruling::{Off, Returned};
use super::tally::Tally;
use super::version::Version;
use crate::api::webhooks::Told;
use crate::config::Share;
use crate::plugins::Member;

/// An instance, open or not.
pub struct Slot {
    /// Its name.
    pub name: String,
    /// Channel or rail.
    pub kind: Kind,
    /// Deliveries that were refused before the plugin saw them, whether it was open or not.
    pub webhooks_refused: AtomicU64,
    /// Up to where the log has been told of them.
    pub refusals_told: Told,
    /// An order has come to its end.
    pub(super) moved: Notify,
    seats: Mutex<Seats>,
}

/// What can change in an instance.
#[derive(Default)]
pub(super) struct Seats {
    pub(super) lineup: Lineup<Arc<Version>>,
    /// What the configuration wants there; nothing once it is taken out of it.
    pub(super) wanted: Option<Wanted>,
    /// Why it takes nothing new, where an operator has switched it off.
    pub(super) off: Option<Off>,
    /// What was current before.
    pub(super) previous: Option<Member>,
    /// The canary that was sent back, if one was.
    pub(super) returned: Option<Returned>,
    pub(super) tally: Tally,
}

/// What the configuration wants of an instance.
#[derive(Clone)]
pub struct Wanted {
    /// The current version.
    pub member: Member,
    /// The version that is tried beside it.
    pub canary: Option<(Member, Share)>,
}

/// Who is there, as it was at one moment.
pub struct Standing {
    /// What takes what is new.
    pub current: Option<Arc<Version>>,
    /// What is tried.
    pub canary: Option<(Arc<Version>, Share, Tally)>,
    /// What finishes, each with how many of its orders are open.
    pub leaving: Vec<(Arc<Version>, usize)>,
    /// Why it takes nothing new, where an operator has switched it off.
    pub off: Option<Off>,
    /// The canary that was sent back, if one was.
    pub returned: Option<Returned>,
    /// What the configuration wants there, whether it is switched off or not.
    pub wanted: Option<Wanted>,
    /// What was current before.
    pub previous: Option<Member>,
}

impl Slot {
    pub(super) fn new(name: &str, kind: Kind) -> Arc<Self> {
        Arc::new(Self {
            name: name.to_owned(),
            kind,
            webhooks_refused: AtomicU64::new(0),
            refusals_told: Told::default(),
            moved: Notify::new(),
            seats: Mutex::default(),
        })
    }

    pub(super) fn seats(&self) -> MutexGuard<'_, Seats> {
        // Nothing in here is left half done by a panic.
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has its first versions, none of them open yet: where it is switched off, one that finishes, if it is needed.
    pub(super) fn begin(&self, intended: Intended, is_needed: bool) -> Vec<Arc<Version>> {
        let Intended { wanted, off, returned } = intended;
        let now_ms = SystemClock.now_ms();
        let mut seats = self.seats();
        let current = is_needed.then(|| Version::new(wanted.member.clone()));
        match &off {
            Some(off) => {
                seats.lineup.seat(current, None, now_ms);
                seats.lineup.seat(None, None, now_ms);
                seats.lineup.off_since_ms = off.since_ms;
            }
            None => {
                let canary = wanted.canary.clone().map(|(member, share)| (Version::new(member), share));
                seats.lineup.seat(current, canary, now_ms);
            }
        }
        (seats.wanted, seats.off, seats.returned) = (Some(wanted), off, returned);
        seats.lineup.all().cloned().collect()
    }

    /// Who is there.
    pub fn standing(&self) -> Standing {
        let seats = self.seats();
        let lineup = &seats.lineup;
        Standing {
            current: lineup.current.clone(),
            canary: lineup.canary.clone().map(|(version, share)| (version, share, seats.tally)),
            leaving: lineup.leaving.iter().map(|v| (v.clone(), lineup.open_at(v.number()))).collect(),
            off: seats.off.clone(),
            returned: seats.returned.clone(),
            wanted: seats.wanted.clone(),
            previous: seats.previous.clone(),
        }
    }

    /// What takes what is new.
    pub fn current(&self) -> Option<Arc<Version>> {
        self.seats().lineup.current.clone()
    }

    /// The order has come to its end: where it undoes another, and `is_done`, that one as well.
    pub(super) fn over(&self, key: &str, is_done: bool) {
        self.seats().lineup.over(key, is_done);
        self.moved.notify_waiters();
    }

    /// Whether this is the version that is tried.
    pub(super) fn is_canary(&self, version: &Arc<Version>) -> bool {
        self.seats().lineup.canary.as_ref().is_some_and(|(canary, _)| canary.number() == version.number())
    }

    /// Counts a call, where a canary is tried, and answers that that one goes back, if it does: with itself. From this moment
    /// on everybody knows.
    pub(super) fn count(&self, version: &Arc<Version>, has_failed: bool) -> Option<(Arc<Version>, Returned)> {
        let mut seats = self.seats();
        let canary = seats.lineup.canary.as_ref().map(|(canary, _)| canary.clone())?;
        let is_current = seats.lineup.current.as_ref().is_some_and(|current| current.number() == version.number());
        if canary.number() == version.number() {
            seats.tally.canary.count(has_failed);
        } else if is_current {
            seats.tally.current.count(has_failed);
        }
        if !seats.tally.is_worse() {
            return None;
        }
        let now_ms = SystemClock.now_ms();
        let returned = Returned::new(&canary.member, because(seats.tally), now_ms);
        let current = seats.lineup.current.clone();
        seats.lineup.seat(current, None, now_ms);
        seats.returned = Some(returned.clone());
        Some((canary, returned))
    }
}

fn because(tally: Tally) -> String {
    let Tally { canary, current } = tally;
    format!(
        "{} of its {} calls failed, and {} of {} of the current version's",
        canary.failed, canary.calls, current.failed, current.calls
    )
}

/// What a lineup has to know of an order.
pub(super) fn asked(order: &Order) -> Asked<'_> {
    let undoes = order.refers_to.as_deref().filter(|_| order.kind == sportello_model::OrderKind::Reverse);
    Asked { key: &order.key, payment: order.payment.0, made_at_ms: order.made_at_ms, undoes, past_canary: false }
}
