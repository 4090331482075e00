//! One link to an SMSC, as a state machine: octets and time go in, octets and events come out. It waits for nothing,
//! and asks nobody.

mod answers;

use std::collections::{HashMap, VecDeque};

use bytes::{Bytes, BytesMut};
use rusmpp_core::CommandId;

use crate::pace::Pace;
use crate::pdu::{self, Bind, Delivery, Header, Role};
use crate::status;

/// What a link keeps to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How many submits may be unanswered.
    pub(crate) window: usize,
    /// How many deliveries may be unanswered: more are put off.
    pub(crate) window_in: usize,
    /// How many submits in a second; 0 for no limit.
    pub(crate) submits_per_second: u32,
    /// After how much silence the other side is asked whether it is there.
    pub(crate) enquire_every_ms: u64,
    /// How long the other side may take to answer.
    pub(crate) answer_within_ms: u64,
}

/// What happened on a link. `J` is what a submit is for.
#[derive(PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) enum Event<J> {
    /// The SMSC has taken the bind.
    Bound,
    /// A message or a receipt, to be answered by [`Link::answer`].
    Delivered(Ticket, Delivery),
    /// The SMSC has taken a submit, under this id where it told one.
    Accepted(J, Option<String>),
    /// The SMSC has refused a submit, with this status.
    Rejected(J, u32),
    /// The link ended before the submit left.
    Returned(J),
    /// The link ended after the submit may have left, and before it was answered: nobody knows whether it arrived.
    Unanswered(J),
    /// It is over, and this is why.
    Ended(End),
}

/// Which delivery an answer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    sequence: u32,
    command: CommandId,
}

/// Why a link ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The SMSC refused the bind, with this status.
    Refused(u32),
    /// The SMSC did not answer in time.
    Silent,
    /// The SMSC said goodbye.
    Unbound,
    /// What came is no SMPP: where the next PDU begins is not known.
    Garbled,
    /// The connection broke.
    Lost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Binding,
    Bound,
    Ended,
}

/// A request of ours that is not answered.
struct Pending<J> {
    what: What<J>,
    due_ms: u64,
    /// Whether it may have left.
    has_left: bool,
}

enum What<J> {
    Bind,
    Submit(J),
    Enquire,
}

/// One link, from its bind to its end.
pub(crate) struct Link<J> {
    limits: Limits,
    role: Role,
    state: State,
    arrived: BytesMut,
    out: BytesMut,
    sequence: u32,
    pending: HashMap<u32, Pending<J>>,
    /// The requests in the order in which they were made, which is that in which they are due.
    due: VecDeque<u32>,
    submits: usize,
    /// Requests in `out`, and in what was taken from it and is not known to be written.
    waiting: Vec<u32>,
    leaving: Vec<u32>,
    deliveries: usize,
    heard_ms: u64,
    is_asked: bool,
    pace: Pace,
    /// What came and was passed over: answers to nothing.
    pub(crate) strays: u64,
}

impl<J> Link<J> {
    /// A link on a new connection. Its first octets are the bind.
    pub(crate) fn new(role: Role, bind: &Bind, limits: Limits, now_ms: u64) -> Self {
        let mut link = Self {
            limits,
            role,
            state: State::Binding,
            arrived: BytesMut::new(),
            out: BytesMut::new(),
            sequence: 0,
            pending: HashMap::new(),
            due: VecDeque::new(),
            submits: 0,
            waiting: Vec::new(),
            leaving: Vec::new(),
            deliveries: 0,
            heard_ms: now_ms,
            is_asked: false,
            pace: Pace::new(limits.submits_per_second, now_ms),
            strays: 0,
        };
        link.request(role.command(), bind.body(), What::Bind, now_ms);
        link
    }

    /// Whether one more submit may be made now.
    pub(crate) fn has_room(&mut self, now_ms: u64) -> bool {
        self.is_bound()
            && self.role.transmits()
            && self.submits < self.limits.window
            && self.out.len() < OUT_LEN_MAX
            && self.pace.allows(now_ms)
    }

    /// Makes a submit, whose body is `submit_sm`.
    pub(crate) fn submit(&mut self, body: &[u8], what_for: J, now_ms: u64) {
        self.pace.spend(now_ms);
        self.submits += 1;
        self.request(CommandId::SubmitSm, body, What::Submit(what_for), now_ms);
    }

    /// Answers a delivery.
    pub(crate) fn answer(&mut self, ticket: Ticket, status: u32) {
        self.deliveries = self.deliveries.saturating_sub(1);
        if self.state != State::Ended {
            self.respond(ticket.command, ticket.sequence, status);
        }
    }

    /// Whether the SMSC has taken the bind, and the link has not ended.
    pub(crate) fn is_bound(&self) -> bool {
        self.state == State::Bound
    }

    /// Whether notes may be sent by it.
    pub(crate) fn transmits(&self) -> bool {
        self.role.transmits()
    }

    /// Whether more may be read: not while the other side does not take what it is answered.
    pub(crate) fn reads(&self) -> bool {
        self.out.len() < OUT_LEN_MAX
    }

    /// Takes what is to be written, at most `len_max` octets. [`Link::written`] must be told before it is asked again.
    pub(crate) fn take_out(&mut self, len_max: usize) -> Bytes {
        self.leaving.append(&mut self.waiting);
        self.out.split_to(self.out.len().min(len_max)).freeze()
    }

    /// What was taken last is written.
    pub(crate) fn written(&mut self) {
        for sequence in self.leaving.drain(..) {
            if let Some(pending) = self.pending.get_mut(&sequence) {
                pending.has_left = true;
            }
        }
    }

    /// Looks at the time: requests that were not answered end the link, and after a silence the other side is asked
    /// whether it is there.
    pub(crate) fn tick(&mut self, now_ms: u64, events: &mut Vec<Event<J>>) {
        if self.state == State::Ended {
            return;
        }
        if self.first_due_ms().is_some_and(|due_ms| due_ms <= now_ms) {
            return self.end(End::Silent, events);
        }
        if self.is_bound() && !self.is_asked && now_ms >= self.heard_ms + self.limits.enquire_every_ms {
            self.is_asked = true;
            self.request(CommandId::EnquireLink, b"", What::Enquire, now_ms);
        }
    }

    /// When [`Link::tick`] has something to do at the latest.
    pub(crate) fn wakes_at_ms(&mut self) -> u64 {
        let asks = self.is_bound() && !self.is_asked;
        let asks_at_ms = if asks { self.heard_ms + self.limits.enquire_every_ms } else { u64::MAX };
        asks_at_ms.min(self.first_due_ms().unwrap_or(u64::MAX))
    }

    /// When the next submit may be made, where that is a matter of time, and not of answers or of what is not written.
    pub(crate) fn submits_at_ms(&self, now_ms: u64) -> u64 {
        let is_full = self.submits >= self.limits.window || self.out.len() >= OUT_LEN_MAX;
        if is_full { u64::MAX } else { self.pace.next_at_ms(now_ms) }
    }

    /// Ends it: every submit comes back.
    pub(crate) fn end(&mut self, end: End, events: &mut Vec<Event<J>>) {
        if self.state == State::Ended {
            return;
        }
        self.state = State::Ended;
        self.due.clear();
        // In the order in which they were made: those that go out again do so as well.
        let mut pending: Vec<(u32, Pending<J>)> = self.pending.drain().collect();
        pending.sort_unstable_by_key(|(sequence, _)| *sequence);
        for (_, pending) in pending {
            match (pending.what, pending.has_left) {
                (What::Submit(what_for), true) => events.push(Event::Unanswered(what_for)),
                (What::Submit(what_for), false) => events.push(Event::Returned(what_for)),
                (What::Bind | What::Enquire, _) => {}
            }
        }
        events.push(Event::Ended(end));
    }

    fn first_due_ms(&mut self) -> Option<u64> {
        // Most are answered long before.
        while let Some(sequence) = self.due.front() {
            match self.pending.get(sequence) {
                Some(pending) => return Some(pending.due_ms),
                None => drop(self.due.pop_front()),
            }
        }
        None
    }

    fn request(&mut self, command: CommandId, body: &[u8], what: What<J>, now_ms: u64) {
        // 1 to 0x7FFFFFFF (SMPP 3.4, section 3.2).
        self.sequence = if self.sequence >= 0x7fff_ffff { 1 } else { self.sequence + 1 };
        let sequence = self.sequence;
        let due_ms = now_ms + self.limits.answer_within_ms;
        self.pending.insert(sequence, Pending { what, due_ms, has_left: false });
        self.due.push_back(sequence);
        self.waiting.push(sequence);
        pdu::write(Header { command, status: status::ROK, sequence }, body, &mut self.out);
    }

    /// Answers a request. What carries a message is answered with an id, which is not used (SMPP 3.4, section 4.6.2).
    fn respond(&mut self, command: CommandId, sequence: u32, status: u32) {
        let body: &[u8] = if matches!(command, CommandId::DeliverSm | CommandId::DataSm) { b"\0" } else { b"" };
        pdu::write(Header { command: command.matching_response(), status, sequence }, body, &mut self.out);
    }

    /// Answers what is no request that we take.
    fn refuse(&mut self, sequence: u32, status: u32) {
        pdu::write(Header { command: CommandId::GenericNack, status, sequence }, b"", &mut self.out);
    }
}

/// How much may stand ready to be written, in octets, before nothing more is read and nothing submitted.
const OUT_LEN_MAX: usize = 64 << 10;

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
