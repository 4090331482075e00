//! From what an SMSC delivers to a durable message or receipt, and the status that it is answered with.

use std::sync::atomic::{AtomicUsize, Ordering};

use sportello_sdk::{Change, Failure, Handle, Host, Level, Message, Source};

use crate::assembly::{Assembled, Assembly};
use crate::bucket::{Key, Piece};
use crate::number::Numbers;
use crate::pdu::Delivery;
use crate::receipt::{self, Kind};
use crate::settings::{Alphabet, ReceiptIds};
use crate::status::{ROK, RX_R_APPN, RX_T_APPN};
use crate::text::{Decoded, join};
use crate::udh::{Part, UserData, user_data};

/// The most octets of text that one part of a long message has.
const PART_LEN_MAX: usize = 255;

/// How long a receipt waits for the note that it is about, try by try: it may be faster than the note's own answer.
const RECEIPT_PAUSES_MS: [u64; 4] = [250, 500, 1000, 2000];

/// How many receipts may wait so. They hold places of the SMSC's window meanwhile.
const RECEIPTS_WAITING_MAX: usize = 32;

/// The way in.
pub(crate) struct Inbox {
    pub(crate) numbers: Numbers,
    pub(crate) alphabet: Alphabet,
    /// Whether receipts are asked for, and how their ids are written.
    pub(crate) receipts: Option<ReceiptIds>,
    /// The gateway's own number, where it has one: what comes from there is its own echo.
    pub(crate) own: Option<Handle>,
    pub(crate) assembly: Assembly,
    pub(crate) receipts_waiting: AtomicUsize,
}

impl Inbox {
    /// Takes a delivery, and says what to answer. `ESME_ROK` is said of a message only when it is durable.
    ///
    /// What may work another time is answered with `ESME_RX_T_APPN`, so that the SMSC delivers it again, and what never
    /// will with `ESME_RX_R_APPN`, which is about this message alone; `ESME_RX_P_APPN` is taken by some for a receiver
    /// that is broken.
    pub(crate) async fn take(&self, delivery: Delivery, host: &Host) -> u32 {
        match Kind::of(delivery.esm_class) {
            Kind::Message => self.message(&delivery, host).await,
            Kind::Receipt => self.receipt(&delivery, host).await,
            Kind::Other => ROK,
        }
    }

    async fn message(&self, delivery: &Delivery, host: &Host) -> u32 {
        let left_aside = |why: &str| {
            host.log(Level::Info, format!("a message is left aside: {why}"));
            ROK
        };
        let Some(from) = self.numbers.handle(&delivery.from) else {
            return left_aside("its sender is no telephone number");
        };
        if self.own.as_ref() == Some(&from) {
            return left_aside("it is from the gateway's own number");
        }
        match user_data(delivery) {
            UserData::Ports => left_aside("it is for a program on the telephone"),
            UserData::Broken => left_aside("its header cannot be read"),
            UserData::Text { octets, part: None } => self.written(from, [(delivery.coding, &octets[..])], host).await,
            UserData::Text { octets, part: Some(part) } => {
                self.part(from, delivery, &part, &octets, host).await.unwrap_or_else(|failure| answer_to(&failure))
            }
        }
    }

    /// One part of a long message; the message itself, where it is the last.
    async fn part(
        &self,
        from: Handle,
        delivery: &Delivery,
        part: &Part,
        octets: &[u8],
        host: &Host,
    ) -> Result<u32, Failure> {
        if octets.len() > PART_LEN_MAX {
            return Ok(RX_R_APPN);
        }
        let key = Key::new(from.rest(), &delivery.to, part);
        let piece = Piece { index: part.index, coding: delivery.coding, octets: octets.to_vec() };
        let pieces = match self.assembly.add(&key, piece, host).await? {
            Assembled::Waits => return Ok(ROK),
            Assembled::Refused => return Ok(RX_R_APPN),
            Assembled::Full => {
                host.log(Level::Warn, "too many long messages are incomplete: a part is put off");
                return Ok(RX_T_APPN);
            }
            Assembled::Whole(pieces) => pieces,
        };
        let status = self.written(from, pieces.iter().map(|piece| (piece.coding, &piece.octets[..])), host).await;
        if status != RX_T_APPN
            && let Err(failure) = self.assembly.close(&key, host).await
        {
            // The message is durable: that its parts stay until their time is over must not bring it again.
            host.log(Level::Warn, format!("the parts of a long message are not forgotten yet: {}", failure.code));
        }
        Ok(status)
    }

    /// Hands a whole message to the gateway.
    async fn written<'d>(&self, from: Handle, parts: impl IntoIterator<Item = (u8, &'d [u8])>, host: &Host) -> u32 {
        let text = match join(parts, self.alphabet) {
            Decoded::Text(text) => text,
            Decoded::Binary => {
                host.log(Level::Info, "a message is refused: it is no text");
                return RX_R_APPN;
            }
            Decoded::Unreadable => {
                host.log(Level::Warn, "a message is left aside: its text is not in the alphabet that it names");
                return ROK;
            }
        };
        let message = Message {
            id: None,
            first_id: None,
            change: Change::Written,
            from,
            from_name: None,
            text,
            private: true,
            mentions: Vec::new(),
            in_reply_to: None,
            written_at_ms: None,
        };
        match host.message(&message).await {
            Ok(_) => ROK,
            Err(failure) => {
                host.log(Level::Warn, format!("a message is not durable: {}", failure.code));
                answer_to(&failure)
            }
        }
    }

    async fn receipt(&self, delivery: &Delivery, host: &Host) -> u32 {
        let Some(receipt) = self.receipts.and_then(|ids| receipt::read(delivery, ids)) else {
            return ROK;
        };
        let is_unknown = |result: &Result<(), Failure>| result.as_ref().is_err_and(|f| f.code == "unknown_note");
        let mut told = host.receipt(&receipt).await;
        if is_unknown(&told) && self.receipts_waiting.fetch_add(1, Ordering::Relaxed) < RECEIPTS_WAITING_MAX {
            for pause_ms in RECEIPT_PAUSES_MS {
                if !is_unknown(&told) || host.sleep(pause_ms).await.is_err() {
                    break;
                }
                told = host.receipt(&receipt).await;
            }
            self.receipts_waiting.fetch_sub(1, Ordering::Relaxed);
        } else if is_unknown(&told) {
            self.receipts_waiting.fetch_sub(1, Ordering::Relaxed);
        }
        match told {
            Ok(()) => ROK,
            Err(failure) if failure.code == "unknown_note" => {
                host.log(Level::Debug, "a receipt is left aside: no note of ours has its id");
                ROK
            }
            Err(failure) => {
                host.log(Level::Warn, format!("a receipt is not durable: {}", failure.code));
                // It is no message: what will never be taken is not worth a refusal.
                if is_permanent(&failure) { ROK } else { RX_T_APPN }
            }
        }
    }
}

fn is_permanent(failure: &Failure) -> bool {
    failure.source == Source::Input && !failure.is_retryable()
}

fn answer_to(failure: &Failure) -> u32 {
    if is_permanent(failure) { RX_R_APPN } else { RX_T_APPN }
}
