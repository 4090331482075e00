use proptest::prelude::*;

use super::*;
use crate::pdu::tests::{deliver_sm, pdu};

const BIND_TRANSCEIVER_RESP: u32 = 0x8000_0009;
const ENQUIRE_LINK: u32 = 0x15;
const ENQUIRE_LINK_RESP: u32 = 0x8000_0015;
const SUBMIT_SM_RESP: u32 = 0x8000_0004;
const DELIVER_SM: u32 = 0x05;
const UNBIND: u32 = 0x06;
const GENERIC_NACK: u32 = 0x8000_0000;

const LIMITS: Limits =
    Limits { window: 3, window_in: 4, submits_per_second: 0, enquire_every_ms: 30_000, answer_within_ms: 10_000 };

/// A link with what it said and what happened.
struct Bench {
    link: Link<u32>,
    events: Vec<Event<u32>>,
    now_ms: u64,
}

impl Bench {
    fn new(limits: Limits) -> Self {
        let bind = Bind::new("sportello", "secret", "", 0x34, "").unwrap();
        let mut bench = Self { link: Link::new(Role::Transceiver, &bind, limits, 0), events: Vec::new(), now_ms: 0 };
        assert_eq!(bench.said(), ["bind_transceiver 1"]);
        bench
    }

    fn bound(limits: Limits) -> Self {
        let mut bench = Self::new(limits);
        bench.hears(&pdu(BIND_TRANSCEIVER_RESP, 0, 1, b"SMSC\0"));
        assert_eq!(bench.happened(), ["bound"]);
        bench
    }

    fn hears(&mut self, octets: &[u8]) {
        self.link.receive(octets, self.now_ms, &mut self.events);
    }

    fn tick(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        self.link.tick(now_ms, &mut self.events);
    }

    /// Makes submits while there is room, at most so many.
    fn submits(&mut self, jobs: std::ops::Range<u32>) -> u32 {
        let start = jobs.start;
        for job in jobs {
            if !self.link.has_room(self.now_ms) {
                return job - start;
            }
            self.link.submit(b"body", job, self.now_ms);
        }
        u32::MAX
    }

    /// What was written since, and is known to be.
    fn said(&mut self) -> Vec<String> {
        let mut out = BytesMut::from(&self.link.take_out(1 << 20)[..]);
        self.link.written();
        let mut said = Vec::new();
        while let Some(Ok(pdu)) = pdu::next(&mut out) {
            said.push(named(&pdu));
        }
        said
    }

    fn happened(&mut self) -> Vec<String> {
        self.events.drain(..).map(|event| told(&event)).collect()
    }
}

fn named(pdu: &pdu::Pdu) -> String {
    let command = match u32::from(pdu.header.command) {
        0x09 => "bind_transceiver",
        0x04 => "submit",
        0x06 => "unbind",
        0x15 => "enquire",
        0x8000_0000 => "nack",
        0x8000_0005 => "deliver_resp",
        0x8000_0103 => "data_resp",
        0x8000_0006 => "unbind_resp",
        0x8000_0015 => "enquire_resp",
        other => return format!("{other:#x}"),
    };
    let status = if pdu.header.status == 0 { String::new() } else { format!(" {}", status::name(pdu.header.status)) };
    format!("{command} {}{status}", pdu.header.sequence)
}

fn told(event: &Event<u32>) -> String {
    match event {
        Event::Bound => "bound".to_owned(),
        Event::Delivered(ticket, delivery) => {
            format!("delivered {} {}", ticket.sequence, String::from_utf8_lossy(&delivery.user_data))
        }
        Event::Accepted(job, id) => format!("accepted {job} {}", id.as_deref().unwrap_or("-")),
        Event::Rejected(job, status) => format!("rejected {job} {}", status::name(*status)),
        Event::Returned(job) => format!("returned {job}"),
        Event::Unanswered(job) => format!("unanswered {job}"),
        Event::Ended(end) => format!("{end:?}"),
    }
}

fn hello(sequence: u32) -> Vec<u8> {
    pdu(DELIVER_SM, 0, sequence, &deliver_sm("393331234567", (0, 0), b"hello", &[]))
}

fn concat(pdus: &[Vec<u8>]) -> Vec<u8> {
    pdus.concat()
}

/// A bound link hears this, and says and makes that of it.
fn check(heard: &[Vec<u8>], says: &[&str], happens: &[&str]) {
    let mut bench = Bench::bound(LIMITS);
    bench.hears(&concat(heard));
    assert_eq!((bench.happened(), bench.said()), (strings(happens), strings(says)), "{heard:x?}");
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn what_a_bound_link_hears() {
    check(&[hello(5)], &[], &["delivered 5 hello"]);
    check(&[pdu(ENQUIRE_LINK, 0, 9, b""), hello(7)], &["enquire_resp 9"], &["delivered 7 hello"]);
    check(&[pdu(UNBIND, 0, 9, b""), hello(7)], &["unbind_resp 9"], &["Unbound"]);
    // Unknown, unsolicited, and what only others are asked.
    check(&[pdu(0x7777, 0, 9, b"what?")], &["nack 9 ESME_RINVCMDID"], &[]);
    check(&[pdu(0x04, 0, 9, b"")], &["nack 9 ESME_RINVCMDID"], &[]);
    check(&[pdu(0x0b, 0, 9, b"smsc\0\0"), pdu(0x102, 0, 9, b"")], &[], &[]);
    check(&[pdu(SUBMIT_SM_RESP, 0, 77, b"id\0"), pdu(0x8000_7777, 0, 1, b""), pdu(GENERIC_NACK, 3, 0, b"")], &[], &[]);
    // A second answer to the bind, and one to nothing.
    check(&[pdu(BIND_TRANSCEIVER_RESP, 0, 1, b"SMSC\0")], &[], &[]);
    // Bodies that end too soon, or go on wrongly, cost themselves alone.
    check(&[pdu(DELIVER_SM, 0, 5, b"\0\x01"), hello(6)], &["deliver_resp 5 ESME_RINVCMDLEN"], &["delivered 6 hello"]);
    let bad_end = [deliver_sm("39333", (0, 0), b"x", &[]), vec![4, 0x24, 0, 9]].concat();
    check(
        &[pdu(DELIVER_SM, 0, 5, &bad_end), hello(6)],
        &["deliver_resp 5 ESME_RINVOPTPARSTREAM"],
        &["delivered 6 hello"],
    );
    check(&[pdu(0x103, 0, 5, b"\0")], &["data_resp 5 ESME_RINVCMDLEN"], &[]);
    let unknown_parameter = deliver_sm("39333", (0, 0), b"x", &[(0x1500, b"?")]);
    check(&[pdu(DELIVER_SM, 0, 5, &unknown_parameter)], &[], &["delivered 5 x"]);
    // The same twice is twice: nobody can tell a repeat from a second one.
    check(&[hello(5), hello(5)], &[], &["delivered 5 hello", "delivered 5 hello"]);
    // Lengths that are none: nothing after them can be read.
    for len in [0_u32, 15, 1 << 20, u32::MAX] {
        let garbled = [&len.to_be_bytes()[..], &[0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 9]].concat();
        check(&[hello(5), garbled, hello(6)], &["nack 9 ESME_RINVCMDLEN"], &["delivered 5 hello", "Garbled"]);
    }
}

#[test]
fn a_bind_is_taken_or_refused() {
    let check = |heard: &[Vec<u8>], says: &[&str], happens: &[&str]| {
        let mut bench = Bench::new(LIMITS);
        bench.hears(&concat(heard));
        assert_eq!((bench.happened(), bench.said()), (strings(happens), strings(says)), "{heard:x?}");
        assert!(
            bench.link.is_bound() == happens.contains(&"bound") && (bench.submits(0..1) > 0) == bench.link.is_bound()
        );
    };
    check(&[pdu(BIND_TRANSCEIVER_RESP, 0, 1, b"SMSC\0")], &[], &["bound"]);
    check(&[pdu(BIND_TRANSCEIVER_RESP, 0, 1, b"")], &[], &["bound"]);
    check(&[pdu(BIND_TRANSCEIVER_RESP, 0x0e, 1, b"")], &[], &["Refused(14)"]);
    check(&[pdu(GENERIC_NACK, 3, 1, b"")], &[], &["Refused(3)"]);
    // An answer to another question, or to another bind.
    check(&[pdu(BIND_TRANSCEIVER_RESP, 0, 2, b""), pdu(0x8000_0001, 0, 1, b"")], &[], &[]);
    // Nothing is delivered before; a question whether we are there is answered.
    check(&[hello(5), pdu(ENQUIRE_LINK, 0, 6, b"")], &["deliver_resp 5 ESME_RINVBNDSTS", "enquire_resp 6"], &[]);
    // Whoever is not bound is not asked whether it is there, however impatient we are.
    let mut bench = Bench::new(Limits { enquire_every_ms: 1_000, ..LIMITS });
    assert_eq!(bench.link.wakes_at_ms(), 10_000);
    bench.tick(9_999);
    assert_eq!(bench.happened(), strings(&[]));
    bench.tick(10_000);
    assert_eq!(bench.happened(), ["Silent"]);
}

#[test]
fn answers_go_back_to_their_deliveries() {
    let mut bench = Bench::bound(LIMITS);
    bench.hears(&concat(&[hello(5), hello(6)]));
    let tickets: Vec<Ticket> = (bench.events.drain(..))
        .filter_map(|event| match event {
            Event::Delivered(ticket, _) => Some(ticket),
            _ => None,
        })
        .collect();
    bench.link.answer(tickets[1], status::ROK);
    bench.link.answer(tickets[0], status::RX_T_APPN);
    // Both in one piece.
    assert_eq!(bench.said(), ["deliver_resp 6", "deliver_resp 5 ESME_RX_T_APPN"]);
    // More than the window holds is put off, until there is room again.
    bench.hears(&concat(&(10..16).map(hello).collect::<Vec<_>>()));
    assert_eq!(bench.said(), ["deliver_resp 14 ESME_RX_T_APPN", "deliver_resp 15 ESME_RX_T_APPN"]);
    assert_eq!(bench.happened().len(), 4);
    bench.link.answer(Ticket { sequence: 10, command: CommandId::DeliverSm }, status::ROK);
    bench.hears(&hello(16));
    assert_eq!(bench.happened(), ["delivered 16 hello"]);
}

#[test]
fn a_window_is_kept() {
    let mut bench = Bench::bound(LIMITS);
    assert_eq!(bench.submits(0..10), 3);
    // No time brings room.
    assert_eq!(bench.link.submits_at_ms(0), u64::MAX);
    assert_eq!(bench.said(), ["submit 2", "submit 3", "submit 4"]);
    // In any order.
    bench.hears(&concat(&[pdu(SUBMIT_SM_RESP, 0, 4, b"id-2\0"), pdu(SUBMIT_SM_RESP, 0x0b, 2, b"")]));
    assert_eq!(bench.happened(), ["accepted 2 id-2", "rejected 0 ESME_RINVDSTADR"]);
    assert_eq!(bench.submits(10..20), 2);
    // Without an id, and with what is no answer to a submit: the submit waits for its own.
    bench.hears(&concat(&[pdu(0x8000_0005, 0, 3, b"\0"), pdu(SUBMIT_SM_RESP, 0, 3, b"")]));
    assert_eq!((bench.happened(), bench.link.strays), (strings(&["accepted 1 -"]), 1));
    bench.hears(&pdu(GENERIC_NACK, 0x03, 5, b""));
    bench.hears(&pdu(GENERIC_NACK, 0, 6, b""));
    assert_eq!(bench.happened(), ["rejected 10 ESME_RINVCMDID", "rejected 11 ESME_RUNKNOWNERR"]);
}

#[test]
fn too_much_slows_down() {
    let mut bench = Bench::bound(LIMITS);
    bench.submits(0..2);
    bench.hears(&concat(&[pdu(SUBMIT_SM_RESP, 0x58, 2, b""), pdu(SUBMIT_SM_RESP, 0x14, 3, b"")]));
    assert_eq!(bench.happened(), ["rejected 0 ESME_RTHROTTLED", "rejected 1 ESME_RMSGQFUL"]);
    assert_eq!(bench.submits(0..1), 0);
    assert_eq!(bench.link.submits_at_ms(0), 500);
    bench.tick(500);
    assert_eq!(bench.submits(0..10), 1);
    let mut paced = Bench::bound(Limits { submits_per_second: 1, ..LIMITS });
    assert_eq!(paced.submits(0..10), 1);
    assert_eq!(paced.link.submits_at_ms(0), 1000);
}

#[test]
fn silence_ends_a_link() {
    let mut bench = Bench::bound(LIMITS);
    assert_eq!(bench.link.wakes_at_ms(), 30_000);
    bench.tick(29_999);
    assert_eq!(bench.said(), strings(&[]));
    bench.tick(30_000);
    bench.tick(30_001);
    assert_eq!(bench.said(), ["enquire 2"]);
    // It is there.
    bench.hears(&pdu(ENQUIRE_LINK_RESP, 0, 2, b""));
    bench.tick(60_001);
    assert_eq!(bench.said(), ["enquire 3"]);
    // It is not.
    assert_eq!(bench.link.wakes_at_ms(), 70_001);
    bench.tick(70_001);
    assert_eq!(bench.happened(), ["Silent"]);
    // Whoever talks need not be asked.
    let mut bench = Bench::bound(LIMITS);
    bench.now_ms = 20_000;
    bench.hears(&hello(5));
    bench.tick(49_999);
    assert_eq!(bench.said(), strings(&[]));
    // One that talks and does not answer is no better than a silent one.
    let mut bench = Bench::bound(LIMITS);
    bench.submits(0..1);
    bench.said();
    bench.now_ms = 9_000;
    bench.hears(&hello(5));
    bench.tick(10_000);
    assert_eq!(bench.happened(), ["delivered 5 hello", "unanswered 0", "Silent"]);
}

#[test]
fn a_link_that_drops_in_mid_window_gives_back_what_never_left() {
    let mut bench = Bench::bound(LIMITS);
    bench.submits(0..1);
    bench.said();
    bench.submits(1..2);
    // Taken to be written, and nobody knows that it is.
    let taken = bench.link.take_out(1 << 20);
    assert!(!taken.is_empty());
    bench.submits(2..3);
    bench.link.end(End::Lost, &mut bench.events);
    assert_eq!(bench.happened(), ["unanswered 0", "returned 1", "returned 2", "Lost"]);
    // It is over: nothing happens any more.
    bench.hears(&hello(5));
    bench.tick(1_000_000);
    bench.link.end(End::Silent, &mut bench.events);
    assert_eq!(bench.happened(), strings(&[]));
    assert_eq!(bench.submits(3..4), 0);
}

#[test]
fn nothing_more_is_taken_while_nothing_is_read_there() {
    let mut bench = Bench::bound(LIMITS);
    let flood = pdu(0x7777, 0, 9, b"").repeat(5000);
    bench.hears(&flood);
    assert!(!bench.link.reads() && bench.submits(0..1) == 0);
    bench.said();
    assert!(bench.link.reads() && bench.submits(0..1) > 0);
}

#[test]
fn numbers_begin_again_at_their_end() {
    let mut bench = Bench::bound(LIMITS);
    bench.link.sequence = 0x7fff_fffe;
    bench.submits(0..2);
    assert_eq!(bench.said(), ["submit 2147483647", "submit 1"]);
}

fn some_pdu() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (1_u32..100).prop_map(hello),
        (1_u32..100).prop_map(|sequence| pdu(ENQUIRE_LINK, 0, sequence, b"")),
        (1_u32..100).prop_map(|sequence| pdu(GENERIC_NACK, 3, sequence, b"")),
        (1_u32..8, 0_u32..0x70).prop_map(|(sequence, status)| pdu(SUBMIT_SM_RESP, status, sequence, b"id\0")),
        (any::<u32>(), prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(id, body)| pdu(id, 0, 3, &body)),
    ]
}

proptest! {
    #[test]
    fn it_is_the_same_however_it_is_cut(
        pdus in prop::collection::vec(some_pdu(), 0..20),
        cuts in prop::collection::vec(1_usize..40, 1..40),
    ) {
        let octets = concat(&pdus);
        let run = |pieces: Vec<&[u8]>| {
            let mut bench = Bench::bound(LIMITS);
            bench.submits(0..3);
            pieces.into_iter().for_each(|piece| bench.hears(piece));
            (bench.happened(), bench.said())
        };
        let mut pieces = Vec::new();
        let mut rest = &octets[..];
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        prop_assert_eq!(run(vec![&octets]), run(pieces));
    }

    #[test]
    fn whatever_comes_every_submit_comes_back_once(octets in prop::collection::vec(any::<u8>(), 0..600), is_read in any::<bool>()) {
        let mut bench = Bench::bound(LIMITS);
        bench.submits(0..3);
        if is_read {
            bench.said();
        }
        bench.hears(&octets);
        prop_assert!(bench.link.arrived.len() <= octets.len());
        bench.link.end(End::Lost, &mut bench.events);
        let mut jobs: Vec<u32> = (bench.events.drain(..))
            .filter_map(|event| match event {
                Event::Accepted(job, _) | Event::Rejected(job, _) | Event::Returned(job) | Event::Unanswered(job) => Some(job),
                Event::Bound | Event::Delivered(..) | Event::Ended(_) => None,
            })
            .collect();
        jobs.sort_unstable();
        prop_assert_eq!(jobs, vec![0, 1, 2]);
    }
}
