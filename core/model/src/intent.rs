//! The normalized wish to pay: the same whatever the channel.

use serde::{Deserialize, Serialize};

use crate::command::Visibility;
use crate::payment::Side;
use crate::{Handle, Money, Party};

/// A person or merchant as a payment froze them: what changes later in the directory changes no payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The name to show.
    pub name: String,
    /// The immutable handle that they were reached by, as `twitter:1234567`.
    pub handle: Handle,
    /// The account that is debited or credited; nothing as long as they were asked for one and have not given it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Handle>,
    /// ISO 3166-1 alpha-2, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The language to speak to them, as `en`.
    pub language: Box<str>,
}

impl Person {
    /// The person as a side of an order; nothing without an account.
    pub fn party(&self) -> Option<Party> {
        let account = self.account.clone()?;
        Some(Party { name: self.name.clone(), account, country: self.country.clone() })
    }
}

/// Who began it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentKind {
    /// The payer.
    Pay,
    /// The payee, who asks the payer.
    Request,
}

/// Where a wish came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The channel's instance, or `api`.
    pub source: Box<str>,
    /// The handle that it came from; for the API, the key's name as `key:NAME`.
    pub by: Handle,
    /// The message's id, where it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Box<str>>,
    /// The id under which that message was first written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Box<str>>,
    /// Whether others could read it.
    pub public: bool,
}

/// The normalized wish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Who began it.
    pub kind: IntentKind,
    /// Whose money it is, and who must confirm.
    pub payer: Person,
    /// Who is to have it.
    pub payee: Person,
    /// How much. Never zero.
    pub amount: Money,
    /// What for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memo: Option<String>,
    /// Who may see that it took place.
    pub visibility: Visibility,
    /// Where it came from.
    pub origin: Origin,
}

impl Intent {
    /// The person on this side.
    pub fn person(&self, side: Side) -> &Person {
        match side {
            Side::Payer => &self.payer,
            Side::Payee => &self.payee,
        }
    }

    /// The same with what the person on this side is to pay with, or to be paid on.
    pub fn enrolled(&mut self, side: Side, account: Handle) {
        let person = match side {
            Side::Payer => &mut self.payer,
            Side::Payee => &mut self.payee,
        };
        person.account = Some(account);
    }
}
