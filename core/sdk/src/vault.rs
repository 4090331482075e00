//! What the gateway's vault holds, as a rail sees it (since contract 1.2).
//!
//! The vault keeps what nobody may read in the store: card numbers, and tokens that were handed over. A rail gets it only
//! where its manifest asks for it ([`Manifest::pan`](crate::Manifest::pan)) and its grants give it (`"pan"`).

use std::fmt;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a payer pays with.
pub struct Instrument {
    /// What is known of it without looking inside.
    pub facts: InstrumentFacts,
    /// What it is: JSON of a [`Card`] where the account's scheme is `card`; else what was handed over, as it was.
    pub secret: Bytes,
}

/// What is known of an instrument without looking inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InstrumentFacts {
    /// How a person recognises it: the network and at most the last four digits.
    pub label: String,
    /// When it was durable in the vault, in milliseconds since 1970.
    pub received_at_ms: u64,
    /// The one payment that it was handed over for, where it was for one.
    #[serde(default)]
    pub payment: Option<sportello_model::PaymentId>,
}

/// A card, as its owner typed it in. Checked then: digits, Luhn (ISO/IEC 7812-1, annex B), and not expired.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// The primary account number: 12 to 19 digits.
    pub pan: String,
    /// The year in which it expires, as 2030.
    pub expiry_year: u16,
    /// The month in which it expires, from 1.
    pub expiry_month: u8,
    /// The name on it, where it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
}

impl fmt::Debug for Instrument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instrument").field("facts", &self.facts).finish_non_exhaustive()
    }
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Card(…)")
    }
}

/// Parameters of `vault.put`; what is kept is the body.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct VaultPut {
    /// Its name, the instance's own.
    pub name: String,
    /// When it is destroyed, in milliseconds since 1970.
    pub until_ms: u64,
}

/// The answer to `vault.get`; what was kept is the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VaultFound {
    /// Whether there is something.
    pub found: bool,
}

/// Parameters of `page.link`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PageLink {
    /// The key of the order whose payer the page is for.
    pub order: String,
    /// Until when it is served, in milliseconds since 1970.
    pub until_ms: u64,
}

/// The answer to `page.link`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PageAddress {
    /// The whole address, which nobody can guess.
    pub url: String,
}
