//! What became of each authentication. Time passes when somebody looks.

use serde::Serialize;

use super::faults::Faults;
use crate::{
    clock,
    proofs::{Proof, Proofs},
    serial,
};

/// How many transactions are kept, the newest.
const KEPT: usize = 10_000;
/// How often a code may be wrong.
const TRIES: u32 = 3;
/// The code on every ACS's page.
const CODE: &str = "123456";

/// What an authentication is about.
#[derive(Clone, Debug)]
pub(crate) struct Purchase {
    /// In minor units.
    pub(crate) amount: u64,
    /// Numeric, of ISO 4217.
    pub(crate) currency: String,
    pub(crate) merchant: String,
    /// Where the browser is sent back to.
    pub(crate) notification_url: String,
}

/// What the RReq said.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rreq {
    pub(crate) trans_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) eci: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) authentication_value: Option<String>,
    #[serde(rename = "dsTransID")]
    pub(crate) ds_trans_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trans_status_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) challenge_cancel: Option<&'static str>,
    pub(crate) interaction_counter: String,
    /// When the 3DS server hands it out; `None` until it is released. In milliseconds since 1970.
    #[serde(skip)]
    pub(crate) due_ms: Option<u64>,
}

/// A challenge.
#[derive(Clone, Debug)]
pub(crate) struct Challenge {
    /// When the ARes left, in milliseconds since 1970.
    pub(crate) asked_ms: u64,
    /// When the first CReq came.
    pub(crate) opened_ms: Option<u64>,
    /// `threeDSSessionData`, which goes back as it came.
    pub(crate) session_data: Option<String>,
    /// How many codes were wrong.
    pub(crate) wrong: u32,
    /// How often the payer did something.
    pub(crate) interactions: u32,
}

/// One authentication, from the versioning on.
#[derive(Clone)]
pub(crate) struct Transaction {
    /// `threeDSServerTransID`.
    pub(crate) id: String,
    pub(crate) acs_trans_id: String,
    pub(crate) ds_trans_id: String,
    pub(crate) pan: String,
    /// Whether the ACS has a method page, and whether the browser was on it.
    pub(crate) has_method: bool,
    pub(crate) was_on_method: bool,
    /// With the `transStatus` of the ARes, when there was one.
    pub(crate) purchase: Option<(Purchase, &'static str)>,
    pub(crate) challenge: Option<Challenge>,
    pub(crate) result: Option<Rreq>,
    /// Whether the CRes says something else than the RReq.
    pub(crate) is_lie: bool,
}

/// All of them, the oldest first.
#[derive(Default)]
pub(crate) struct Transactions {
    pub(crate) all: Vec<Transaction>,
    /// How far the clock was moved ahead.
    ahead_ms: u64,
}

impl std::fmt::Debug for Transactions {
    // Account numbers and authentication values stand in it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transactions").field("all", &self.all.len()).finish_non_exhaustive()
    }
}

/// What came of what a payer did on the page of the ACS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The code was wrong; so many tries are left.
    Again(u32),
    /// It is decided.
    Over,
}

impl Transactions {
    pub(crate) fn now_ms(&self) -> u64 {
        clock::now_ms().saturating_add(self.ahead_ms)
    }

    /// Moves the clock ahead.
    pub(crate) fn advance(&mut self, ms: u64) {
        self.ahead_ms = self.ahead_ms.saturating_add(ms);
    }

    /// A card is asked about: its transaction begins.
    pub(crate) fn begin(&mut self, pan: &str, has_method: bool) -> Transaction {
        if self.all.len() >= KEPT {
            self.all.remove(0);
        }
        let transaction = Transaction {
            id: serial::uuid(),
            acs_trans_id: serial::uuid(),
            ds_trans_id: serial::uuid(),
            pan: pan.to_owned(),
            has_method,
            was_on_method: false,
            purchase: None,
            challenge: None,
            result: None,
            is_lie: false,
        };
        self.all.push(transaction.clone());
        transaction
    }

    pub(crate) fn find(&mut self, id: &str) -> Option<&mut Transaction> {
        self.all.iter_mut().rev().find(|transaction| transaction.id == id)
    }

    pub(crate) fn find_at_acs(&mut self, acs_trans_id: &str) -> Option<&mut Transaction> {
        self.all.iter_mut().rev().find(|transaction| transaction.acs_trans_id == acs_trans_id)
    }

    /// Ends the challenges that nobody opened in time, and those that took too long (section 5.5).
    pub(crate) fn pass_time(&mut self, faults: &Faults) {
        let now_ms = self.now_ms();
        for transaction in self.all.iter_mut().filter(|transaction| transaction.result.is_none()) {
            let Some(challenge) = &transaction.challenge else { continue };
            let (ends_ms, cancel) = match challenge.opened_ms {
                None => (challenge.asked_ms.saturating_add(faults.first_creq_within_ms), "05"),
                Some(opened_ms) => (opened_ms.saturating_add(faults.challenge_within_ms), "04"),
            };
            if now_ms > ends_ms {
                transaction.decide("U", Some("14"), Some(cancel), faults, now_ms);
            }
        }
    }
}

impl Transaction {
    /// The ECI of a status (2 and 5 are Mastercard's ranges); none where nothing was proved.
    pub(crate) fn eci(&self, status: &str) -> Option<&'static str> {
        let is_mastercard = self.pan.starts_with(['2', '5']);
        match (status, is_mastercard) {
            ("Y", true) => Some("02"),
            ("Y", false) => Some("05"),
            ("A", true) => Some("01"),
            ("A", false) => Some("06"),
            _ => None,
        }
    }

    /// An authentication value, of which the acquirer is told.
    pub(crate) fn prove(&self, eci: &str, proofs: &Proofs) -> Option<String> {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let (purchase, _) = self.purchase.as_ref()?;
        let octets: Vec<u8> = (0..3).flat_map(|_| serial::random().to_be_bytes()).take(20).collect();
        let cavv = STANDARD.encode(octets);
        proofs.issue(Proof {
            pan: self.pan.clone(),
            amount: purchase.amount,
            currency: purchase.currency.clone(),
            eci: eci.to_owned(),
            cavv: cavv.clone(),
            ds_trans_id: self.ds_trans_id.clone(),
        });
        Some(cavv)
    }

    /// Ends the challenge: this is what the RReq says, and it says so before the browser is sent back.
    fn decide(
        &mut self,
        status: &'static str,
        reason: Option<&'static str>,
        cancel: Option<&'static str>,
        faults: &Faults,
        now_ms: u64,
    ) {
        self.result = Some(Rreq {
            trans_status: status,
            eci: self.eci(status),
            authentication_value: None,
            ds_trans_id: self.ds_trans_id.clone(),
            trans_status_reason: reason,
            challenge_cancel: cancel,
            interaction_counter: format!("{:02}", self.challenge.as_ref().map_or(0, |c| c.interactions.min(99))),
            due_ms: (!faults.hold_results).then(|| now_ms.saturating_add(faults.results_after_ms)),
        });
    }

    /// The payer sent a code, or cancelled (`None`).
    pub(crate) fn answer(&mut self, code: Option<&str>, faults: &Faults, proofs: &Proofs, now_ms: u64) -> Step {
        let Some(challenge) = self.challenge.as_mut().filter(|_| self.result.is_none()) else { return Step::Over };
        challenge.interactions += 1;
        let is_right = code == Some(CODE);
        challenge.wrong += u32::from(!is_right);
        let left = TRIES.saturating_sub(challenge.wrong);
        if faults.lie_in_cres {
            self.is_lie = true;
            self.decide("N", Some("01"), None, faults, now_ms);
        } else if is_right {
            self.decide("Y", None, None, faults, now_ms);
            let cavv = self.eci("Y").and_then(|eci| self.prove(eci, proofs));
            if let Some(result) = &mut self.result {
                result.authentication_value = cavv;
            }
        } else if code.is_none() {
            self.decide("N", Some("01"), Some("01"), faults, now_ms);
        } else if left == 0 {
            self.decide("N", Some("19"), None, faults, now_ms);
        } else {
            return Step::Again(left);
        }
        Step::Over
    }

    /// What the browser's CRes says.
    pub(crate) fn told_browser(&self) -> &'static str {
        let is_good = self.result.as_ref().is_some_and(|result| result.trans_status == "Y");
        if is_good || self.is_lie { "Y" } else { "N" }
    }
}
