//! People who have nothing to pay with, or no account to be paid on: who is asked, by which link, and what comes of it.

use sportello_engine::{EnrolmentError, EnrolmentWay, Policy, Profile, RailSetup, Setup, Side};
use sportello_model::command::Visibility;
use sportello_model::grammar::Language;
use sportello_sdk::HandOver;

use crate::across::{Play, channel, check};
use crate::reversed::{by, cards};
use crate::stage::{eur, handle};

/// Strangers may pay and be paid; Dora is known and has no account. A third rail takes what its own page is handed.
fn open() -> Setup {
    let mut base = cards();
    let by_page = by(HandOver::Page { label: "Purse".into() }, "purse");
    base.rails.push(RailSetup { instance: "three".into(), facts: by_page });
    base.routes.first_mut().unwrap().collect.push("three".into());
    base.profiles.push(Profile {
        name: "dora".into(),
        handles: vec![handle("chat:4"), handle("line:+4")],
        account: None,
        country: None,
        language: Language::En,
        visibility: Visibility::Private,
        verified_at_ms: Some(crate::stage::START_MS),
    });
    base.channels.push(channel("line", "line", None));
    let policy = Policy { enrolment: true, exempt: vec![eur(1_000)], ..Policy::default() };
    Setup { public_url: Some("https://pay.example".into()), policy, ..base }
}

#[tokio::test]
async fn a_stranger_is_asked_what_to_pay_with_and_once_only() {
    check(
        open(),
        &[
            ("chat:9! @sportello pay chat:2 20 EUR", "chat:9 what with?"),
            ("states", "awaiting_enrolment"),
            ("chat:9: 123456", "chat:9 no code awaited (discreet)"),
            ("enrol 1 plastic:7", "chat:9 asks C1"),
            ("enrol 1 plastic:8", "the link has been used"),
            ("crash", ""),
            ("chat:9: C1", "chat:2 received, chat:9 done"),
            ("enrol 1 plastic:8", "the link has been used"),
            ("+ 2h", ""),
            // Next time it is known what they pay with; and what is below the limit passes without a code, which it did not
            // as long as an account was asked for.
            ("chat:9: pay chat:2 30 EUR", "chat:9 asks C2"),
            ("chat:9: C2", "chat:2 received, chat:9 done"),
            ("chat:9: pay chat:2 5 EUR", "chat:2 received, chat:9 done"),
            // Whose card is gone says so, and is asked anew.
            ("chat:9: enrol", "chat:9 forgotten (discreet)"),
            ("chat:9: pay chat:2 7 EUR", "chat:9 what with?"),
            ("chat:8: pay chat:2 5 EUR", "chat:8 what with?"),
            ("once 3 plastic:8", "chat:8 asks C3"),
            ("chat:8: C3", "chat:2 received, chat:8 done"),
            ("+ 2h", "chat:9 off"),
            ("chat:8: pay chat:2 5 EUR", "chat:8 what with?"),
            // What a rail's own page was handed is for one payment.
            ("enrol 4 purse:1", "chat:8 asks C4"),
            ("chat:8: C4", "chat:2 received, chat:8 done"),
            ("+ 2h", ""),
            ("chat:8: pay chat:2 5 EUR", "chat:8 what with?"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_stranger_is_asked_where_to_be_paid_and_once_only() {
    check(
        open(),
        &[
            ("chat:1: pay chat:9 20 EUR", "chat:9 where?"),
            ("enrol 1 iban:DE9", "chat:1 asks C1"),
            ("crash", ""),
            ("chat:1: C1", "chat:1 done, chat:9 received"),
            ("+ 2h", ""),
            ("chat:1: pay chat:9 30 EUR", "chat:1 asks C2"),
            ("chat:1: C2", "chat:1 done, chat:9 received"),
            // What was agreed on before the account was there still holds: the payer's own is the one that they know.
            ("chat:1: pay chat:8 5 EUR", "chat:8 where?"),
            ("enrol 2 iban:DE8", "chat:1 done, chat:8 received"),
            // Both of them, whoever is first; and a request.
            ("chat:7: pay chat:6 20 EUR", "chat:6 where?, chat:7 what with?"),
            ("enrol 4 iban:DE6", ""),
            ("enrol 3 plastic:7", "chat:7 asks C3"),
            ("chat:7: C3", "chat:6 received, chat:7 done"),
            ("chat:9: request 20 EUR from chat:5", "chat:5 what with?"),
            ("enrol 5 plastic:5", "chat:5 asks C4"),
            ("chat:5: C4", "chat:5 done, chat:9 received"),
        ],
    )
    .await;
}

#[tokio::test]
async fn who_does_not_answer_calls_nothing_and_nobody_else_is_written_to() {
    check(
        open(),
        &[
            ("chat:9: pay chat:2 20 EUR", "chat:9 what with?"),
            ("+ 30m", "chat:9 off"),
            ("enrol 1 plastic:7", "the link has expired"),
            ("chat:9: pay chat:2 40 EUR", "chat:9 what with?"),
            ("chat:9: cancel", "chat:9 off"),
            ("enrol 2 plastic:7", "the payment was called off"),
            ("crash", ""),
            ("enrol 1 plastic:7", "the link has expired"),
            ("states", "expired, cancelled"),
            ("chat:9: pay chat:9 20 EUR", "chat:9 yourself (discreet)"),
            ("chat:4: pay line:+4 20 EUR", "chat:4 yourself (discreet)"),
            ("chat:9: pay chat:@nobody 20 EUR", "chat:9 whom? (discreet)"),
            // Whose account the operator wrote down is asked for none, and keeps it.
            ("chat:1: pay chat:2 20 EUR", "chat:1 asks C1"),
            ("chat:1: C1", "chat:1 done, chat:2 received"),
            // Whoever is known, and has none, is asked; and known by all their handles.
            ("chat:4: pay chat:2 20 EUR", "chat:4 what with?"),
            ("enrol 3 plastic:4", "chat:4 asks C2"),
            ("line:+4: pay chat:2 30 EUR", "line:+4 asks C3"),
        ],
    )
    .await;
    let off = Policy { enrolment: false, ..open().policy };
    for setup in [Setup { policy: off, ..open() }, Setup { public_url: None, ..open() }] {
        let script = [
            ("chat:9: pay chat:2 20 EUR", "chat:9 who? (discreet)"),
            ("chat:4: pay chat:2 20 EUR", "chat:4 who? (discreet)"),
            ("chat:1: pay chat:9 20 EUR", "chat:1 whom? (discreet)"),
            ("states", ""),
        ];
        check(setup, &script).await;
    }
}

#[tokio::test]
async fn a_number_is_proven_before_a_link_goes_there_and_its_next_owner_finds_nothing() {
    check(
        open(),
        &[
            ("line:+9: pay chat:2 20 EUR", "line:+9 prove C1 (discreet)"),
            ("line:+9: C1", "line:+9 what with?"),
            ("enrol 1 plastic:9", "line:+9 asks C2"),
            ("line:+9: C2", "chat:2 received, line:+9 done"),
            ("+ 2h", ""),
            ("line:+9: pay chat:2 30 EUR", "line:+9 asks C3"),
            ("line:+9: C3", "chat:2 received, line:+9 done"),
            // Half a year later the number may be somebody else's.
            ("+ 200d", ""),
            ("line:+9: pay chat:2 20 EUR", "line:+9 prove C4 (discreet)"),
            ("line:+9: C4", "line:+9 what with?"),
        ],
    )
    .await;
    check(
        open(),
        &[
            ("chat:1: pay line:+9 20 EUR", "line:+9 prove to see C1 (discreet)"),
            ("line:+9: C1", "line:+9 where?"),
            ("enrol 1 iban:DE9", "chat:1 asks C2"),
            ("chat:1: C2", "chat:1 done, line:+9 received"),
            ("+ 200d", ""),
            ("chat:1: pay line:+9 30 EUR", "line:+9 prove to see C3 (discreet)"),
        ],
    )
    .await;
}

#[tokio::test]
async fn an_edit_or_a_deletion_calls_off_what_waits_for_an_account() {
    use sportello_model::Change;
    let mut play = Play::new(open()).await;
    assert_eq!(play.step("chat:9! @sportello pay chat:2 20 EUR").await, "chat:9 what with?");
    for (change, text, states) in [
        (Change::Edited, "@sportello pay chat:2 30 EUR", "cancelled, awaiting_enrolment"),
        (Change::Deleted, "", "cancelled, cancelled"),
    ] {
        let mut message = crate::wordings::change(&format!("c{states}"), change, text);
        (message.from, message.first_id) = (handle("chat:9"), Some("m1".into()));
        assert!(play.stage.engine.message("chat", message).await.unwrap().fresh);
        assert_eq!(play.step("states").await, states);
    }
    assert_eq!(play.step("enrol 1 plastic:9").await, "the payment was called off");
}

#[tokio::test]
async fn a_link_says_what_it_is_for_and_no_other_one_opens_anything() {
    let mut play = Play::new(open()).await;
    play.step("chat:7: pay chat:6 20 EUR").await;
    let engine = play.stage.engine.clone();
    let mut sides = Vec::new();
    for token in &play.tokens {
        let link = engine.enrolment(token).await.unwrap();
        assert_eq!((link.amount, &*link.language), (eur(2_000), "en"));
        assert_eq!(link.expires_at_ms, crate::stage::START_MS + 1_800_000);
        sides.push((link.side, link.person.to_string(), link.other.clone(), link.ways));
        // Every part of it altered, one at a time, and cut short.
        for at in 0..token.len() {
            let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
            let mut forged = token.clone();
            forged.replace_range(at..=at, other);
            assert!(matches!(engine.enrolment(&forged).await, Err(EnrolmentError::Unknown)), "{at}");
            let taken = engine.enrol(&forged, handle("plastic:7"), String::new(), false).await;
            assert!(matches!(taken, Err(EnrolmentError::Unknown)), "{at}");
            assert!(matches!(engine.enrolment(&token[..at]).await, Err(EnrolmentError::Unknown)), "{at}");
        }
    }
    sides.sort_by_key(|side| side.0);
    let page = |rails: &[&str], hand_over, scheme: &str| EnrolmentWay::HandOver {
        rails: rails.iter().map(|rail| (*rail).to_owned()).collect(),
        hand_over,
        scheme: scheme.into(),
    };
    let to_pay = vec![
        page(&["one", "two"], HandOver::Card, "plastic"),
        page(&["three"], HandOver::Page { label: "Purse".into() }, "purse"),
    ];
    let to_be_paid = vec![EnrolmentWay::Account { scheme: "iban".into(), rails: vec!["bank".into()] }];
    assert_eq!(
        sides,
        [(Side::Payer, "chat:7".into(), "6".into(), to_pay), (Side::Payee, "chat:6".into(), "7".into(), to_be_paid)]
    );
    let of_payer = if engine.enrolment(&play.tokens[0]).await.unwrap().side == Side::Payer { 1 } else { 2 };
    for account in ["iban:DE1", "plastic:@seven", "chat:7"] {
        let step = format!("enrol {of_payer} {account}");
        assert_eq!(play.step(&step).await, "this payment does not take that account");
    }
}

/// With a route from account to account before the one that collects.
fn straight() -> Setup {
    let mut setup = open();
    let transfer = vec!["bank".into(), "slow-bank".into()];
    setup.routes.insert(0, sportello_engine::Route { name: "straight".into(), transfer, ..Default::default() });
    setup
}

#[tokio::test]
async fn nobody_pays_from_an_account_that_they_type_in() {
    let refused = "this payment does not take that account";
    check(
        straight(),
        &[
            ("chat:9: pay chat:2 20 EUR", "chat:9 what with?"),
            // Anna's own, and anybody's.
            ("enrol 1 iban:FR2", refused),
            ("enrol 1 iban:DE9", refused),
            ("enrol 1 plastic:9", "chat:9 asks C1"),
        ],
    )
    .await;
}

#[tokio::test]
async fn an_account_that_the_other_side_has_is_not_taken() {
    check(
        straight(),
        &[
            ("chat:2: pay chat:6 20 EUR", "chat:6 where?"),
            ("enrol 1 iban:FR2", "this payment does not take that account"),
            ("enrol 1 iban:DE9", "chat:2 asks C1"),
            ("chat:2: C1", "chat:2 done, chat:6 received"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_stranger_makes_us_write_to_no_crowd() {
    let mut play = Play::new(open()).await;
    let mut heard = 0;
    for number in 0..40 {
        let told = play.step(&format!("chat:9: pay chat:{} 20 EUR", 100 + number)).await;
        heard += usize::from(told.contains("where?"));
    }
    assert_eq!(heard, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_use_one_link_at_once_one_is_taken_and_it_is_durable() {
    let mut play = Play::new(open()).await;
    play.step("chat:9: pay chat:2 20 EUR").await;
    let (engine, token) = (play.stage.engine.clone(), play.tokens[0].clone());
    let give = |number: usize| {
        let (engine, token) = (engine.clone(), token.clone());
        async move { engine.enrol(&token, handle(&format!("plastic:{number}")), "x".into(), true).await }
    };
    play.stage.store_fails("journal");
    assert!(matches!(give(0).await, Err(EnrolmentError::Store(_))));
    assert!(engine.enrolment(&token).await.is_ok(), "nothing is true that is not durable");
    play.stage.store_fails("nothing");
    let given = futures_util::future::join_all((1..=20).map(|number| tokio::spawn(give(number)))).await;
    let taken: Vec<bool> = given.into_iter().map(|given| given.unwrap().is_ok()).collect();
    assert_eq!(taken.iter().filter(|is_taken| **is_taken).count(), 1);
    assert!(matches!(engine.enrolment(&token).await, Err(EnrolmentError::Used)));
    let account = format!("plastic:{}", taken.iter().position(|is_taken| *is_taken).unwrap() + 1);
    play.step("crash").await;
    let page = sportello_engine::store::Page { limit: 9, ..Default::default() };
    let payments = play.stage.engine.store().payments(page).await.unwrap();
    let payer = payments[0].intent.payer.account.clone();
    assert_eq!(payer, Some(handle(&account)));
}
