//! A channel that is down delays notes, never payments; and what the provider says became of them.

use sportello_engine::store::Page;
use sportello_model::payment::Audience;
use sportello_sdk::Failure;

use crate::across::{Play, check, many};

#[tokio::test]
async fn an_outage_delays_notes_and_never_payments() {
    check(
        many(),
        &[
            ("down line", ""),
            ("chat:1: pay line:+2 20 EUR", "chat:1 asks C1"),
            ("chat:1: C1", "chat:1 done"),
            ("states", "completed"),
            ("journal", "note_delayed"),
            ("+ 3h", ""),
            ("crash", ""),
            ("+ 5h", ""),
            ("journal", "note_delayed"),
            ("up line", ""),
            ("+ 1h", "line:+2 received"),
            ("journal", "note_delayed, note_told"),
            ("+ 25h", ""),
        ],
    )
    .await;
    // It has an end, and the journal says so.
    check(
        many(),
        &[
            ("down line", ""),
            ("chat:1: pay line:+2 20 EUR", "chat:1 asks C1"),
            ("chat:1: C1", "chat:1 done"),
            ("+ 25h", ""),
            ("journal", "note_delayed, note_failed"),
            ("up line", ""),
            ("+ 25h", ""),
            ("states", "completed"),
        ],
    )
    .await;
    // What was asked and nobody answered is asked no more; how it ended is still told.
    check(
        many(),
        &[
            ("down line", ""),
            ("line:+1: pay chat:2 20 EUR", ""),
            ("+ 11m", ""),
            ("states", "expired"),
            ("up line", ""),
            ("+ 2h", "line:+1 expired"),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_is_refused_for_good_is_tried_on_the_next_way() {
    check(
        many(),
        &[
            ("refuses line", ""),
            ("chat:1: pay line:+2 20 EUR", "chat:1 asks C1"),
            ("chat:1: C1", "chat:1 done, chat:2 received"),
            ("journal", "note_delayed, note_told"),
            ("refuses chat", ""),
            ("refuses west", ""),
            ("talk:east/1: pay line:+2 30 EUR", "talk:east/1 asks C2"),
            ("talk:east/1: C2", "talk:east/1 done"),
            // No way to Anna is open any more.
            ("journal", "note_delayed, note_told, note_delayed, note_failed"),
        ],
    )
    .await;
    // To a number that is not proven it says as little as the first time.
    check(
        many(),
        &[
            ("refuses chat", ""),
            ("talk:east/1: pay chat:4 20 EUR", "talk:east/1 asks C1"),
            ("talk:east/1: C1", "line:+4 something arrived (discreet), talk:east/1 done"),
            // And the number is not asked to prove itself by itself, where there is another handle to prove it by.
            ("talk:east/1: request 20 EUR from chat:4", ""),
            ("journal", "note_delayed, note_told, note_delayed, note_failed"),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_waits_can_be_looked_at() {
    let mut play = Play::new(many()).await;
    play.step("down line").await;
    play.step("chat:1: pay line:+2 20 EUR").await;
    play.step("chat:1: C1").await;
    let id = play
        .stage
        .engine
        .store()
        .payments(sportello_engine::store::Page { limit: 1, ..Default::default() })
        .await
        .unwrap()[0]
        .id;
    let mut tries = Vec::new();
    for _ in 0..24 {
        let waiting = play.stage.engine.waiting_notes(id);
        let [note] = waiting.as_slice() else { unreachable!("{waiting:?}") };
        assert_eq!(
            (note.audience, note.about.name(), note.because.as_str()),
            (Audience::Payee, "completed", "down (down)")
        );
        assert!(note.next_at_ms > play.now() && note.next_at_ms <= play.now() + 3_600_000, "{note:?}");
        tries.push(note.tries);
        play.step("+ 55m").await;
        play.step("crash").await;
    }
    assert!(tries.is_sorted() && *tries.last().unwrap() < 40, "often at first, once an hour later: {tries:?}");
    play.step("up line").await;
    play.step("+ 1h").await;
    assert_eq!(play.stage.engine.waiting_notes(id), []);
}

#[tokio::test]
async fn receipts_are_matched_and_journalled_once() {
    check(
        many(),
        &[
            ("chat:1: pay line:+2 20 EUR", "chat:1 asks C1"),
            ("chat:1: C1", "chat:1 done, line:+2 received"),
            ("receipt 3 delivered", ""),
            ("journal", "note_delivered"),
            ("receipt 3 delivered", ""),
            ("receipt 3 expired", ""),
            ("crash", ""),
            ("receipt 3 rejected", ""),
            ("journal", "note_delivered"),
            // Those of a channel that tells nothing more of its notes are nobody's.
            ("receipt 1 delivered", "unknown_note"),
            // One that overtakes the end of its note comes again, and is known then.
            ("receipt 4 expired", "unknown_note"),
            ("line:+1: pay line:+2 30 EUR", "line:+1 asks C2"),
            ("receipt 4 expired", ""),
            ("journal", "note_delivered, note_undelivered"),
            // What belongs to no payment has nowhere to be written down.
            ("line:+9: help", "line:+9 I send money for you. Write for example: @sportello pay @anna 20 € for the pizza. I then ask you for a code in private. I also understand: request, cancel, status."),
            ("receipt 5 delivered", ""),
            ("journal", "note_delivered, note_undelivered"),
        ],
    )
    .await;
}

#[tokio::test]
async fn whoever_is_named_by_a_handle_hears_there() {
    let check = async |payee: &str, hears: &str| {
        let (pay, done) =
            (format!("chat:1! pay {payee} 20 EUR"), format!("chat:1 done, chat:1 in public done (discreet), {hears}"));
        check(many(), &[(&pay, "chat:1 asks C1"), ("chat:1: C1", &done)]).await;
    };
    check("line:+2", "line:+2 received").await;
    check("chat:2", "chat:2 received").await;
    check("talk:west/2", "talk:west/2 received").await;
}

#[tokio::test]
async fn what_a_provider_says_is_journalled_without_what_may_be_a_code() {
    let mut play = Play::new(many()).await;
    let says = "rejected: \u{1b}]0;pwn\u{7} \"answer with this code: 123456\"".to_owned() + &"!".repeat(5_000);
    play.stage.world.refuse_notes.lock().push_back(Failure::provider("odd", says).retry_after(1));
    play.step("line:+1: pay chat:2 20 EUR").await;
    let id = play.stage.engine.store().payments(Page { limit: 1, ..Page::default() }).await.unwrap()[0].id;
    let because = play.stage.engine.waiting_notes(id).remove(0).because;
    play.step("+ 1m").await;
    play.step("receipt 1 rejected").await;
    let journal = play.stage.engine.store().journal(id).await.unwrap();
    let entries: String = journal.iter().map(|entry| entry.entry.get()).collect();
    assert!(entries.contains("note_delayed") && entries.contains("note_undelivered"), "{entries}");
    for text in [&entries, &because] {
        assert!(!text.contains("123456") && !text.contains("u001b") && !text.contains('\u{1b}'), "{text}");
    }
    assert!(because.chars().count() <= 201 && entries.len() < 3_000, "{because} {}", entries.len());
}

#[tokio::test]
async fn the_journal_says_which_channel_carried_a_note_that_was_refused_elsewhere() {
    let mut play = Play::new(many()).await;
    play.step("refuses chat").await;
    assert_eq!(play.step("chat:1: pay chat:2 20 EUR").await, "line:+1 asks C1");
    let id = play.stage.engine.store().payments(Page { limit: 1, ..Page::default() }).await.unwrap()[0].id;
    let journal = play.stage.engine.store().journal(id).await.unwrap();
    let last = journal.last().unwrap().entry.get();
    assert!(last.contains(r#""event":"note_told""#) && last.contains(r#""channel":"line""#), "{last}");
}
