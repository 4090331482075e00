//! The authentication of a payer, step by step (EMV 3-D Secure 2.2, protocol and core functions, section 3).
//!
//! Each step is durable before the browser is told of it, and what ends it is durable before the engine is.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sportello_sdk::{Failure, Host, Level, Order, Outcome, PageRequest, Report, serde_json};
use url::Url;

use crate::browser::Browser;
use crate::pay::card;
use crate::server::{Asking, Said, Status, is_id};
use crate::settings::{Unavailable, is_reachable};
use crate::state::{Kept, Stage, State};
use crate::{Authentication, CardRail};

/// How often a payer may begin anew.
const TRIES_MAX: u32 = 3;

/// How long a challenge may take, and the RReq after it, in milliseconds: ten minutes, and a half for the way.
const CHALLENGE_MS: u64 = 630_000;

/// The issuer's page has all of the window (`challengeWindowSize`).
const WINDOW_SIZE: &str = "05";

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

impl CardRail {
    /// The payer begins, or begins anew.
    pub(crate) async fn start(
        &self,
        order: &Order,
        request: &PageRequest,
        browser: &Browser,
        has_scripts: bool,
        host: &Host,
    ) -> Result<Next, Failure> {
        let Some((three_ds, mut kept, state)) = self.under_way(order, host).await? else { return Ok(Next::Gone) };
        if let Some(next) = self.ended(three_ds, order, &mut kept, &state, host).await? {
            return Ok(next);
        }
        if host.now_ms() >= state.until_ms {
            return Ok(Next::Gone);
        }
        if state.tries >= TRIES_MAX {
            let reason = "the payment was not confirmed with the card's bank";
            return self.end(order, &mut kept, &state, stage_refused("too_many_tries", reason), host).await;
        }
        let state = State { tries: state.tries + 1, ..state };
        let card = card(order, host).await?;
        let Some(versioning) = three_ds.server.versioning(&card, host).await? else {
            // The issuer takes no part: it answers for nothing, and is asked without evidence.
            return self.end(order, &mut kept, &state, Stage::Proceed { has_evidence: false }, host).await;
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
                self.authenticate(
                    three_ds,
                    order,
                    (kept, state),
                    (&transaction, &version, method),
                    request,
                    browser,
                    host,
                )
                .await
            }
        }
    }

    /// The issuer's 3DS method says that it is done.
    pub(crate) async fn method_done(&self, order: &Order, host: &Host) -> Result<(), Failure> {
        let Some((_, mut kept, state)) = self.under_way(order, host).await? else { return Ok(()) };
        if let Stage::Method { transaction, version, is_done: false } = state.stage {
            let stage = Stage::Method { transaction, version, is_done: true };
            kept.put(State { stage, ..state }, host).await?;
        }
        Ok(())
    }

    /// The browser goes on after the 3DS method, or has waited ten seconds for it.
    pub(crate) async fn go_on(
        &self,
        order: &Order,
        request: &PageRequest,
        browser: &Browser,
        host: &Host,
    ) -> Result<Next, Failure> {
        let Some((three_ds, mut kept, state)) = self.under_way(order, host).await? else { return Ok(Next::Gone) };
        let Stage::Method { transaction, version, is_done } = state.stage.clone() else {
            let next = self.ended(three_ds, order, &mut kept, &state, host).await?;
            return Ok(next.unwrap_or(Next::NotYet));
        };
        let method = if is_done { "Y" } else { "N" };
        self.authenticate(three_ds, order, (kept, state), (&transaction, &version, method), request, browser, host)
            .await
    }

    /// The browser comes back from the issuer. What it brings says nothing: the 3DS server is asked.
    pub(crate) async fn back(&self, order: &Order, host: &Host) -> Result<Next, Failure> {
        let Some((three_ds, mut kept, state)) = self.under_way(order, host).await? else { return Ok(Next::Gone) };
        Ok(self.ended(three_ds, order, &mut kept, &state, host).await?.unwrap_or(Next::NotYet))
    }

    /// What became of an order whose payer was to act.
    ///
    /// # Errors
    /// When the store or the 3DS server gives no answer: the order stays as it was.
    pub(crate) async fn find_out(&self, order: &Order, host: &Host) -> Result<Outcome, Failure> {
        let Some((three_ds, mut kept, state)) = self.under_way(order, host).await? else {
            let recorded = self.desk.recorded(order, host).await?;
            return Ok(
                recorded.map_or_else(|| Outcome::unknown("nothing is known of the order"), |told| told.outcome())
            );
        };
        let stage = match self.looked_up(three_ds, order, &state, host).await? {
            Some(stage) if stage != state.stage => {
                kept.put(State { stage: stage.clone(), ..state }, host).await?;
                stage
            }
            Some(stage) => stage,
            None if host.now_ms() < state.until_ms => return action_required(order, &state, host).await,
            None => {
                // What the issuer says from now on finds this, and changes nothing.
                let stage = stage_refused(EXPIRED.0, EXPIRED.1);
                kept.put(State { stage: stage.clone(), ..state }, host).await?;
                stage
            }
        };
        Ok(outcome(&stage))
    }

    /// Sends the AReq.
    #[expect(clippy::too_many_arguments, reason = "it is one step of two")]
    async fn authenticate(
        &self,
        three_ds: &Authentication,
        order: &Order,
        (mut kept, state): (Kept, State),
        (transaction, version, method): (&str, &str, &'static str),
        request: &PageRequest,
        browser: &Browser,
        host: &Host,
    ) -> Result<Next, Failure> {
        let card = card(order, host).await?;
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
        let said = three_ds.server.authenticate(&asking, host).await?;
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
        let stage = self.judged(three_ds, order, &said, host).await?;
        self.end(order, &mut kept, &state, stage, host).await
    }

    /// What is kept of an order whose payer is to act, or was.
    async fn under_way(&self, order: &Order, host: &Host) -> Result<Option<(&Authentication, Kept, State)>, Failure> {
        let Some(three_ds) = &self.three_ds else { return Ok(None) };
        let kept = Kept::load(&order.key, host).await?;
        let state = kept.state.clone();
        Ok(state.map(|state| (three_ds, kept, state)))
    }

    /// Where it has ended by now: in the state, or at the issuer. The engine is told, again if it was before.
    async fn ended(
        &self,
        three_ds: &Authentication,
        order: &Order,
        kept: &mut Kept,
        state: &State,
        host: &Host,
    ) -> Result<Option<Next>, Failure> {
        match self.looked_up(three_ds, order, state, host).await? {
            Some(stage) => self.end(order, kept, state, stage, host).await.map(Some),
            None => Ok(None),
        }
    }

    /// The stage in which it has ended.
    async fn looked_up(
        &self,
        three_ds: &Authentication,
        order: &Order,
        state: &State,
        host: &Host,
    ) -> Result<Option<Stage>, Failure> {
        if state.stage.is_final() {
            return Ok(Some(state.stage.clone()));
        }
        let Stage::Challenge { transaction } = &state.stage else { return Ok(None) };
        match three_ds.server.result(transaction, host).await? {
            Some(said) => self.judged(three_ds, order, &said, host).await.map(Some),
            None => Ok(None),
        }
    }

    /// What an ARes or an RReq comes to. Evidence is in the vault when this returns.
    async fn judged(
        &self,
        three_ds: &Authentication,
        order: &Order,
        said: &Said,
        host: &Host,
    ) -> Result<Stage, Failure> {
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
            Status::Proven | Status::Challenge | Status::Unavailable => Ok(match three_ds.settings.unavailable {
                Unavailable::Attempt => Stage::Proceed { has_evidence: false },
                Unavailable::Decline => stage_refused("3ds_u", "the card's bank could not ask the payer"),
            }),
        }
    }

    /// Ends it: durably, and then the engine is told.
    async fn end(
        &self,
        order: &Order,
        kept: &mut Kept,
        state: &State,
        stage: Stage,
        host: &Host,
    ) -> Result<Next, Failure> {
        if kept.state.as_ref().is_none_or(|kept| kept.stage != stage) {
            kept.put(State { stage: stage.clone(), ..state.clone() }, host).await?;
        }
        let report = Report { key: order.key.clone(), outcome: outcome(&stage) };
        if let Err(failure) = host.report(&report).await {
            // The engine asks when the payer's time is over.
            host.log(
                Level::Warn,
                format!("{}: its payer has acted, and that is not told yet: {}", order.key, failure.code),
            );
        }
        Ok(Next::Over(stage))
    }
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
