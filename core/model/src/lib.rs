//! The words of Sportello: money, handles, commands, intents, orders, outcomes, postings, and the life of a payment.
//!
//! This crate is pure: no I/O, no clock, no async, no randomness. What happens at a time is told the time; what needs a
//! random number is handed one. A test proves it from the dependency graph.

pub mod command;
pub mod grammar;
mod handle;
mod intent;
pub mod message;
mod money;
pub mod order;
pub mod payment;
mod posting;

pub use command::Command;
pub use handle::{HANDLE_LEN_MAX, Handle, HandleError, is_invisible};
pub use intent::{Intent, IntentKind, Origin, Person};
pub use message::{Accepted, Change, Choice, Fate, Mention, Message, Note, Receipt, Sent};
pub use money::{Currency, MINOR_MAX, Money, MoneyError, UnknownCurrency};
pub use order::{Doubt, Finality, Inquiry, Order, OrderKind, Outcome, Party, PaymentId, Report};
pub use payment::Payment;
pub use posting::{Account, Posting, is_balanced, movement};
