//! What a rail is asked to do, and what it answers.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Handle, Money};

mod bounds;
mod compact;

pub use bounds::clip;

/// The id of a payment: 128 bits that sort by time (UUID version 7, RFC 9562), written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaymentId(pub u128);

impl PaymentId {
    /// Writes its digits into `digits`.
    fn digits(self, digits: &mut [u8; 32]) -> &str {
        // Twice as many digits as bytes always fit, and are ASCII.
        let _ = hex::encode_to_slice(self.0.to_be_bytes(), digits);
        std::str::from_utf8(digits).unwrap_or_default()
    }
}

impl fmt::Display for PaymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.digits(&mut [0; 32]))
    }
}

impl fmt::Debug for PaymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a payment's id is 32 hexadecimal digits")]
pub struct BadPaymentId;

impl FromStr for PaymentId {
    type Err = BadPaymentId;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0u8; 16];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| BadPaymentId)?;
        Ok(Self(u128::from_be_bytes(bytes)))
    }
}

impl Serialize for PaymentId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.digits(&mut [0; 32]))
    }
}

impl<'de> Deserialize<'de> for PaymentId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;
        impl serde::de::Visitor<'_> for Digits {
            type Value = PaymentId;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("32 hexadecimal digits")
            }
            fn visit_str<E: serde::de::Error>(self, digits: &str) -> Result<PaymentId, E> {
                digits.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Digits)
    }
}

impl JsonSchema for PaymentId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PaymentId".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9a-f]{32}$" })
    }
}

/// What a rail is asked to do for a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderKind {
    /// Reserve the payer's money.
    Authorize,
    /// Take what was reserved.
    Capture,
    /// Let go of what was reserved.
    Void,
    /// Take the payer's money in one step.
    Collect,
    /// Send money that is held to the payee's account.
    PayOut,
    /// Move money from the payer's account to the payee's at once.
    Transfer,
    /// Give back what was collected.
    Refund,
    /// Undo an order whose outcome is in doubt.
    Reverse,
}

/// One side of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Party {
    /// The name of the account's owner.
    pub name: String,
    /// The account or instrument, as `iban:…`.
    pub account: Handle,
    /// ISO 3166-1 alpha-2, where known.
    #[serde(default)]
    pub country: Option<String>,
}

/// What a rail is asked to do, under one idempotency key for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Order {
    /// The idempotency key: at most 35 characters of `[0-9a-z-]`, never used for another order.
    pub key: String,
    /// The payment that this is for.
    pub payment: PaymentId,
    /// What to do.
    pub kind: OrderKind,
    /// How much.
    pub amount: Money,
    /// Whose money it is.
    pub debtor: Party,
    /// Who is to have it.
    pub creditor: Party,
    /// What for, for the payee to read.
    #[serde(default)]
    pub memo: Option<String>,
    /// The key of the order that this one captures, voids, refunds or reverses.
    #[serde(default)]
    pub refers_to: Option<String>,
    /// When the order was made, in milliseconds since 1970.
    pub made_at_ms: u64,
}

/// A question about an order whose end is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Inquiry {
    /// The order, as it was sent.
    pub order: Order,
    /// The rail's own reference, where an answer brought one.
    #[serde(default)]
    pub reference: Option<String>,
    /// How many times the rail was asked about this order before.
    #[serde(default)]
    pub asked: u32,
}

/// How doubt about an order ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "doubt", rename_all = "snake_case")]
pub enum Doubt {
    /// The same order may be sent again under the same key for this long, and is carried out once.
    Idempotent {
        /// How long the rail remembers keys, in milliseconds.
        for_ms: u64,
    },
    /// The rail can be asked about the order by our own key.
    Inquirable {
        /// How many questions are allowed for one order.
        inquiries_max: u32,
        /// When to ask first, in milliseconds after the order.
        first_after_ms: u64,
        /// The longest pause between two questions: pauses double up to it.
        pause_max_ms: u64,
    },
    /// The order can be reversed, and the reversal is acknowledged.
    Reversible,
    /// Only a statement or an operator ends it. So is every way of a later contract taken.
    #[serde(other)]
    Statement,
}

/// What a rail answers, tagged by `outcome`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The money moved.
    Settled {
        /// How much of it: an approval can be partial.
        amount: Money,
        /// The rail's own reference.
        #[serde(default)]
        reference: Option<String>,
        /// How final that is.
        finality: Finality,
        /// What the rail kept.
        #[serde(default)]
        fees: Option<Money>,
        /// Until when the rail can undo it, in milliseconds since 1970.
        #[serde(default)]
        reversible_until_ms: Option<u64>,
        /// Until when an authorization holds, in milliseconds since 1970.
        #[serde(default)]
        valid_until_ms: Option<u64>,
    },
    /// The rail has it in hand, and will tell or can be asked.
    Pending {
        /// The rail's own reference.
        #[serde(default)]
        reference: Option<String>,
        /// What a person can read of it.
        detail: String,
        /// Not before how many milliseconds it makes sense to ask.
        #[serde(default)]
        ask_after_ms: Option<u64>,
    },
    /// The payer must do something first.
    ActionRequired {
        /// Where to do it.
        url: String,
        /// Until when, in milliseconds since 1970.
        #[serde(default)]
        until_ms: Option<u64>,
        /// The rail's own reference.
        #[serde(default)]
        reference: Option<String>,
    },
    /// The money did not move, and will not for this order.
    Declined {
        /// The rail's or scheme's code, as `AM04`.
        code: String,
        /// The same for a person to read.
        reason: String,
        /// Whether another rail may answer differently.
        #[serde(default)]
        elsewhere: bool,
    },
    /// Nobody knows (yet) whether the money moved.
    Unknown {
        /// What is known.
        because: String,
    },
    /// The payer has done what [`Self::ActionRequired`] asked for: the order may be given again, under the same key. Since
    /// contract 1.2.
    Proceed,
    /// A later contract's outcome, which this program does not know: to be taken for unknown.
    #[serde(other)]
    Unrecognised,
}

/// How final a settlement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Finality {
    /// The rail took it on.
    Accepted,
    /// The payer's money was taken.
    Captured,
    /// The money is here.
    Funded,
    /// It cannot be undone by the rail.
    Final,
}

impl Outcome {
    /// An `Unknown`, with what is known.
    pub fn unknown(because: impl Into<String>) -> Self {
        Self::Unknown { because: because.into() }
    }

    /// Whether nothing can follow: the money moved, or it will not for this order.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Settled { .. } | Self::Declined { .. })
    }
}

/// An outcome that arrived by itself, after the call that asked for it had ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The order's idempotency key.
    pub key: String,
    /// What came of it.
    pub outcome: Outcome,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_of_a_later_contract_survives() {
        let read: Outcome = serde_json::from_str(r#"{"outcome":"teleported","to":{"x":1}}"#).unwrap();
        assert_eq!(read, Outcome::Unrecognised);
    }

    #[test]
    fn a_new_field_breaks_nobody() {
        let read: Outcome = serde_json::from_str(r#"{"outcome":"unknown","because":"x","mood":"blue"}"#).unwrap();
        assert_eq!(read, Outcome::unknown("x"));
    }

    #[test]
    fn ids_are_read_as_they_are_written() {
        let id = PaymentId(0x019a_2b3c_4d5e_7f00_8000_0000_0000_0001);
        assert_eq!(id.to_string().len(), 32);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("xyz".parse::<PaymentId>(), Err(BadPaymentId));
    }
}
