//! Which version of an instance does what: pure, so that a table can tell it.
//!
//! What is new goes to the current version, or for a share of the payments to the canary. Whatever is about an order goes to
//! the version that was given it, for as long as that one is there: no order is ever given to two. A version that was
//! replaced takes nothing new, and goes once what it was given has come to its end.

use std::collections::HashMap;

use crate::config::Share;

/// A version, as far as it matters here.
pub(crate) trait Seated: Clone {
    /// Unlike any other version's in this process.
    fn number(&self) -> u64;
    /// Whether it can be asked now.
    fn is_open(&self) -> bool;
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
    held: HashMap<String, Held>,
}

/// An order that was given to a version, and whose end is not known.
#[derive(Debug)]
struct Held {
    by: u64,
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
        Self { current: None, canary: None, leaving: Vec::new(), off_since_ms: 0, held: HashMap::new() }
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
        let holder = self.holder(order.key).or_else(|| self.holder(order.undoes?));
        let version = match holder {
            Some(version) => version.clone(),
            None => self.takes(order)?.clone(),
        };
        let held = Held { by: version.number(), undoes: order.undoes.map(str::to_owned) };
        let is_first = self.held.insert(order.key.to_owned(), held).is_none();
        Some((version, is_first))
    }

    /// Who is asked about this order: whoever was given it; else whoever would be given it now.
    pub(crate) fn ask(&self, order: Asked<'_>) -> Option<V> {
        self.holder(order.key).or_else(|| self.current.as_ref()).or_else(|| self.leaving.last()).cloned()
    }

    /// Who takes an order that nobody here has.
    fn takes(&self, order: Asked<'_>) -> Option<&V> {
        if self.current.is_none() {
            // What was made before, or undoes what was, is to come to its end.
            let is_of_before = order.undoes.is_some() || order.made_at_ms < self.off_since_ms;
            return self.leaving.last().filter(|_| is_of_before);
        }
        if order.past_canary { self.current.as_ref() } else { self.pick(order.payment) }
    }

    /// The current version, or the canary where this number falls into its share: for the same number always the same.
    pub(crate) fn pick(&self, number: u128) -> Option<&V> {
        let canary = self.canary.as_ref().filter(|(version, share)| version.is_open() && falls_into(number, *share));
        canary.map(|(version, _)| version).or(self.current.as_ref())
    }

    /// The order has come to its end, and what it undoes with it.
    pub(crate) fn over(&mut self, key: &str) {
        if let Some(Held { undoes: Some(undone), .. }) = self.held.remove(key) {
            self.held.remove(&undone);
        }
    }

    /// How many orders this version was given whose end is not known.
    pub(crate) fn open_at(&self, number: u64) -> usize {
        self.held.values().filter(|held| held.by == number).count()
    }

    /// These are the versions from now on; those that were and are none of them leave. Answers who does.
    pub(crate) fn seat(&mut self, current: Option<V>, canary: Option<(V, Share)>) -> Vec<V> {
        let before: Vec<V> = self.current.take().into_iter().chain(self.canary.take().map(|(v, _)| v)).collect();
        (self.current, self.canary) = (current, canary);
        // One that was about to leave may have been called back.
        let seated: Vec<u64> = self.current.iter().chain(self.canary.iter().map(|(v, _)| v)).map(V::number).collect();
        self.leaving.retain(|version| !seated.contains(&version.number()));
        let left: Vec<V> = before.into_iter().filter(|version| !seated.contains(&version.number())).collect();
        self.leaving.extend(left.iter().cloned());
        left
    }

    /// A version that was leaving has gone: what it was given is asked of whoever is there.
    pub(crate) fn gone(&mut self, number: u64) {
        self.leaving.retain(|version| version.number() != number);
        if self.find(number).is_none() {
            self.held.retain(|_, held| held.by != number);
        }
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
