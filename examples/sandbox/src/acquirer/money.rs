//! What a card has been charged, and everything that was said about it.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use serde_json::{Value, json};

use super::card;
use crate::clock;

/// How many operations of a card are remembered.
const REMEMBERED: usize = 500;

/// The money of one card in one currency, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Money {
    /// What was approved, whatever came of it.
    pub(crate) authorized: u64,
    /// What was taken, by captures and in one step.
    pub(crate) captured: u64,
    /// What was given back by refunds.
    pub(crate) refunded: u64,
    /// What was released or given back by reversals.
    pub(crate) reversed: u64,
    /// What is reserved now.
    pub(crate) held: u64,
    /// What the payer has paid, all in all.
    pub(crate) taken: u64,
}

/// One message about a card, with what came of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Operation {
    pub(crate) at: String,
    pub(crate) mti: String,
    pub(crate) kind: &'static str,
    pub(crate) stan: String,
    pub(crate) rrn: String,
    pub(crate) terminal: String,
    pub(crate) amount_minor: u64,
    pub(crate) approved_minor: u64,
    pub(crate) currency: String,
    /// Field 39.
    pub(crate) code: String,
    /// Field 38.
    pub(crate) approval: Option<String>,
    /// Why, where there is more to say.
    pub(crate) note: Option<String>,
    /// How the answer left.
    pub(crate) answer: super::faults::Way,
}

/// One card's account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    /// By currency, as the letters of ISO 4217.
    pub(crate) money: BTreeMap<&'static str, Money>,
    pub(crate) operations: VecDeque<Operation>,
}

impl Account {
    pub(crate) fn remember(&mut self, operation: Operation) {
        if self.operations.len() >= REMEMBERED {
            self.operations.pop_front();
        }
        self.operations.push_back(operation);
    }

    /// The account as the control API shows it.
    pub(crate) fn shown(&self, pan: &str) -> Value {
        let of = |amount: fn(&Money) -> u64| -> BTreeMap<&str, u64> {
            self.money.iter().map(|(currency, money)| (*currency, amount(money))).collect()
        };
        json!({
            "last4": last4(pan),
            "name": card::find(pan).map(|card| card.name),
            "taken_minor": of(|money| money.taken),
            "held_minor": of(|money| money.held),
            "authorized_minor": of(|money| money.authorized),
            "captured_minor": of(|money| money.captured),
            "refunded_minor": of(|money| money.refunded),
            "reversed_minor": of(|money| money.reversed),
            "operations": self.operations,
        })
    }
}

/// The last four digits.
pub(crate) fn last4(pan: &str) -> &str {
    pan.get(pan.len().saturating_sub(4)..).unwrap_or_default()
}

/// The letters of a currency that is accepted (ISO 4217), by its number.
pub(crate) fn currency(number: &str) -> Option<&'static str> {
    match number {
        "978" => Some("EUR"),
        "840" => Some("USD"),
        "826" => Some("GBP"),
        "392" => Some("JPY"),
        _ => None,
    }
}

/// An amount for people: `20.00 EUR`, `1500 JPY`.
pub(crate) fn written(minor: u64, currency: &str) -> String {
    match currency {
        "JPY" => format!("{minor} JPY"),
        _ => format!("{}.{:02} {currency}", minor / 100, minor % 100),
    }
}

/// The instant, as operations have it.
pub(crate) fn now() -> String {
    clock::rfc3339(clock::now_ms())
}
