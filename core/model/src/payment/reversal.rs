//! Undoing an order whose outcome is in doubt: the way of never paying twice where a rail can neither be asked nor be given
//! the same order again.
//!
//! That an order is to be undone is durable before a byte of it leaves. From then on an approval of the order settles
//! nothing; the order that undoes it is given again and again, under one key, until the rail acknowledges it: then it is
//! certain that nothing moved, and the leg goes on. Where the rail refuses, as with "no such original" (messages cross),
//! the doubt stays, and an operator is told.

use serde::{Deserialize, Serialize};

use super::apply::{Draft, Refusal};
use super::{Attempt, AttemptState, Effect, Payment};
use crate::{Doubt, Order, OrderKind, Outcome};

/// How long after the doubt began an order is undone, in milliseconds: an answer that is under way may still end it.
const REVERSE_AFTER_MS: u64 = 1_000;
/// How often a rail may say that it does not know what it undoes. Nobody asks for ever.
const REFUSALS_MAX: u32 = 10;

/// The reversal of an attempt's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reversal {
    /// When it was decided on, in milliseconds since 1970.
    pub made_at_ms: u64,
    /// How many times the rail answered, and did not undo it.
    #[serde(default, skip_serializing_if = "super::attempt::never")]
    pub refused: u32,
}

impl Payment {
    /// The idempotency key of the order that undoes an attempt's.
    pub fn key_of_reversal(&self, attempt: u32) -> String {
        format!("{}r{attempt}", self.id)
    }

    /// The attempt whose order is undone under this idempotency key.
    pub fn attempt_of_reversal(&self, key: &str) -> Option<&Attempt> {
        let (id, number) = key.split_once('r')?;
        if id.parse() != Ok(self.id) {
            return None;
        }
        self.attempt(number.parse().ok()?).filter(|attempt| attempt.reversal.is_some())
    }

    /// The order that undoes an attempt's, the same each time it is asked for; nothing where that was not decided on.
    pub fn reversal(&self, attempt: &Attempt) -> Option<Order> {
        let made_at_ms = attempt.reversal?.made_at_ms;
        let order = self.order(attempt)?;
        let (key, refers_to) = (self.key_of_reversal(attempt.number), Some(order.key));
        Some(Order { key, kind: OrderKind::Reverse, refers_to, made_at_ms, ..order })
    }
}

impl Draft {
    /// Whether doubt about an attempt ends by undoing its order.
    pub(super) fn is_reversible(&self, number: u32) -> bool {
        let plan = self.payment.plan.as_deref();
        let doubt = self.payment.attempt(number).and_then(|attempt| plan?.doubt(attempt));
        matches!(doubt, Some(Doubt::Reversible))
    }

    /// An attempt is in doubt: its order is undone soon, unless an answer comes before.
    pub(super) fn reverse_later(&mut self, number: u32) -> Result<(), Refusal> {
        self.attempt_mut(number)?.asking = true;
        self.effects.push(Effect::Reverse { attempt: number, after_ms: REVERSE_AFTER_MS });
        Ok(())
    }

    pub(super) fn reversing(&mut self, number: u32) -> Result<(), Refusal> {
        let (state, at_ms, is_reversible) = (self.payment.state, self.at_ms, self.is_reversible(number));
        let attempt = self.attempt_mut(number)?;
        if attempt.reversal.is_some() {
            return Err(Refusal::NothingNew);
        }
        if attempt.state != AttemptState::Unknown || !is_reversible {
            return Err(Refusal::NotNow(state));
        }
        attempt.state = AttemptState::Reversing;
        attempt.reversal = Some(Reversal { made_at_ms: at_ms, refused: 0 });
        Ok(())
    }

    pub(super) fn reversal_answered(&mut self, number: u32, outcome: &Outcome) -> Result<(), Refusal> {
        let attempt = self.attempt_mut(number)?;
        if attempt.reversal.is_none() {
            return Err(Refusal::NeverSent);
        }
        if attempt.state.is_final() {
            return Err(Refusal::NothingNew);
        }
        match outcome {
            Outcome::Settled { .. } => self.reversed(number),
            Outcome::Declined { code, reason, .. } => self.not_reversed(number, &format!("{reason} ({code})"), true),
            Outcome::Unknown { because } => self.not_reversed(number, because, false),
            _ => Err(Refusal::NothingNew),
        }
    }

    fn reversed(&mut self, number: u32) -> Result<(), Refusal> {
        let amount = self.payment.intent.amount;
        let attempt = self.attempt_mut(number)?;
        attempt.state = AttemptState::Reversed;
        attempt.asking = false;
        let because = match attempt.part {
            Some(part) => format!("{part} of {amount} were approved, and given back"),
            None => "no answer came in time".to_owned(),
        };
        attempt.word = Some(format!("reversed: {because}"));
        let (leg, clearing) = (attempt.leg, attempt.clearing());
        self.post(clearing, self.source(leg), amount);
        self.next_rail(leg, &because);
        Ok(())
    }

    /// The rail answered, and has undone nothing. What it does not know it may know later, for messages cross.
    fn not_reversed(&mut self, number: u32, word: &str, for_good: bool) -> Result<(), Refusal> {
        let attempt = self.attempt_mut(number)?;
        let Some(reversal) = &mut attempt.reversal else { return Err(Refusal::NeverSent) };
        // Nobody asks any more: only that it was undone after all is news.
        if reversal.refused >= REFUSALS_MAX {
            return Err(Refusal::NothingNew);
        }
        reversal.refused = reversal.refused.saturating_add(1);
        let (refused, rail) = (reversal.refused, attempt.rail.clone());
        attempt.state = AttemptState::Unknown;
        attempt.word = Some(format!("not reversed: {word}"));
        let is_asked_again = !for_good && refused < REFUSALS_MAX;
        attempt.asking = is_asked_again;
        if is_asked_again {
            let after_ms = (REVERSE_AFTER_MS << refused.min(16)).min(300_000);
            self.effects.push(Effect::Reverse { attempt: number, after_ms });
        }
        if refused == 1 {
            // Whoever gives it back while it may still be undone gives it twice.
            let when = if is_asked_again { "it is asked again for a quarter of an hour; after that " } else { "" };
            self.incident(
                number,
                format!(
                    "{rail} does not undo the order in doubt ({word}): {when}look for it in the statement, and if it moved money, give that back by hand"
                ),
            );
        }
        Ok(())
    }

    pub(super) fn reversal_delayed(&mut self, number: u32, because: &str) -> Result<(), Refusal> {
        let attempt = self.attempt_mut(number)?;
        if attempt.reversal.is_none() {
            return Err(Refusal::NeverSent);
        }
        if attempt.state.is_final() {
            return Err(Refusal::NothingNew);
        }
        let what = format!("{} does not answer to the reversal ({because}): it is given on", attempt.rail);
        self.incident(number, what);
        Ok(())
    }

    /// An answer to an order that is being undone, or could not be.
    pub(super) fn heard_while_reversing(&mut self, number: u32, outcome: &Outcome) -> Result<(), Refusal> {
        let attempt = self.attempt_mut(number)?;
        match outcome {
            Outcome::Settled { amount, .. } => {
                let word =
                    format!("the rail says that {amount} moved when it was to be undone already: that settles nothing");
                let is_known = attempt.word.as_ref() == Some(&word);
                // While it is being undone, that is what the reversal is for. For the first time it is heard in any case.
                if is_known || (attempt.asking && attempt.moved.is_some() && !attempt.hears()) {
                    return Err(Refusal::NothingNew);
                }
                attempt.moved = Some(*amount);
                attempt.word = Some(word.clone());
                if attempt.asking { Ok(()) } else { self.claim(number, format!("{word}; give it back by hand")) }
            }
            // Nothing moved, and nothing is on its way to the rail any more.
            Outcome::Declined { code, reason, elsewhere } if !attempt.asking => {
                self.declined(number, code, reason, *elsewhere)
            }
            _ => Err(Refusal::NothingNew),
        }
    }
    /// An answer to an order that was undone, or was declined when it could not be.
    pub(super) fn late_after_reversal(&mut self, number: u32, outcome: &Outcome) -> Result<(), Refusal> {
        let Outcome::Settled { amount, .. } = outcome else { return Err(Refusal::NothingNew) };
        let what = format!(
            "the rail says that {amount} moved by an order that was undone: look for it in the statement, and give it back by hand"
        );
        self.claim(number, what)
    }
}
