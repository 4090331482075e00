//! The only place where a payment changes.

use std::sync::Arc;

use super::{
    About, AttemptState, Audience, CancelledBy, Challenge, Effect, Enrolling, Event, Leg, Payment, Plan, State, Taker,
};
use crate::Posting;

/// What an event made of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The payment as it is now.
    pub payment: Payment,
    /// What is to be done outside.
    pub effects: Vec<Effect>,
    /// What the ledger gets: adds up to zero.
    pub postings: Vec<Posting>,
}

/// Why an event changes nothing. The order is that in which they are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The event does not fit where the payment stands.
    #[error("this cannot happen to a payment that is {}", .0.name())]
    NotNow(State),
    /// The challenge has ended.
    #[error("the time to confirm is over")]
    TooLate,
    /// The payment has no such attempt.
    #[error("the payment has no such attempt")]
    NoSuchAttempt,
    /// The attempt's order has left, or has found its end.
    #[error("the attempt's order has left already")]
    AlreadySent,
    /// The attempt's order never left: nobody can have an answer to it.
    #[error("the attempt's order never left")]
    NeverSent,
    /// It says what is known.
    #[error("this is known already")]
    NothingNew,
    /// The plan names no rail.
    #[error("the plan names no rail")]
    EmptyPlan,
}

impl Payment {
    /// What `event` makes of this payment at `at_ms` milliseconds since 1970.
    ///
    /// # Errors
    /// The event does not fit; nothing has changed.
    pub fn apply(self, event: &Event, at_ms: u64) -> Result<Transition, Refusal> {
        let mut draft = Draft { payment: self, effects: Vec::new(), postings: Vec::new(), at_ms };
        match event {
            Event::Received { .. } => draft.received()?,
            Event::Challenged { number, tries, expires_at_ms, again_after_ms } => {
                draft.challenged(*number, *tries, *expires_at_ms, *again_after_ms)?;
            }
            Event::Enrolling { missing, expires_at_ms, evidence, again_after_ms } => draft.enrolling(Enrolling {
                missing: missing.clone(),
                expires_at_ms: *expires_at_ms,
                evidence: evidence.clone(),
                again_after_ms: *again_after_ms,
            })?,
            Event::Enrolled { side, account, .. } => draft.enrolled(*side, account)?,
            Event::WrongCode => draft.wrong_code()?,
            Event::Confirmed { evidence } => {
                draft.unconfirmed()?;
                draft.payment.evidence = Some(evidence.clone());
            }
            Event::Routed { plan } => draft.routed(plan)?,
            Event::Unroutable { because } => draft.unroutable(because)?,
            Event::Sent { attempt, by } => draft.sent(*attempt, by.as_ref())?,
            Event::Taken { attempt, by } => draft.taken(*attempt, by)?,
            Event::NotSent { attempt, because } => draft.not_sent(*attempt, because)?,
            Event::Answered { attempt, asked, outcome } => draft.answered(*attempt, *asked, outcome)?,
            Event::Reversing { attempt } => draft.reversing(*attempt)?,
            Event::ReversalAnswered { attempt, outcome } => draft.reversal_answered(*attempt, outcome)?,
            Event::ReversalDelayed { attempt, because } => draft.reversal_delayed(*attempt, because)?,
            Event::Cancelled { by } => draft.cancelled(*by)?,
            Event::Expired => draft.expired()?,
            // Facts for the journal: they change nothing in where the money is.
            Event::NoteDelayed { .. }
            | Event::NoteTold { .. }
            | Event::NoteDelivered { .. }
            | Event::NoteUndelivered { .. }
            | Event::NoteFailed { .. } => {}
        }
        draft.payment.version += 1;
        draft.payment.changed_at_ms = at_ms;
        Ok(Transition { payment: draft.payment, effects: draft.effects, postings: draft.postings })
    }
}

/// A transition in the making.
pub(super) struct Draft {
    pub(super) payment: Payment,
    pub(super) effects: Vec<Effect>,
    pub(super) postings: Vec<Posting>,
    pub(super) at_ms: u64,
}

impl Draft {
    pub(super) fn received(&mut self) -> Result<(), Refusal> {
        if self.payment.version != 0 {
            return Err(Refusal::NotNow(self.payment.state));
        }
        Ok(())
    }

    /// Before anything moves, and before anybody agreed.
    pub(super) fn unconfirmed(&self) -> Result<(), Refusal> {
        let Payment { state, evidence, challenge, .. } = &self.payment;
        if !matches!(state, State::Received | State::AwaitingConfirmation) || evidence.is_some() {
            return Err(Refusal::NotNow(*state));
        }
        if challenge.is_some_and(|c| self.at_ms >= c.expires_at_ms) {
            return Err(Refusal::TooLate);
        }
        Ok(())
    }

    pub(super) fn challenged(
        &mut self,
        number: u32,
        tries: u8,
        expires_at_ms: u64,
        again_after_ms: Option<u64>,
    ) -> Result<(), Refusal> {
        self.unconfirmed()?;
        self.payment.challenge = Some(Challenge { number, tries_left: tries, expires_at_ms });
        self.payment.state = State::AwaitingConfirmation;
        let after_ms = expires_at_ms.saturating_sub(self.at_ms);
        self.effects.push(Effect::Expire { challenge: number, after_ms });
        self.note(Audience::Payer, About::Challenge { number, again_after_ms });
        Ok(())
    }

    pub(super) fn wrong_code(&mut self) -> Result<(), Refusal> {
        self.unconfirmed()?;
        let Some(challenge) = &mut self.payment.challenge else {
            return Err(Refusal::NotNow(self.payment.state));
        };
        challenge.tries_left = challenge.tries_left.saturating_sub(1);
        let tries_left = challenge.tries_left;
        if tries_left == 0 {
            return self.cancelled(CancelledBy::WrongCodes);
        }
        self.note(Audience::Payer, About::WrongCode { tries_left });
        Ok(())
    }

    pub(super) fn cancelled(&mut self, by: CancelledBy) -> Result<(), Refusal> {
        self.end_unconfirmed(State::Cancelled)?;
        self.payment.cancelled_by = Some(by);
        self.note(Audience::Payer, About::Cancelled { by });
        Ok(())
    }

    pub(super) fn expired(&mut self) -> Result<(), Refusal> {
        self.end_unconfirmed(State::Expired)?;
        self.note(Audience::Payer, About::Expired);
        Ok(())
    }

    /// Ends what nobody agreed to. Being late is no hindrance to that.
    pub(super) fn end_unconfirmed(&mut self, end: State) -> Result<(), Refusal> {
        match self.unconfirmed() {
            Ok(()) | Err(Refusal::TooLate | Refusal::NotNow(State::AwaitingEnrolment)) => {
                self.payment.state = end;
                Ok(())
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// Between the payer's word and the first order.
    pub(super) fn confirmed_and_unrouted(&self) -> Result<(), Refusal> {
        let Payment { state, evidence, .. } = &self.payment;
        if !matches!(state, State::Received | State::AwaitingConfirmation) || evidence.is_none() {
            return Err(Refusal::NotNow(*state));
        }
        Ok(())
    }

    pub(super) fn routed(&mut self, plan: &Arc<Plan>) -> Result<(), Refusal> {
        self.confirmed_and_unrouted()?;
        let two_steps = !plan.collect.is_empty() && !plan.payout.is_empty();
        let (leg, state, first) = match (plan.transfer.first(), plan.collect.first()) {
            (Some(first), _) => (Leg::Transfer, State::Transferring, first.clone()),
            (None, Some(first)) if two_steps => (Leg::Collect, State::Collecting, first.clone()),
            _ => return Err(Refusal::EmptyPlan),
        };
        self.payment.plan = Some(plan.clone());
        self.payment.state = state;
        self.attempt(leg, &first, 0);
        Ok(())
    }

    pub(super) fn unroutable(&mut self, because: &str) -> Result<(), Refusal> {
        self.confirmed_and_unrouted()?;
        self.decline(because);
        Ok(())
    }

    pub(super) fn sent(&mut self, number: u32, by: Option<&Arc<Taker>>) -> Result<(), Refusal> {
        let amount = self.payment.intent.amount;
        let at_ms = self.at_ms;
        let attempt = self.attempt_mut(number)?;
        if attempt.state != AttemptState::Ready {
            return Err(Refusal::AlreadySent);
        }
        attempt.state = AttemptState::InFlight;
        // The rail has known the key since then.
        attempt.sent_at_ms.get_or_insert(at_ms);
        if by.is_some() {
            attempt.taken_by = by.cloned();
        }
        let (leg, clearing) = (attempt.leg, attempt.clearing());
        self.post(self.source(leg), clearing, amount);
        Ok(())
    }

    pub(super) fn taken(&mut self, number: u32, by: &Arc<Taker>) -> Result<(), Refusal> {
        let attempt = self.attempt_mut(number)?;
        if attempt.sent_at_ms.is_none() {
            return Err(Refusal::NeverSent);
        }
        if attempt.taken_by.as_ref() == Some(by) {
            return Err(Refusal::NothingNew);
        }
        attempt.taken_by = Some(by.clone());
        Ok(())
    }

    pub(super) fn not_sent(&mut self, number: u32, because: &str) -> Result<(), Refusal> {
        let amount = self.payment.intent.amount;
        let attempt = self.attempt_mut(number)?;
        match attempt.state {
            AttemptState::Ready => {}
            AttemptState::InFlight => {
                let (leg, clearing) = (attempt.leg, attempt.clearing());
                self.post(clearing, self.source(leg), amount);
            }
            // Once an answer came, bytes did leave, whatever somebody says now.
            _ => return Err(Refusal::AlreadySent),
        }
        let attempt = self.attempt_mut(number)?;
        attempt.state = AttemptState::NotSent;
        attempt.word = Some(because.to_owned());
        let leg = attempt.leg;
        self.next_rail(leg, because);
        Ok(())
    }
}
