//! The host: everything that the acquirer knows, under one lock, taken once for all that a read brought. No call here
//! waits for anything.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    books::Books,
    faults::{Faults, Way},
    ledger::Ledger,
    message::{self, Bitmap, Frame, Message},
};
use crate::{clock, outbox::Outbox, proofs::Proofs, tokens::Minted};

/// A link as the acquirer knows it.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) id: u64,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) is_signed_on: bool,
    /// The STANs of the acquirer's own echoes that are unanswered.
    pub(crate) echoes: Vec<u32>,
    /// Written at the end of the turn, all at once.
    pub(crate) pending: Vec<u8>,
    /// Whether it is closed once everything is written.
    pub(crate) is_ending: bool,
    /// Whether it is closed now, with what is unwritten.
    pub(crate) is_cut: bool,
}

#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) bitmap: Bitmap,
    pub(crate) minted: Arc<Minted>,
    pub(crate) proofs: Arc<Proofs>,
    pub(crate) faults: Faults,
    pub(crate) ledger: Ledger,
    pub(crate) books: Books,
    pub(crate) links: BTreeMap<u64, Link>,
    /// Messages that a switch keeps from being worked on, with their link.
    pub(crate) held_requests: Vec<(u64, Message)>,
    /// Answers that a switch keeps from leaving, with their link.
    pub(crate) held_answers: Vec<(u64, Vec<u8>)>,
    /// Whether nobody may connect.
    pub(crate) is_out: bool,
    links_opened: u64,
    stan: u32,
}

impl Host {
    pub(crate) fn new(bitmap: Bitmap, minted: Arc<Minted>, proofs: Arc<Proofs>, faults: Faults) -> Self {
        Self {
            bitmap,
            minted,
            proofs,
            faults,
            ledger: Ledger::default(),
            books: Books::default(),
            links: BTreeMap::new(),
            held_requests: Vec::new(),
            held_answers: Vec::new(),
            is_out: false,
            links_opened: 0,
            stan: 0,
        }
    }

    /// A connection comes; its id, unless there is an outage.
    pub(crate) fn open(&mut self, outbox: Arc<Outbox>) -> Option<u64> {
        if self.is_out {
            return None;
        }
        self.links_opened += 1;
        self.books.counters.links_opened += 1;
        let id = self.links_opened;
        let (echoes, pending) = (Vec::new(), Vec::new());
        let link = Link { id, outbox, is_signed_on: false, echoes, pending, is_ending: false, is_cut: false };
        self.links.insert(id, link);
        Some(id)
    }

    /// A connection is gone.
    pub(crate) fn ended(&mut self, id: u64) {
        self.links.remove(&id);
    }

    /// Closes all links at once, with everything that is unwritten.
    pub(crate) fn drop_links(&mut self) {
        for (_, link) in std::mem::take(&mut self.links) {
            link.outbox.cut();
        }
    }

    /// Works on the messages at the front of what a link has read; how many octets they take.
    pub(crate) fn arrived(&mut self, id: u64, bytes: &[u8]) -> usize {
        // Out of the map for this turn, so that what happens on it may touch the others.
        let Some(mut link) = self.links.remove(&id) else { return bytes.len() };
        let mut rest = bytes;
        while !link.is_ending && !link.is_cut {
            match message::frame(rest) {
                Frame::Whole(octets) => {
                    rest = rest.get(octets.len() + 2..).unwrap_or_default();
                    self.read(&mut link, octets);
                }
                Frame::Partial => break,
                Frame::Wrong => self.malformed(&mut link, "the length is one that no message has"),
            }
        }
        self.turned(link);
        bytes.len() - rest.len()
    }

    /// Ends a turn on a link: what is pending is written.
    fn turned(&mut self, mut link: Link) {
        if link.is_cut {
            return link.outbox.cut();
        }
        if link.is_ending || !link.pending.is_empty() {
            link.outbox.put(&mut link.pending, false, link.is_ending);
        }
        if !link.is_ending {
            self.links.insert(link.id, link);
        }
    }

    fn read(&mut self, link: &mut Link, octets: &[u8]) {
        self.books.counters.messages += 1;
        match message::read(octets, self.bitmap) {
            Ok(message) => self.on(link, message),
            // No answer can be addressed, and no next message found for certain.
            Err(error) => self.malformed(link, &error),
        }
    }

    fn malformed(&mut self, link: &mut Link, error: &str) {
        self.books.counters.malformed += 1;
        self.books.complain(format!("link {}: {error}", link.id));
        link.is_ending = true;
    }

    /// Works on what was held back, and lets the answers go that were.
    pub(crate) fn release(&mut self) -> (usize, usize) {
        let answers = std::mem::take(&mut self.held_answers);
        let requests = std::mem::take(&mut self.held_requests);
        let counts = (requests.len(), answers.len());
        for (id, mut octets) in answers {
            if let Some(link) = self.links.get(&id) {
                link.outbox.put(&mut octets, false, false);
            }
        }
        for (id, message) in requests {
            // Its link may be gone: it is worked on all the same, as a message is that was under way.
            match self.links.remove(&id) {
                Some(mut link) => {
                    self.work(&mut link, &message);
                    self.turned(link);
                }
                None => {
                    let mut gone = lost(id);
                    self.work(&mut gone, &message);
                }
            }
        }
        counts
    }

    /// Writes an answer, the way that the switches want it.
    pub(crate) fn send(&mut self, link: &mut Link, mut answer: Message, way: Way) {
        if way == Way::WrongStan {
            answer.set(11, format!("{:06}", answer.number(11) % 999_999 + 1));
        }
        let mut octets = answer.written(self.bitmap);
        match way {
            Way::Sent | Way::WrongStan => link.pending.append(&mut octets),
            Way::Twice => link.pending.extend([octets.clone(), octets].concat()),
            Way::Lost => self.books.counters.answers_lost += 1,
            Way::LinkDropped => link.is_cut = true,
            Way::Garbage => {
                let half = octets.get(2..2 + (octets.len() - 2) / 2).unwrap_or_default();
                link.pending.extend(message::framed(half));
            }
            Way::Held => self.held_answers.push((link.id, octets)),
            Way::Late(ms) => {
                let outbox = Arc::clone(&link.outbox);
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                    outbox.put(&mut octets, false, false);
                });
            }
        }
    }

    /// Asks on every link that is signed on whether anybody is there; on how many.
    pub(crate) fn echo(&mut self) -> usize {
        let bitmap = self.bitmap;
        let sent_at = field_7(clock::now_ms());
        let mut count = 0;
        for link in self.links.values_mut().filter(|link| link.is_signed_on) {
            self.stan = self.stan % 999_999 + 1;
            let mut echo = Message::new(800);
            echo.set(7, sent_at.clone());
            echo.set(11, format!("{:06}", self.stan));
            echo.set(70, "301");
            link.echoes.push(self.stan);
            link.outbox.put(&mut echo.written(bitmap), false, false);
            count += 1;
            self.books.counters.echoes_sent += 1;
        }
        count
    }

    /// Back to the start: no books, no money. Links stay.
    pub(crate) fn reset(&mut self, faults: Faults) {
        self.faults = faults;
        self.ledger = Ledger::default();
        self.books = Books::default();
        self.held_requests.clear();
        self.held_answers.clear();
    }
}

/// A link that has ended.
fn lost(id: u64) -> Link {
    let (outbox, echoes, pending) = (Arc::default(), Vec::new(), Vec::new());
    Link { id, outbox, is_signed_on: true, echoes, pending, is_ending: false, is_cut: false }
}

/// `MMDDhhmmss`, UTC.
fn field_7(ms: u64) -> String {
    let digits: String = clock::rfc3339(ms).chars().filter(char::is_ascii_digit).collect();
    digits.get(4..14).unwrap_or_default().to_owned()
}
