//! Handles that change hands: nobody pays from one, and no amount and no name is written to one, before it is proven.

use sportello_engine::Setup;
use sportello_engine::store::Page;

use crate::across::{Play, check, many};

const PAY: &str = "line:+3: pay chat:2 20 EUR";

#[tokio::test]
async fn a_message_waits_for_the_proof_of_its_number() {
    check(
        many(),
        &[
            (PAY, "line:+3 prove C1 (discreet)"),
            ("states", ""),
            ("line:+3: C1", "line:+3 asks C2"),
            ("line:+3: C2", "chat:2 received, line:+3 done"),
            // It is theirs from now on.
            ("line:+3: pay chat:2 30 EUR", "line:+3 asks C3"),
        ],
    )
    .await;
    // The proof and what waits for it outlive the gateway; also when the code itself has not left.
    check(
        many(),
        &[
            ("down line", ""),
            (PAY, ""),
            ("crash", ""),
            ("up line", ""),
            ("+ 1m", "line:+3 prove C1 (discreet)"),
            ("crash", ""),
            ("line:+3: C1", "line:+3 asks C2"),
            ("crash", ""),
            ("line:+3: pay chat:2 30 EUR", "line:+3 asks C3"),
        ],
    )
    .await;
    // Who is not known hears nothing but that, and talk that is nobody's secret needs no proof.
    check(
        many(),
        &[
            ("line:+9: pay chat:2 20 EUR", "line:+9 who? (discreet)"),
            ("line:+3: WRONG", "line:+3 no code awaited (discreet)"),
            ("line:+3: status", "line:+3 prove C1 (discreet)"),
            ("line:+3: C1", "line:+3 You have no payments among the latest here. (discreet)"),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_latest_message_alone_waits_and_asks_for_no_second_code() {
    let mut play = Play::new(many()).await;
    assert_eq!(play.step(PAY).await, "line:+3 prove C1 (discreet)");
    assert_eq!(play.step("line:+3: pay chat:2 30 EUR").await, "");
    assert_eq!(play.step("line:+3: pay chat:2 40 EUR").await, "");
    assert_eq!(play.step("line:+3: C1").await, "line:+3 asks C2");
    let payments = play.stage.engine.store().payments(Page { limit: 9, ..Page::default() }).await.unwrap();
    assert_eq!(payments.iter().map(|p| p.intent.amount.to_string()).collect::<Vec<_>>(), ["40.00 EUR"]);
    // What was proven once is proven: the code is no answer to anything any more.
    assert_eq!(play.step("line:+3: C1").await, "");
}

#[tokio::test]
async fn a_proof_goes_where_a_stranger_with_the_number_does_not_read_it() {
    check(
        many(),
        &[
            ("line:+4: pay chat:2 20 EUR", "chat:4 prove elsewhere C1 (discreet)"),
            // To read it is no proof of the number: it has to come from there.
            ("chat:4: C1", "chat:4 no code awaited (discreet)"),
            ("line:+4: C1", "line:+4 asks C2"),
        ],
    )
    .await;
    // A payment's code is an answer from wherever it comes, and proves no number that it was not sent to.
    check(
        many(),
        &[
            ("chat:4: pay chat:2 20 EUR", "chat:4 asks C1"),
            ("line:+4: C1", "chat:2 received, chat:4 done"),
            ("line:+4: pay chat:2 30 EUR", "chat:4 prove elsewhere C2 (discreet)"),
        ],
    )
    .await;
}

#[tokio::test]
async fn guesses_at_a_proof_are_counted_and_a_proof_has_an_end() {
    check(
        many(),
        &[
            (PAY, "line:+3 prove C1 (discreet)"),
            ("line:+3: 000001", "line:+3 wrong 2 (discreet)"),
            ("line:+3: 000001", ""),
            ("line:+3: 000002", "line:+3 wrong 1 (discreet)"),
            ("crash", ""),
            ("line:+3: 000003", "line:+3 wrong 0 (discreet)"),
            ("line:+3: C1", "line:+3 no code awaited (discreet)"),
            ("states", ""),
        ],
    )
    .await;
    check(
        many(),
        &[
            (PAY, "line:+3 prove C1 (discreet)"),
            ("+ 10m", ""),
            ("line:+3: C1", "line:+3 no code awaited (discreet)"),
            (PAY, "line:+3 prove C2 (discreet)"),
            ("line:+3: C2", "line:+3 asks C3"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_thousand_forged_messages_ask_for_five_proofs_a_day() {
    let mut play = Play::new(many()).await;
    let mut asked = 0;
    for _ in 0..40 {
        for _ in 0..10 {
            asked += usize::from(!play.step(PAY).await.is_empty());
        }
        play.step("+ 11m").await;
        // What a restart forgets is not how often it was asked.
        play.step("crash").await;
    }
    assert_eq!(asked, 5);
    play.step("+ 24h").await;
    assert!(play.step(PAY).await.starts_with("line:+3 prove"));
}

#[tokio::test]
async fn a_number_that_may_be_somebody_elses_is_proven_again() {
    // After its time; a right code from the number itself begins that time anew.
    check(
        many(),
        &[
            (PAY, "line:+3 prove C1 (discreet)"),
            ("line:+3: C1", "line:+3 asks C2"),
            ("line:+3: C2", "chat:2 received, line:+3 done"),
            ("+ 100d", ""),
            ("line:+3: pay chat:2 30 EUR", "line:+3 asks C3"),
            ("line:+3: C3", "chat:2 received, line:+3 done"),
            ("+ 179d", ""),
            ("line:+3: pay chat:2 30 EUR", "line:+3 asks C4"),
            ("+ 1d", "line:+3 expired"),
            ("line:+3: pay chat:2 30 EUR", "line:+3 prove C5 (discreet)"),
        ],
    )
    .await;
    // What the operator has verified is verified for as long.
    check(
        many(),
        &[
            ("+ 179d", ""),
            ("line:+1: pay chat:2 20 EUR", "line:+1 asks C1"),
            ("+ 1d", "line:+1 expired"),
            ("line:+1: pay chat:2 20 EUR", "chat:1 prove elsewhere C2 (discreet)"),
        ],
    )
    .await;
    // And when the provider says that nobody is there.
    let check_fate = async |fate: &str, again: &str| {
        check(
            many(),
            &[
                ("line:+1: pay chat:2 20 EUR", "line:+1 asks C1"),
                (&format!("receipt 1 {fate}"), ""),
                ("crash", ""),
                ("line:+1: pay chat:2 30 EUR", again),
            ],
        )
        .await;
    };
    check_fate("undeliverable", "chat:1 prove elsewhere C2 (discreet)").await;
    check_fate("expired", "line:+1 asks C2").await;
    check_fate("rejected", "line:+1 asks C2").await;
    check_fate("delivered", "line:+1 asks C2").await;
    check_fate("eaten_by_a_bear", "line:+1 asks C2").await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_undo_that_nobody_is_there() {
    use std::sync::atomic::Ordering;
    let mut play = Play::new(many()).await;
    play.step(PAY).await;
    assert_eq!(play.step("line:+3: C1").await, "line:+3 asks C2");
    play.stage.clock.now_ms.fetch_sub(500_000, Ordering::SeqCst);
    // The challenge found nobody.
    assert_eq!(play.step("receipt 2 undeliverable").await, "");
    assert_eq!(play.step("line:+3: pay chat:2 30 EUR").await, "line:+3 prove C3 (discreet)");
    // What the operator had verified, as it seems in the future, as well.
    let mut play = Play::new(many()).await;
    play.stage.clock.now_ms.fetch_sub(500_000, Ordering::SeqCst);
    assert_eq!(play.step("line:+1: pay chat:2 30 EUR").await, "line:+1 asks C1");
    assert_eq!(play.step("receipt 1 undeliverable").await, "");
    assert_eq!(play.step("line:+1: pay chat:2 40 EUR").await, "chat:1 prove elsewhere C2 (discreet)");
}

#[tokio::test]
async fn nothing_but_that_there_is_something_is_written_to_a_number_that_is_not_proven() {
    check(
        many(),
        &[
            ("chat:1: pay line:+3 20 EUR", "chat:1 asks C1"),
            ("chat:1: C1", "chat:1 done, line:+3 something arrived (discreet)"),
            ("chat:1: pay line:+2 20 EUR", "chat:1 asks C2"),
            ("chat:1: C2", "chat:1 done, line:+2 received"),
            // Where they were named, though they have another handle.
            ("chat:1: pay line:+4 20 EUR", "chat:1 asks C3"),
            ("chat:1: C3", "chat:1 done, line:+4 something arrived (discreet)"),
        ],
    )
    .await;
    // Who is asked for money learns how much, and by whom, after the proof.
    check(
        many(),
        &[
            ("chat:1: request 20 EUR from line:+3", "line:+3 prove to see C1 (discreet)"),
            ("journal", "note_delayed"),
            ("crash", ""),
            ("line:+3: C1", "line:+3 asks C2"),
            ("journal", "note_delayed, note_told"),
            ("line:+3: C2", "chat:1 received, line:+3 done"),
        ],
    )
    .await;
    // One who has another handle is asked there, and what nobody answered ends without a word of what it was.
    check(
        many(),
        &[
            ("chat:1: request 20 EUR from line:+4", "chat:4 asks C1"),
            ("chat:1: request 20 EUR from line:+3", "line:+3 prove to see C2 (discreet)"),
            ("chat:1: request 30 EUR from line:+3", ""),
            ("+ 10m", "chat:4 expired, line:+3 off (discreet), line:+3 off (discreet)"),
            ("states", "expired, expired, expired"),
        ],
    )
    .await;
    // One proof brings all that waited for it.
    check(
        many(),
        &[
            ("chat:1: request 20 EUR from line:+3", "line:+3 prove to see C1 (discreet)"),
            ("chat:1: request 30 EUR from line:+3", ""),
            ("line:+3: pay chat:2 40 EUR", ""),
            ("line:+3: C1", "line:+3 asks C2, line:+3 asks C3, line:+3 asks C4"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_number_that_is_asked_too_often_ends_in_the_journal() {
    let mut play = Play::new(many()).await;
    for _ in 0..5 {
        assert!(play.step("chat:1: request 20 EUR from line:+3").await.contains("prove to see"));
        play.step("+ 11m").await;
    }
    assert_eq!(play.step("chat:1: request 20 EUR from line:+3").await, "");
    assert!(play.step("journal").await.ends_with(", note_failed"));
}

#[tokio::test]
async fn every_language_asks_without_a_name_or_an_amount() {
    use sportello_model::grammar::Language;
    for language in [Language::En, Language::It, Language::Fr] {
        let mut setup: Setup = many();
        setup.profiles.iter_mut().for_each(|profile| profile.language = language);
        let play = Play::new(setup).await;
        let mut play = play;
        play.step(PAY).await;
        play.step("line:+4: pay chat:2 20 EUR").await;
        play.step("chat:1: request 20 EUR from line:+3").await;
        let asked = play.asked_for_proofs();
        assert_eq!(asked.len(), 2, "{asked:?}");
        for text in asked {
            let shown = text.replace("+4", "");
            let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
            assert_eq!(digits.len(), 6, "the code and nothing else: {text}");
            let names = ["20", "EUR", "€", "anna", "paolo", "luca", "gina", "chat"];
            let is_discreet = names.iter().filter(|name| **name != "20").all(|name| !shown.contains(name));
            assert!(is_discreet, "{text}");
        }
    }
}
