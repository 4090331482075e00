//! The order desk: turns a rail's orders into messages, and answers into outcomes.
//!
//! ```text
//! submit ─ a record under the order's key, made from nothing by compare-and-set: numbers, amount, no card number
//!    │        it is there already ──▶ what was answered, or Unknown: a 0100 or 0200 is never sent again
//!    ├─ 0100, 0200, written by the order's own call
//!    │        not sent   ──▶ the record is taken back; an error, and the host attests that nothing left
//!    │        unanswered ──▶ Unknown: the engine orders the reversal
//!    └─ the answer, by the table in `response` ──▶ the outcome; the record learns of it afterwards
//! capture, void ─ the same with 0220 and 0400, and the same message again as 0221 and 0401 until it is answered
//! reverse ─ no record ──▶ a tombstone in its place: nothing was ever sent, and never will be
//!    └─ the reversal enters the order's record; 0420, and the same again as 0421 until it is acknowledged
//! ```
//! Once a reversal stands in an order's record, no answer that comes later settles that order: both are written by
//! compare-and-set, and one of them is first.

mod afterwards;
mod late;
mod orders;
mod out;
mod paying;
mod record;
mod request;
mod response;
mod reverse;
mod settings;
mod verdict;

use std::pin::pin;

use futures_util::future::{Either, select};
use serde::Deserialize;
use sportello_sdk::{Failure, Host, JsonSchema, Source};

use crate::{AskError, Link, Message, NoTrace, NotSent, TerminalId, Terminals, Trace};
use afterwards::Afterwards;
use out::Out;
pub use paying::{Evidence, Exemption, Expiry, Pan, Paying};
use record::{Heard, Numbers};
pub use request::refusal;
pub use settings::Bitmap;
use settings::{Merchant, answer_within_default, echo_every_default, window_default};
pub use verdict::Verdict;

/// How much of a call's time is left for what follows a time-out, in milliseconds.
const MARGIN_MS: u64 = 500;

/// How long until there may be a link, or room on it, in milliseconds.
const AGAIN_AFTER_MS: u64 = 5_000;

/// `[rails.NAME.settings.acquirer]`: where the acquirer is, and who we are to it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "sportello_sdk::schemars")]
pub struct DeskSettings {
    /// Where the acquirer listens: `tls://acquirer.example:8583`, or `tcp://…` without TLS. The grants must name it.
    pub address: String,
    /// How bitmaps are written: `binary` or `hex`.
    #[serde(default)]
    pub bitmap: Bitmap,
    /// The terminal ids that the acquirer gave us for this instance alone, 1 to 8 characters each. One is used at a time;
    /// two versions of a plugin, or two nodes, need one each, and one more is there for a node that crashed.
    #[schemars(
        length(min = 1),
        inner(length(min = 1, max = 8), regex(pattern = r"^[!-~]*$")),
        extend(
            "uniqueItems" = true,
            "x-sportello-exclusive" = { "what": "terminal id", "within": ["acquirer_id"] }
        )
    )]
    pub terminals: Vec<String>,
    /// The acquirer's own id, up to 11 digits (field 32).
    pub acquirer_id: String,
    /// The merchant's id, up to 15 characters (field 42).
    pub merchant_id: String,
    /// The merchant's name as it stands on a statement, up to 23 plain characters (field 43).
    pub merchant_name: String,
    /// The merchant's city, up to 13 plain characters (field 43).
    pub merchant_city: String,
    /// The merchant's country, as `IT` (ISO 3166-1; field 43).
    pub merchant_country: String,
    /// What the merchant sells: four digits (ISO 18245; field 18).
    pub mcc: String,
    /// How many messages may be unanswered, 1 to 1024.
    #[serde(default = "window_default")]
    pub window: u16,
    /// How long the acquirer may take to answer an order, in seconds; never longer than the order's own deadline.
    #[serde(default = "answer_within_default")]
    pub answer_within_s: u32,
    /// After how much silence the acquirer is asked whether it is there, in seconds.
    #[serde(default = "echo_every_default")]
    pub echo_every_s: u32,
}

/// The desk of one instance.
pub struct Desk {
    merchant: Merchant,
    answer_within_ms: u64,
    link: Link,
    terminals: Terminals,
    out: Out,
    afterwards: Afterwards,
}

/// What came of a message.
enum Asked {
    Answered(Heard),
    /// It was sent, or may have been.
    Unanswered(String),
}

impl Desk {
    /// A desk that has no link yet: [`Desk::run`] makes and keeps it. `host` is that of the plugin's `open`.
    ///
    /// # Errors
    /// When the settings cannot work: all mistakes in one.
    pub fn open(settings: &DeskSettings, host: &Host) -> Result<Self, Failure> {
        let (merchant, terminals): (Merchant, Vec<TerminalId>) = settings.check()?;
        Ok(Self {
            merchant,
            answer_within_ms: u64::from(settings.answer_within_s) * 1000,
            link: Link::new(settings.link()),
            terminals: Terminals::new(terminals, host),
            out: Out::default(),
            afterwards: Afterwards::default(),
        })
    }

    /// Keeps the link and the terminal, for as long as the host is there. For the plugin's `run`.
    ///
    /// # Errors
    /// When the host goes away.
    pub async fn run(&self, host: &Host) -> Result<(), Failure> {
        let link = pin!(self.link.run(self, host));
        let terminals = pin!(self.terminals.run(host));
        let kept = pin!(async { select(link, terminals).await.factor_first().0 });
        match select(kept, pin!(self.afterwards.run(host))).await {
            Either::Left((ended, _)) => ended,
            Either::Right(((), kept)) => kept.await,
        }
    }

    /// Signs off, gives the terminal back, and writes what is not written yet. For the plugin's `close`.
    pub async fn close(&self, host: &Host) {
        self.link.close(host).await;
        self.afterwards.flush(host).await;
        self.terminals.close(host).await;
    }

    /// The numbers of a new message.
    async fn trace(&self, host: &Host) -> Result<Trace, Failure> {
        self.terminals.trace(host).await.map_err(|why| match why {
            NoTrace::NoneFree => {
                Failure::new(Source::Plugin, "no_terminal", "others have all terminal ids").retry_after(AGAIN_AFTER_MS)
            }
            NoTrace::Store(failure) => failure,
        })
    }

    /// Sends a message and waits for its answer.
    ///
    /// # Errors
    /// When nothing of it was sent.
    async fn ask(
        &self,
        message: &Message,
        (numbers, order_key): (&Numbers, &str),
        of_repeat: bool,
        host: &Host,
    ) -> Result<Asked, Failure> {
        // What is not answered stays there: also where this call is given up.
        self.out.enter(numbers, order_key);
        match self.link.ask(message, self.deadline_ms(host), host).await {
            Ok(answer) => {
                self.out.leave(numbers);
                Ok(Asked::Answered(Heard::of(&answer, of_repeat, host.now_ms())))
            }
            Err(AskError::NotSent(why)) => {
                self.out.leave(numbers);
                Err(not_sent(&why))
            }
            Err(AskError::Unanswered(why)) => Ok(Asked::Unanswered(why.to_string())),
        }
    }

    fn deadline_ms(&self, host: &Host) -> u64 {
        let left_ms = host.deadline_ms().saturating_sub(host.now_ms());
        let usable_ms = left_ms - MARGIN_MS.min(left_ms / 2);
        host.now_ms() + usable_ms.min(self.answer_within_ms)
    }
}

fn not_sent(why: &NotSent) -> Failure {
    let code = match why {
        NotSent::NoLink => "no_link",
        NotSent::WindowFull => "busy",
        NotSent::TooLate => "too_late",
        NotSent::Twice => "on_its_way",
        NotSent::Refused(code) => code,
        NotSent::Encode(_) | NotSent::Missing(_) => {
            return Failure::new(Source::Plugin, "bad_message", why.to_string());
        }
    };
    Failure::provider(code, why.to_string()).retry_after(AGAIN_AFTER_MS)
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
