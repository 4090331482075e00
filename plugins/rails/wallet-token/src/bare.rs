//! Numbers without a cryptogram: cards, whose payers are authenticated by their banks.
//!
//! While a payer acts, the token lies in the vault as it was handed over, and is opened for each step. Its number is kept
//! only from the moment at which it is sent.

use sportello_iso8583::desk::{Evidence, Exemption, Paying, Verdict};
use sportello_sdk::{Card, Failure, Host, Order, Outcome, Source, async_trait};
use sportello_threeds::{Charged, Shown, Till};

use crate::WalletToken;
use crate::number::{self, Number};
use crate::rail::{forget_token, paying};
use crate::wallet::Agreed;

impl WalletToken {
    /// The token of an order that waits for its payer, opened anew.
    async fn opened(&self, order: &Order, host: &Host) -> Result<Agreed, Failure> {
        let gone = |why: &str| Failure::new(Source::Plugin, why, "the token is not taken any more");
        self.agreed(order, host).await?.map_err(gone)
    }
}

#[async_trait]
impl Till for WalletToken {
    async fn card(&self, order: &Order, host: &Host) -> Result<Card, Failure> {
        let agreed = self.opened(order, host).await?;
        Ok(Card {
            pan: agreed.pan.reveal().to_owned(),
            expiry_year: agreed.expiry.year(),
            expiry_month: agreed.expiry.month(),
            holder: None,
        })
    }

    async fn charge(&self, order: &Order, shown: Shown, host: &Host) -> Result<Charged, Failure> {
        let agreed = self.opened(order, host).await?;
        let (evidence, exemption) = match shown {
            Shown::Nothing => (None, None),
            Shown::LowValue => (None, Some(Exemption::LowValue)),
            Shown::Evidence(evidence) => (Some(in_message(&evidence)?), None),
        };
        let paying = Paying { exemption, ..paying(&agreed, evidence)? };
        match self.send(&Number::of(&agreed), order, &paying, host).await? {
            Verdict::Told(outcome) => Ok(Charged::Told(outcome)),
            Verdict::Authenticate { code, reason } => {
                // Nothing moved, and it may be an hour until it is sent once more.
                number::forget(&order.key, host).await;
                Ok(Charged::Authenticate { code, reason })
            }
        }
    }

    async fn recorded(&self, order: &Order, host: &Host) -> Result<Option<Outcome>, Failure> {
        Ok(self.desk.recorded(order, host).await?.map(Verdict::outcome))
    }

    async fn refused(&self, order: &Order, host: &Host) {
        forget_token(order, host).await;
    }
}

/// What the card's bank says for the payer, as a message has it.
fn in_message(evidence: &sportello_threeds::Evidence) -> Result<Evidence, Failure> {
    Evidence::new(Some(evidence.eci()), evidence.authentication_value(), evidence.ds_transaction())
        .ok_or_else(|| Failure::new(Source::Plugin, "bad_evidence", "what the card's bank says fits in no message"))
}
