//! The message centre: everything that the SMSC knows, under one lock, taken once for all that a read brought. No call
//! here waits for anything.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Account,
    books::Books,
    faults::Faults,
    link::Link,
    load::Load,
    pdu::{self, Frame, command},
    phones::Phones,
    post::{Parcel, Post},
    status,
};
use crate::{clock, outbox::Outbox, serial::Snowflakes};

/// The instant of a turn, for spans and for people.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) now: Instant,
    pub(crate) now_ms: u64,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self { now: Instant::now(), now_ms: clock::now_ms() }
    }
}

#[derive(Debug)]
pub(crate) struct Centre {
    pub(crate) account: Account,
    pub(crate) faults: Faults,
    pub(crate) books: Books,
    pub(crate) phones: Phones,
    pub(crate) links: BTreeMap<u64, Link>,
    pub(crate) post: Post,
    pub(crate) load: Option<Load>,
    pub(crate) ids: Snowflakes,
    /// Whether nobody may connect.
    pub(crate) is_out: bool,
    links_opened: u64,
    /// The link that was last delivered to.
    pub(crate) last_receiver: u64,
}

impl Centre {
    pub(crate) fn new(account: Account, faults: Faults) -> Self {
        Self {
            account,
            faults,
            books: Books::default(),
            phones: Phones::default(),
            links: BTreeMap::new(),
            post: Post::default(),
            load: None,
            ids: Snowflakes::default(),
            is_out: false,
            links_opened: 0,
            last_receiver: 0,
        }
    }

    /// A connection comes; its id, unless there is an outage.
    pub(crate) fn open(&mut self, outbox: Arc<Outbox>) -> Option<u64> {
        if self.is_out {
            return None;
        }
        self.links_opened += 1;
        self.links.insert(self.links_opened, Link::new(self.links_opened, outbox));
        Some(self.links_opened)
    }

    /// A connection is gone: what it did not answer is offered again.
    pub(crate) fn ended(&mut self, id: u64) {
        if let Some(link) = self.links.remove(&id) {
            self.dismiss(link);
            self.deliver(Moment::now());
            self.flush();
        }
    }

    /// Closes all links at once, with everything that is unwritten.
    pub(crate) fn drop_links(&mut self) {
        for (_, link) in std::mem::take(&mut self.links) {
            link.outbox.cut();
            self.dismiss(link);
        }
    }

    /// Works on the PDUs at the front of what a link has read; how many octets they take.
    pub(crate) fn arrived(&mut self, id: u64, bytes: &[u8]) -> usize {
        // Out of the map for this turn, so that what happens on it may touch the others.
        let Some(mut link) = self.links.remove(&id) else { return bytes.len() };
        let at = Moment::now();
        link.quiet_since = at.now;
        let mut rest = bytes;
        while !link.is_ending {
            match pdu::frame(rest) {
                Frame::Whole(pdu, length) => {
                    rest = rest.get(length..).unwrap_or_default();
                    self.on(&mut link, &pdu, at);
                }
                Frame::Partial => break,
                Frame::Wrong => {
                    self.nack(&mut link, status::INVALID_COMMAND_LENGTH, 0);
                    link.is_ending = true;
                }
            }
        }
        match link.is_ending {
            true => self.dismiss(link),
            false => {
                self.links.insert(id, link);
            }
        }
        self.deliver(at);
        self.flush();
        bytes.len() - rest.len()
    }

    /// What time brings: everything that is late, due or overdue.
    pub(crate) fn tick(&mut self) {
        let at = Moment::now();
        for parcel in self.post.due(at.now) {
            self.give_back(parcel);
        }
        let overtaking_wait = Duration::from_millis(self.faults.overtaking_wait_ms);
        let quiet_max = Duration::from_millis(self.faults.enquire_link_ms);
        let dead_after = Duration::from_millis(self.faults.dead_after_ms);
        let answer_within = Duration::from_millis(self.faults.answer_within_ms);
        let is_silent = self.faults.silent || self.faults.silent_after_bind;
        let (mut overdue, mut dead) = (Vec::new(), Vec::new());
        for link in self.links.values_mut() {
            if link.held.as_ref().is_some_and(|(since, _)| at.now.duration_since(*since) >= overtaking_wait)
                && let Some((_, mut answer)) = link.held.take()
            {
                link.pending.append(&mut answer);
            }
            let late = link.sent.extract_if(.., |_, sent| at.now.duration_since(sent.at) >= answer_within);
            overdue.extend(late.map(|(_, sent)| sent.parcel));
            if link.mode.is_none() || is_silent {
                continue;
            }
            match link.asked {
                Some(since) if at.now.duration_since(since) >= dead_after => dead.push(link.id),
                None if at.now.duration_since(link.quiet_since) >= quiet_max => {
                    link.asked = Some(at.now);
                    let sequence = link.next_sequence();
                    pdu::write(&mut link.pending, command::ENQUIRE_LINK, 0, sequence, &[]);
                    self.books.counters.enquiries += 1;
                    self.books.wrote(link.id, command::ENQUIRE_LINK, 0, sequence);
                }
                _ => {}
            }
        }
        for parcel in overdue {
            self.unanswered(parcel);
        }
        for link in dead.iter().filter_map(|id| self.links.remove(id)).collect::<Vec<_>>() {
            self.books.counters.links_dead += 1;
            link.outbox.cut();
            self.dismiss(link);
        }
        self.deliver(at);
        self.flush();
    }

    /// Hands what was written in this turn to the connections.
    pub(crate) fn flush(&mut self) {
        for link in self.links.values_mut().filter(|link| !link.pending.is_empty()) {
            link.outbox.put(&mut link.pending, self.faults.trickle, false);
        }
    }

    /// As at the start, but for the links, which stay.
    pub(crate) fn reset(&mut self, faults: Faults) {
        self.faults = faults;
        self.books = Books::default();
        self.phones = Phones::default();
        self.post = Post::default();
        self.load = None;
        self.links.values_mut().for_each(|link| link.sent.clear());
    }

    /// Queues what somebody wrote, or what the SMSC tells.
    pub(crate) fn post(&mut self, parcels: impl IntoIterator<Item = Parcel>) {
        self.post.ready.extend(parcels);
        self.deliver(Moment::now());
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use proptest::{
        collection::vec,
        prelude::*,
        sample::{Index, select},
    };

    use super::*;

    fn account() -> Account {
        let [system_id, password, short_code] = ["me", "pw", "40404"].map(str::to_owned);
        Account { system_id, password, short_code }
    }

    /// PDUs that an ESME might well send, by their bodies.
    fn pdus() -> Vec<Vec<u8>> {
        let submit = b"\0\x03\x0040404\0\x01\x01393331234567\0\0\0\0\0\0\x01\0\0\0\x05hello\x02\x04\0\x02ab";
        let part = b"\0\x03\x0040404\0\x01\x01393331234567\0\x40\0\0\0\0\x01\0\0\0\x07\x05\0\x03\x09\x02\x01a";
        let bodies: [(u32, &[u8]); 8] = [
            (command::BIND_TRANSCEIVER, b"me\0pw\0\0\x34\0\0\0"),
            (command::SUBMIT_SM, submit),
            (command::SUBMIT_SM, part),
            (command::ENQUIRE_LINK, b""),
            (command::DELIVER_SM_RESP, b"\0"),
            (command::DATA_SM, b"?"),
            (0x7777, b""),
            (command::UNBIND, b""),
        ];
        let written = |(sequence, (command, body)): (u32, (u32, &[u8]))| {
            let mut out = Vec::new();
            pdu::write(&mut out, command, 0, sequence, &[body]);
            out
        };
        (1..).zip(bodies).map(written).collect()
    }

    /// What is said to `octets` when they come in pieces of this size, as commands, statuses and sequence numbers.
    fn said(octets: &[u8], piece: usize) -> Vec<(u32, u32, u32)> {
        let mut centre = Centre::new(account(), Faults::default());
        let outbox = Arc::new(Outbox::default());
        let id = centre.open(Arc::clone(&outbox)).unwrap();
        let mut buffer = Vec::new();
        for piece in octets.chunks(piece) {
            buffer.extend(piece);
            let taken = centre.arrived(id, &buffer);
            buffer.drain(..taken);
        }
        centre.tick();
        let written = outbox.waiting();
        let (mut rest, mut heads) = (&written[..], Vec::new());
        while let Frame::Whole(pdu, length) = pdu::frame(rest) {
            heads.push((pdu.command, pdu.status, pdu.sequence));
            rest = &rest[length..];
        }
        assert!(rest.is_empty(), "half a PDU was written");
        heads
    }

    #[test]
    fn every_pdu_has_its_answer() {
        const ANSWER: u32 = pdu::ANSWER;
        let expected = [
            (command::BIND_TRANSCEIVER | ANSWER, status::OK, 1),
            (command::SUBMIT_SM | ANSWER, status::OK, 2),
            (command::SUBMIT_SM | ANSWER, status::OK, 3),
            (command::ENQUIRE_LINK | ANSWER, status::OK, 4),
            (command::DATA_SM | ANSWER, status::INVALID_COMMAND, 6),
            (command::GENERIC_NACK, status::INVALID_COMMAND, 7),
            (command::UNBIND | ANSWER, status::OK, 8),
        ];
        assert_eq!(said(&pdus().concat(), usize::MAX), expected);
    }

    proptest! {
        /// However the octets are cut, and whatever is wrong with them: the same answers, and no panic.
        #[test]
        fn octets_mean_the_same_in_any_pieces(
            good in vec(select(pdus()), 0..12),
            noise in vec(any::<u8>(), 0..40),
            changes in vec((any::<Index>(), any::<u8>()), 0..4),
            piece in 1..80_usize,
        ) {
            let mut octets = [pdus().swap_remove(0), good.concat(), noise].concat();
            for (at, octet) in changes {
                let at = at.index(octets.len());
                octets[at] = octet;
            }
            // Receipts are written when the turn ends, and a turn is a read; if the link ends in it, they wait.
            let answers = |mut heads: Vec<(u32, u32, u32)>| {
                heads.retain(|(command, _, _)| *command != command::DELIVER_SM);
                heads
            };
            prop_assert_eq!(answers(said(&octets, piece)), answers(said(&octets, usize::MAX)));
        }
    }
}
