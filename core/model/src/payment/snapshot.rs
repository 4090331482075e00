//! A payment as it is stored: what changes is written with every commit, and what never does is written once.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Attempt, CancelledBy, Challenge, Enrolling, Evidence, Incident, Payment, Plan, State};
use crate::{Intent, PaymentId};

/// What changes in a payment's life, beside what a store keeps in columns of its own.
#[derive(Debug, Serialize, Deserialize)]
pub struct Snapshot<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    enrolment: Option<Cow<'a, Enrolling>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    challenge: Option<Challenge>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evidence: Option<Cow<'a, Evidence>>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    attempts: Cow<'a, [Attempt]>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    incidents: Cow<'a, [Incident]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cancelled_by: Option<CancelledBy>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'a, str>>,
}

/// What a snapshot leaves out: the names and times that a store knows a payment by, and what stands in its journal
/// (the intent in the events `received` and `enrolled`, the plan in the event `routed`).
#[derive(Debug, Clone)]
pub struct Facts {
    /// Its id.
    pub id: PaymentId,
    /// How many events made it.
    pub version: u64,
    /// Where it stands.
    pub state: State,
    /// When it was made, in milliseconds since 1970.
    pub made_at_ms: u64,
    /// When it last changed, in milliseconds since 1970.
    pub changed_at_ms: u64,
    /// What was wished.
    pub intent: Arc<Intent>,
    /// How the money is to move, once that is decided.
    pub plan: Option<Arc<Plan>>,
}

impl Payment {
    /// What changes in this payment.
    pub fn snapshot(&self) -> Snapshot<'_> {
        Snapshot {
            enrolment: self.enrolment.as_ref().map(Cow::Borrowed),
            challenge: self.challenge,
            evidence: self.evidence.as_ref().map(Cow::Borrowed),
            attempts: self.attempts.as_slice().into(),
            incidents: self.incidents.as_slice().into(),
            cancelled_by: self.cancelled_by,
            reason: self.reason.as_deref().map(Cow::Borrowed),
        }
    }
}

impl Snapshot<'_> {
    /// The payment that this was taken of.
    pub fn restore(self, facts: Facts) -> Payment {
        let Facts { id, version, state, made_at_ms, changed_at_ms, intent, plan } = facts;
        Payment {
            id,
            version,
            state,
            intent,
            made_at_ms,
            changed_at_ms,
            enrolment: self.enrolment.map(Cow::into_owned),
            challenge: self.challenge,
            evidence: self.evidence.map(Cow::into_owned),
            plan,
            attempts: self.attempts.into_owned(),
            incidents: self.incidents.into_owned(),
            cancelled_by: self.cancelled_by,
            reason: self.reason.map(Cow::into_owned),
        }
    }
}
