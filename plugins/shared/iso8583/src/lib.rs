//! ISO 8583 for the rails that speak with an acquirer.

mod decode;
mod dialect;
mod encode;
mod field;
pub mod frame;
mod link;
mod message;
mod mti;
pub mod table;
mod terminals;
mod time;
mod turn;

pub use decode::{DecodeError, decode};
pub use dialect::{Coding, Dialect};
pub use encode::{EncodeError, encode};
pub use field::Field;
pub use link::{AskError, Late, Link, LinkOptions, NotSent, Unanswered, WINDOW_MAX};
pub use message::Message;
pub use mti::Mti;
pub use terminals::{NoTrace, TerminalId, Terminals, Trace};
pub use time::Moment;

#[cfg(test)]
mod codec_tests;
