//! The authentication of a payer, step by step (EMV 3-D Secure 2.2, protocol and core functions, section 3).
//!
//! Each step is durable before the browser is told of it, and what ends it is durable before the engine is.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sportello_sdk::{Failure, Host, Level, Order, Outcome, PageRequest, Report};
use url::Url;

use crate::browser::Browser;
use crate::evidence::is_id;
use crate::server::{Asking, Said, Status};
use crate::settings::is_reachable;
use crate::state::{Kept, Stage, State};
use crate::{Authentication, Till, Unavailable};

/// How often a payer may begin anew.
const TRIES_MAX: u32 = 3;

/// How long a challenge may take, and the RReq after it, in milliseconds: ten minutes, and a half for the way.
const CHALLENGE_MS: u64 = 630_000;

/// The issuer's page has all of the window (`challengeWindowSize`).
const WINDOW_SIZE: &str = "05";

/// A step of the payer's browser.
pub(crate) struct Step<'a, T> {
    pub(crate) order: &'a Order,
    pub(crate) request: &'a PageRequest,
    pub(crate) browser: &'a Browser,
    pub(crate) till: &'a T,
    pub(crate) host: &'a Host,
}

/// What the browser is shown next.
pub(crate) enum Next {
    /// The issuer's 3DS method, in a frame: where it is, and `threeDSMethodData`.
    Method { url: Url, data: String },
    /// The issuer's page: where it is, `creq`, and `threeDSSessionData`.
    Challenge { url: Url, creq: String, session: String },
    /// The issuer has not said yet what came of it.
    NotYet,
    /// It is over.
    Over(Stage),
    /// There is nothing to do here, or not any more.
    Gone,
}

/// The outcome of an order whose payer was not authenticated.
pub(crate) fn refused(code: String, reason: String) -> Outcome {
    Outcome::Declined { code, reason, elsewhere: true }
}

/// The outcome of an order whose payer is to act. The link outlives that time by a challenge that is begun at its end.
///
/// # Errors
/// Where the gateway has no public address.
pub(crate) async fn action_required(order: &Order, state: &State, host: &Host) -> Result<Outcome, Failure> {
    let url = host.page_link(&order.key, state.until_ms + CHALLENGE_MS).await?;
    Ok(Outcome::ActionRequired { url, until_ms: Some(state.until_ms), reference: None })
}

/// The outcome of an order whose payer did not act in time.
pub(crate) fn expired() -> Outcome {
    let (code, reason) = EXPIRED;
    refused(code.to_owned(), reason.to_owned())
}

const EXPIRED: (&str, &str) = ("authentication_expired", "the payment was not confirmed with the card's bank in time");

impl Authentication {
    /// The payer begins, or begins anew.
    pub(crate) async fn start(&self, step: Step<'_, impl Till>, has_scripts: bool) -> Result<Next, Failure> {
        let Step { order, request, till, host, .. } = step;
        let Some((mut kept, state)) = under_way(order, host).await? else { return Ok(Next::Gone) };
        if let Some(next) = self.ended(order, (&mut kept, &state), till, host).await? {
            return Ok(next);
        }
        if host.now_ms() >= state.until_ms {
            return Ok(Next::Gone);
        }
        if state.tries >= TRIES_MAX {
            let reason = "the payment was not confirmed with the card's bank";
            return end(order, (&mut kept, &state), stage_refused("too_many_tries", reason), till, host).await;
        }
        let state = State { tries: state.tries + 1, ..state };
        let card = till.card(order, host).await?;
        let Some(versioning) = self.server.versioning(&card, host).await? else {
            // The issuer takes no part: it answers for nothing, and is asked without evidence.
            return end(order, (&mut kept, &state), Stage::Proceed { has_evidence: false }, till, host).await;
        };
        if !is_id(&versioning.transaction) {
            return Err(Failure::provider("bad_answer", "the 3DS server's id of a transaction is none"));
        }
        let method = versioning.method_url.as_deref().and_then(page_of);
        let (transaction, version) = (versioning.transaction, versioning.message_version);
        match method.filter(|_| has_scripts) {
            Some(url) => {
                let data = serde_json::json!({
                    "threeDSServerTransID": transaction,
                    "threeDSMethodNotificationURL": format!("{}/method", request.head.url),
                });
                let data = URL_SAFE_NO_PAD.encode(data.to_string());
                let stage = Stage::Method { transaction, version, is_done: false };
                kept.put(State { stage, ..state }, host).await?;
                Ok(Next::Method { url, data })
            }
            None => {
                let method = if versioning.method_url.is_some() { "N" } else { "U" };
                self.authenticate(step, (kept, state), (&transaction, &version, method)).await
            }
        }
    }

    /// The browser goes on after the 3DS method, or has waited ten seconds for it.
    pub(crate) async fn go_on(&self, step: Step<'_, impl Till>) -> Result<Next, Failure> {
        let Step { order, till, host, .. } = step;
        let Some((mut kept, state)) = under_way(order, host).await? else { return Ok(Next::Gone) };
        let Stage::Method { transaction, version, is_done } = state.stage.clone() else {
            let next = self.ended(order, (&mut kept, &state), till, host).await?;
            return Ok(next.unwrap_or(Next::NotYet));
        };
        let method = if is_done { "Y" } else { "N" };
        self.authenticate(step, (kept, state), (&transaction, &version, method)).await
    }

    /// The browser comes back from the issuer. What it brings says nothing: the 3DS server is asked.
    pub(crate) async fn back(&self, step: Step<'_, impl Till>) -> Result<Next, Failure> {
        let Step { order, till, host, .. } = step;
        let Some((mut kept, state)) = under_way(order, host).await? else { return Ok(Next::Gone) };
        Ok(self.ended(order, (&mut kept, &state), till, host).await?.unwrap_or(Next::NotYet))
    }

    /// What became of an order whose payer was to act, or which was sent.
    ///
    /// # Errors
    /// When the store or the 3DS server gives no answer: the order stays as it was.
    pub async fn inquire(&self, order: &Order, till: &impl Till, host: &Host) -> Result<Outcome, Failure> {
        let Some((mut kept, state)) = under_way(order, host).await? else {
            let recorded = till.recorded(order, host).await?;
            return Ok(recorded.unwrap_or_else(|| Outcome::unknown("nothing is known of the order")));
        };
        let stage = match self.looked_up(order, &state, host).await? {
            Some(stage) => stage,
            None if host.now_ms() < state.until_ms => return action_required(order, &state, host).await,
            // What the issuer says from now on finds this, and changes nothing.
            None => stage_refused(EXPIRED.0, EXPIRED.1),
        };
        settle(order, (&mut kept, &state), &stage, till, host).await?;
        Ok(outcome(&stage))
    }

    /// Sends the AReq.
    async fn authenticate(
        &self,
        step: Step<'_, impl Till>,
        (mut kept, state): (Kept, State),
        (transaction, version, method): (&str, &str, &'static str),
    ) -> Result<Next, Failure> {
        let Step { order, request, browser, till, host } = step;
        let card = till.card(order, host).await?;
        let notification_url = format!("{}/back", request.head.url);
        let asking = Asking {
            order,
            card: &card,
            transaction,
            is_mandated: state.is_mandated,
            method,
            notification_url,
            browser,
        };
        let said = self.server.authenticate(&asking, host).await?;
        let acs = (said.acs_url.as_deref().and_then(page_of), said.acs_transaction.as_deref());
        if let (Status::Challenge, (Some(url), Some(acs_transaction))) = (said.status, acs) {
            let creq = serde_json::json!({
                "threeDSServerTransID": transaction,
                "acsTransID": acs_transaction,
                "messageVersion": version,
                "messageType": "CReq",
                "challengeWindowSize": WINDOW_SIZE,
            });
            let creq = URL_SAFE_NO_PAD.encode(creq.to_string());
            let session = URL_SAFE_NO_PAD.encode(transaction);
            let stage = Stage::Challenge { transaction: transaction.to_owned() };
            let until_ms = state.until_ms.max(host.now_ms() + CHALLENGE_MS);
            kept.put(State { stage, until_ms, ..state }, host).await?;
            return Ok(Next::Challenge { url, creq, session });
        }
        let stage = self.judged(order, &said, host).await?;
        end(order, (&mut kept, &state), stage, till, host).await
    }

    /// Where it has ended by now: in the state, or at the issuer. The engine is told, again if it was before.
    async fn ended(
        &self,
        order: &Order,
        (kept, state): (&mut Kept, &State),
        till: &impl Till,
        host: &Host,
    ) -> Result<Option<Next>, Failure> {
        match self.looked_up(order, state, host).await? {
            Some(stage) => end(order, (kept, state), stage, till, host).await.map(Some),
            None => Ok(None),
        }
    }

    /// The stage in which it has ended.
    async fn looked_up(&self, order: &Order, state: &State, host: &Host) -> Result<Option<Stage>, Failure> {
        if state.stage.is_final() {
            return Ok(Some(state.stage.clone()));
        }
        let Stage::Challenge { transaction } = &state.stage else { return Ok(None) };
        match self.server.result(transaction, host).await? {
            Some(said) => self.judged(order, &said, host).await.map(Some),
            None => Ok(None),
        }
    }

    /// What an ARes or an RReq comes to. Evidence is in the vault when this returns.
    async fn judged(&self, order: &Order, said: &Said, host: &Host) -> Result<Stage, Failure> {
        match said.status {
            Status::Proven if said.proof.evidence().is_some() => {
                said.proof.put(&order.key, host).await?;
                Ok(Stage::Proceed { has_evidence: true })
            }
            Status::NotAuthenticated if said.is_cancelled => {
                Ok(stage_refused("3ds_cancelled", "the confirmation with the card's bank was given up"))
            }
            Status::NotAuthenticated => Ok(stage_refused("3ds_n", "the card's bank did not recognise the payer")),
            Status::Rejected => Ok(stage_refused("3ds_r", "the card's bank refused to ask the payer")),
            Status::Proven | Status::Challenge | Status::Unavailable => Ok(match self.settings.unavailable {
                Unavailable::Attempt => Stage::Proceed { has_evidence: false },
                Unavailable::Decline => stage_refused("3ds_u", "the card's bank could not ask the payer"),
            }),
        }
    }
}

/// The issuer's 3DS method says that it is done.
pub(crate) async fn method_done(order: &Order, host: &Host) -> Result<(), Failure> {
    let Some((mut kept, state)) = under_way(order, host).await? else { return Ok(()) };
    if let Stage::Method { transaction, version, is_done: false } = state.stage {
        let stage = Stage::Method { transaction, version, is_done: true };
        kept.put(State { stage, ..state }, host).await?;
    }
    Ok(())
}

/// What is kept of an order whose payer is to act, or was.
async fn under_way(order: &Order, host: &Host) -> Result<Option<(Kept, State)>, Failure> {
    let kept = Kept::load(&order.key, host).await?;
    let state = kept.state.clone();
    Ok(state.map(|state| (kept, state)))
}

/// Ends it: durably, and then the engine is told.
async fn end(
    order: &Order,
    (kept, state): (&mut Kept, &State),
    stage: Stage,
    till: &impl Till,
    host: &Host,
) -> Result<Next, Failure> {
    settle(order, (kept, state), &stage, till, host).await?;
    let report = Report { key: order.key.clone(), outcome: outcome(&stage) };
    if let Err(failure) = host.report(&report).await {
        // The engine asks when the payer's time is over.
        let told = format!("{}: its payer has acted, and that is not told yet: {}", order.key, failure.code);
        host.log(Level::Warn, told);
    }
    Ok(Next::Over(stage))
}

/// Keeps how it ended, durably. The till is told where nothing will be charged.
async fn settle(
    order: &Order,
    (kept, state): (&mut Kept, &State),
    stage: &Stage,
    till: &impl Till,
    host: &Host,
) -> Result<(), Failure> {
    if kept.state.as_ref().is_none_or(|kept| kept.stage != *stage) {
        kept.put(State { stage: stage.clone(), ..state.clone() }, host).await?;
    }
    if matches!(stage, Stage::Refused { .. }) {
        till.refused(order, host).await;
    }
    Ok(())
}

fn outcome(stage: &Stage) -> Outcome {
    match stage {
        Stage::Refused { code, reason } => refused(code.clone(), reason.clone()),
        _ => Outcome::Proceed,
    }
}

fn stage_refused(code: &str, reason: &str) -> Stage {
    Stage::Refused { code: code.to_owned(), reason: reason.to_owned() }
}

/// A page to which the payer may be sent.
fn page_of(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(is_reachable)
}
