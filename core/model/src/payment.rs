//! A payment: the life of an intent, moved by events alone.
//!
//! [`Payment::apply`] is the only place where a payment changes. It is pure: the same payment and event give the same
//! next payment, effects and postings.

mod answer;
mod apply;
mod attempt;
mod effect;
mod enrolment;
mod event;
mod legs;
mod reversal;
mod snapshot;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use apply::{Refusal, Transition};
pub use attempt::{Attempt, AttemptState, Leg, Taker};
pub use effect::{About, Audience, Effect};
pub use enrolment::{Enrolling, Side};
pub use event::{CancelledBy, Event, Evidence};
pub use reversal::Reversal;
pub use snapshot::{Facts, Snapshot};

use crate::order::{Doubt, OrderKind, Party};
use crate::{Intent, Order, PaymentId};

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It was asked for, and nothing has been decided.
    Received,
    /// Somebody has been asked for an account: to pay with, or to be paid on.
    AwaitingEnrolment,
    /// The payer has been asked for a code.
    AwaitingConfirmation,
    /// Money is on its way from account to account.
    Transferring,
    /// Money is being taken from the payer.
    Collecting,
    /// Collected money is on its way to the payee.
    PayingOut,
    /// Collected money is on its way back to the payer.
    Returning,
    /// It moved in a way that nobody asked for: an operator decides.
    InReview,
    /// Collected money could not be given back: an operator decides.
    ReturnFailed,
    /// The payee has the money.
    Completed,
    /// No rail moved the money.
    Declined,
    /// Called off before anything moved.
    Cancelled,
    /// Nobody confirmed, or gave what was asked for, in time.
    Expired,
    /// The payer has the money back.
    Returned,
}

impl State {
    /// Every state, in the order of a payment's life.
    pub const ALL: [Self; 14] = [
        Self::Received,
        Self::AwaitingEnrolment,
        Self::AwaitingConfirmation,
        Self::Transferring,
        Self::Collecting,
        Self::PayingOut,
        Self::Returning,
        Self::InReview,
        Self::ReturnFailed,
        Self::Completed,
        Self::Declined,
        Self::Cancelled,
        Self::Expired,
        Self::Returned,
    ];

    /// Whether nothing follows.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Declined | Self::Cancelled | Self::Expired | Self::Returned)
    }

    /// The state's name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::AwaitingEnrolment => "awaiting_enrolment",
            Self::AwaitingConfirmation => "awaiting_confirmation",
            Self::Transferring => "transferring",
            Self::Collecting => "collecting",
            Self::PayingOut => "paying_out",
            Self::Returning => "returning",
            Self::InReview => "in_review",
            Self::ReturnFailed => "return_failed",
            Self::Completed => "completed",
            Self::Declined => "declined",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Returned => "returned",
        }
    }
}

/// A rail in a plan, with how doubt about its orders ends: frozen with the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The rail's instance.
    pub rail: Box<str>,
    /// How doubt about an order of this leg ends there.
    pub doubt: Doubt,
    /// How doubt about giving back ends there; for a rail that collects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_doubt: Option<Doubt>,
}

/// How the money is to move: which legs, and for each the rails in order of preference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The name of the route that was chosen.
    pub route: Box<str>,
    /// Account to account in one step; then the other two are empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transfer: Vec<Choice>,
    /// From the payer to us.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collect: Vec<Choice>,
    /// From us to the payee.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payout: Vec<Choice>,
    /// Us, on whose account stands what was collected: who is paid by a collect order, and pays by a payout order. Plans of
    /// earlier versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub house: Option<Party>,
    /// How many attempts one leg may take in all.
    pub attempts_max: u32,
}

impl Plan {
    /// The rails for a leg. What was collected goes back by one of those that collect.
    pub(crate) fn choices(&self, leg: Leg) -> &[Choice] {
        match leg {
            Leg::Transfer => &self.transfer,
            Leg::Collect | Leg::Return => &self.collect,
            Leg::Payout => &self.payout,
        }
    }

    /// How doubt about an attempt ends: as its rail declared when the plan was made.
    pub fn doubt(&self, attempt: &Attempt) -> Option<&Doubt> {
        let choice = self.choices(attempt.leg).iter().find(|choice| choice.rail == attempt.rail)?;
        match attempt.leg {
            Leg::Return => choice.refund_doubt.as_ref(),
            Leg::Transfer | Leg::Collect | Leg::Payout => Some(&choice.doubt),
        }
    }
}

/// What the payer has been asked to answer. The code itself is derived when it is needed, and stored nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// Which of the payment's challenges this is; part of what the code is derived from.
    pub number: u32,
    /// How many wrong codes are still let pass.
    pub tries_left: u8,
    /// When it ends, in milliseconds since 1970.
    pub expires_at_ms: u64,
}

/// What an operator must look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// The attempt that it is about.
    pub attempt: u32,
    /// What is known and what can be done, in a sentence.
    pub what: String,
}

/// The life of an intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// Grows by one with every event.
    pub version: u64,
    /// Where it stands.
    pub state: State,
    /// What was wished.
    pub intent: Arc<Intent>,
    /// When it was made, in milliseconds since 1970.
    pub made_at_ms: u64,
    /// When it last changed, in milliseconds since 1970.
    pub changed_at_ms: u64,
    /// Who has been asked for an account, where somebody was.
    pub enrolment: Option<Enrolling>,
    /// What the payer has been asked to answer.
    pub challenge: Option<Challenge>,
    /// What shows that the payer agreed.
    pub evidence: Option<Evidence>,
    /// How the money is to move.
    pub plan: Option<Arc<Plan>>,
    /// What was tried, in order.
    pub attempts: Vec<Attempt>,
    /// What an operator must look at.
    pub incidents: Vec<Incident>,
    /// Who called it off.
    pub cancelled_by: Option<CancelledBy>,
    /// Why it ended as it did, or what it waits for, for a person to read.
    pub reason: Option<String>,
}

impl Payment {
    /// A payment that was just wished for.
    pub fn received(id: PaymentId, intent: Intent, at_ms: u64) -> Self {
        Self {
            id,
            version: 0,
            state: State::Received,
            intent: Arc::new(intent),
            made_at_ms: at_ms,
            changed_at_ms: at_ms,
            enrolment: None,
            challenge: None,
            evidence: None,
            plan: None,
            attempts: Vec::new(),
            incidents: Vec::new(),
            cancelled_by: None,
            reason: None,
        }
    }

    /// The attempt of this number.
    pub fn attempt(&self, number: u32) -> Option<&Attempt> {
        self.attempts.iter().find(|a| a.number == number)
    }

    /// The attempt whose order has this idempotency key.
    pub fn attempt_of_key(&self, key: &str) -> Option<&Attempt> {
        let (id, number) = key.split_once('-')?;
        if id.parse() != Ok(self.id) {
            return None;
        }
        self.attempt(number.parse().ok()?)
    }

    /// The idempotency key of an attempt's order: 35 characters at most, as an end-to-end id of ISO 20022 may have.
    pub fn key(&self, attempt: u32) -> String {
        format!("{}-{attempt}", self.id)
    }

    /// The order of an attempt, the same each time it is asked for: nothing for somebody who has no account.
    ///
    /// Its parties are whose money it is and who is to have it: where we collect and pay out, we are one of them. What is
    /// given back names the parties of the order that it refers to, for a rail finds the payer's instrument in the
    /// debtor's account.
    pub fn order(&self, attempt: &Attempt) -> Option<Order> {
        let Intent { payer, payee, .. } = &*self.intent;
        let house = self.plan.as_ref().and_then(|plan| plan.house.clone());
        let (debtor, creditor) = match attempt.leg {
            Leg::Transfer => (payer.party()?, payee.party()?),
            Leg::Collect | Leg::Return => (payer.party()?, house.or_else(|| payee.party())?),
            Leg::Payout => (house.or_else(|| payer.party())?, payee.party()?),
        };
        let refers_to =
            (attempt.leg == Leg::Return).then(|| self.settled(Leg::Collect).map(|a| self.key(a.number))).flatten();
        Some(Order {
            key: self.key(attempt.number),
            payment: self.id,
            kind: match attempt.leg {
                Leg::Transfer => OrderKind::Transfer,
                Leg::Collect => OrderKind::Collect,
                Leg::Payout => OrderKind::PayOut,
                Leg::Return => OrderKind::Refund,
            },
            amount: self.intent.amount,
            debtor,
            creditor,
            memo: self.intent.memo.clone(),
            refers_to,
            made_at_ms: attempt.made_at_ms,
        })
    }

    /// The attempt that settled this leg.
    pub fn settled(&self, leg: Leg) -> Option<&Attempt> {
        self.attempts.iter().find(|a| a.leg == leg && a.state == AttemptState::Settled)
    }

    /// Whether every attempt has found its end.
    pub fn attempts_are_final(&self) -> bool {
        self.attempts.iter().all(|a| a.state.is_final())
    }
}
