//! The only place where a payment changes.

use super::{
    About, Attempt, AttemptState, Audience, CancelledBy, Challenge, Choice, Effect, Event, Incident, Leg, Payment,
    Plan, State,
};
use crate::command::Visibility;
use crate::{Account, Money, Outcome, Posting, movement};

/// The most incidents that one payment keeps: a rail that lies for ever fills no store.
const INCIDENTS_MAX: usize = 20;

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
            Event::Challenged { number, tries, expires_at_ms } => draft.challenged(*number, *tries, *expires_at_ms)?,
            Event::WrongCode => draft.wrong_code()?,
            Event::Confirmed { evidence } => {
                draft.unconfirmed()?;
                draft.payment.evidence = Some(evidence.clone());
            }
            Event::Routed { plan } => draft.routed(plan)?,
            Event::Unroutable { because } => draft.unroutable(because)?,
            Event::Sent { attempt } => draft.sent(*attempt)?,
            Event::NotSent { attempt, because } => draft.not_sent(*attempt, because)?,
            Event::Answered { attempt, asked, outcome } => draft.answered(*attempt, *asked, outcome)?,
            Event::Cancelled { by } => draft.cancelled(*by)?,
            Event::Expired => draft.expired()?,
            // A fact for the journal: it changes nothing in where the money is.
            Event::NoteFailed { .. } => {}
        }
        draft.payment.version += 1;
        draft.payment.changed_at_ms = at_ms;
        Ok(Transition { payment: draft.payment, effects: draft.effects, postings: draft.postings })
    }
}

/// A transition in the making.
struct Draft {
    payment: Payment,
    effects: Vec<Effect>,
    postings: Vec<Posting>,
    at_ms: u64,
}

impl Draft {
    fn received(&mut self) -> Result<(), Refusal> {
        if self.payment.version != 0 {
            return Err(Refusal::NotNow(self.payment.state));
        }
        Ok(())
    }

    /// Before anything moves, and before anybody agreed.
    fn unconfirmed(&self) -> Result<(), Refusal> {
        let Payment { state, evidence, challenge, .. } = &self.payment;
        if !matches!(state, State::Received | State::AwaitingConfirmation) || evidence.is_some() {
            return Err(Refusal::NotNow(*state));
        }
        if challenge.is_some_and(|c| self.at_ms >= c.expires_at_ms) {
            return Err(Refusal::TooLate);
        }
        Ok(())
    }

    fn challenged(&mut self, number: u32, tries: u8, expires_at_ms: u64) -> Result<(), Refusal> {
        self.unconfirmed()?;
        self.payment.challenge = Some(Challenge { number, tries_left: tries, expires_at_ms });
        self.payment.state = State::AwaitingConfirmation;
        let after_ms = expires_at_ms.saturating_sub(self.at_ms);
        self.effects.push(Effect::Expire { challenge: number, after_ms });
        self.note(Audience::Payer, About::Challenge { number });
        Ok(())
    }

    fn wrong_code(&mut self) -> Result<(), Refusal> {
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

    fn cancelled(&mut self, by: CancelledBy) -> Result<(), Refusal> {
        self.end_unconfirmed(State::Cancelled)?;
        self.note(Audience::Payer, About::Cancelled { by });
        Ok(())
    }

    fn expired(&mut self) -> Result<(), Refusal> {
        self.end_unconfirmed(State::Expired)?;
        self.note(Audience::Payer, About::Expired);
        Ok(())
    }

    /// Ends what nobody agreed to. Being late is no hindrance to that.
    fn end_unconfirmed(&mut self, end: State) -> Result<(), Refusal> {
        match self.unconfirmed() {
            Ok(()) | Err(Refusal::TooLate) => {
                self.payment.state = end;
                Ok(())
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// Between the payer's word and the first order.
    fn confirmed_and_unrouted(&self) -> Result<(), Refusal> {
        let Payment { state, evidence, .. } = &self.payment;
        if !matches!(state, State::Received | State::AwaitingConfirmation) || evidence.is_none() {
            return Err(Refusal::NotNow(*state));
        }
        Ok(())
    }

    fn routed(&mut self, plan: &std::sync::Arc<Plan>) -> Result<(), Refusal> {
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

    fn unroutable(&mut self, because: &str) -> Result<(), Refusal> {
        self.confirmed_and_unrouted()?;
        self.decline(because);
        Ok(())
    }

    fn sent(&mut self, number: u32) -> Result<(), Refusal> {
        let amount = self.payment.intent.amount;
        let at_ms = self.at_ms;
        let attempt = self.attempt_mut(number)?;
        if attempt.state != AttemptState::Ready {
            return Err(Refusal::AlreadySent);
        }
        attempt.state = AttemptState::InFlight;
        attempt.sent_at_ms = Some(at_ms);
        let (leg, clearing) = (attempt.leg, attempt.clearing());
        self.post(self.source(leg), clearing, amount);
        Ok(())
    }

    fn not_sent(&mut self, number: u32, because: &str) -> Result<(), Refusal> {
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

    fn answered(&mut self, number: u32, asked: bool, outcome: &Outcome) -> Result<(), Refusal> {
        let attempt = self.attempt_mut(number)?;
        if attempt.state == AttemptState::Ready {
            return Err(Refusal::NeverSent);
        }
        if attempt.state.is_final() {
            return self.late(number, outcome);
        }
        if asked {
            attempt.asking = false;
            attempt.asked = attempt.asked.saturating_add(1);
        }
        match outcome {
            Outcome::Settled { amount, reference, .. } => self.settled(number, *amount, reference.as_ref()),
            Outcome::Pending { reference, detail, ask_after_ms } => {
                self.waits(number, AttemptState::Pending, reference.as_ref(), detail, *ask_after_ms)
            }
            Outcome::ActionRequired { url, reference, .. } => {
                self.waits(number, AttemptState::ActionRequired, reference.as_ref(), url, None)
            }
            Outcome::Declined { code, reason, elsewhere } => self.declined(number, code, reason, *elsewhere),
            Outcome::Unknown { because } => self.in_doubt(number, because),
            Outcome::Unrecognised => {
                self.in_doubt(number, "an answer of a later contract, which this gateway does not know")
            }
        }
    }

    fn settled(&mut self, number: u32, moved: Money, reference: Option<&String>) -> Result<(), Refusal> {
        let wanted = self.payment.intent.amount;
        if moved.currency() != wanted.currency() {
            self.incident(
                number,
                format!("the rail says it moved {moved} for an order over {wanted}: find out what moved"),
            );
            return self.in_doubt(number, "the rail answered in another currency");
        }
        let attempt = self.attempt_mut(number)?;
        attempt.state = AttemptState::Settled;
        if reference.is_some() {
            attempt.reference = reference.cloned();
        }
        let (leg, clearing) = (attempt.leg, attempt.clearing());
        if moved != wanted {
            self.post_mismatch(leg, clearing, wanted, moved);
            self.incident(
                number,
                format!(
                    "{moved} moved in place of {wanted}: it stands in suspense, to be returned or completed by hand"
                ),
            );
            self.payment.state = State::InReview;
            self.payment.reason = Some("another amount moved than was agreed".into());
            self.note(Audience::Payer, About::InReview);
            return Ok(());
        }
        self.post(clearing, self.destination(leg), wanted);
        self.leg_settled(leg);
        Ok(())
    }

    fn leg_settled(&mut self, leg: Leg) {
        match leg {
            Leg::Transfer | Leg::Payout => {
                self.payment.state = State::Completed;
                self.note(Audience::Payer, About::Completed);
                self.note(Audience::Payee, About::Completed);
                let Payment { intent, .. } = &self.payment;
                if intent.visibility == Visibility::Public && intent.origin.public {
                    self.note(Audience::Public, About::Completed);
                }
            }
            Leg::Collect => {
                self.payment.state = State::PayingOut;
                match self.choice(Leg::Payout) {
                    Some((choice, after_ms)) => self.attempt(Leg::Payout, &choice, after_ms),
                    None => self.give_back("no rail pays out"),
                }
            }
            Leg::Return => {
                self.payment.state = State::Returned;
                self.note(Audience::Payer, About::Returned);
            }
        }
    }

    /// The rail has it in hand, or the payer has.
    fn waits(
        &mut self,
        number: u32,
        state: AttemptState,
        reference: Option<&String>,
        word: &str,
        ask_after_ms: Option<u64>,
    ) -> Result<(), Refusal> {
        let attempt = self.attempt_mut(number)?;
        let is_news = attempt.state != state || attempt.word.as_deref() != Some(word);
        let was_told = attempt.state == state && state == AttemptState::Pending;
        attempt.state = state;
        attempt.word = Some(word.to_owned());
        if reference.is_some() {
            attempt.reference = reference.cloned();
        }
        if is_news && !was_told {
            let about = match state {
                AttemptState::ActionRequired => About::ActionRequired { url: word.to_owned() },
                _ => About::Pending,
            };
            self.note(Audience::Payer, about);
        }
        self.ask_later(number, ask_after_ms)
    }

    fn in_doubt(&mut self, number: u32, because: &str) -> Result<(), Refusal> {
        let attempt = self.attempt_mut(number)?;
        // A question that found nothing out does not make less known of what is in hand.
        if !matches!(attempt.state, AttemptState::Pending | AttemptState::ActionRequired) {
            attempt.state = AttemptState::Unknown;
        }
        attempt.word = Some(because.to_owned());
        self.ask_later(number, None)
    }

    fn ask_later(&mut self, number: u32, at_least_ms: Option<u64>) -> Result<(), Refusal> {
        let at_ms = self.at_ms;
        let attempt = self.attempt_mut(number)?;
        if attempt.asking {
            return Ok(());
        }
        match attempt.ask_after_ms(at_ms) {
            Some(after_ms) => {
                attempt.asking = true;
                let after_ms = after_ms.max(at_least_ms.unwrap_or(0));
                self.effects.push(Effect::Ask { attempt: number, after_ms });
            }
            None if attempt.state == AttemptState::Unknown => {
                let what = format!(
                    "{} does not say what became of the order: only its statement can, or its operator",
                    attempt.rail
                );
                self.incident(number, what);
            }
            None => {}
        }
        Ok(())
    }

    fn declined(&mut self, number: u32, code: &str, reason: &str, elsewhere: bool) -> Result<(), Refusal> {
        let amount = self.payment.intent.amount;
        let attempt = self.attempt_mut(number)?;
        attempt.state = AttemptState::Declined;
        attempt.word = Some(format!("{reason} ({code})"));
        let (leg, clearing) = (attempt.leg, attempt.clearing());
        self.post(clearing, self.source(leg), amount);
        if elsewhere {
            self.next_rail(leg, reason);
        } else {
            self.leg_failed(leg, reason);
        }
        Ok(())
    }

    /// An outcome for an attempt that had found its end.
    fn late(&mut self, number: u32, outcome: &Outcome) -> Result<(), Refusal> {
        let attempt = self.attempt_mut(number)?;
        match (attempt.state, outcome) {
            (AttemptState::Declined | AttemptState::NotSent, Outcome::Settled { amount, .. }) => {
                attempt.state = AttemptState::SettledLate;
                let leg = attempt.leg;
                // What was collected cannot be placed; what was paid out is not covered.
                match leg {
                    Leg::Transfer | Leg::Collect => self.post(self.source(leg), Account::Suspense, *amount),
                    Leg::Payout | Leg::Return => self.post(Account::Suspense, self.destination(leg), *amount),
                }
                self.incident(
                    number,
                    format!(
                        "{amount} moved after the attempt had been given up: it stands in suspense, to be returned"
                    ),
                );
                Ok(())
            }
            (AttemptState::Settled | AttemptState::SettledLate, Outcome::Declined { code, .. }) => {
                if self.payment.incidents.iter().any(|i| i.attempt == number) {
                    return Err(Refusal::NothingNew);
                }
                self.incident(
                    number,
                    format!("the rail declines ({code}) what it had settled: look for a return in its statement"),
                );
                Ok(())
            }
            _ => Err(Refusal::NothingNew),
        }
    }

    /// The leg goes on with another rail, if there is one.
    fn next_rail(&mut self, leg: Leg, because: &str) {
        match self.choice(leg) {
            Some((choice, after_ms)) => self.attempt(leg, &choice, after_ms),
            None => self.leg_failed(leg, because),
        }
    }

    fn leg_failed(&mut self, leg: Leg, because: &str) {
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

    fn decline(&mut self, because: &str) {
        self.payment.state = State::Declined;
        self.payment.reason = Some(because.to_owned());
        self.note(Audience::Payer, About::Declined { reason: because.to_owned() });
    }

    /// Gives back what was collected, by the rail that collected it.
    fn give_back(&mut self, because: &str) {
        self.payment.state = State::Returning;
        self.payment.reason = Some(because.to_owned());
        match self.choice(Leg::Return) {
            Some((choice, after_ms)) => self.attempt(Leg::Return, &choice, after_ms),
            None => self.leg_failed(Leg::Return, because),
        }
    }

    /// The rail for the leg's next attempt, and how long to wait before it: the first that was not tried; else the first
    /// that no order ever reached, as often as the plan allows.
    fn choice(&self, leg: Leg) -> Option<(Choice, u64)> {
        let plan = self.payment.plan.as_deref()?;
        let tries = |choice: &&Choice| {
            self.payment.attempts.iter().filter(move |a| a.leg == leg && a.rail == choice.rail).count()
        };
        let returning;
        let choices = match leg {
            Leg::Transfer => &plan.transfer,
            Leg::Collect => &plan.collect,
            Leg::Payout => &plan.payout,
            Leg::Return => {
                let rail = &self.payment.settled(Leg::Collect)?.rail;
                let collected_by = plan.collect.iter().find(|c| c.rail == *rail)?;
                let doubt = collected_by.refund_doubt.clone()?;
                returning = vec![Choice { doubt, ..collected_by.clone() }];
                &returning
            }
        };
        if let Some(fresh) = choices.iter().find(|c| tries(c) == 0) {
            return Some((fresh.clone(), 0));
        }
        let done = self.payment.attempts.iter().filter(|a| a.leg == leg).count();
        let unreached = |choice: &&Choice| {
            self.payment
                .attempts
                .iter()
                .all(|a| a.leg != leg || a.rail != choice.rail || a.state == AttemptState::NotSent)
        };
        let again = choices.iter().find(unreached)?;
        (done < plan.attempts_max as usize).then(|| (again.clone(), 1_000 << done.min(6)))
    }

    fn attempt(&mut self, leg: Leg, choice: &Choice, after_ms: u64) {
        let number = self.payment.attempts.last().map_or(1, |a| a.number + 1);
        self.payment.attempts.push(Attempt {
            number,
            leg,
            rail: choice.rail.clone(),
            doubt: choice.doubt.clone(),
            state: AttemptState::Ready,
            made_at_ms: self.at_ms,
            sent_at_ms: None,
            asking: false,
            asked: 0,
            reference: None,
            word: None,
        });
        self.effects.push(Effect::Submit { attempt: number, after_ms });
    }

    fn attempt_mut(&mut self, number: u32) -> Result<&mut Attempt, Refusal> {
        self.payment.attempts.iter_mut().find(|a| a.number == number).ok_or(Refusal::NoSuchAttempt)
    }

    /// Where a leg takes the money from.
    fn source(&self, leg: Leg) -> Account {
        match leg {
            Leg::Transfer | Leg::Collect => Account::Person(self.payment.intent.payer.handle.clone()),
            Leg::Payout | Leg::Return => Account::Held,
        }
    }

    /// Where a leg brings the money to.
    fn destination(&self, leg: Leg) -> Account {
        match leg {
            Leg::Transfer | Leg::Payout => Account::Person(self.payment.intent.payee.handle.clone()),
            Leg::Collect => Account::Held,
            Leg::Return => Account::Person(self.payment.intent.payer.handle.clone()),
        }
    }

    fn post(&mut self, from: Account, to: Account, amount: Money) {
        self.postings.extend(movement(from, to, amount));
    }

    /// What moved goes to suspense; the difference to what was wanted goes back, or is taken, where it came from.
    fn post_mismatch(&mut self, leg: Leg, clearing: Account, wanted: Money, moved: Money) {
        let source = self.source(leg);
        self.post(clearing, source.clone(), wanted);
        self.post(source, Account::Suspense, moved);
    }

    fn incident(&mut self, attempt: u32, what: String) {
        if self.payment.incidents.len() < INCIDENTS_MAX {
            self.payment.incidents.push(Incident { at_ms: self.at_ms, attempt, what });
        }
    }

    fn note(&mut self, audience: Audience, about: About) {
        self.effects.push(Effect::Note { audience, about });
    }
}
