//! What the wallets' services can be told to do badly. What is wrong with a token is said where it is minted.

use serde::{Deserialize, Serialize};

use crate::disturb::{Calls, Instead, Plan};

/// The switches of `GET` and `POST /sandbox/faults`; a POST changes only the keys it names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Faults {
    /// What happens to calls: writes are sessions and tokens, reads are roots.
    #[serde(flatten)]
    pub(crate) calls: Calls,
    /// No merchant is given a session.
    pub(crate) refuse_sessions: bool,
}

impl Faults {
    /// What happens to a call that has just come in; switches that count are spent by it.
    pub(crate) fn plan(&mut self, method: &axum::http::Method) -> Plan {
        self.calls.plan(method, || Instead::Nothing)
    }
}
