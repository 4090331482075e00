//! What Messenger can be told to do badly.

use axum::http::Method;
use serde::{Deserialize, Serialize};

use super::batch::BatchIn;
use crate::{
    courier,
    disturb::{Calls, Instead, Plan},
};

/// The errors that the next calls to the Send API end with, nothing done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FailNext {
    /// Graph's code, such as 613.
    pub(crate) code: u32,
    /// Its subcode; without it the usual one of the code.
    pub(crate) subcode: Option<u32>,
    /// The status of the answer; without it the usual one of the code.
    pub(crate) status: Option<u16>,
    /// How many calls.
    #[serde(default = "once")]
    pub(crate) count: u32,
}

fn once() -> u32 {
    1
}

/// The switches of `GET` and `POST /sandbox/faults`; a POST changes only the keys it names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Faults {
    /// What happens to API calls, of either kind.
    #[serde(flatten)]
    pub(crate) calls: Calls,
    /// Errors in place of sending.
    pub(crate) fail_next: Option<FailNext>,
    /// Names of people who are not available (551).
    pub(crate) block: Vec<String>,
    /// Calls for one page in a window (613 beyond; Messenger: 300 a second).
    pub(crate) page_limit: u64,
    /// Calls of the application in a window (4 beyond).
    pub(crate) app_limit: u64,
    /// How long a window is, in seconds.
    pub(crate) window_s: u64,

    /// The fields that the application is subscribed to.
    pub(crate) fields: Vec<String>,
    /// How many events stand in one delivery.
    pub(crate) batch: usize,
    /// Whether they stand in entries of their own or in one.
    pub(crate) batch_in: BatchIn,
    /// How long the first of them waits for the others, in milliseconds.
    pub(crate) batch_wait_ms: u64,
    /// Deliveries name the other page, and are signed rightly.
    pub(crate) wrong_page: bool,
    /// What happens to deliveries.
    #[serde(flatten)]
    pub(crate) deliveries: courier::Faults,
}

impl Default for Faults {
    fn default() -> Self {
        let fields = [
            "messages",
            "messaging_postbacks",
            "message_echoes",
            "message_deliveries",
            "message_reads",
            "message_reactions",
            "message_edits",
            "standby",
        ];
        Self {
            calls: Calls::default(),
            fail_next: None,
            block: Vec::new(),
            page_limit: 10_000,
            app_limit: 10_000,
            window_s: 1,
            fields: fields.map(str::to_owned).to_vec(),
            batch: 1,
            batch_in: BatchIn::Entries,
            batch_wait_ms: 300,
            wrong_page: false,
            // Nothing lists what was missed, so that Messenger tries for long.
            deliveries: courier::Faults::none(10),
        }
    }
}

impl Faults {
    /// What happens to a call that has just come in; switches that count are spent by it.
    pub(crate) fn plan(&mut self, method: &Method) -> Plan {
        self.calls.plan(method, || Instead::Nothing)
    }

    /// The error that this call ends with, if it is to end with one.
    pub(crate) fn failure(&mut self) -> Option<FailNext> {
        let failure = self.fail_next.as_mut().filter(|failure| failure.count > 0)?;
        failure.count -= 1;
        Some(failure.clone())
    }
}
