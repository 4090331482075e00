use proptest::prelude::*;

use super::*;

const RULES: Rules = Rules {
    dialect: Dialect { table: &crate::table::TABLE_1987, coding: crate::Coding::Binary },
    message_len_max: 4096,
    echo_every_ms: 30_000,
    answer_within_ms: 10_000,
};

fn framed(message: &Message) -> Vec<u8> {
    let mut out = Vec::new();
    frame::write(message, &RULES.dialect, &mut out).unwrap();
    out
}

fn happened(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| format!("{event:?}")).collect()
}

/// What a session makes of these pieces.
fn run(pieces: &[&[u8]]) -> (Vec<String>, Vec<u8>) {
    let mut session = Session::new(RULES, 76, 0);
    let mut events = Vec::new();
    for piece in pieces {
        session.receive(piece, 1, &mut events);
    }
    (happened(&events), session.take_out())
}

/// The answer to the sign-on that a session numbered from 76 makes.
fn taken() -> Vec<u8> {
    let mut answer = network(SIGN_ON, 77, 0);
    answer.set_mti(Mti::NETWORK_ANSWER);
    framed(&answer.with(Field::RESPONSE, APPROVED))
}

#[test]
fn a_sign_on_is_taken_or_refused() {
    let check = |heard: &[Vec<u8>], expected: &[&str]| {
        assert_eq!(run(&[&heard.concat()]).0, expected);
    };
    let answered = |stan: u64, response: &str| {
        let mut answer = network(SIGN_ON, stan, 0);
        answer.set_mti(Mti::NETWORK_ANSWER);
        framed(&answer.with(Field::RESPONSE, response))
    };
    check(&[taken()], &["Up"]);
    check(&[taken(), taken()], &["Up"]);
    check(&[answered(77, "05")], &["Down", r#"Ended(Refused("05"))"#]);
    // It is over: nothing that follows counts.
    check(&[answered(77, "91"), taken()], &["Down", r#"Ended(Refused("91"))"#]);
    // An answer to another question.
    check(&[answered(78, "05"), answered(78, "00")], &[]);
    check(&[b"\0\0\0\0".to_vec(), taken()], &["Up"]);
    check(&[b"HT".to_vec(), taken()], &["Down", "Ended(Garbled)"]);
    check(&[b"\0\x04HTTP".to_vec(), taken()], &["Unreadable(Mti)", "Up"]);
}

#[test]
fn time_passes() {
    let mut events = Vec::new();
    let mut session = Session::new(RULES, 76, 0);
    let mut tick = |session: &mut Session, now_ms: u64, in_flight: usize| {
        session.tick(now_ms, in_flight, &mut events);
        (happened(&std::mem::take(&mut events)), session.wakes_at_ms(), session.take_out().len())
    };
    let nothing = Vec::<String>::new();
    let len = framed(&network(ECHO, 78, 0)).len();
    assert_eq!(tick(&mut session, 9_999, 0), (nothing.clone(), 10_000, len));
    session.receive(&taken(), 9_999, &mut Vec::new());
    assert_eq!(tick(&mut session, 10_000, 5), (nothing.clone(), 39_999, 0));
    // Whoever talks need not be asked.
    session.receive(b"\0\0", 20_000, &mut Vec::new());
    assert_eq!(tick(&mut session, 49_999, 5), (nothing.clone(), 50_000, 0));
    assert_eq!(tick(&mut session, 50_000, 5), (nothing.clone(), 60_000, len));
    assert_eq!(tick(&mut session, 55_000, 5), (nothing.clone(), 60_000, 0));
    // One that talks and does not answer is no better than a silent one.
    session.receive(b"\0\0", 59_000, &mut Vec::new());
    assert_eq!(tick(&mut session, 60_000, 5).0, ["Down", "Ended(Silent)"]);
    assert_eq!(tick(&mut session, 99_000, 5), (nothing, u64::MAX, 0));
}

#[test]
fn whoever_leaves_waits_for_what_is_in_flight() {
    let check = |ticks: &[(u64, usize)], expected: &[&str]| {
        let mut events = Vec::new();
        let mut session = Session::new(RULES, 76, 0);
        session.receive(&taken(), 0, &mut events);
        session.leave(End::Lost, 0, &mut events);
        for (now_ms, in_flight) in ticks {
            session.tick(*now_ms, *in_flight, &mut events);
        }
        assert_eq!(happened(&events), [&["Up", "Down"], expected].concat());
    };
    check(&[(0, 1), (1_999, 1)], &[]);
    check(&[(1_999, 1), (2_000, 1)], &["Down", "Ended(Lost)"]);
    check(&[(0, 0), (1, 0)], &["Down", "Ended(Lost)"]);
}

fn some_message() -> impl Strategy<Value = Vec<u8>> {
    let code = prop::sample::select(vec![SIGN_ON, ECHO, "161"]);
    prop_oneof![
        Just(taken()),
        Just(vec![0, 0]),
        (code, 1_u64..100).prop_map(|(code, stan)| framed(&network(code, stan, 0))),
        (1_u64..100).prop_map(|stan| framed(
            &Message::new(Mti::FINANCIAL_ANSWER).with(Field::STAN, stan.to_string()).with(Field::RESPONSE, "00")
        )),
        prop::collection::vec(any::<u8>(), 0..40)
            .prop_map(|octets| { [&u16::try_from(octets.len()).unwrap().to_be_bytes()[..], &octets].concat() }),
    ]
}

proptest! {
    #[test]
    fn it_is_the_same_however_it_is_cut(
        messages in prop::collection::vec(some_message(), 0..20),
        cuts in prop::collection::vec(1_usize..40, 1..40),
    ) {
        let octets = messages.concat();
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
        prop_assert_eq!(run(&[&octets]), run(&pieces));
    }

    #[test]
    fn whatever_comes_it_ends_once_at_most(octets in prop::collection::vec(any::<u8>(), 0..600)) {
        let (happened, _) = run(&[&taken(), &octets]);
        let ends = happened.iter().filter(|event| event.starts_with("Ended")).count();
        prop_assert!(ends <= 1, "{:?}", happened);
    }
}
