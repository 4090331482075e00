//! An attempt: one order to one rail for one leg.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Reversal;
use crate::order::Doubt;
use crate::{Account, Money};

/// One movement of money in a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leg {
    /// From the payer's account to the payee's at once.
    Transfer,
    /// From the payer to us.
    Collect,
    /// From us to the payee.
    Payout,
    /// From us back to the payer.
    Return,
}

/// Where an attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptState {
    /// Decided on; no byte has left.
    Ready,
    /// Bytes may have left.
    InFlight,
    /// The rail has it in hand.
    Pending,
    /// The payer must do something first.
    ActionRequired,
    /// Nobody knows whether the money moved.
    Unknown,
    /// The order is being undone.
    Reversing,
    /// The money moved.
    Settled,
    /// The money moved although the attempt had been given up: it stands in suspense.
    SettledLate,
    /// The order was undone, as the rail acknowledges: the money did not move, or is back.
    Reversed,
    /// The money did not move.
    Declined,
    /// No byte left.
    NotSent,
}

impl AttemptState {
    /// Whether nothing is expected any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Settled | Self::SettledLate | Self::Reversed | Self::Declined | Self::NotSent)
    }

    /// Whether the order is, or may be, at the rail.
    pub fn is_out(self) -> bool {
        matches!(self, Self::InFlight | Self::Pending | Self::ActionRequired | Self::Unknown | Self::Reversing)
    }
}

/// Which version of a plugin has an order: another one may know nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Taker {
    /// The plugin's name.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// The SHA-256 of its bytes, in hexadecimal; nothing where it is linked into the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

impl std::fmt::Display for Taker {
    /// As in `bank-transfer 1.0.0 (462f709e3e6f)`: as much of the hash as tells builds apart.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.plugin, self.version)?;
        match self.sha256.as_deref().map(|sha256| sha256.get(..12).unwrap_or(sha256)) {
            Some(short) => write!(f, " ({short})"),
            None => Ok(()),
        }
    }
}

/// One order to one rail for one leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Counts the payment's attempts from 1.
    pub number: u32,
    /// Which movement.
    pub leg: Leg,
    /// The rail's instance.
    pub rail: Box<str>,
    /// Where it stands.
    pub state: AttemptState,
    /// When it was decided on, in milliseconds since 1970.
    pub made_at_ms: u64,
    /// When bytes may first have left, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at_ms: Option<u64>,
    /// The version of the rail's plugin that was given the order. Orders of before this was kept have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_by: Option<Arc<Taker>>,
    /// How many times the order was given again after the payer had acted.
    #[serde(default, skip_serializing_if = "never")]
    pub round: u32,
    /// Whether a question about it, or its reversal, is due: there is at most one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asking: bool,
    /// How many times the rail was asked what became of it, since it was given last.
    #[serde(default, skip_serializing_if = "never")]
    pub asked: u32,
    /// How much was approved in place of the whole: the order is undone for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Money>,
    /// Its reversal, once that was decided on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reversal: Option<Reversal>,
    /// How much it says has moved, once that is not what was ordered: what it says next is held against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<Money>,
    /// How many times the rail said something by itself that ended nothing.
    #[serde(default, skip_serializing_if = "never")]
    pub unasked: u32,
    /// How many times the payer was told how it stands, since the order was given last.
    #[serde(default, skip_serializing_if = "never")]
    pub told: u32,
    /// How many times the rail claimed what it had said otherwise, or what nobody had ordered.
    #[serde(default, skip_serializing_if = "never")]
    pub claims: u32,
    /// The rail's own reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The rail's last word, for a person to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
}

impl Attempt {
    /// The clearing account that the money stands on while the order is out.
    pub(super) fn clearing(&self) -> Account {
        Account::Clearing(self.rail.clone())
    }

    /// Whether the rail is heard once more that says by itself what ends nothing. The first word after the order was given
    /// always is: before it nobody asks.
    pub(super) fn hears(&mut self) -> bool {
        let is_heard = self.unasked < UNASKED_MAX || self.state == AttemptState::InFlight;
        self.unasked = self.unasked.saturating_add(u32::from(is_heard));
        is_heard
    }

    /// Whether the payer is told once more how the order stands.
    pub(super) fn tells(&mut self) -> bool {
        let is_told = self.told < TOLD_MAX;
        self.told += u32::from(is_told);
        is_told
    }

    /// Whether a rail that knows an order again for `for_ms` milliseconds surely still does at `now_ms`: only then may the
    /// order be sent again.
    pub fn is_known_again(&self, for_ms: u64, now_ms: u64) -> bool {
        let margin_ms = UNDER_WAY_MS.min(for_ms / 10);
        // Before it was sent it cannot be: a clock that was set back tells nothing.
        let within = |sent_at_ms: u64| now_ms >= sent_at_ms && now_ms - sent_at_ms < for_ms - margin_ms;
        self.sent_at_ms.is_some_and(within)
    }

    /// How long to wait before the rail is asked whether the payer has acted, or about what it has in hand where doubt ends by
    /// no question, in milliseconds; nothing once that was asked often enough. Such a question is harmless.
    pub(super) fn look_after_ms(&self) -> Option<u64> {
        let pause_ms = match self.asked {
            0 => 1_000,
            again => 60_000u64.saturating_mul(1 << (again - 1).min(20)).min(3_600_000),
        };
        (self.asked < LOOKS_MAX).then_some(pause_ms)
    }

    /// When to ask the rail next, counted from now, in milliseconds, where doubt ends like this; nothing where asking has
    /// ended or never helps.
    pub(super) fn ask_after_ms(&self, doubt: &Doubt, now_ms: u64) -> Option<u64> {
        let pause =
            |first_ms: u64, max_ms: u64| first_ms.saturating_mul(1 << self.asked.min(20)).min(max_ms.max(first_ms));
        match *doubt {
            Doubt::Inquirable { inquiries_max, first_after_ms, pause_max_ms } => {
                (self.asked < inquiries_max).then(|| pause(first_after_ms, pause_max_ms))
            }
            Doubt::Idempotent { for_ms } => {
                let after_ms = pause(1_000, 60_000);
                self.is_known_again(for_ms, now_ms.saturating_add(after_ms)).then_some(after_ms)
            }
            Doubt::Reversible | Doubt::Statement => None,
        }
    }
}

/// How long before a rail forgets a key its order is last sent again, in milliseconds: it is under way for a while.
const UNDER_WAY_MS: u64 = 60_000;

/// How many times a rail is heard that says by itself what ends nothing: each is a commit, and a note perhaps.
const UNASKED_MAX: u32 = 50;

/// How many times a payer is told of one order how it stands.
const TOLD_MAX: u32 = 5;

/// How many times a rail is asked whether the payer has acted.
const LOOKS_MAX: u32 = 10;

pub(super) fn never(times: &u32) -> bool {
    *times == 0
}
