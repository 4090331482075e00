//! What is not answered, and how doubt about it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sportello_sdk::{Failure, Money, Order, OrderKind, Outcome, Report, Source};

use super::super::testing::{KEY, PAN, REVERSAL_KEY, Stage, about, order, paying, turns, word};
use super::super::{Evidence, Paying, Verdict};
use crate::testing::{Acquirer, Says, answer, framed};

/// Answers requests so, and reversals so.
fn acquirer(request: Says, reversal: Says) -> Acquirer {
    Acquirer::new(move |message| match message.mti().to_string().as_bytes() {
        [b'0', b'4', ..] => reversal.clone(),
        _ => request.clone(),
    })
}

fn reversal() -> Order {
    about(OrderKind::Reverse, REVERSAL_KEY)
}

#[test]
fn what_is_not_answered_is_unknown_and_never_sent_again() {
    for kind in [OrderKind::Authorize, OrderKind::Collect, OrderKind::Refund] {
        for says in [Says::Nothing, Says::Breaks] {
            let stage = Stage::new(acquirer(says, Says::Code("00")));
            assert_eq!(word(&stage.give_and_wait(&order(kind), &paying(), 9_000)), "unknown");
            assert_eq!(word(&stage.give(&order(kind), &paying())), "unknown");
            let stage = stage.restarted();
            assert_eq!(word(&stage.give(&order(kind), &paying())), "unknown");
            assert_eq!(stage.sent(&[]).len(), 1);
        }
    }
}

#[test]
fn what_was_answered_is_told_again_and_never_sent_again() {
    for code in ["00", "05"] {
        let stage = Stage::new(acquirer(Says::Code(code), Says::Code("00")));
        let first = stage.give(&order(OrderKind::Collect), &paying()).unwrap();
        assert_eq!(stage.give(&order(OrderKind::Collect), &paying()).unwrap(), first);
        let stage = stage.restarted();
        assert_eq!(stage.give(&order(OrderKind::Collect), &paying()).unwrap(), first);
        assert_eq!(stage.sent(&[]).len(), 1);
    }
}

#[test]
fn a_reversal_ends_doubt_where_it_is_acknowledged_and_nowhere_else() {
    let check = |code: &'static str, expected: &str| {
        let stage = Stage::new(acquirer(Says::Nothing, Says::Code(code)));
        stage.give_and_wait(&order(OrderKind::Collect), &paying(), 9_000).unwrap();
        assert_eq!(word(&stage.give(&reversal(), &paying())), expected, "{code}");
    };
    check("00", "settled 20.00 EUR");
    check("94", "settled 20.00 EUR");
    check("25", "unknown");
    check("05", "unknown");
    check("68", "unknown");
    check("ZZ", "unknown");
    // It answers for nothing just now, and refuses nothing: the reversal is given on.
    check("91", "failed try_later");
    check("96", "failed try_later");
}

#[test]
fn a_reversal_is_repeated_under_its_own_numbers_until_it_is_answered() {
    let answers = Arc::new(AtomicBool::new(false));
    let says = Arc::clone(&answers);
    let stage = Stage::new(Acquirer::new(move |message| {
        let is_reversal = message.mti().to_string().starts_with("042");
        if is_reversal && says.load(Ordering::Relaxed) { Says::Code("00") } else { Says::Nothing }
    }));
    stage.give_and_wait(&order(OrderKind::Collect), &paying(), 9_000).unwrap();
    // Silence is no refusal: whoever counts those must not give up for it.
    assert_eq!(word(&stage.give_and_wait(&reversal(), &paying(), 9_000)), "failed unanswered");
    assert_eq!(word(&stage.give_and_wait(&reversal(), &paying(), 9_000)), "failed unanswered");
    let stage = stage.restarted();
    answers.store(true, Ordering::Relaxed);
    assert_eq!(word(&stage.give(&reversal(), &paying())), "settled 20.00 EUR");
    // What is acknowledged needs nothing more.
    assert_eq!(word(&stage.give(&reversal(), &paying())), "settled 20.00 EUR");
    let sent = stage.sent(&[4, 7, 11, 32, 37, 41, 49, 90]);
    let types: Vec<&str> = sent.iter().map(|drawn| &drawn[..4]).collect();
    assert_eq!(types, ["0200", "0420", "0421", "0421"]);
    assert!(sent[1..].iter().all(|drawn| drawn[4..] == sent[1][4..]), "{sent:#?}");
}

#[test]
fn what_was_never_sent_is_reversed_by_a_tombstone() {
    let stage = Stage::new(acquirer(Says::Code("00"), Says::Code("00")));
    assert_eq!(word(&stage.give(&reversal(), &paying())), "settled 20.00 EUR");
    // The order was on its way to us, and comes too late.
    assert_eq!(word(&stage.give(&order(OrderKind::Collect), &paying())), "declined reversed");
    assert_eq!(word(&stage.give(&reversal(), &paying())), "settled 20.00 EUR");
    assert!(stage.sent(&[]).is_empty());
}

#[test]
fn what_was_declined_needs_no_reversal() {
    let stage = Stage::new(acquirer(Says::Code("51"), Says::Code("25")));
    stage.give(&order(OrderKind::Collect), &paying()).unwrap();
    assert_eq!(word(&stage.give(&reversal(), &paying())), "settled 20.00 EUR");
    assert_eq!(stage.sent(&[]), ["0200"]);
}

#[test]
fn an_approval_that_is_late_settles_its_order() {
    let check = |code: &str, expected: Outcome| {
        let stage = Stage::new(acquirer(Says::Nothing, Says::Code("00")));
        stage.give_and_wait(&order(OrderKind::Collect), &paying(), 9_000).unwrap();
        let said = framed(&answer(&stage.acquirer.received()[0], code));
        // It says so twice.
        stage.run(async |_| {
            stage.host.stream_says(stage.host.streams(), &[said.clone(), said.clone()].concat());
            turns(5).await;
        });
        let reports = stage.host.reports();
        assert_eq!(reports, [Report { key: KEY.to_owned(), outcome: expected.clone() }], "{code}");
        assert_eq!(stage.give(&order(OrderKind::Collect), &paying()).unwrap(), expected);
    };
    check(
        "05",
        Outcome::Declined {
            code: "05".to_owned(),
            reason: "the card's bank declined the payment".to_owned(),
            elsewhere: true,
        },
    );
    check(
        "00",
        Outcome::Settled {
            amount: order(OrderKind::Collect).amount,
            reference: Some("331800000000".to_owned()),
            finality: sportello_sdk::Finality::Captured,
            fees: None,
            reversible_until_ms: None,
            valid_until_ms: None,
        },
    );
}

#[test]
fn an_answer_after_the_reversal_settles_nothing() {
    let check = |acknowledged: &'static str, late: &str, reported: &[&str], reversed: &str| {
        let stage = Stage::new(acquirer(Says::Nothing, Says::Code(acknowledged)));
        stage.give_and_wait(&order(OrderKind::Collect), &paying(), 9_000).unwrap();
        stage.give(&reversal(), &paying()).unwrap();
        let late = framed(&answer(&stage.acquirer.received()[0], late));
        stage.run(async |_| {
            stage.host.stream_says(stage.host.streams(), &late);
            turns(5).await;
        });
        let reports: Vec<String> = stage
            .host
            .reports()
            .into_iter()
            .map(|report| format!("{} {}", report.key, word(&Ok(report.outcome))))
            .collect();
        assert_eq!(reports, reported);
        assert_eq!(word(&stage.give(&order(OrderKind::Collect), &paying())), "unknown");
        assert_eq!(word(&stage.give(&reversal(), &paying())), reversed);
    };
    // The answer was on its way while the reversal was carried out.
    check("00", "00", &[], "settled 20.00 EUR");
    // Messages crossed, and money may be out: the engine knows, and goes on undoing it.
    let told = format!("{KEY} settled 20.00 EUR");
    check("25", "00", &[&told], "unknown");
    // Nothing moved, so nothing has to be undone.
    let told = format!("{KEY} declined 51, elsewhere");
    check("25", "51", &[&told], "settled 20.00 EUR");
}

#[test]
fn an_acknowledgement_that_is_late_is_told_and_kept() {
    let stage = Stage::new(acquirer(Says::Nothing, Says::Nothing));
    stage.give_and_wait(&order(OrderKind::Collect), &paying(), 9_000).unwrap();
    stage.give_and_wait(&reversal(), &paying(), 9_000).unwrap_err();
    let late = framed(&answer(&stage.acquirer.received()[1], "00"));
    stage.run(async |_| {
        stage.host.stream_says(stage.host.streams(), &[late.clone(), late].concat());
        turns(5).await;
    });
    let reports = stage.host.reports();
    assert_eq!(reports.iter().map(|report| report.key.as_str()).collect::<Vec<_>>(), [REVERSAL_KEY]);
    assert_eq!(word(&Ok(reports[0].outcome.clone())), "settled 20.00 EUR");
    assert_eq!(word(&stage.give(&reversal(), &paying())), "settled 20.00 EUR");
    assert_eq!(stage.sent(&[]), ["0200", "0420"]);
}

#[test]
fn a_soft_decline_is_sent_once_more_with_evidence_and_not_without() {
    let stage = Stage::new(Acquirer::new(|message| {
        Says::Code(if message.has(crate::Field::PRIVATE_DATA) { "00" } else { "1A" })
    }));
    let submit = |stage: &Stage, paying: &Paying| {
        stage.run(async |host| stage.desk.submit(&order(OrderKind::Collect), paying, &host).await.unwrap())
    };
    let asks = |verdict: &Verdict| matches!(verdict, Verdict::Authenticate { code, .. } if code == "1A");
    assert!(asks(&submit(&stage, &paying())));
    assert!(asks(&submit(&stage, &paying())));
    let stage = stage.restarted();
    assert!(asks(&submit(&stage, &paying())));
    let evidence = Evidence::new(Some("05"), Some("AJkBAyhHkZQAAAAAQJF0oQAAAAA="), None);
    let proven = Paying { evidence, ..paying() };
    let settled = submit(&stage, &proven);
    assert_eq!(word(&Ok(settled.clone().outcome())), "settled 20.00 EUR");
    // Neither way is it sent a third time.
    assert_eq!(submit(&stage, &proven), settled);
    assert_eq!(submit(&stage, &paying()), settled);
    let sent = stage.sent(&[11]);
    assert_eq!(sent.len(), 2);
    assert_ne!(sent[0], sent[1], "each has its own number");
}

#[test]
fn a_crash_between_a_soft_decline_and_its_second_try_sends_no_third() {
    let stage = Stage::new(Acquirer::new(|message| {
        if message.has(crate::Field::PRIVATE_DATA) { Says::Nothing } else { Says::Code("65") }
    }));
    stage.give(&order(OrderKind::Collect), &paying()).unwrap();
    let evidence = Evidence::new(Some("05"), None, None);
    let proven = Paying { evidence, ..paying() };
    assert_eq!(word(&stage.give_and_wait(&order(OrderKind::Collect), &proven, 9_000)), "unknown");
    let stage = stage.restarted();
    assert_eq!(word(&stage.give(&order(OrderKind::Collect), &proven)), "unknown");
    assert_eq!(stage.sent(&[]).len(), 2);
    // What is reversed is the second: the first was declined.
    stage.give_and_wait(&reversal(), &paying(), 9_000).unwrap();
    let sent = stage.sent(&[11, 90]);
    let stan = sent[1].split(' ').nth(1).unwrap();
    assert_eq!(&sent[2].split(' ').nth(2).unwrap()[4..10], stan);
}

#[test]
fn a_soft_decline_that_was_reversed_is_not_sent_with_evidence_any_more() {
    let stage = Stage::new(Acquirer::new(|message| {
        Says::Code(if message.has(crate::Field::PRIVATE_DATA) { "00" } else { "1A" })
    }));
    stage.give(&order(OrderKind::Collect), &paying()).unwrap();
    assert_eq!(word(&stage.give(&reversal(), &paying())), "settled 20.00 EUR");
    let proven = Paying { evidence: Evidence::new(Some("05"), None, None), ..paying() };
    assert_eq!(word(&stage.give(&order(OrderKind::Collect), &proven)), "declined reversed");
    assert_eq!(word(&stage.give(&reversal(), &paying())), "settled 20.00 EUR");
    assert_eq!(stage.sent(&[]), ["0200"]);
}

#[test]
fn what_was_authorized_is_captured_after_a_crash_too() {
    let stage = Stage::new(acquirer(Says::Code("00"), Says::Code("00")));
    let of_run = crate::testing::call(&stage.host);
    // It crashes as soon as the outcome is told.
    stage.host.block_on(async {
        let run = std::pin::pin!(stage.desk.run(&of_run));
        let work = std::pin::pin!(async {
            turns(3).await;
            let host = crate::testing::call(&stage.host);
            stage.desk.submit(&order(OrderKind::Authorize), &paying(), &host).await.unwrap()
        });
        futures_util::future::select(run, work).await;
    });
    let stage = stage.restarted();
    assert_eq!(word(&stage.give(&about(OrderKind::Capture, "another-2"), &paying())), "settled 20.00 EUR");
}

#[test]
fn what_could_not_be_sent_may_be_given_again() {
    let stage = Stage::new(acquirer(Says::Code("00"), Says::Code("00")));
    // No `run`, no link.
    let call = stage.host.call();
    let told = stage.host.block_on(stage.desk.submit(&order(OrderKind::Collect), &paying(), &call));
    assert_eq!(told.unwrap_err().code, "no_link");
    assert_eq!(word(&stage.give(&order(OrderKind::Collect), &paying())), "settled 20.00 EUR");
    assert_eq!(stage.sent(&[]), ["0200"]);
}

#[test]
fn nothing_is_sent_that_is_not_recorded_first() {
    let stage = Stage::new(acquirer(Says::Code("00"), Says::Code("00")));
    // The terminal is taken, and then the store is gone.
    stage.give(&Order { key: "before".to_owned(), ..order(OrderKind::Collect) }, &paying()).unwrap();
    let _fails = stage.host.clone().fails("store.put", Failure::new(Source::Host, "full", "the disk is full"));
    for kind in [OrderKind::Collect, OrderKind::Authorize, OrderKind::Refund] {
        assert_eq!(word(&stage.give(&order(kind), &paying())), "failed full");
    }
    assert_eq!(word(&stage.give(&reversal(), &paying())), "failed full");
    assert_eq!(stage.sent(&[]).len(), 1);
}

#[test]
fn captures_are_of_what_was_approved() {
    let check = |kind: OrderKind, code: &'static str, expected: &str| {
        let stage = Stage::new(Acquirer::new(move |message| {
            Says::Code(if message.mti().to_string() == "0100" { code } else { "00" })
        }));
        stage.give(&order(OrderKind::Authorize), &paying()).unwrap();
        let part =
            Order { amount: Money::new(500, order(kind).amount.currency()).unwrap(), ..about(kind, "another-2") };
        assert_eq!(word(&stage.give(&part, &paying())), expected, "{kind:?} {code}");
    };
    check(OrderKind::Capture, "00", "settled 5.00 EUR");
    check(OrderKind::Capture, "05", "failed not_authorized");
    check(OrderKind::Void, "00", "settled 20.00 EUR");
    let above = |amount: Money, expected: &str| {
        let stage = Stage::new(acquirer(Says::Code("00"), Says::Code("00")));
        stage.give(&order(OrderKind::Authorize), &paying()).unwrap();
        let capture = Order { amount, ..about(OrderKind::Capture, "another-2") };
        assert_eq!(word(&stage.give(&capture, &paying())), expected);
    };
    above(Money::new(2001, "EUR".parse().unwrap()).unwrap(), "declined above_authorization");
    above(Money::new(2000, "USD".parse().unwrap()).unwrap(), "declined above_authorization");
    let stage = Stage::new(acquirer(Says::Code("00"), Says::Code("00")));
    assert_eq!(word(&stage.give(&about(OrderKind::Capture, "another-2"), &paying())), "failed not_authorized");
    assert_eq!(word(&stage.give(&about(OrderKind::Void, "another-2"), &paying())), "failed not_authorized");
}

#[test]
fn no_card_number_is_kept_logged_or_told() {
    let stage = Stage::new(acquirer(Says::Nothing, Says::Code("25")));
    let mut told = vec![format!("{:?}", paying())];
    for kind in [OrderKind::Collect, OrderKind::Authorize, OrderKind::Refund] {
        let order = Order { key: format!("order-{kind:?}").to_lowercase(), ..order(kind) };
        told.push(format!("{:?}", stage.give_and_wait(&order, &paying(), 9_000)));
        let record = stage.host.stored(&format!("o/{}", order.key)).unwrap();
        told.push(String::from_utf8(record.to_vec()).unwrap());
        let reversal = Order { refers_to: Some(order.key.clone()), ..reversal() };
        told.push(format!("{:?}", stage.give(&reversal, &paying())));
        told.push(String::from_utf8(stage.host.stored(&format!("o/{}", order.key)).unwrap().to_vec()).unwrap());
    }
    told.extend(stage.host.logs().into_iter().map(|line| line.message));
    told.extend(stage.acquirer.received().iter().map(|message| format!("{message:?}")));
    for text in told {
        assert!(!text.contains(PAN), "{text}");
    }
}
