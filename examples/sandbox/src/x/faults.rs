//! What X can be told to do badly.

use axum::http::Method;
use serde::{Deserialize, Serialize};

use crate::disturb::{Instead, Plan, Scope, take};

/// The switches of `GET` and `POST /sandbox/faults`; a POST changes only the keys it names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Faults {
    /// Which API calls the five switches below touch.
    pub(crate) on: Scope,
    /// How long a call waits before it is worked on, in milliseconds.
    pub(crate) delay_ms: u64,
    /// How many calls are cut off before anything is done.
    pub(crate) lose_requests: u32,
    /// How many calls are worked on and then cut off with no answer.
    pub(crate) lose_answers: u32,
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

    /// How many further copies of each event are delivered.
    pub(crate) duplicate_deliveries: u32,
    /// Whether two events that come close together are delivered the wrong way round.
    pub(crate) reorder: bool,
    /// How long an event then waits to be overtaken, in milliseconds.
    pub(crate) reorder_wait_ms: u64,
    /// An outage: things happen, and nothing is delivered.
    pub(crate) drop_deliveries: bool,
    /// How long a delivery may take, in milliseconds.
    pub(crate) delivery_timeout_ms: u64,
    /// The wait before the first retry of a delivery, in milliseconds; each further one is twice as long.
    pub(crate) retry_backoff_ms: u64,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            on: Scope::Writes,
            delay_ms: 0,
            lose_requests: 0,
            lose_answers: 0,
            fail_with_status: None,
            fail_times: None,
            rate_limited_until: None,
            post_limit: 10_000,
            dm_limit: 10_000,
            read_limit: 10_000,
            window_s: 900,
            dms_closed: Vec::new(),
            refuse_duplicates: true,
            duplicate_deliveries: 0,
            reorder: false,
            reorder_wait_ms: 300,
            drop_deliveries: false,
            delivery_timeout_ms: 10_000,
            retry_backoff_ms: 250,
        }
    }
}

impl Faults {
    /// What happens to a call that has just come in; switches that count are spent by it.
    pub(crate) fn plan(&mut self, method: &Method) -> Plan {
        if !self.on.covers(method) {
            return Plan::default();
        }
        Plan { delay_ms: self.delay_ms, instead: self.instead() }
    }

    fn instead(&mut self) -> Instead {
        if take(&mut self.lose_requests) {
            return Instead::LoseRequest;
        }
        if take(&mut self.lose_answers) {
            return Instead::LoseAnswer;
        }
        let Some(status) = self.fail_with_status else { return Instead::Nothing };
        if self.fail_times.as_mut().is_none_or(take) {
            return Instead::Status(status);
        }
        Instead::Nothing
    }
}
