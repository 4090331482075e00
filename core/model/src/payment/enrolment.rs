//! Asking people for an account, before anything else: what to pay with, and what to be paid on.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::apply::{Draft, Refusal};
use super::{About, Audience, Effect, Evidence, State};
use crate::Handle;

/// One of a payment's two people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Whose money it is.
    Payer,
    /// Who is to have it.
    Payee,
}

impl Side {
    /// The note's audience that this is.
    pub fn audience(self) -> Audience {
        match self {
            Self::Payer => Audience::Payer,
            Self::Payee => Audience::Payee,
        }
    }
}

/// Who has been asked for an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolling {
    /// Who has not given one yet.
    pub missing: Vec<Side>,
    /// When it ends, in milliseconds since 1970.
    pub expires_at_ms: u64,
    /// What showed already that the payer agreed. Gone once the payer gives an account: whoever holds a link has agreed to
    /// nothing yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// How long before this the same had been asked for, in milliseconds, where that may be the same wish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again_after_ms: Option<u64>,
}

impl Draft {
    pub(super) fn enrolling(&mut self, enrolling: Enrolling) -> Result<(), Refusal> {
        let is_new = self.payment.state == State::Received && self.payment.enrolment.is_none();
        if !is_new || self.payment.evidence.is_some() {
            return Err(Refusal::NotNow(self.payment.state));
        }
        self.payment.state = State::AwaitingEnrolment;
        let after_ms = enrolling.expires_at_ms.saturating_sub(self.at_ms);
        self.effects.push(Effect::EndEnrolment { after_ms });
        for side in &enrolling.missing {
            self.note(side.audience(), About::Enrol);
        }
        self.payment.enrolment = Some(enrolling);
        Ok(())
    }

    pub(super) fn enrolled(&mut self, side: Side, account: &Handle) -> Result<(), Refusal> {
        let state = self.payment.state;
        let Some(enrolling) = self.payment.enrolment.as_mut().filter(|_| state == State::AwaitingEnrolment) else {
            return Err(Refusal::NotNow(state));
        };
        if self.at_ms >= enrolling.expires_at_ms {
            return Err(Refusal::TooLate);
        }
        if !enrolling.missing.contains(&side) {
            return Err(Refusal::NothingNew);
        }
        enrolling.missing.retain(|missing| *missing != side);
        if side == Side::Payer {
            enrolling.evidence = None;
        }
        if enrolling.missing.is_empty() {
            // From here on it is as any other payment that was just wished for.
            self.payment.state = State::Received;
        }
        Arc::make_mut(&mut self.payment.intent).enrolled(side, account.clone());
        Ok(())
    }
}
