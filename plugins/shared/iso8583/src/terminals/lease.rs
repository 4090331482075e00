//! The record of a terminal id: who has it, until when, and which of its numbers may have been used.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use sportello_sdk::{Failure, Host, Source, serde_json};

use super::TerminalId;

/// How long a lease lasts without being renewed, in milliseconds.
const LEASE_MS: u64 = 30_000;

/// By how much its holder stops before the end, and others wait beyond it, in milliseconds: clocks differ, and a request
/// takes its time from its number to its last byte.
pub(super) const LEASE_MARGIN_MS: u64 = 5_000;

/// How many numbers are taken at once.
const BLOCK: u64 = 1_000;

/// What is kept of a terminal id.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Record {
    /// Who has it; nobody, where it is empty.
    pub(super) owner: String,
    /// How often it was taken.
    pub(super) epoch: u64,
    /// Until when, in milliseconds since 1970.
    pub(super) until_ms: u64,
    /// Numbers below may have been used.
    pub(super) count: u64,
}

/// A terminal id that is ours.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) terminal: TerminalId,
    pub(super) record: Record,
    version: u64,
    /// The numbers that may be given, durably taken.
    pub(super) numbers: Range<u64>,
}

impl Held {
    /// Takes a terminal id with its first numbers; nothing where it is another's, or somebody was faster.
    ///
    /// # Errors
    /// When the store cannot be asked, or what it has is no record: then nobody knows which numbers were used.
    pub(super) async fn take(terminal: TerminalId, owner: &str, host: &Host) -> Result<Option<Self>, Failure> {
        let (version, found) = load(terminal, host).await?;
        let is_free = found.owner.is_empty() || found.until_ms.saturating_add(LEASE_MARGIN_MS) <= host.now_ms();
        if !is_free && found.owner != owner {
            return Ok(None);
        }
        let start = found.count;
        let record = Record {
            owner: owner.to_owned(),
            epoch: found.epoch + 1,
            until_ms: host.now_ms() + LEASE_MS,
            count: start + BLOCK,
        };
        let numbers = start..record.count;
        let stored = save(terminal, version, &record, host).await?;
        Ok(stored.map(|version| Self { terminal, record, version, numbers }))
    }

    /// Renews it, with more numbers where they run low. `false` where it is another's now.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub(super) async fn renew(&mut self, owner: &str, host: &Host) -> Result<bool, Failure> {
        if self.change(host).await? {
            return Ok(true);
        }
        // A change of ours that was given up on its way may have been made all the same.
        let (version, found) = load(self.terminal, host).await?;
        if found.owner != owner || found.epoch != self.record.epoch {
            return Ok(false);
        }
        self.version = version;
        self.numbers.end = found.count;
        self.record = found;
        self.change(host).await
    }

    /// Whether numbers run low.
    pub(super) fn runs_low(&self) -> bool {
        self.numbers.end.saturating_sub(self.numbers.start) < BLOCK / 2
    }

    /// Gives it back.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub(super) async fn give_back(self, host: &Host) -> Result<(), Failure> {
        let record = Record { owner: String::new(), until_ms: 0, ..self.record };
        // Where it is another's by now, there is nothing to give back.
        save(self.terminal, self.version, &record, host).await.map(|_| ())
    }

    async fn change(&mut self, host: &Host) -> Result<bool, Failure> {
        let more = if self.runs_low() { BLOCK } else { 0 };
        let record =
            Record { until_ms: host.now_ms() + LEASE_MS, count: self.record.count + more, ..self.record.clone() };
        let Some(version) = save(self.terminal, self.version, &record, host).await? else { return Ok(false) };
        self.version = version;
        self.numbers.end = record.count;
        self.record = record;
        Ok(true)
    }
}

fn name(terminal: TerminalId) -> String {
    format!("terminal/{terminal}")
}

async fn load(terminal: TerminalId, host: &Host) -> Result<(u64, Record), Failure> {
    let (version, value) = host.load(&name(terminal)).await?;
    if value.is_empty() {
        return Ok((version, Record::default()));
    }
    let bad = |_| Failure::new(Source::Host, "bad_record", format!("what is kept of terminal {terminal} is no record"));
    Ok((version, serde_json::from_slice(&value).map_err(bad)?))
}

/// The new version; nothing where somebody was faster.
async fn save(terminal: TerminalId, version: u64, record: &Record, host: &Host) -> Result<Option<u64>, Failure> {
    let bad = |error: serde_json::Error| Failure::new(Source::Plugin, "bad_record", error.to_string());
    let value = serde_json::to_vec(record).map_err(bad)?;
    let done = host.save(&name(terminal), version, value).await?;
    Ok(done.stored.then_some(done.version))
}
