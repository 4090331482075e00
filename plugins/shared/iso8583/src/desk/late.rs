//! Answers that nobody waits for.

use sportello_sdk::{Failure, Host, Level, Report, async_trait};

use super::Desk;
use super::record::{Heard, Kept, Numbers, Record, Sent};
use super::verdict::{is_acknowledged, verdict};
use crate::{Late, Message};

#[async_trait]
impl Late for Desk {
    async fn late(&self, answer: Message, host: &Host) {
        let Some(numbers) = Numbers::of(&answer) else { return };
        // Twice answered, or to another instance.
        let Some(order_key) = self.out.order_key(&numbers) else { return };
        if let Err(failure) = self.heard_late(&order_key, &numbers, &answer, host).await {
            host.log(Level::Warn, format!("{order_key}: a late answer could not be taken: {}", failure.code));
        }
    }
}

impl Desk {
    async fn heard_late(
        &self,
        order_key: &str,
        numbers: &Numbers,
        answer: &Message,
        host: &Host,
    ) -> Result<(), Failure> {
        let mut kept = Kept::load(order_key, host).await?;
        let heard = Heard::of(answer, false, host.now_ms());
        match kept.record.clone() {
            Some(Record::Sent { sent, reversal: Some(mut reversal) }) => {
                if reversal.numbers == *numbers && is_acknowledged(&heard.code) {
                    // The next call learns of it.
                    reversal.acknowledged = Some(heard.code);
                    if kept.put(Some(Record::Sent { sent, reversal: Some(reversal) }), host).await? {
                        self.out.leave(numbers);
                    }
                } else if sent.numbers == *numbers {
                    host.log(
                        Level::Info,
                        format!("{order_key}: answered after it was reversed, which settles nothing"),
                    );
                }
                Ok(())
            }
            Some(Record::Sent { sent, reversal: None }) if sent.numbers == *numbers && sent.heard.is_none() => {
                let sent = Sent { heard: Some(heard.clone()), ..sent };
                if !kept.put(Some(Record::Sent { sent: sent.clone(), reversal: None }), host).await? {
                    // Most likely by its reversal.
                    return Ok(());
                }
                self.out.leave(numbers);
                let outcome = verdict(&sent, &heard).outcome();
                host.report(&Report { key: order_key.to_owned(), outcome }).await
            }
            _ => Ok(()),
        }
    }
}
