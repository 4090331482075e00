//! A webhook delivery: which envelope it is in, and the events in it.

use sportello_sdk::Failure;
use sportello_sdk::serde::Deserialize;
use sportello_sdk::serde_json::{self, value::RawValue};

use crate::account_activity::AccountActivity;
use crate::event::Event;
use crate::settings::Account;
use crate::x_activity::Activity;

/// What was found in a delivery.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// The events, in the order of the delivery.
    pub(crate) events: Vec<Event>,
    /// For the log: what was left aside and why, without anything that people wrote.
    pub(crate) left: Vec<String>,
    /// How many events of a known kind could not be read.
    pub(crate) unreadable: usize,
}

impl Delivery {
    /// Takes what was read of an event, or counts that it could not be.
    pub(crate) fn push(&mut self, event: Option<Event>) {
        match event {
            Some(event) => self.events.push(event),
            None => self.unreadable += 1,
        }
    }
}

/// The key by which the envelopes are told apart.
#[derive(Deserialize)]
struct Probe<'a> {
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

/// Reads a delivery, in either envelope.
///
/// # Errors
/// `malformed`, where it is no JSON or in neither envelope.
pub(crate) fn read(body: &[u8], account: &Account) -> Result<Delivery, Failure> {
    let probe: Probe = serde_json::from_slice(body).map_err(malformed)?;
    if let Some(data) = probe.data {
        let activity: Activity = serde_json::from_str(data.get()).map_err(malformed)?;
        return Ok(activity.read(account));
    }
    let activity: AccountActivity = serde_json::from_slice(body).map_err(malformed)?;
    activity.read(account).ok_or_else(|| Failure::input("malformed", "in neither of X's envelopes"))
}

/// The error's own text is left out: it may quote what a person wrote.
fn malformed(error: serde_json::Error) -> Failure {
    let (kind, line, column) = (error.classify(), error.line(), error.column());
    let what = format!("not a delivery of X: {kind:?} error at line {line}, column {column}");
    Failure::input("malformed", what)
}

/// A word of X's for the log: what cannot be in one is left out.
pub(crate) fn kind_for_log(kind: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_lowercase() || matches!(c, '_' | '.');
    kind.chars().filter(is_plain).take(60).collect()
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod tests;
