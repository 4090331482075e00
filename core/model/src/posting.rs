//! Double entry: every movement is a set of postings that adds up to zero in each currency.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Currency, Handle, Money};

/// Where money stands, as the ledger sees it. Written as `person:HANDLE`, `clearing:RAIL`, `held`, `suspense`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// What came from and went to a person. Outside our hands: it may be negative.
    Person(Handle),
    /// What a rail has been asked to move and has not answered for yet. Never negative.
    Clearing(Box<str>),
    /// What was collected and is not paid out yet. Never negative.
    Held,
    /// What moved and cannot be placed: an operator's to sort out.
    Suspense,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(handle) => write!(f, "person:{handle}"),
            Self::Clearing(rail) => write!(f, "clearing:{rail}"),
            Self::Held => f.write_str("held"),
            Self::Suspense => f.write_str("suspense"),
        }
    }
}

impl Serialize for Account {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Account {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        match text.split_once(':') {
            Some(("person", handle)) => handle.parse().map(Self::Person).map_err(serde::de::Error::custom),
            Some(("clearing", rail)) => Ok(Self::Clearing(rail.into())),
            None if text == "held" => Ok(Self::Held),
            None if text == "suspense" => Ok(Self::Suspense),
            _ => Err(serde::de::Error::custom("no such kind of account")),
        }
    }
}

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// The account.
    pub account: Account,
    /// Minor units: what came in is positive, what went out negative.
    pub minor: i64,
    /// The currency.
    pub currency: Currency,
}

/// Moves `amount` from one account to another: two postings that add up to zero.
pub fn movement(from: Account, to: Account, amount: Money) -> [Posting; 2] {
    // An amount is below 2⁵³, so it fits and so does its negation.
    let minor = i64::try_from(amount.minor()).unwrap_or(i64::MAX);
    let currency = amount.currency();
    [Posting { account: from, minor: -minor, currency }, Posting { account: to, minor, currency }]
}

/// Whether the postings add up to zero in each currency.
pub fn is_balanced<'a>(postings: impl IntoIterator<Item = &'a Posting>) -> bool {
    let mut sums = BTreeMap::<Currency, i128>::new();
    for posting in postings {
        *sums.entry(posting.currency).or_default() += i128::from(posting.minor);
    }
    sums.values().all(|sum| *sum == 0)
}
