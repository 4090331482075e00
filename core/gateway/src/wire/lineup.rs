//! Which version of an instance does what: pure, so that a table can tell it.
//!
//! What is new goes to the current version, or for a share of the payments to the canary. Whatever is about an order goes to
//! the version that was given it, for as long as that one is there: no order is ever given to two. A version that was
//! replaced takes nothing new, and goes once what it was given has come to its end; before that only where the current one
//! stands in for it.

use std::collections::HashMap;

use crate::config::Share;

/// A version, as far as it matters here.
pub(crate) trait Seated: Clone {
    /// Unlike any other version's in this process.
    fn number(&self) -> u64;
    /// Whether it can be asked now.
    fn is_open(&self) -> bool;
    /// Whether what `other` was given can be asked of this one: it speaks to the same provider, as the same party, and
    /// promises the same.
    fn stands_in_for(&self, other: &Self) -> bool;
}

/// The versions of an instance, and the orders that they were given.
#[derive(Debug)]
pub(crate) struct Lineup<V> {
    pub(crate) current: Option<V>,
    pub(crate) canary: Option<(V, Share)>,
    /// The oldest first.
    pub(crate) leaving: Vec<V>,
    /// Since when it takes nothing new, in milliseconds since 1970: where there is no current version.
    pub(crate) off_since_ms: u64,
    /// Since when the canary is there, in milliseconds since 1970.
    canary_since_ms: u64,
    held: HashMap<String, Held>,
}

/// An order that was given to a version, and whose end is not known.
#[derive(Debug)]
struct Held {
    by: u64,
    payment: u128,
    /// The order that this one undoes.
    undoes: Option<String>,
}

/// What has to be known of an order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) key: &'a str,
    pub(crate) payment: u128,
    pub(crate) made_at_ms: u64,
    /// The order that this one undoes.
    pub(crate) undoes: Option<&'a str>,
    /// Whether the canary is passed over.
    pub(crate) past_canary: bool,
}

impl<V> Default for Lineup<V> {
    fn default() -> Self {
        Self {
            current: None,
            canary: None,
            leaving: Vec::new(),
            off_since_ms: 0,
            canary_since_ms: 0,
            held: HashMap::new(),
        }
    }
}

impl<V: Seated> Lineup<V> {
    /// Every version that is there, the current one first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &V> {
        let canary = self.canary.iter().map(|(version, _)| version);
        self.current.iter().chain(canary).chain(&self.leaving)
    }

    fn find(&self, number: u64) -> Option<&V> {
        self.all().find(|version| version.number() == number)
    }

    /// The version that was given this order, if it is there.
    pub(crate) fn holder(&self, key: &str) -> Option<&V> {
        self.find(self.held.get(key)?.by)
    }

    /// Who is given this order, and whether it is given for the first time. Nobody, where the instance takes nothing new.
    pub(crate) fn give(&mut self, order: Asked<'_>) -> Option<(V, bool)> {
        let version = self.foresee(order)?;
        let is_first = self.hold(order, version.number()).is_none();
        Some((version, is_first))
    }

    /// Who would be given this order now.
    pub(crate) fn foresee(&self, order: Asked<'_>) -> Option<V> {
        let holder = self.holder(order.key).or_else(|| self.holder(order.undoes?));
        holder.or_else(|| self.takes(order)).cloned()
    }

    fn hold(&mut self, order: Asked<'_>, by: u64) -> Option<Held> {
        let held = Held { by, payment: order.payment, undoes: order.undoes.map(str::to_owned) };
        self.held.insert(order.key.to_owned(), held)
    }

    /// Who is asked what became of this order, and has it from now on: it was given in the life of the program before.
    pub(crate) fn inquire(&mut self, order: Asked<'_>) -> Option<V> {
        let version = self.ask(order)?;
        if !self.held.contains_key(order.key) {
            self.hold(order, version.number());
        }
        Some(version)
    }

    /// Who is asked about this order: whoever was given it; else whoever takes what is of before.
    pub(crate) fn ask(&self, order: Asked<'_>) -> Option<V> {
        self.holder(order.key).or(self.current.as_ref()).or(self.leaving.last()).cloned()
    }

    /// Who takes an order that nobody here has.
    fn takes(&self, order: Asked<'_>) -> Option<&V> {
        if self.current.is_none() {
            // What was made before, or undoes what was, is to come to its end.
            let is_of_before = order.undoes.is_some() || order.made_at_ms < self.off_since_ms;
            return self.leaving.last().filter(|_| is_of_before);
        }
        // What was made before the canary came, or undoes what was, is none of its: whoever had it is not known here any
        // more, and may have been any but the canary.
        let is_of_before = order.undoes.is_some() || order.made_at_ms < self.canary_since_ms;
        if order.past_canary || is_of_before { self.current.as_ref() } else { self.pick(order.payment) }
    }

    /// The current version, or the canary where this number falls into its share: for the same number always the same.
    pub(crate) fn pick(&self, number: u128) -> Option<&V> {
        let canary = self.canary.as_ref().filter(|(version, share)| version.is_open() && falls_into(number, *share));
        canary.map(|(version, _)| version).or(self.current.as_ref())
    }

    /// The order has come to its end; and with it what it undoes, where that is undone: not where it could not be sent, or
    /// was declined.
    pub(crate) fn over(&mut self, key: &str, is_done: bool) {
        if let Some(Held { undoes: Some(undone), .. }) = self.held.remove(key)
            && is_done
        {
            self.held.remove(&undone);
        }
    }

    /// Of what this version was given, only what is of these payments is open still: their ends were learned elsewhere.
    pub(crate) fn forget_but(&mut self, number: u64, is_open: impl Fn(u128) -> bool) {
        self.held.retain(|_, held| held.by != number || is_open(held.payment));
    }

    /// How many orders this version was given whose end is not known.
    pub(crate) fn open_at(&self, number: u64) -> usize {
        self.held.values().filter(|held| held.by == number).count()
    }

    /// These are the versions from now on; those that were and are none of them leave. Answers who does.
    pub(crate) fn seat(&mut self, current: Option<V>, canary: Option<(V, Share)>, now_ms: u64) -> Vec<V> {
        let canary_of = |canary: &Option<(V, Share)>| canary.as_ref().map(|(version, _)| version.number());
        if canary_of(&canary) != canary_of(&self.canary) {
            self.canary_since_ms = now_ms;
        }
        // The current one is the last who leaves: it is asked where nobody is known to have an order.
        let before: Vec<V> = self.canary.take().map(|(v, _)| v).into_iter().chain(self.current.take()).collect();
        (self.current, self.canary) = (current, canary);
        // One that was about to leave may have been called back.
        let seated: Vec<u64> = self.current.iter().chain(self.canary.iter().map(|(v, _)| v)).map(V::number).collect();
        self.leaving.retain(|version| !seated.contains(&version.number()));
        let left: Vec<V> = before.into_iter().filter(|version| !seated.contains(&version.number())).collect();
        self.leaving.extend(left.iter().cloned());
        left
    }

    /// Whether the current version can be asked about what this one was given.
    pub(crate) fn has_heir(&self, number: u64) -> bool {
        let both = self.current.as_ref().zip(self.find(number));
        both.is_some_and(|(current, version)| current.stands_in_for(version))
    }

    /// A version that was leaving goes, and what it was given is the current one's. It stays where that one could not be
    /// asked about it: at another provider, an order would be carried out a second time, or undone where it never was.
    /// Answers whether it is gone.
    pub(crate) fn gone(&mut self, number: u64) -> bool {
        let heir = self.current.as_ref().map(Seated::number).filter(|_| self.has_heir(number));
        if heir.is_none() && self.open_at(number) > 0 {
            return false;
        }
        self.leaving.retain(|version| version.number() != number);
        if let (Some(heir), None) = (heir, self.find(number)) {
            self.held.values_mut().filter(|held| held.by == number).for_each(|held| held.by = heir);
        }
        true
    }

    /// Whether this version takes nothing new.
    pub(crate) fn is_leaving(&self, number: u64) -> bool {
        self.leaving.iter().any(|version| version.number() == number)
    }
}

/// Whether a payment is one of this share. Ids of payments end in random digits, but are mixed: others choose by them, too.
fn falls_into(number: u128, share: Share) -> bool {
    let low = u64::try_from(number & u128::from(u64::MAX)).unwrap_or_default();
    // SplitMix64 (Steele, Lea and Flood, 2014).
    let mut mixed = low.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) % 10_000 < u64::from(share.per_ten_thousand())
}

#[cfg(test)]
mod tests;
