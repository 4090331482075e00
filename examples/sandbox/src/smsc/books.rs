//! What the SMSC has seen: counters, and the last PDUs.

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::{Value, json};

use super::{pdu, status};

/// How many PDUs are remembered.
const REMEMBERED: usize = 200;

/// How often each thing happened since the start, or the last reset.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Counters {
    /// `submit_sm` that were taken.
    pub(crate) submitted: u64,
    /// `submit_sm` that were refused, for whatever reason.
    pub(crate) refused: u64,
    /// Of these, with `ESME_RTHROTTLED` or `ESME_RMSGQFUL`.
    pub(crate) throttled: u64,
    /// `deliver_sm` that were written, receipts and repetitions among them.
    pub(crate) delivered: u64,
    /// Of these, answered with `ESME_ROK`.
    pub(crate) acked: u64,
    /// Of these, refused for a time and offered again.
    pub(crate) deferred: u64,
    /// Of these, refused for good.
    pub(crate) rejected: u64,
    /// Of these, never answered: their link ended, their time was up, or the acknowledgement was lost.
    pub(crate) unacked: u64,
    /// Messages delivered a second time though acknowledged.
    pub(crate) duplicates: u64,
    /// Receipts that were written.
    pub(crate) receipts: u64,
    /// Answers to nothing that was asked.
    pub(crate) strays: u64,
    /// `generic_nack` that the SMSC wrote.
    pub(crate) nacks: u64,
    /// `generic_nack` that the ESME wrote.
    pub(crate) nacked: u64,
    /// `enquire_link` from the ESME.
    pub(crate) enquire_links: u64,
    /// `enquire_link` that the SMSC wrote.
    pub(crate) enquiries: u64,
    pub(crate) binds: u64,
    pub(crate) binds_refused: u64,
    /// Links that were closed because nobody answered an `enquire_link`.
    pub(crate) links_dead: u64,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    link: u64,
    by_esme: bool,
    command: u32,
    status: u32,
    sequence: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) counters: Counters,
    seen: VecDeque<Seen>,
}

impl Books {
    pub(crate) fn read(&mut self, link: u64, pdu: &pdu::Pdu<'_>) {
        let (command, status, sequence) = (pdu.command, pdu.status, pdu.sequence);
        self.remember(Seen { link, by_esme: true, command, status, sequence });
    }

    pub(crate) fn wrote(&mut self, link: u64, command: u32, status: u32, sequence: u32) {
        self.remember(Seen { link, by_esme: false, command, status, sequence });
    }

    fn remember(&mut self, seen: Seen) {
        if self.seen.len() >= REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.push_back(seen);
    }

    /// The last PDUs, the oldest first.
    pub(crate) fn pdus(&self) -> Vec<Value> {
        let shown = |seen: &Seen| {
            json!({
                "link": seen.link,
                "by": if seen.by_esme { "esme" } else { "smsc" },
                "pdu": pdu::command_name(seen.command),
                "status": status::name(seen.status),
                "sequence": seen.sequence,
            })
        };
        self.seen.iter().map(shown).collect()
    }
}
