//! What the bank can be told to do badly.

use axum::http::Method;
use serde::{Deserialize, Serialize};

use crate::disturb::{Calls, Instead, Plan, take};

/// The switches of `GET` and `POST /sandbox/faults`; a POST changes only the keys it names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Faults {
    /// What happens to calls: writes are payments, reads are status and accounts.
    #[serde(flatten)]
    pub(crate) calls: Calls,
    /// How many calls are worked on and then answered with half an answer.
    pub(crate) malformed_answers: u32,
    /// A status answered, such as 503.
    pub(crate) http_status: Option<u16>,
    /// Whether the work is done before that status is answered.
    pub(crate) http_status_after_work: bool,
    /// How many calls it is answered to; without it, all.
    pub(crate) http_status_times: Option<u32>,

    /// How long a payment takes to settle, in milliseconds; without it, an instant one none and another 2,000.
    pub(crate) settle_after_ms: Option<u64>,
    /// Payments stay pending until `POST /sandbox/release`.
    pub(crate) hold: bool,
    /// The status of what is pending; without it `ACSP`. `PDNG` is the other usual one.
    pub(crate) pending_status: Option<String>,
    /// Every payment must be approved on the bank's page.
    pub(crate) sca_redirect: bool,
    /// Payments from so many cents on must be approved there.
    pub(crate) sca_from_cents: Option<i64>,
    /// Every payment is declined with this reason.
    pub(crate) decline: Option<String>,
    /// Transactions are not shown in the accounts yet, though they happened.
    pub(crate) hide_transactions: bool,
    /// Account information demands the header `Consent-ID`.
    pub(crate) require_consent: bool,
    /// How many transactions stand on a page; without it 100.
    pub(crate) page_size: Option<usize>,
}

impl Faults {
    /// What happens to a call that has just come in; switches that count are spent by it.
    pub(crate) fn plan(&mut self, method: &Method) -> Plan {
        let Self { calls, malformed_answers, http_status, http_status_after_work, http_status_times, .. } = self;
        calls.plan(method, || {
            if take(malformed_answers) {
                return Instead::Malformed;
            }
            let Some(status) = *http_status else { return Instead::Nothing };
            match (http_status_times.as_mut().is_none_or(take), *http_status_after_work) {
                (false, _) => Instead::Nothing,
                (true, false) => Instead::Status(status),
                (true, true) => Instead::StatusAfterWork(status),
            }
        })
    }
}
