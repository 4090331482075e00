//! Reversals: how doubt about an order ends.

use sportello_sdk::{Failure, Finality, Host, Money, Order, Outcome, Source};

use super::paying::Pan;
use super::record::{Kept, Record, Reversal, Sent};
use super::request;
use super::verdict::{is_acknowledged, is_put_off};
use super::{Asked, Desk};
use crate::Mti;

/// How often a record is looked at again that somebody else has changed meanwhile.
const TRIES: usize = 4;

/// What a reversal has to do.
#[expect(clippy::large_enum_variant, reason = "it lives for one call")]
enum Turn {
    /// Nothing moved, or it was undone.
    Over,
    /// Its message is to be sent: for the first time, or again.
    Send(Kept, Sent, Reversal, Mti),
}

impl Desk {
    /// Reverses the order that `order` refers to: the same again and again, until the outcome is `Settled`. That says
    /// that nothing moved, or that what moved was undone. `Unknown` is an answer that undoes nothing.
    ///
    /// `pan` is that of the order; without one the acquirer finds it by its numbers alone, if it does.
    ///
    /// # Errors
    /// When it was not sent, not answered, or put off: it was refused by nobody, and has to be given again.
    pub async fn reverse(&self, order: &Order, pan: Option<&Pan>, host: &Host) -> Result<Outcome, Failure> {
        let Some(original_key) = order.refers_to.as_deref() else {
            return Err(Failure::input("no_original", "a reversal names the order that it reverses"));
        };
        let (kept, sent, reversal, mti) = match self.turn(order, original_key, host).await? {
            Turn::Over => return Ok(undone(order.amount, None)),
            Turn::Send(kept, sent, reversal, mti) => (kept, sent, reversal, mti),
        };
        let message = request::reversal(mti, &reversal.numbers, &sent, pan, &self.merchant);
        let is_repeat = mti != Mti::REVERSAL_ADVICE;
        match self.ask(&message, (&reversal.numbers, original_key), is_repeat, host).await? {
            Asked::Answered(heard) if is_acknowledged(&heard.code) => {
                let reference = reversal.numbers.rrn.clone();
                let reversal = Reversal { acknowledged: Some(heard.code), ..reversal };
                let record = Record::Sent { sent, reversal: Some(reversal) };
                self.afterwards.keep(kept.name, kept.version, record, host).await;
                Ok(undone(order.amount, Some(reference)))
            }
            Asked::Answered(heard) if is_put_off(&heard.code) => {
                let why = format!("the acquirer takes no reversal just now: response code {}", heard.code);
                Err(Failure::provider("try_later", why))
            }
            Asked::Answered(heard) => Ok(Outcome::unknown(format!(
                "the acquirer does not acknowledge the reversal: response code {}",
                heard.code.escape_default()
            ))),
            Asked::Unanswered(why) => Err(Failure::provider("unanswered", why)),
        }
    }

    /// Enters the reversal into the order's record, or finds it there.
    async fn turn(&self, order: &Order, original_key: &str, host: &Host) -> Result<Turn, Failure> {
        for _ in 0..TRIES {
            let mut kept = Kept::load(original_key, host).await?;
            match kept.record.clone() {
                Some(Record::Tombstone) => return Ok(Turn::Over),
                None => {
                    // Nothing was sent from here. A call that is about to do so loses its record to this one.
                    if kept.put(Some(Record::Tombstone), host).await? {
                        return Ok(Turn::Over);
                    }
                }
                Some(Record::Sent { sent, reversal }) if sent.is_declined() => {
                    // A soft decline could be sent once more, and is not any more.
                    let is_over = reversal.is_some() || !sent.may_come_again();
                    if is_over || kept.put(Some(Record::Tombstone), host).await? {
                        return Ok(Turn::Over);
                    }
                }
                Some(Record::Sent { sent, reversal: Some(reversal) }) => {
                    if reversal.acknowledged.is_some() {
                        return Ok(Turn::Over);
                    }
                    return Ok(Turn::Send(kept, sent, reversal, Mti::REVERSAL_ADVICE.repeat()));
                }
                Some(Record::Sent { sent, reversal: None }) => {
                    let trace = self.trace(host).await?;
                    let numbers = request::numbers_about(&sent.numbers, &trace);
                    let reversal = Reversal { order_key: order.key.clone(), numbers, acknowledged: None };
                    let record = Record::Sent { sent: sent.clone(), reversal: Some(reversal.clone()) };
                    if kept.put(Some(record), host).await? {
                        return Ok(Turn::Send(kept, sent, reversal, Mti::REVERSAL_ADVICE));
                    }
                }
            }
        }
        Err(Failure::new(Source::Host, "contended", "the order's record is being changed by others").retry_after(1_000))
    }
}

/// Nothing moved, or what moved was undone.
pub(super) fn undone(amount: Money, reference: Option<String>) -> Outcome {
    Outcome::Settled {
        amount,
        reference,
        finality: Finality::Final,
        fees: None,
        reversible_until_ms: None,
        valid_until_ms: None,
    }
}
