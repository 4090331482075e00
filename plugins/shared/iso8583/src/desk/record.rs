//! What the desk keeps of an order, durably: made before a byte leaves, changed by compare-and-set alone.
//!
//! It holds no card number: where a message needs one again, the rail gets it from the vault. A reversal stands in the
//! record of the order that it reverses, so that either it or a late answer is there first, and never both.

use serde::{Deserialize, Serialize};
use sportello_sdk::{Failure, Host, Money, OrderKind, Source, serde_json};

use crate::{Field, Message};

/// The numbers that a message and its answer have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Numbers {
    /// Field 7.
    pub(super) at: String,
    /// Field 11.
    pub(super) stan: String,
    /// Field 32.
    pub(super) acquirer: String,
    /// Field 37.
    pub(super) rrn: String,
    /// Field 41.
    pub(super) terminal: String,
}

impl Numbers {
    /// Those of a message; `None` where one is missing.
    pub(super) fn of(message: &Message) -> Option<Self> {
        let text = |field| message.text(field).map(str::to_owned);
        Some(Self {
            at: text(Field::TRANSMITTED_AT)?,
            stan: text(Field::STAN)?,
            acquirer: text(Field::ACQUIRER)?,
            rrn: text(Field::RRN)?,
            terminal: text(Field::TERMINAL)?,
        })
    }
}

/// What an answer said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Heard {
    /// Field 39.
    pub(super) code: String,
    /// Field 38, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) authorization: Option<String>,
    /// Field 4, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) minor: Option<u64>,
    /// Field 49, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) currency: Option<String>,
    /// When it came, in milliseconds since 1970.
    pub(super) at_ms: u64,
    /// Whether it answers a message that was repeated.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) of_repeat: bool,
}

impl Heard {
    pub(super) fn of(answer: &Message, of_repeat: bool, at_ms: u64) -> Self {
        let text = |field| answer.text(field).filter(|text| !text.is_empty()).map(str::to_owned);
        Self {
            code: text(Field::RESPONSE).unwrap_or_default(),
            authorization: text(Field::AUTHORIZATION),
            minor: answer.number(Field::AMOUNT),
            currency: text(Field::CURRENCY),
            at_ms,
            of_repeat,
        }
    }
}

/// A message that was sent, or was about to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sent {
    /// What it did.
    pub(super) kind: OrderKind,
    /// Its type, of the first time that it was sent.
    pub(super) mti: String,
    pub(super) numbers: Numbers,
    /// Fields 4 and 49.
    pub(super) amount: Money,
    /// Whether it carried what shows that the payer was authenticated.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) has_evidence: bool,
    /// What was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) heard: Option<Heard>,
}

/// The reversal of what was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reversal {
    /// The key of the order that it carries out.
    pub(super) order_key: String,
    pub(super) numbers: Numbers,
    /// The response code with which it was acknowledged, once it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) acknowledged: Option<String>,
}

/// What is kept of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "almost all of them are of the large one")]
pub(super) enum Record {
    /// It was sent, or was about to be.
    Sent {
        /// The message.
        sent: Sent,
        /// That it is taken back, once that was decided.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reversal: Option<Reversal>,
    },
    /// It was reversed before it was sent, and never will be.
    Tombstone,
}

/// The record of one order, as the store has it.
pub(super) struct Kept {
    pub(super) name: String,
    pub(super) version: u64,
    /// `None` where nothing was sent.
    pub(super) record: Option<Record>,
}

/// Where the record of an order is kept.
pub(super) fn name(order_key: &str) -> String {
    format!("o/{order_key}")
}

pub(super) fn encoded(record: &Record) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(record).map_err(|error| Failure::new(Source::Plugin, "bad_record", error.to_string()))
}

impl Kept {
    /// What is kept of an order that is new.
    pub(super) fn new(order_key: &str) -> Self {
        Self { name: name(order_key), version: 0, record: None }
    }

    /// What is kept of an order.
    ///
    /// # Errors
    /// When the store cannot be asked, or what it has is no record: then nobody knows what was sent.
    pub(super) async fn load(order_key: &str, host: &Host) -> Result<Self, Failure> {
        let name = name(order_key);
        let (version, value) = host.load(&name).await?;
        let bad = |_| Failure::new(Source::Host, "bad_record", format!("what is kept of {order_key} is no record"));
        let record = match value.is_empty() {
            true => None,
            false => Some(serde_json::from_slice(&value).map_err(bad)?),
        };
        Ok(Self { name, version, record })
    }

    /// Stores `record` (or that nothing was sent) in place of what was loaded; `false` where somebody was faster.
    ///
    /// # Errors
    /// When it is not stored.
    pub(super) async fn put(&mut self, record: Option<Record>, host: &Host) -> Result<bool, Failure> {
        let value = record.as_ref().map(encoded).transpose()?.unwrap_or_default();
        let done = host.save(&self.name, self.version, value).await?;
        if done.stored {
            self.version = done.version;
            self.record = record;
        }
        Ok(done.stored)
    }
}
