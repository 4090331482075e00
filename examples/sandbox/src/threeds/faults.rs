//! What the 3DS server, the directory and the ACS can be told to do badly.

use axum::http::Method;
use serde::{Deserialize, Serialize};

use crate::disturb::{Calls, Instead, Plan, take};

/// The switches of `GET` and `POST /control/faults`; a POST changes only the keys it names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Faults {
    /// What happens to the calls of the merchant's side: writes are versioning and authentication, reads are results.
    #[serde(flatten)]
    pub(crate) calls: Calls,
    /// A status answered, such as 503, with nothing done.
    pub(crate) http_status: Option<u16>,
    /// How many calls it is answered to; without it, all.
    pub(crate) http_status_times: Option<u32>,

    /// No card is enrolled.
    pub(crate) not_enrolled: bool,
    /// The `transStatus` of every authentication, whatever the card: Y, A, N, U, R, C or I.
    pub(crate) trans_status: Option<String>,
    /// The ACS cannot be reached: not by the directory (error 405), and not by browsers (503).
    pub(crate) acs_down: bool,
    /// The CRes says Y whatever the payer did, and the RReq says N.
    pub(crate) lie_in_cres: bool,
    /// Results are there only after `POST /control/release`.
    pub(crate) hold_results: bool,
    /// How much later than the browser's return a result is there, in milliseconds.
    pub(crate) results_after_ms: u64,
    /// How long the ACS waits for the first CReq, in milliseconds.
    pub(crate) first_creq_within_ms: u64,
    /// How long a challenge may take, in milliseconds.
    pub(crate) challenge_within_ms: u64,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            calls: Calls::default(),
            http_status: None,
            http_status_times: None,
            not_enrolled: false,
            trans_status: None,
            acs_down: false,
            lie_in_cres: false,
            hold_results: false,
            results_after_ms: 0,
            first_creq_within_ms: 30_000,
            challenge_within_ms: 600_000,
        }
    }
}

impl Faults {
    /// What happens to a call that has just come in; switches that count are spent by it.
    pub(crate) fn plan(&mut self, method: &Method) -> Plan {
        let Self { calls, http_status, http_status_times, .. } = self;
        calls.plan(method, || match *http_status {
            Some(status) if http_status_times.as_mut().is_none_or(take) => Instead::Status(status),
            _ => Instead::Nothing,
        })
    }
}
