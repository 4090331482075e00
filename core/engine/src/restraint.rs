//! How often somebody is asked for a code by whoever may not be themself: by a sender who can be forged, and by those who
//! request money of them.
//!
//! Each code that is open is a chance to guess one, and each one asked for is a message on somebody's telephone. Three wrong
//! answers end what is open, and whoever forges could begin anew at once: so what was asked for in vain is counted as well.
//! In memory, by who pays: a restart forgets it, and nobody can bring one about.

use std::collections::HashMap;

use parking_lot::Mutex;
use sportello_model::Handle;

/// How many times as many as may be open at once may be asked for in vain in [`WINDOW_MS`].
const IN_VAIN_FACTOR: usize = 3;
/// How long they are counted, in milliseconds.
const WINDOW_MS: u64 = 24 * 3_600_000;
/// The most people that are kept in mind: whoever forges a sender is a new one each time.
const PEOPLE_MAX: usize = 100_000;

#[derive(Debug, Default)]
struct Counted {
    since_ms: u64,
    /// Asked for, less those that were answered with their code.
    in_vain: usize,
    /// About to be asked for.
    beginning: usize,
}

/// Why nobody is asked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooMany {
    /// As many as may be are open.
    Open,
    /// Too many were asked for in vain.
    InVain,
}

#[derive(Debug, Default)]
pub(crate) struct Restraint(Mutex<HashMap<Handle, Counted>>);

impl Restraint {
    /// Reserves one challenge for the owner of `account`, of whom `open` are open and at most `open_max` may be.
    pub(crate) fn begin(
        &self,
        account: &Handle,
        open: impl FnOnce() -> usize,
        open_max: usize,
        now_ms: u64,
    ) -> Result<Beginning<'_>, TooMany> {
        let mut people = self.0.lock();
        if people.len() >= PEOPLE_MAX && !people.contains_key(account) {
            make_room(&mut people, now_ms);
        }
        let counted = people.entry(account.clone()).or_default();
        if now_ms.abs_diff(counted.since_ms) >= WINDOW_MS {
            (counted.in_vain, counted.since_ms) = (0, now_ms);
        }
        // Looked at under the lock: what has begun is open before it is no more about to.
        if open().saturating_add(counted.beginning) >= open_max {
            return Err(TooMany::Open);
        }
        if counted.in_vain.saturating_add(counted.beginning) >= open_max.saturating_mul(IN_VAIN_FACTOR) {
            return Err(TooMany::InVain);
        }
        counted.beginning += 1;
        Ok(Beginning { restraint: self, account: account.clone() })
    }

    /// A challenge was answered with its code: it was not in vain.
    pub(crate) fn answered(&self, account: &Handle) {
        self.with(account, |counted| counted.in_vain = counted.in_vain.saturating_sub(1));
    }

    fn with(&self, account: &Handle, change: impl FnOnce(&mut Counted)) {
        if let Some(counted) = self.0.lock().get_mut(account) {
            change(counted);
        }
    }
}

/// Forgets whom nothing is known of any more; and where that are few, those of whom the least was asked in vain: to have
/// somebody near the bound forgotten takes as much in vain for each of half the people that there is room for. At least half
/// of them at once, so that it is done seldom.
fn make_room(people: &mut HashMap<Handle, Counted>, now_ms: u64) {
    let is_counted = |counted: &Counted| counted.in_vain > 0 && now_ms.abs_diff(counted.since_ms) < WINDOW_MS;
    people.retain(|_, counted| counted.beginning > 0 || is_counted(counted));
    let mut least = people.values().map(|counted| counted.in_vain).collect::<Vec<_>>();
    if least.len() <= PEOPLE_MAX / 2 {
        return;
    }
    least.sort_unstable();
    let above = least.get(least.len() / 2).copied().unwrap_or_default();
    people.retain(|_, counted| counted.beginning > 0 || counted.in_vain > above);
}

/// A challenge that is about to be; forgotten if it comes to nothing.
pub(crate) struct Beginning<'a> {
    restraint: &'a Restraint,
    account: Handle,
}

impl Beginning<'_> {
    /// It is durable.
    pub(crate) fn begun(&self) {
        self.restraint.with(&self.account, |counted| counted.in_vain = counted.in_vain.saturating_add(1));
    }
}

impl Drop for Beginning<'_> {
    fn drop(&mut self) {
        self.restraint.with(&self.account, |counted| counted.beginning = counted.beginning.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(number: usize) -> Handle {
        Handle::new("tel", &format!("+39{number:010}")).unwrap()
    }

    #[test]
    fn whoever_is_made_up_fills_no_memory_and_helps_nobody_to_guess() {
        let restraint = Restraint::default();
        let ask = |who: &Handle, now_ms: u64| restraint.begin(who, || 0, 1, now_ms).map(|beginning| beginning.begun());
        let victim = Handle::new("tel", "+41000000000").unwrap();
        let busy = Handle::new("tel", "+42000000000").unwrap();
        let beginning = restraint.begin(&busy, || 0, 1, 1_000).unwrap();
        for _ in 0..IN_VAIN_FACTOR {
            ask(&victim, 1_000).unwrap();
        }
        for number in 0..PEOPLE_MAX * 2 {
            ask(&person(number), 1_000).unwrap();
        }
        let kept = restraint.0.lock().len();
        assert!(kept <= PEOPLE_MAX, "{kept} people are kept in mind");
        assert_eq!(ask(&victim, 1_000), Err(TooMany::InVain), "its guesses are counted on");
        assert_eq!(restraint.begin(&busy, || 0, 1, 1_000).err(), Some(TooMany::Open), "and what is about to be");
        drop(beginning);
        // A day later nobody is kept for it.
        for number in 0..PEOPLE_MAX {
            ask(&person(number), 1_000 + WINDOW_MS).unwrap();
        }
        assert!(!restraint.0.lock().contains_key(&victim));
        assert_eq!(ask(&victim, 1_000 + WINDOW_MS), Ok(()));
    }
}
