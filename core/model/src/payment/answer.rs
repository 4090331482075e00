//! What a rail's answer makes of a payment.

use super::apply::{Draft, Refusal};
use super::{About, AttemptState, Audience, Effect, Leg, Payment, State};
use crate::command::Visibility;
use crate::{Account, Doubt, Money, Outcome};

/// The longest that a rail may put a question off, in milliseconds: a week. One that says more never meant to be asked.
const ASK_AFTER_MS_MAX: u64 = 7 * 86_400_000;
/// How long a payer may take to act where the rail does not say, in milliseconds.
const ACT_WITHIN_MS: u64 = 600_000;
/// How many times an order is given again because the payer has acted.
const ROUNDS_MAX: u32 = 20;

impl Draft {
    pub(super) fn answered(&mut self, number: u32, asked: bool, outcome: &Outcome) -> Result<(), Refusal> {
        let attempt = self.attempt_mut(number)?;
        if attempt.state == AttemptState::Ready {
            let is_repeat = attempt.round > 0 && *outcome == Outcome::Proceed;
            return Err(if is_repeat { Refusal::NothingNew } else { Refusal::NeverSent });
        }
        if attempt.state.is_final() {
            return self.late(number, outcome);
        }
        if attempt.reversal.is_some() {
            return self.heard_while_reversing(number, outcome);
        }
        // It is about to be undone: only an end is news.
        if attempt.state == AttemptState::Unknown && !outcome.is_final() && self.is_reversible(number) {
            return Err(Refusal::NothingNew);
        }
        let attempt = self.attempt_mut(number)?;
        // How often an order is given again has a bound of its own.
        let is_counted = !asked && !outcome.is_final() && *outcome != Outcome::Proceed;
        if is_counted && !attempt.hears() {
            return Err(Refusal::NothingNew);
        }
        if asked {
            attempt.asking = false;
            attempt.asked = attempt.asked.saturating_add(1);
        }
        match outcome {
            Outcome::Settled { amount, reference, .. } => self.settled(number, asked, *amount, reference.as_ref()),
            Outcome::Pending { reference, detail, ask_after_ms } => {
                self.waits(number, asked, AttemptState::Pending, reference.as_ref(), detail, *ask_after_ms)
            }
            Outcome::ActionRequired { url, reference, until_ms } => {
                let ask_after_ms = self.act_within_ms(number, *until_ms);
                self.waits(number, asked, AttemptState::ActionRequired, reference.as_ref(), url, ask_after_ms)
            }
            Outcome::Declined { code, reason, elsewhere } => self.declined(number, code, reason, *elsewhere),
            Outcome::Unknown { because } => self.in_doubt(number, asked, because),
            Outcome::Proceed => self.proceeds(number, asked),
            Outcome::Unrecognised => {
                self.in_doubt(number, asked, "an answer of a later contract, which this gateway does not know")
            }
        }
    }

    pub(super) fn settled(
        &mut self,
        number: u32,
        asked: bool,
        moved: Money,
        reference: Option<&String>,
    ) -> Result<(), Refusal> {
        let wanted = self.payment.intent.amount;
        if moved.currency() != wanted.currency() {
            let is_first = self.attempt_mut(number)?.state == AttemptState::InFlight;
            let what = format!("the rail says it moved {moved} for an order over {wanted}: find out what moved");
            let claimed = self.claim(number, what);
            if !asked && !is_first {
                claimed?;
            }
            return self.in_doubt(number, asked, "the rail answered in another currency");
        }
        let collects = self.payment.attempt(number).is_some_and(|attempt| attempt.leg == Leg::Collect);
        if collects && moved.minor() < wanted.minor() && self.is_reversible(number) {
            return self.settled_in_part(number, moved);
        }
        let attempt = self.attempt_mut(number)?;
        attempt.state = AttemptState::Settled;
        if reference.is_some() {
            attempt.reference = reference.cloned();
        }
        let (leg, clearing) = (attempt.leg, attempt.clearing());
        if moved != wanted {
            self.attempt_mut(number)?.moved = Some(moved);
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

    pub(super) fn leg_settled(&mut self, leg: Leg) {
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
    pub(super) fn waits(
        &mut self,
        number: u32,
        asked: bool,
        state: AttemptState,
        reference: Option<&String>,
        word: &str,
        ask_after_ms: Option<u64>,
    ) -> Result<(), Refusal> {
        let attempt = self.attempt_mut(number)?;
        let is_news = attempt.state != state || attempt.word.as_deref() != Some(word);
        let is_same_reference = reference.is_none() || attempt.reference.as_ref() == reference;
        if !asked && !is_news && is_same_reference {
            return Err(Refusal::NothingNew);
        }
        let was_told = attempt.state == state && state == AttemptState::Pending;
        attempt.state = state;
        attempt.word = Some(word.to_owned());
        if reference.is_some() {
            attempt.reference = reference.cloned();
        }
        if is_news && !was_told && attempt.tells() {
            let about = match state {
                AttemptState::ActionRequired => About::ActionRequired { url: word.to_owned() },
                _ => About::Pending,
            };
            self.note(Audience::Payer, about);
        }
        self.ask_later(number, ask_after_ms)
    }

    /// How long the payer has to act, in milliseconds, before the rail is asked whether they have. A rail that is asked within
    /// a budget of its own keeps its own time.
    fn act_within_ms(&self, number: u32, until_ms: Option<u64>) -> Option<u64> {
        let attempt = self.payment.attempt(number)?;
        let doubt = self.payment.plan.as_deref().and_then(|plan| plan.doubt(attempt));
        match (doubt, until_ms) {
            (Some(Doubt::Inquirable { .. }), _) => None,
            (_, Some(until_ms)) => Some(until_ms.saturating_sub(self.at_ms)),
            (_, None) => (attempt.asked == 0).then_some(ACT_WITHIN_MS),
        }
    }

    /// The payer has acted: the same order is given again, under the same key.
    fn proceeds(&mut self, number: u32, asked: bool) -> Result<(), Refusal> {
        let amount = self.payment.intent.amount;
        let attempt = self.attempt_mut(number)?;
        if attempt.state != AttemptState::ActionRequired || attempt.round >= ROUNDS_MAX {
            return if asked { self.ask_later(number, None) } else { Err(Refusal::NothingNew) };
        }
        attempt.state = AttemptState::Ready;
        attempt.round += 1;
        (attempt.asking, attempt.asked, attempt.told) = (false, 0, 0);
        let (leg, clearing) = (attempt.leg, attempt.clearing());
        self.post(clearing, self.source(leg), amount);
        // It would move the money a second time.
        if self.moved_late(leg) {
            let attempt = self.attempt_mut(number)?;
            attempt.state = AttemptState::NotSent;
            attempt.word = Some("withdrawn: an order before it moved the money after all".into());
            self.leg_failed(leg, "an order before it moved the money after all");
            return Ok(());
        }
        self.effects.push(Effect::Submit { attempt: number, after_ms: 0 });
        Ok(())
    }

    /// Less moved than was wanted, where it can be undone: what is left cannot be paid, so it is.
    fn settled_in_part(&mut self, number: u32, moved: Money) -> Result<(), Refusal> {
        let attempt = self.attempt_mut(number)?;
        let is_known = attempt.part.is_some_and(|part| part == moved || !attempt.hears());
        if is_known {
            return Err(Refusal::NothingNew);
        }
        let is_reversed_anyway = attempt.state == AttemptState::Unknown && attempt.asking;
        attempt.part = Some(moved);
        attempt.state = AttemptState::Unknown;
        attempt.word = Some(format!("{moved} alone were approved"));
        if is_reversed_anyway { Ok(()) } else { self.reverse_later(number) }
    }

    pub(super) fn in_doubt(&mut self, number: u32, asked: bool, because: &str) -> Result<(), Refusal> {
        let attempt = self.attempt_mut(number)?;
        if !asked && attempt.state == AttemptState::Unknown && attempt.word.as_deref() == Some(because) {
            return Err(Refusal::NothingNew);
        }
        // A question that found nothing out does not make less known of what is in hand.
        if !matches!(attempt.state, AttemptState::Pending | AttemptState::ActionRequired) {
            attempt.state = AttemptState::Unknown;
        }
        attempt.word = Some(because.to_owned());
        self.ask_later(number, None)
    }

    pub(super) fn ask_later(&mut self, number: u32, at_least_ms: Option<u64>) -> Result<(), Refusal> {
        let at_ms = self.at_ms;
        let plan = self.payment.plan.clone();
        let attempt = self.attempt_mut(number)?;
        if attempt.asking {
            return Ok(());
        }
        let doubt = plan.as_deref().and_then(|plan| plan.doubt(attempt));
        let acts = attempt.state == AttemptState::ActionRequired;
        let is_asked =
            acts || matches!(doubt, Some(Doubt::Inquirable { .. } | Doubt::Idempotent { .. } | Doubt::Reversible));
        let after_ms = match doubt {
            Some(Doubt::Reversible) if attempt.state == AttemptState::Unknown => return self.reverse_later(number),
            Some(doubt @ Doubt::Inquirable { .. }) => attempt.ask_after_ms(doubt, at_ms),
            Some(Doubt::Reversible) => attempt.look_after_ms(),
            _ if acts => attempt.look_after_ms(),
            doubt => doubt.and_then(|doubt| attempt.ask_after_ms(doubt, at_ms)),
        };
        match after_ms {
            Some(after_ms) => {
                attempt.asking = true;
                let after_ms = after_ms.max(at_least_ms.unwrap_or(0).min(ASK_AFTER_MS_MAX));
                let round = attempt.round;
                self.effects.push(Effect::Ask { attempt: number, round, after_ms });
            }
            // Nobody asks any more, and an operator must know; where nobody ever does, what is in hand may take its time.
            None if attempt.state == AttemptState::Unknown || is_asked => {
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

    pub(super) fn declined(&mut self, number: u32, code: &str, reason: &str, elsewhere: bool) -> Result<(), Refusal> {
        let amount = self.payment.intent.amount;
        let attempt = self.attempt_mut(number)?;
        // A part was approved: only undoing it makes certain that nothing moved.
        if attempt.part.is_some() {
            return Err(Refusal::NothingNew);
        }
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
    pub(super) fn late(&mut self, number: u32, outcome: &Outcome) -> Result<(), Refusal> {
        let wanted = self.payment.intent.amount;
        let attempt = self.attempt_mut(number)?;
        let (leg, moved) = (attempt.leg, attempt.moved.unwrap_or(wanted));
        if attempt.reversal.is_some() {
            return self.late_after_reversal(number, outcome);
        }
        match (attempt.state, outcome) {
            (AttemptState::Declined | AttemptState::NotSent, Outcome::Settled { amount, reference, .. }) => {
                if self.withdraw_after(leg) {
                    return self.settled_after_all(number, *amount, reference.as_ref());
                }
                let attempt = self.attempt_mut(number)?;
                attempt.state = AttemptState::SettledLate;
                attempt.moved = (*amount != wanted).then_some(*amount);
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
            (AttemptState::Settled | AttemptState::SettledLate, Outcome::Settled { amount, .. })
                if *amount != moved =>
            {
                let what =
                    format!("the rail says that {amount} moved, and had said {moved}: look for it in its statement");
                self.claim(number, what)
            }
            _ => Err(Refusal::NothingNew),
        }
    }

    /// Takes back the order that was to be the next one after an attempt of this leg, if it has not left: it would move the
    /// money a second time. Answers whether there was one.
    fn withdraw_after(&mut self, leg: Leg) -> bool {
        let follows = |next: Leg| next == leg || (leg == Leg::Payout && next == Leg::Return);
        let mut attempts = self.payment.attempts.iter_mut();
        let Some(next) = attempts.find(|a| a.state == AttemptState::Ready && follows(a.leg)) else { return false };
        next.state = AttemptState::NotSent;
        next.word = Some("withdrawn: the order before it moved the money after all".into());
        true
    }

    /// An attempt that had been given up has moved the money, and nothing else has: it is as if it had answered in time.
    fn settled_after_all(&mut self, number: u32, moved: Money, reference: Option<&String>) -> Result<(), Refusal> {
        let wanted = self.payment.intent.amount;
        let attempt = self.attempt_mut(number)?;
        attempt.state = AttemptState::Unknown;
        attempt.asking = false;
        let (leg, clearing) = (attempt.leg, attempt.clearing());
        self.post(self.source(leg), clearing, wanted);
        self.payment.state = match leg {
            Leg::Transfer => State::Transferring,
            Leg::Collect => State::Collecting,
            Leg::Payout => State::PayingOut,
            Leg::Return => State::Returning,
        };
        self.payment.reason = None;
        self.settled(number, false, moved, reference)
    }
}
