//! SMS as a channel: an ESME that speaks SMPP 3.4, or 5.0, over the host's byte streams.
//!
//! | file | what is in it |
//! |---|---|
//! | `link` | one link as a state machine: octets and time in, octets and events out. It waits for nothing |
//! | `session`, `driver` | what waits: one connection, and all links with their pauses |
//! | `inbox`, `assembly`, `bucket` | from a delivery to a durable message or receipt |
//! | `queue`, `send` | from a note to submits, on whichever link has room |
//! | `pdu`, `udh`, `text`, `gsm`, `compose`, `receipt`, `number`, `status` | the protocol's words |
//!
//! In `gateway.toml`:
//!
//! ```toml
//! [channels.sms]
//! plugin = "sms"
//! grants = ["tls://smsc.example:3550"]
//! limits = { in_flight = 128 }           # as many notes are on their way at once, over all links
//! [channels.sms.settings]
//! addresses = ["tls://smsc.example:3550"]
//! system_id = "sportello"
//! password  = { env = "SMSC_PASSWORD" }  # at most 8 characters
//! sender    = "40404"
//! country   = "IT"
//! window    = 100
//! ```
//!
//! What it promises:
//!
//! - A delivery is acknowledged when it is durable and not before: a message when the gateway has it, a part of a long
//!   message when it is stored. What cannot be kept just now is put off (`ESME_RX_T_APPN`), and the SMSC delivers it
//!   again.
//! - A long message is a message when all its parts are there, and nothing before. Parts that differ from others of their
//!   number spoil it; parts that do not come are forgotten after `parts_wait_s`.
//! - Everything has an end: windows, queues, parts, waits. Memory does not grow with what comes.
//! - What people write, whom it is from and what notes say stands in no log; what holds it has no `Debug` but in tests.
//!
//! What SMPP cannot tell, and so nobody here does:
//!
//! - whether a message came before. It carries no id, and a lost acknowledgement brings it again under another number:
//!   the manifest calls ids weak, and the gateway asks. Parts that come again after their message was complete wait for
//!   the others in vain;
//! - whether a note arrived that was written and not answered before its link broke. It fails with `unanswered`, which is
//!   worth another try: the person may get it twice;
//! - who sent a message: a sender can be forged, and the manifest calls senders weak.
//!
//! National language tables (single and locking shift) are not read: such a message is left aside, as is all that is no
//! text.

mod assembly;
mod bucket;
mod compose;
mod driver;
mod gsm;
mod inbox;
mod link;
mod number;
mod pace;
mod pdu;
mod queue;
mod receipt;
mod send;
mod session;
mod settings;
mod status;
mod text;
mod udh;

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sportello_sdk::{Channel, Failure, Host, Note, Sent, Stream, async_trait, export_channel};

use assembly::Assembly;
use inbox::Inbox;
use link::Limits;
use pdu::{Address, Bind, Role};
use queue::Queue;
use send::Outbox;
pub use settings::{Alphabet, BindAs, NumberFormat, ReceiptIds, Settings, Version};

/// What this plugin says of itself.
pub const MANIFEST: &str = include_str!("../manifest.json");

/// An account at an SMSC.
pub struct Sms {
    shared: Shared,
    outbox: Outbox,
    /// The reference of the next note that has parts.
    reference: AtomicU8,
}

/// What all links have in common.
pub(crate) struct Shared {
    pub(crate) links: Vec<(String, Role)>,
    pub(crate) bind: Bind,
    pub(crate) limits: Limits,
    pub(crate) queue: Queue,
    pub(crate) inbox: Inbox,
    /// The streams of the links that are bound: a `run` that is given up says no goodbye, and `close` does.
    open: Mutex<Vec<Option<Arc<Stream>>>>,
}

impl Shared {
    /// A link is bound.
    pub(crate) fn is_open(&self, at: usize, stream: Arc<Stream>) {
        self.set_open(at, Some(stream));
    }

    /// A link has ended.
    pub(crate) fn is_closed(&self, at: usize) {
        self.set_open(at, None);
    }

    /// Takes the streams of all links that are bound.
    pub(crate) fn take_open(&self) -> Vec<Arc<Stream>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.iter_mut().filter_map(Option::take).collect()
    }

    fn set_open(&self, at: usize, stream: Option<Arc<Stream>>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = open.get_mut(at) {
            *slot = stream;
        }
    }
}

#[async_trait]
impl Channel for Sms {
    type Settings = Settings;

    async fn open(settings: Settings, host: &Host) -> Result<Self, Failure> {
        settings.check()?;
        let numbers = settings.numbers()?;
        let sender: Address = settings.sender()?;
        // A secret that is missing is told at once, and not with the first note.
        let password = host.secret("password").await?;
        let links = settings.links();
        let receipts = settings.receipts.then_some(settings.receipt_ids);
        let inbox = Inbox {
            own: numbers.handle(&sender),
            numbers: numbers.clone(),
            alphabet: settings.default_alphabet,
            receipts,
            assembly: Assembly::new(u64::from(settings.parts_wait_s) * 1000),
            receipts_waiting: AtomicUsize::new(0),
        };
        let shared = Shared {
            bind: settings.bind(password.reveal())?,
            limits: Limits {
                window: usize::from(settings.window),
                window_in: usize::from(settings.window_in),
                submits_per_second: settings.submits_per_second,
                enquire_every_ms: u64::from(settings.enquire_link_every_s) * 1000,
                answer_within_ms: u64::from(settings.answer_within_s) * 1000,
            },
            queue: Queue::new(links.len()),
            open: Mutex::new(links.iter().map(|_| None).collect()),
            links,
            inbox,
        };
        let outbox =
            Outbox { numbers, sender, alphabet: settings.default_alphabet, parts_max: settings.parts_max, receipts };
        // Another one begins elsewhere, so that the parts of two notes are not taken for those of one after a restart.
        let [reference, ..] = host.random().to_le_bytes();
        Ok(Self { shared, outbox, reference: AtomicU8::new(reference) })
    }

    async fn send(&self, note: Note, host: &Host) -> Result<Sent, Failure> {
        let reference = self.reference.fetch_add(1, Ordering::Relaxed);
        self.outbox.send(&note, reference, &self.shared.queue, host).await
    }

    async fn run(&self, host: &Host) -> Result<(), Failure> {
        driver::run(&self.shared, host).await
    }

    async fn close(&self, host: &Host) -> Result<(), Failure> {
        driver::goodbye(&self.shared, host).await;
        Ok(())
    }
}

export_channel!(Sms, manifest = MANIFEST);

#[cfg(test)]
mod tests;
