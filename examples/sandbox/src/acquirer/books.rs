//! What the acquirer has seen on its links: counters, and the last complaints.

use std::collections::VecDeque;

use serde::Serialize;

/// How many complaints are remembered.
const REMEMBERED: usize = 100;

/// How often each thing happened since the start, or the last reset.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Counters {
    pub(crate) messages: u64,
    /// Those whose fields could not be told apart; their link was closed.
    pub(crate) malformed: u64,
    /// Those that were answered with 30.
    pub(crate) format_errors: u64,
    /// Those before a sign-on.
    pub(crate) not_signed_on: u64,
    /// Those that were answered with 94.
    pub(crate) duplicates: u64,
    /// Advices that were repeated.
    pub(crate) repeated: u64,
    /// Answers to nothing that was asked.
    pub(crate) strays: u64,
    pub(crate) sign_ons: u64,
    pub(crate) sign_offs: u64,
    pub(crate) echoes: u64,
    /// Echoes that the acquirer wrote.
    pub(crate) echoes_sent: u64,
    pub(crate) echoes_answered: u64,
    pub(crate) authorizations: u64,
    pub(crate) financials: u64,
    pub(crate) captures: u64,
    pub(crate) refunds: u64,
    pub(crate) reversals: u64,
    /// Reversals that were answered with 25.
    pub(crate) reversals_without_original: u64,
    /// Requests that were approved, also in part.
    pub(crate) approved: u64,
    /// Answers that were lost by a switch.
    pub(crate) answers_lost: u64,
    pub(crate) links_opened: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) counters: Counters,
    complaints: VecDeque<String>,
}

impl Books {
    /// Remembers what was wrong with a message, without what stood in it.
    pub(crate) fn complain(&mut self, complaint: String) {
        if self.complaints.len() >= REMEMBERED {
            self.complaints.pop_front();
        }
        self.complaints.push_back(complaint);
    }

    /// The last complaints, the oldest first.
    pub(crate) fn complaints(&self) -> Vec<&str> {
        self.complaints.iter().map(String::as_str).collect()
    }
}
