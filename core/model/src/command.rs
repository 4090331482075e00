//! What a message says. The grammar that reads it is in [`crate::grammar`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Handle, Money};

/// What a message says, tagged by `command`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Send money.
    Pay {
        /// Whom, as written.
        payee: Handle,
        /// How much.
        amount: Money,
        /// What for, in the writer's own words.
        memo: Option<String>,
        /// Who may see the payment, where the message says so.
        visibility: Option<Visibility>,
    },
    /// Ask somebody for money.
    Request {
        /// Who is to pay, as written.
        payer: Handle,
        /// How much.
        amount: Money,
        /// What for, in the writer's own words.
        memo: Option<String>,
        /// Who may see the payment, where the message says so.
        visibility: Option<Visibility>,
    },
    /// Buy what a post offers, now.
    Buy(Purchase),
    /// Put what a post offers into the cart.
    Cart(Purchase),
    /// Answer a challenge.
    Confirm {
        /// The one-time code, where one was written: digits alone.
        code: Option<String>,
    },
    /// Call a payment off.
    Cancel {
        /// Which payment, where the message names one.
        reference: Option<String>,
    },
    /// Give money back.
    Refund {
        /// Which payment, where the message names one.
        reference: Option<String>,
        /// How much of it, where the message says so.
        amount: Option<Money>,
    },
    /// How a payment stands.
    Status {
        /// Which payment, where the message names one.
        reference: Option<String>,
    },
    /// Become known to the gateway.
    Enrol,
    /// What can be said here.
    Help,
    /// Not understood well enough to act on.
    Unclear(Unclear),
}

/// A thing to buy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Purchase {
    /// What, as written; nothing where the message answers an offer.
    pub item: Option<String>,
    /// How many; 1 where the message does not say.
    pub quantity: u32,
    /// The merchant, where the message names one.
    pub merchant: Option<Handle>,
}

/// Who may see that a payment took place. Amounts and codes are private always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// The two people alone.
    Private,
    /// "Done" may be said where the message was written.
    Public,
}

/// Why a message is not acted on, and what of it was understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unclear {
    /// The reason, to branch on.
    pub because: Because,
    /// What was understood all the same.
    #[serde(default, skip_serializing_if = "Understood::is_empty")]
    pub understood: Understood,
}

/// The parts of a message that were understood although the whole was not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Understood {
    /// The verb, as the name of its command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verb: Option<String>,
    /// The people named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<Handle>,
    /// The amounts read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amounts: Vec<Money>,
    /// The memo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memo: Option<String>,
}

impl Understood {
    /// Whether nothing at all was understood.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Why a message is unclear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// No verb of ours stands in it.
    NoCommand,
    /// The text is longer than a message can be.
    TooLong,
    /// *don't pay…*, *non pagare…*, *ne paie pas…*
    Negated,
    /// *Should I pay…?*, *if she wins, pay…*, *he said pay…*, *pay… tomorrow*: a question, a condition, somebody else's
    /// words or another day.
    Question,
    /// More than one thing to do.
    TwoCommands,
    /// Nobody to pay.
    NoPayee,
    /// More than one person could be meant.
    TwoPayees,
    /// A person is named by something that is no handle (or one that hides characters).
    BadPayee,
    /// No amount.
    NoAmount,
    /// More than one amount.
    TwoAmounts,
    /// `1.000 €`: a thousand, or one with three decimals.
    AmbiguousAmount,
    /// The amount has more decimals than its currency, a sign, or digits that are no number.
    BadAmount,
    /// An amount without its currency.
    NoCurrency,
    /// A currency that is none of ISO 4217, or a sign that several share (`¥`, `kr`).
    UnknownCurrency,
    /// Zero.
    ZeroAmount,
    /// More money than can be represented.
    AmountTooLarge,
}
