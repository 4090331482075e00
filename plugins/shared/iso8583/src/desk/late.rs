//! Answers that nobody waits for.

use sportello_sdk::{Failure, Host, Level, Report, async_trait};

use super::Desk;
use super::record::{Heard, Kept, Numbers, Record, Reversal, Sent};
use super::reverse::undone;
use super::verdict::is_acknowledged;
use crate::{Late, Message};

#[async_trait]
impl Late for Desk {
    async fn late(&self, answer: Message, host: &Host) {
        let Some(numbers) = Numbers::of(&answer) else { return };
        // Twice answered, or to another instance.
        let Some(order_key) = self.out.order_key(&numbers) else { return };
        let heard = Heard::of(&answer, false, host.now_ms());
        if let Err(failure) = self.heard_late(&order_key, &numbers, heard, host).await {
            host.log(Level::Warn, format!("{order_key}: a late answer could not be taken: {}", failure.code));
        }
    }
}

impl Desk {
    async fn heard_late(&self, order_key: &str, numbers: &Numbers, heard: Heard, host: &Host) -> Result<(), Failure> {
        let kept = Kept::load(order_key, host).await?;
        match kept.record.clone() {
            Some(Record::Sent { sent, reversal: Some(reversal) }) if reversal.numbers == *numbers => {
                self.acknowledged_late(kept, sent, reversal, heard, host).await
            }
            Some(Record::Sent { sent, reversal }) if sent.numbers == *numbers && sent.heard.is_none() => {
                self.answered_late(order_key, kept, sent, reversal, heard, host).await
            }
            _ => Ok(()),
        }
    }

    /// A reversal's answer.
    async fn acknowledged_late(
        &self,
        mut kept: Kept,
        sent: Sent,
        reversal: Reversal,
        heard: Heard,
        host: &Host,
    ) -> Result<(), Failure> {
        if reversal.acknowledged.is_some() || !is_acknowledged(&heard.code) {
            return Ok(());
        }
        let reversal = Reversal { acknowledged: Some(heard.code), ..reversal };
        let (numbers, amount, key) = (reversal.numbers.clone(), sent.amount, reversal.order_key.clone());
        if !kept.put(Some(Record::Sent { sent, reversal: Some(reversal) }), host).await? {
            return Ok(());
        }
        self.out.leave(&numbers);
        host.report(&Report { key, outcome: undone(amount, Some(numbers.rrn)) }).await
    }

    /// An order's answer. Once it is being reversed an approval settles nothing, and the engine, which has ordered that,
    /// takes it so; but it has to know where the acquirer had not acknowledged the reversal: then money may be out.
    async fn answered_late(
        &self,
        order_key: &str,
        mut kept: Kept,
        sent: Sent,
        reversal: Option<Reversal>,
        heard: Heard,
        host: &Host,
    ) -> Result<(), Failure> {
        if reversal.as_ref().is_some_and(|reversal| reversal.acknowledged.is_some()) {
            host.log(Level::Info, format!("{order_key}: answered after it was reversed, which settles nothing"));
            return Ok(());
        }
        let sent = Sent { heard: Some(heard), ..sent };
        let Some(outcome) = sent.end() else { return Ok(()) };
        let numbers = sent.numbers.clone();
        if !kept.put(Some(Record::Sent { sent, reversal }), host).await? {
            // By its reversal, most likely.
            return Ok(());
        }
        self.out.leave(&numbers);
        host.report(&Report { key: order_key.to_owned(), outcome }).await
    }
}
