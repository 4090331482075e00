//! What X can be told to do badly.

use axum::http::Method;
use serde::{Deserialize, Serialize};

use crate::{
    courier,
    disturb::{Calls, Instead, Plan, take},
};

/// The switches of `GET` and `POST /sandbox/faults`; a POST changes only the keys it names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Faults {
    /// What happens to API calls, of either kind.
    #[serde(flatten)]
    pub(crate) calls: Calls,
    /// A status answered in place of working, such as 503.
    pub(crate) fail_with_status: Option<u16>,
    /// How many calls it is answered to; without it, all.
    pub(crate) fail_times: Option<u32>,

    /// API calls answer 429 until this second since 1970.
    pub(crate) rate_limited_until: Option<u64>,
    /// Posts in a window (X: 100).
    pub(crate) post_limit: u64,
    /// Direct messages in a window and conversation (X: 15).
    pub(crate) dm_limit: u64,
    /// Reads in a window and endpoint.
    pub(crate) read_limit: u64,
    /// How long a window is, in seconds (X: 900).
    pub(crate) window_s: u64,

    /// Screen names whose direct messages are closed, beside those who closed theirs.
    pub(crate) dms_closed: Vec<String>,
    /// Whether the same reply to the same post is refused the second time, as on X.
    pub(crate) refuse_duplicates: bool,

    /// What happens to deliveries.
    #[serde(flatten)]
    pub(crate) deliveries: courier::Faults,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            calls: Calls::default(),
            fail_with_status: None,
            fail_times: None,
            rate_limited_until: None,
            post_limit: 10_000,
            dm_limit: 10_000,
            read_limit: 10_000,
            window_s: 900,
            dms_closed: Vec::new(),
            refuse_duplicates: true,
            deliveries: courier::Faults::none(3),
        }
    }
}

impl Faults {
    /// What happens to a call that has just come in; switches that count are spent by it.
    pub(crate) fn plan(&mut self, method: &Method) -> Plan {
        let Self { calls, fail_with_status, fail_times, .. } = self;
        calls.plan(method, || match fail_with_status {
            Some(status) if fail_times.as_mut().is_none_or(take) => Instead::Status(*status),
            _ => Instead::Nothing,
        })
    }
}
