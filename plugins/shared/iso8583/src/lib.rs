//! ISO 8583 (1987) for the rails that speak with an acquirer: the codec, one long-lived link, terminals and their numbers.
//!
//! A rail keeps a [`Link`] and its [`Terminals`] in `run`, and asks in the order's own call:
//!
//! ```
//! use sportello_iso8583::{AskError, Field, Late, Link, Message, Mti, NoTrace, Terminals};
//! use sportello_sdk::{Failure, Host, async_trait};
//!
//! struct Acquirer {
//!     link: Link,
//!     terminals: Terminals,
//! }
//!
//! #[async_trait]
//! impl Late for Acquirer {
//!     async fn late(&self, answer: Message, host: &Host) {
//!         // To whom it belongs is told by its numbers; what came of the order, by `host.report`.
//!     }
//! }
//!
//! impl Acquirer {
//!     async fn run(&self, host: &Host) -> Result<(), Failure> {
//!         futures_util::future::try_join(self.link.run(self, host), self.terminals.run(host)).await?;
//!         Ok(())
//!     }
//!
//!     /// `host` is that of the order's own call: for no other is it known that bytes left.
//!     async fn purchase(&self, pan: &str, minor: u64, host: &Host) -> String {
//!         let trace = match self.terminals.trace(host).await {
//!             Ok(trace) => trace,
//!             Err(NoTrace::NoneFree | NoTrace::Store(_)) => return "not sent".to_owned(),
//!         };
//!         let mut request = Message::new(Mti::FINANCIAL);
//!         request.set(Field::PAN, pan).set(Field::AMOUNT, minor.to_string()).set(Field::CURRENCY, "978");
//!         trace.apply(&mut request);
//!         match self.link.ask(&request, host.deadline_ms() - 1_000, host).await {
//!             Ok(answer) => format!("answered {}", answer.text(Field::RESPONSE).unwrap_or("nothing")),
//!             Err(AskError::NotSent(why)) => format!("certainly not sent: {why}"),
//!             Err(AskError::Unanswered(why)) => format!("in doubt, and to be reversed: {why}"),
//!         }
//!     }
//! }
//! ```
//!
//! | file | what is in it |
//! |---|---|
//! | `mti`, `field`, `table` | the words: types of messages, numbers of fields, what each field may hold |
//! | `message`, `encode`, `decode`, `dialect` | the codec: pure, strict, and in one piece of memory |
//! | `frame` | two octets of length before each message |
//! | `link` | one connection, and many requests on it; `session` is it as a state machine, `connection` and `driver` what waits |
//! | `terminals` | terminal ids that no two have at a time, STAN and RRN |
//! | `time` | dates as fields have them |
//! | [`desk`] | orders to messages and answers to outcomes, with a record before each byte |
//! | [`testing`] | an acquirer by script, for the rails' tests |
//!
//! What it promises:
//!
//! - A request is written by the call that it is asked in. [`AskError::NotSent`] is said only where the host is known to
//!   have taken nothing of it.
//! - An answer belongs to the request whose fields 7, 11, 32, 37 and 41 it has, or to nobody; what belongs to nobody is
//!   handed on, and never dropped in silence.
//! - A message that cannot be read costs itself alone; only where the next one begins is not known any more, the link ends,
//!   and all that was in flight is in doubt.
//! - No number is given twice, and none without a terminal id that is this instance's alone.
//! - Everything has an end: windows, waits, what is late. Memory does not grow with what comes.
//! - What is on a card, and what proves something about it, stands in no log, no error and no `Debug`.

mod decode;
pub mod desk;
mod dialect;
mod encode;
mod field;
pub mod frame;
mod link;
mod message;
mod mti;
pub mod table;
mod terminals;
pub mod testing;
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
