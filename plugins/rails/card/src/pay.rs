//! Orders: from the vault's card to the desk, and back.

use sportello_iso8583::desk::{Evidence, Exemption, Expiry, Pan, Paying, Verdict, refusal};
use sportello_sdk::{Card, Failure, Host, Order, OrderKind, Outcome, Source, serde_json};

use crate::flow::{action_required, expired, refused};
use crate::settings::When;
use crate::state::{Kept, Proof, Stage, State};
use crate::{Authentication, CardRail};

/// Whether an order may be sent.
enum Leave {
    Given(Option<Evidence>),
    /// Not before something else; or not at all.
    Not(Outcome),
}

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
            OrderKind::Authorize | OrderKind::Collect => self.pay(order, host).await,
            OrderKind::Refund => {
                let paying = paying(&card(order, host).await?)?;
                Ok(self.desk.submit(order, &paying, host).await?.outcome())
            }
            OrderKind::Capture => self.desk.capture(order, still_pan(order, host).await?.as_ref(), host).await,
            OrderKind::Void => self.desk.void(order, still_pan(order, host).await?.as_ref(), host).await,
            OrderKind::Reverse => self.desk.reverse(order, still_pan(order, host).await?.as_ref(), host).await,
            OrderKind::PayOut | OrderKind::Transfer => {
                Err(Failure::input("unsupported_order", "a card pays nobody out"))
            }
        }
    }

    async fn pay(&self, order: &Order, host: &Host) -> Result<Outcome, Failure> {
        let card = card(order, host).await?;
        let mut paying = paying(&card)?;
        let Some(three_ds) = self.three_ds.as_ref().filter(|three_ds| three_ds.settings.when != When::Never) else {
            return Ok(self.desk.submit(order, &paying, host).await?.outcome());
        };
        let is_low = three_ds.settings.is_low(order.amount);
        let is_first = three_ds.settings.when == When::Always && !is_low;
        if is_first {
            match self.leave(three_ds, order, false, host).await? {
                Leave::Given(evidence) => paying.evidence = evidence,
                Leave::Not(outcome) => return Ok(outcome),
            }
        }
        paying.exemption = is_low.then_some(Exemption::LowValue);
        let verdict = self.desk.submit(order, &paying, host).await?;
        let (code, reason) = match verdict {
            Verdict::Told(outcome) => {
                self.has_served(&paying, order, host).await;
                return Ok(outcome);
            }
            Verdict::Authenticate { code, reason } => (code, reason),
        };
        if is_first {
            // The issuer was told who pays, or could not be, and asks all the same.
            return Ok(Outcome::Declined { code, reason, elsewhere: true });
        }
        match self.leave(three_ds, order, true, host).await? {
            Leave::Not(outcome) => Ok(outcome),
            Leave::Given(None) => Ok(Outcome::Declined { code, reason, elsewhere: true }),
            Leave::Given(evidence) => {
                let paying = Paying { evidence, exemption: None, ..paying };
                let outcome = self.desk.submit(order, &paying, host).await?.outcome();
                self.has_served(&paying, order, host).await;
                Ok(outcome)
            }
        }
    }

    /// Whether an order may be sent, by what came of its payer's authentication: begins one where there is none.
    async fn leave(
        &self,
        three_ds: &Authentication,
        order: &Order,
        is_mandated: bool,
        host: &Host,
    ) -> Result<Leave, Failure> {
        let mut kept = Kept::load(&order.key, host).await?;
        let state = match kept.state.clone() {
            Some(state) => state,
            None => {
                let until_ms = host.now_ms() + u64::from(three_ds.settings.link_minutes) * 60_000;
                let state = State { until_ms, tries: 0, is_mandated, stage: Stage::Asked };
                kept.put(state.clone(), host).await?;
                state
            }
        };
        match state.stage {
            Stage::Refused { code, reason } => Ok(Leave::Not(refused(code, reason))),
            Stage::Proceed { has_evidence: false } => Ok(Leave::Given(None)),
            Stage::Proceed { has_evidence: true } => match Proof::get(&order.key, host).await? {
                Some(evidence) => Ok(Leave::Given(Some(evidence))),
                // It has served, or its time is over: without it nothing is sent.
                None => Ok(Leave::Not(self.desk.recorded(order, host).await?.map_or_else(expired, Verdict::outcome))),
            },
            Stage::Asked | Stage::Method { .. } | Stage::Challenge { .. } => {
                Ok(Leave::Not(action_required(order, &state, host).await?))
            }
        }
    }

    /// Evidence that was sent is not needed again.
    async fn has_served(&self, paying: &Paying, order: &Order, host: &Host) {
        if paying.evidence.is_some() {
            Proof::remove(&order.key, host).await;
        }
    }
}

/// The card of an order's payer.
pub(crate) async fn card(order: &Order, host: &Host) -> Result<Card, Failure> {
    let instrument = host.instrument(&order.debtor.account).await?;
    // What serde would say of it could quote the number.
    serde_json::from_slice(&instrument.secret).map_err(|_| bad_card())
}

async fn pan(order: &Order, host: &Host) -> Result<Pan, Failure> {
    Pan::new(&card(order, host).await?.pan).ok_or_else(bad_card)
}

/// The number of a card that was charged before. One that its owner has removed meanwhile is found by the numbers of its
/// order.
async fn still_pan(order: &Order, host: &Host) -> Result<Option<Pan>, Failure> {
    match pan(order, host).await {
        Ok(pan) => Ok(Some(pan)),
        Err(failure) if failure.code == "no_such_instrument" => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn paying(card: &Card) -> Result<Paying, Failure> {
    let expiry = Expiry::new(card.expiry_year, card.expiry_month).ok_or_else(bad_card)?;
    let pan = Pan::new(&card.pan).ok_or_else(bad_card)?;
    Ok(Paying { pan, expiry, evidence: None, exemption: None })
}

fn bad_card() -> Failure {
    Failure::new(Source::Host, "bad_card", "what the vault has is no card")
}
