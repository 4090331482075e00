//! Invariants against whatever sequence of events.

use proptest::prelude::*;

use super::*;

fn submits(effects: &[Effect]) -> usize {
    effects.iter().filter(|e| matches!(e, Effect::Submit { .. })).count()
}

fn any_event() -> impl Strategy<Value = Event> {
    let words = [
        "challenge",
        "wrong",
        "confirm",
        "transfer",
        "two-steps",
        "unroutable",
        "sent",
        "not-sent",
        "settled",
        "settled-part",
        "settled-more",
        "settled-yen",
        "declined",
        "declined-here",
        "pending",
        "action",
        "unknown",
        "asked",
        "strange",
        "cancel",
        "expire",
        "note-failed",
        "note-delayed",
        "note-undelivered",
        "by-card",
        "proceed",
        "looked",
        "reversing",
        "reversed",
        "no-original",
        "not-reversed",
        "reversal-delayed",
        "enrol",
        "payer-enrols",
        "payee-enrols",
    ];
    (prop::sample::select(words.to_vec()), 1..6u32).prop_map(|(word, n)| event(&format!("{word} {n}")))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_events_breaks_an_invariant(
        start in prop::sample::select(vec!["confirm, transfer", "confirm, two-steps", "confirm, by-card"]),
        events in prop::collection::vec(any_event(), 1..60),
    ) {
        // Half of the runs begin where money moves: otherwise few would ever get there.
        let mut now = if events.len() % 2 == 0 { play(start).0 } else { payment() };
        let mut ledger: Vec<Posting> = Vec::new();
        for (at_ms, event) in events.iter().enumerate() {
            let before = now.clone();
            let Ok(next) = now.clone().apply(event, at_ms as u64) else { continue };
            now = next.payment;
            prop_assert_eq!(now.version, before.version + 1);
            ledger.extend(next.postings.iter().cloned());

            prop_assert!(is_balanced(&next.postings), "{event:?} does not balance");
            if before.state.is_terminal() {
                prop_assert_eq!(now.state, before.state, "{:?} left a terminal state", event);
                prop_assert_eq!(submits(&next.effects), 0, "an order left a payment that had ended");
            }
            prop_assert!(!now.state.is_terminal() || now.attempts_are_final(), "terminal, and an attempt is open");
            for undone in before.attempts.iter().filter(|a| a.reversal.is_some()) {
                let settles = now.attempt(undone.number).is_some_and(|a| matches!(a.state, AttemptState::Settled | AttemptState::SettledLate));
                prop_assert!(!settles, "an order settled after it was to be undone");
            }
            let is_asked = now.state == State::AwaitingEnrolment;
            prop_assert!(!is_asked || (now.attempts.is_empty() && now.evidence.is_none()), "something moves before the accounts are there");
            for leg in [Leg::Transfer, Leg::Collect, Leg::Payout, Leg::Return] {
                let open = now.attempts.iter().filter(|a| a.leg == leg && !a.state.is_final()).count();
                prop_assert!(open <= 1, "{open} orders in flight for one leg");
                let settled = now.attempts.iter().filter(|a| a.leg == leg && a.state == AttemptState::Settled).count();
                prop_assert!(settled <= 1, "one leg settled {settled} times");
            }
            prop_assert!(submits(&next.effects) <= 1);
            if submits(&next.effects) == 1 {
                let leg = now.attempts.last().map(|a| a.leg);
                let moved = |a: &Attempt| matches!(a.state, AttemptState::Settled | AttemptState::SettledLate);
                prop_assert!(!now.attempts.iter().any(|a| Some(a.leg) == leg && moved(a)), "an order for what has moved");
                let paid = now.attempts.iter().any(|a| a.leg == Leg::Payout && moved(a));
                prop_assert!(leg != Some(Leg::Return) || !paid, "given back though it was paid out");
            }
            if next.effects.iter().any(|e| matches!(e, Effect::Note { about: About::Declined { .. }, .. })) {
                let moved = ledger.iter().map(|p| (&p.account, p.minor)).fold(BTreeMap::new(), |mut sums, (account, minor)| {
                    *sums.entry(account).or_insert(0i64) += minor;
                    sums
                });
                prop_assert!(moved.values().all(|minor| *minor == 0), "declined, and something moved: {:?}", moved);
            }
            let waits = |a: &&Attempt| a.state.is_out() && a.state != AttemptState::InFlight;
            for doubtful in now.attempts.iter().filter(waits) {
                let is_told = now.incidents.iter().any(|i| i.attempt == doubtful.number);
                prop_assert!(doubtful.asking || is_told, "nobody asks about an order in doubt, and nobody is told");
            }
            let ready = now.attempts.iter().filter(|a| a.state == AttemptState::Ready).count();
            prop_assert!(ready == 0 || !matches!(now.state, State::InReview | State::ReturnFailed), "an order behind an operator's back");

            let balance = |account: &Account| -> i64 {
                ledger.iter().filter(|p| p.account == *account && p.currency == Currency::EUR).map(|p| p.minor).sum()
            };
            for rail in ["bank", "slow-bank", "card", "wallet"] {
                let out: i64 = now.attempts.iter().filter(|a| &*a.rail == rail && a.state.is_out()).map(|_| 1).sum();
                prop_assert_eq!(balance(&Account::Clearing(rail.into())), out * 2000, "clearing is what is out at {}", rail);
            }
            prop_assert!(balance(&Account::Held) >= 0, "more was paid out than was held");
        }
    }
}
