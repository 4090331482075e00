//! From one attempt to the next, and from one leg to the next; and what the ledger gets of it.

use super::apply::Draft;
use super::apply::Refusal;
use super::{About, Attempt, AttemptState, Audience, Choice, Effect, Incident, Leg, State};
use crate::{Account, Money, movement};

/// The most incidents that one payment keeps: a rail that lies for ever fills no store.
const INCIDENTS_MAX: usize = 20;
/// The most incidents that come of what the rail of one attempt claims.
const CLAIMS_MAX: u32 = 5;

impl Draft {
    /// The leg goes on with another rail, if there is one.
    pub(super) fn next_rail(&mut self, leg: Leg, because: &str) {
        match self.choice(leg).filter(|_| !self.moved_late(leg)) {
            Some((choice, after_ms)) => self.attempt(leg, &choice, after_ms),
            None => self.leg_failed(leg, because),
        }
    }

    /// Whether an order that had been given up has moved the money of this leg all the same; what was paid out is not to be
    /// given back.
    pub(super) fn moved_late(&self, leg: Leg) -> bool {
        let is_meant = |of: Leg| of == leg || (leg == Leg::Return && of == Leg::Payout);
        self.payment.attempts.iter().any(|a| is_meant(a.leg) && a.state == AttemptState::SettledLate)
    }

    pub(super) fn leg_failed(&mut self, leg: Leg, because: &str) {
        // Another order, or giving back, would move it twice; and to say that nothing moved would be a lie.
        if self.moved_late(leg) {
            self.payment.state = State::InReview;
            self.payment.reason = Some("the money moved by an order that had been given up".into());
            self.note(Audience::Payer, About::InReview);
            return;
        }
        match leg {
            Leg::Transfer | Leg::Collect => self.decline(because),
            Leg::Payout => self.give_back(because),
            Leg::Return => {
                self.payment.state = State::ReturnFailed;
                self.payment.reason = Some(because.to_owned());
                let number = self.payment.attempts.last().map_or(0, |a| a.number);
                self.incident(number, format!("what was collected cannot be given back ({because}): it is still held"));
                self.note(Audience::Payer, About::InReview);
            }
        }
    }

    pub(super) fn decline(&mut self, because: &str) {
        self.payment.state = State::Declined;
        self.payment.reason = Some(because.to_owned());
        self.note(Audience::Payer, About::Declined { reason: because.to_owned() });
    }

    /// Gives back what was collected, by the rail that collected it.
    pub(super) fn give_back(&mut self, because: &str) {
        self.payment.state = State::Returning;
        self.payment.reason = Some(because.to_owned());
        match self.choice(Leg::Return) {
            Some((choice, after_ms)) => self.attempt(Leg::Return, &choice, after_ms),
            None => self.leg_failed(Leg::Return, because),
        }
    }

    /// The rail for the leg's next attempt, and how long to wait before it: the first that was not tried; else the first
    /// that moved nothing for certain (no order ever reached it, or each was undone), as often as the plan allows. One that
    /// approves a part is not asked for the whole again.
    pub(super) fn choice(&self, leg: Leg) -> Option<(Choice, u64)> {
        let plan = self.payment.plan.as_deref()?;
        let tries = |choice: &&Choice| {
            self.payment.attempts.iter().filter(move |a| a.leg == leg && a.rail == choice.rail).count()
        };
        let collected_by;
        let choices = match leg {
            Leg::Transfer | Leg::Collect | Leg::Payout => plan.choices(leg),
            Leg::Return => {
                let rail = &self.payment.settled(Leg::Collect)?.rail;
                let gives_back = |c: &&Choice| c.rail == *rail && c.refund_doubt.is_some();
                collected_by = plan.collect.iter().find(gives_back)?.clone();
                std::slice::from_ref(&collected_by)
            }
        };
        if let Some(fresh) = choices.iter().find(|c| tries(c) == 0) {
            return Some((fresh.clone(), 0));
        }
        let done = self.payment.attempts.iter().filter(|a| a.leg == leg).count();
        let moved_nothing =
            |a: &Attempt| a.state == AttemptState::NotSent || (a.state == AttemptState::Reversed && a.part.is_none());
        let is_open = |choice: &&Choice| {
            self.payment.attempts.iter().all(|a| a.leg != leg || a.rail != choice.rail || moved_nothing(a))
        };
        let again = choices.iter().find(is_open)?;
        (done < plan.attempts_max as usize).then(|| (again.clone(), 1_000 << done.min(6)))
    }

    pub(super) fn attempt(&mut self, leg: Leg, choice: &Choice, after_ms: u64) {
        let number = self.payment.attempts.last().map_or(1, |a| a.number + 1);
        self.payment.attempts.push(Attempt {
            number,
            leg,
            rail: choice.rail.clone(),
            state: AttemptState::Ready,
            made_at_ms: self.at_ms,
            sent_at_ms: None,
            taken_by: None,
            round: 0,
            asking: false,
            asked: 0,
            part: None,
            reversal: None,
            moved: None,
            unasked: 0,
            told: 0,
            claims: 0,
            reference: None,
            word: None,
        });
        self.effects.push(Effect::Submit { attempt: number, after_ms });
    }

    pub(super) fn attempt_mut(&mut self, number: u32) -> Result<&mut Attempt, Refusal> {
        self.payment.attempts.iter_mut().find(|a| a.number == number).ok_or(Refusal::NoSuchAttempt)
    }

    /// Where a leg takes the money from.
    pub(super) fn source(&self, leg: Leg) -> Account {
        match leg {
            Leg::Transfer | Leg::Collect => Account::Person(self.payment.intent.payer.handle.clone()),
            Leg::Payout | Leg::Return => Account::Held,
        }
    }

    /// Where a leg brings the money to.
    pub(super) fn destination(&self, leg: Leg) -> Account {
        match leg {
            Leg::Transfer | Leg::Payout => Account::Person(self.payment.intent.payee.handle.clone()),
            Leg::Collect => Account::Held,
            Leg::Return => Account::Person(self.payment.intent.payer.handle.clone()),
        }
    }

    pub(super) fn post(&mut self, from: Account, to: Account, amount: Money) {
        self.postings.extend(movement(from, to, amount));
    }

    /// Another amount moved than was wanted. What came in stands in suspense whole; what went out is taken from there,
    /// so that suspense shows what is left over, or what is not covered.
    pub(super) fn post_mismatch(&mut self, leg: Leg, clearing: Account, wanted: Money, moved: Money) {
        match leg {
            Leg::Transfer | Leg::Collect => {
                let source = self.source(leg);
                self.post(clearing, source.clone(), wanted);
                self.post(source, Account::Suspense, moved);
            }
            Leg::Payout | Leg::Return => {
                self.post(clearing, Account::Suspense, wanted);
                self.post(Account::Suspense, self.destination(leg), moved);
            }
        }
    }

    /// An operator reads the same once.
    pub(super) fn incident(&mut self, attempt: u32, what: String) {
        let incidents = &mut self.payment.incidents;
        let is_known = incidents.iter().any(|i| i.attempt == attempt && i.what == what);
        if incidents.len() < INCIDENTS_MAX && !is_known {
            incidents.push(Incident { at_ms: self.at_ms, attempt, what });
        }
    }

    /// What a rail claims and changes nothing, for an operator to look at: a rail that claims something else each time is
    /// looked at already.
    pub(super) fn claim(&mut self, attempt: u32, what: String) -> Result<(), Refusal> {
        let is_known = self.payment.incidents.iter().any(|i| i.attempt == attempt && i.what == what);
        let of = self.attempt_mut(attempt)?;
        if is_known || of.claims >= CLAIMS_MAX {
            return Err(Refusal::NothingNew);
        }
        of.claims += 1;
        self.incident(attempt, what);
        Ok(())
    }

    pub(super) fn note(&mut self, audience: Audience, about: About) {
        self.effects.push(Effect::Note { audience, about });
    }
}
