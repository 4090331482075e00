//! An order, from its payer to the till and back.

use sportello_sdk::{Failure, Host, Order, Outcome};

use crate::evidence::Proof;
use crate::flow::{action_required, expired, refused};
use crate::state::{Kept, Stage, State};
use crate::{Authentication, Charged, Evidence, Shown, Till, When};

/// Whether an order may be sent.
enum Leave {
    Given(Option<Evidence>),
    /// Not before something else; or not at all.
    Not(Outcome),
}

impl Authentication {
    /// Carries out an order that charges a card: authenticates its payer where that is due, and sends it with what came of
    /// that.
    ///
    /// # Errors
    /// When nothing was sent for it by this call, or nothing but what the issuer declined for want of an authentication.
    pub async fn submit(&self, order: &Order, till: &impl Till, host: &Host) -> Result<Outcome, Failure> {
        if self.settings.when == When::Never {
            return Ok(till.charge(order, Shown::Nothing, host).await?.outcome());
        }
        let is_low = self.settings.is_low(order.amount);
        let is_first = self.settings.when == When::Always && !is_low;
        let mut shown = if is_low { Shown::LowValue } else { Shown::Nothing };
        if is_first {
            match self.leave(order, false, till, host).await? {
                Leave::Given(Some(evidence)) => shown = Shown::Evidence(evidence),
                Leave::Given(None) => {}
                Leave::Not(outcome) => return Ok(outcome),
            }
        }
        let (code, reason) = match charge(order, shown, till, host).await? {
            Charged::Told(outcome) => return Ok(outcome),
            Charged::Authenticate { code, reason } => (code, reason),
        };
        let declined = Outcome::Declined { code, reason, elsewhere: true };
        if is_first {
            // The issuer was told who pays, or could not be, and asks all the same.
            return Ok(declined);
        }
        match self.leave(order, true, till, host).await? {
            Leave::Not(outcome) => Ok(outcome),
            Leave::Given(None) => Ok(declined),
            Leave::Given(Some(evidence)) => Ok(charge(order, Shown::Evidence(evidence), till, host).await?.outcome()),
        }
    }

    /// Whether an order may be sent, by what came of its payer's authentication: begins one where there is none.
    async fn leave(&self, order: &Order, is_mandated: bool, till: &impl Till, host: &Host) -> Result<Leave, Failure> {
        let mut kept = Kept::load(&order.key, host).await?;
        let state = match kept.state.clone() {
            Some(state) => state,
            None => {
                let until_ms = host.now_ms() + u64::from(self.settings.link_minutes) * 60_000;
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
                None => Ok(Leave::Not(till.recorded(order, host).await?.unwrap_or_else(expired))),
            },
            Stage::Asked | Stage::Method { .. } | Stage::Challenge { .. } => {
                Ok(Leave::Not(action_required(order, &state, host).await?))
            }
        }
    }
}

/// Sends an order. Evidence that was sent is not needed again; where nothing was, it stays.
async fn charge(order: &Order, shown: Shown, till: &impl Till, host: &Host) -> Result<Charged, Failure> {
    let has_evidence = matches!(shown, Shown::Evidence(_));
    let charged = till.charge(order, shown, host).await?;
    if has_evidence {
        Proof::remove(&order.key, host).await;
    }
    Ok(charged)
}
