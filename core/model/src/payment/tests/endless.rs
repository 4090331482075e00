//! Rails that never come to an end: what they say is heard, and only so often; and their money is never lost.

use proptest::prelude::*;

use super::*;

fn answered(outcome: Outcome) -> Event {
    Event::Answered { attempt: 1, asked: false, outcome }
}

fn settled(minor: u64) -> Outcome {
    let Event::Answered { outcome: Outcome::Settled { finality, .. }, .. } = event("settled 1") else { unreachable!() };
    let (reference, fees, amount) = (None, None, eur(minor));
    Outcome::Settled { amount, reference, finality, fees, reversible_until_ms: None, valid_until_ms: None }
}

/// What a rail that means no good says next.
fn said(kind: usize, n: u64) -> Event {
    let word = format!("word {n}");
    match kind {
        0 => answered(Outcome::unknown(word)),
        1 => answered(Outcome::Pending { reference: Some(word.clone()), detail: word, ask_after_ms: None }),
        2 => answered(Outcome::ActionRequired { url: word, until_ms: None, reference: None }),
        3 => answered(settled(n % 1_000 + 1)),
        4 => answered(Outcome::Settled {
            amount: Money::new(n, Currency::JPY).unwrap(),
            reference: None,
            finality: Finality::Final,
            fees: None,
            reversible_until_ms: None,
            valid_until_ms: None,
        }),
        5 => Event::ReversalAnswered { attempt: 1, outcome: Outcome::unknown(word) },
        6 => Event::ReversalAnswered {
            attempt: 1,
            outcome: Outcome::Declined { code: "x".into(), reason: word, elsewhere: false },
        },
        _ => answered(Outcome::Proceed),
    }
}

/// Tells a payment what `kinds` say, in turn, 2,000 times. How many commits that made, and how many notes.
fn tell(mut now: Payment, kinds: &[usize]) -> (Payment, usize, usize) {
    let (mut commits, mut notes) = (0, 0);
    for n in 1..=2_000 {
        let kind = kinds[usize::try_from(n).unwrap() % kinds.len()];
        let Ok(next) = now.clone().apply(&said(kind, n), 1_000) else { continue };
        notes += next.effects.iter().filter(|e| matches!(e, Effect::Note { .. })).count();
        (now, commits) = (next.payment, commits + 1);
    }
    (now, commits, notes)
}

#[test]
fn a_rail_that_never_ends_is_heard_so_often_and_no_more() {
    // What it says, how many commits and notes that makes, and where the payment stands once it says that all moved.
    let check = |script: &str, kinds: &[usize], expected: (usize, usize), end: &str| {
        let (now, commits, notes) = tell(play(script).0, kinds);
        assert_eq!((commits, notes), expected, "{script}: {kinds:?}");
        let end_of = now.apply(&event("settled 1"), 1_000).unwrap().payment;
        assert_eq!(end_of.state.name(), end, "{script}: {kinds:?}");
    };
    let doubt = "confirm, transfer, sent 1, unknown 1";
    check(doubt, &[0], (49, 0), "completed");
    check(doubt, &[1], (49, 1), "completed");
    check(doubt, &[2], (49, 5), "completed");
    check(doubt, &[1, 2], (49, 5), "completed");
    // In doubt the same is said of each.
    check(doubt, &[4], (1, 0), "completed");
    check("confirm, transfer, sent 1, pending 1", &[4], (5, 0), "completed");
    let by_card = "confirm, by-card, sent 1, unknown 1";
    check(by_card, &[0, 1, 2], (0, 0), "paying_out");
    // The first part, and then as often as anything else.
    check(by_card, &[3], (50, 0), "paying_out");
    // The approval is heard for the first time, and settles nothing.
    check(&format!("{by_card}, reversing 1"), &[0, 5], (10, 0), "collecting");
    check(&format!("{by_card}, reversing 1"), &[5, 6], (10, 0), "collecting");
}

#[test]
fn the_payer_is_told_again_in_the_next_round() {
    let (now, _, notes) = tell(play("confirm, by-card, sent 1").0, &[2]);
    assert_eq!(notes, 5);
    let now = now.apply(&event("proceed 1"), 1_000).unwrap().payment;
    let now = now.apply(&event("sent 1"), 1_000).unwrap().payment;
    let again = now.apply(&said(2, 1), 1_000).unwrap();
    assert_eq!(again.effects.iter().filter(|e| matches!(e, Effect::Note { .. })).count(), 1);
    assert!(
        again.payment.attempt(1).unwrap().asking,
        "the first word of a round is heard, however much was said before"
    );
}

#[test]
fn a_rail_that_contradicts_itself_is_an_operators_affair_once() {
    let incidents = |script: &str, amounts: &[u64]| {
        let mut now = play(script).0;
        for minor in amounts {
            if let Ok(next) = now.clone().apply(&answered(settled(*minor)), 1_000) {
                assert_eq!((next.effects.len(), next.postings.len()), (0, 0), "a claim moves nothing");
                now = next.payment;
            }
        }
        now.incidents.len()
    };
    let check = |script: &str, amounts: &[u64], expected: usize| {
        assert_eq!(incidents(script, amounts), expected, "{script}: {amounts:?}");
    };
    let paid = "confirm, transfer, sent 1, settled 1";
    check(paid, &[2_000, 2_000], 0);
    check(paid, &[1], 1);
    check(paid, &[1, 1, 2_000, 1], 1);
    check(paid, &[1, 2, 3, 4, 5, 6, 7, 8], 5);
    // What moved in place of it is an incident already.
    check("confirm, transfer, sent 1, settled-part 1", &[500, 500], 1);
    check("confirm, transfer, sent 1, settled-part 1", &[2_000, 500], 2);
    check("confirm, transfer, sent 1, declined 1, settled-part 1", &[500, 2_000, 2_000], 2);
    // An order that was undone, whatever else was an incident before.
    check("confirm, by-card, sent 1, unknown 1, reversing 1, no-original 1, reversed 1", &[2_000, 2_000, 1], 3);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_rail_says_it_is_heard_only_so_often_and_its_money_is_never_lost(
        start in prop::sample::select(vec!["confirm, transfer, sent 1", "confirm, two-steps, sent 1", "confirm, by-card, sent 1"]),
        kinds in prop::collection::vec(0..7usize, 1..6),
        is_reversing in any::<bool>(),
    ) {
        let mut now = play(start).0;
        if is_reversing && start.contains("card") {
            now = play("confirm, by-card, sent 1, unknown 1, reversing 1").0;
        }
        let settles = |now: &Payment| now.attempts.iter().any(|a| matches!(a.state, AttemptState::Settled));
        let (now, commits, notes) = tell(now, &kinds);
        prop_assert!(commits <= 80, "{} commits", commits);
        prop_assert!(notes <= 10, "{} notes", notes);
        prop_assert!(now.incidents.len() <= 10, "{:?}", now.incidents);
        // An order that is not final, and not being undone, settles whenever its rail says so.
        let attempt = now.attempt(1).unwrap();
        if !attempt.state.is_final() && attempt.reversal.is_none() {
            prop_assert!(settles(&now.apply(&event("settled 1"), 1_000).unwrap().payment));
        }
    }
}
