//! One link: what is known of it, and the octets that go through it.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use bytes::{Buf, BytesMut};
use tokio::{
    io::AsyncReadExt,
    net::{TcpStream, tcp::OwnedReadHalf},
};

use super::{
    Smsc, pdu,
    post::{Kind, Parcel},
};
use crate::outbox::Outbox;

/// What a link was bound as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    Transmitter,
    Receiver,
    Transceiver,
}

/// A `deliver_sm` that has not been answered.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) parcel: Parcel,
    pub(crate) at: Instant,
}

/// A link as the SMSC knows it.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) id: u64,
    pub(crate) outbox: Arc<Outbox>,
    /// Written at the end of the turn, all at once.
    pub(crate) pending: Vec<u8>,
    /// What it is bound as; `None` before the bind.
    pub(crate) mode: Option<Mode>,
    sequence: u32,
    /// By sequence number, and so in the order in which they were written.
    pub(crate) sent: BTreeMap<u32, Sent>,
    pub(crate) quiet_since: Instant,
    /// Since when an `enquire_link` is unanswered.
    pub(crate) asked: Option<Instant>,
    /// A `submit_sm_resp` that waits to be overtaken.
    pub(crate) held: Option<(Instant, Vec<u8>)>,
    /// Whether it is closed once everything is written.
    pub(crate) is_ending: bool,
}

impl Link {
    pub(crate) fn new(id: u64, outbox: Arc<Outbox>) -> Self {
        Self {
            id,
            outbox,
            pending: Vec::new(),
            mode: None,
            sequence: 0,
            sent: BTreeMap::new(),
            quiet_since: Instant::now(),
            asked: None,
            held: None,
            is_ending: false,
        }
    }

    pub(crate) fn may_submit(&self) -> bool {
        matches!(self.mode, Some(Mode::Transmitter | Mode::Transceiver))
    }

    pub(crate) fn may_receive(&self) -> bool {
        matches!(self.mode, Some(Mode::Receiver | Mode::Transceiver))
    }

    /// How many messages are unanswered, leaving aside those of a load, which has a window of its own.
    pub(crate) fn unanswered(&self) -> usize {
        self.sent.values().filter(|sent| !matches!(sent.parcel.kind, Kind::Load(_))).count()
    }

    /// The next sequence number of the SMSC's own (section 3.2: 1 to 0x7FFFFFFF).
    pub(crate) fn next_sequence(&mut self) -> u32 {
        self.sequence = if self.sequence >= 0x7fff_ffff { 1 } else { self.sequence + 1 };
        self.sequence
    }

    /// Writes a `deliver_sm` and remembers it until it is answered. Its body is the parcel's, or was made for it.
    pub(crate) fn deliver(&mut self, parcel: Parcel, made: Option<&[u8]>, at: Instant) -> u32 {
        let sequence = self.next_sequence();
        let body = made.unwrap_or(&parcel.body);
        pdu::write(&mut self.pending, pdu::command::DELIVER_SM, 0, sequence, &[body]);
        self.sent.insert(sequence, Sent { parcel, at });
        sequence
    }
}

/// Serves one connection to its end.
pub(crate) async fn serve(smsc: Arc<Smsc>, stream: TcpStream) {
    let (reader, writer) = stream.into_split();
    let outbox = Arc::new(Outbox::default());
    let Some(id) = smsc.centre().open(Arc::clone(&outbox)) else { return };
    tokio::select! {
        () = read(&smsc, id, &outbox, reader) => {}
        () = outbox.write(writer) => {}
    }
    smsc.centre().ended(id);
}

async fn read(smsc: &Smsc, id: u64, outbox: &Outbox, mut reader: OwnedReadHalf) {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(16_384);
        match reader.read_buf(&mut buffer).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return,
        }
        let taken = smsc.centre().arrived(id, &buffer);
        buffer.advance(taken);
        outbox.room().await;
    }
}
