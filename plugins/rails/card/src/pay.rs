//! Orders: from the vault's card to the desk, and back.

use sportello_iso8583::desk::{Evidence, Exemption, Expiry, Pan, Paying, Verdict, refusal};
use sportello_sdk::{Card, Failure, Host, Order, OrderKind, Outcome, Source, async_trait, serde_json};
use sportello_threeds::{Charged, Shown, Till};

use crate::CardRail;

impl CardRail {
    /// Carries out an order.
    ///
    /// # Errors
    /// When nothing was sent for it.
    pub(crate) async fn carry_out(&self, order: &Order, host: &Host) -> Result<Outcome, Failure> {
        if let Some(declined) = refusal(order) {
            return Ok(declined);
        }
        match order.kind {
            OrderKind::Authorize | OrderKind::Collect => {
                // What is no card is refused before anybody is asked to authenticate themselves with it.
                let paying = paying(&self.card(order, host).await?)?;
                match &self.three_ds {
                    Some(three_ds) => three_ds.submit(order, self, host).await,
                    None => Ok(self.desk.submit(order, &paying, host).await?.outcome()),
                }
            }
            OrderKind::Refund => {
                let paying = paying(&self.card(order, host).await?)?;
                Ok(self.desk.submit(order, &paying, host).await?.outcome())
            }
            OrderKind::Capture => self.desk.capture(order, self.still_pan(order, host).await?.as_ref(), host).await,
            OrderKind::Void => self.desk.void(order, self.still_pan(order, host).await?.as_ref(), host).await,
            OrderKind::Reverse => self.desk.reverse(order, self.still_pan(order, host).await?.as_ref(), host).await,
            OrderKind::PayOut | OrderKind::Transfer => {
                Err(Failure::input("unsupported_order", "a card pays nobody out"))
            }
        }
    }

    /// The number of a card that was charged before. One that its owner has removed meanwhile is found by the numbers of its
    /// order.
    async fn still_pan(&self, order: &Order, host: &Host) -> Result<Option<Pan>, Failure> {
        match self.card(order, host).await {
            Ok(card) => Pan::new(&card.pan).ok_or_else(bad_card).map(Some),
            Err(failure) if failure.code == "no_such_instrument" => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}

#[async_trait]
impl Till for CardRail {
    async fn card(&self, order: &Order, host: &Host) -> Result<Card, Failure> {
        let instrument = host.instrument(&order.debtor.account).await?;
        // What serde would say of it could quote the number.
        serde_json::from_slice(&instrument.secret).map_err(|_| bad_card())
    }

    async fn charge(&self, order: &Order, shown: Shown, host: &Host) -> Result<Charged, Failure> {
        let mut paying = paying(&self.card(order, host).await?)?;
        match shown {
            Shown::Nothing => {}
            Shown::LowValue => paying.exemption = Some(Exemption::LowValue),
            Shown::Evidence(evidence) => paying.evidence = Some(in_message(&evidence)?),
        }
        Ok(match self.desk.submit(order, &paying, host).await? {
            Verdict::Told(outcome) => Charged::Told(outcome),
            Verdict::Authenticate { code, reason } => Charged::Authenticate { code, reason },
        })
    }

    async fn recorded(&self, order: &Order, host: &Host) -> Result<Option<Outcome>, Failure> {
        Ok(self.desk.recorded(order, host).await?.map(Verdict::outcome))
    }
}

fn paying(card: &Card) -> Result<Paying, Failure> {
    let expiry = Expiry::new(card.expiry_year, card.expiry_month).ok_or_else(bad_card)?;
    let pan = Pan::new(&card.pan).ok_or_else(bad_card)?;
    Ok(Paying { pan, expiry, evidence: None, exemption: None })
}

/// What the card's bank says for the payer, as a message has it.
fn in_message(evidence: &sportello_threeds::Evidence) -> Result<Evidence, Failure> {
    Evidence::new(Some(evidence.eci()), evidence.authentication_value(), evidence.ds_transaction())
        .ok_or_else(|| Failure::new(Source::Plugin, "bad_evidence", "what the card's bank says fits in no message"))
}

fn bad_card() -> Failure {
    Failure::new(Source::Host, "bad_card", "what the vault has is no card")
}
