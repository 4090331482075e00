//! Edits and deletions that come at the same time, late, or out of order: one message is one payment at most.

use sportello_engine::store::Page;
use sportello_model::payment::State;
use sportello_model::{Change, Mention, Message};

use crate::stage::{Stage, handle};

/// An edit or a deletion of what came as `m1`.
pub(crate) fn change(id: &str, change: Change, text: &str) -> Message {
    Message {
        id: Some(id.into()),
        first_id: Some("m1".into()),
        change,
        from: handle("chat:1"),
        from_name: None,
        text: text.into(),
        private: false,
        mentions: vec![Mention { name: handle("chat:@anna"), handle: handle("chat:2") }],
        in_reply_to: None,
        written_at_ms: None,
    }
}

async fn states(stage: &Stage) -> Vec<State> {
    let page = Page { limit: 99, ..Page::default() };
    stage.engine.store().payments(page).await.unwrap().iter().map(|p| p.state).collect()
}

/// What comes in one after the other, and then what comes in at the same time; and how many payments are not called off.
async fn check(exempt: u64, before: &[&Message], at_once: &[Message], expected: usize) {
    let stage = Stage::new(exempt).await;
    for message in before {
        stage.engine.message("chat", (*message).clone()).await.unwrap();
    }
    let taken = at_once.iter().map(|message| stage.engine.message("chat", message.clone()));
    for accepted in futures_util::future::join_all(taken).await {
        accepted.unwrap();
    }
    let states = states(&stage).await;
    let open = states.iter().filter(|state| **state != State::Cancelled).count();
    assert_eq!(open, expected, "{before:?} {at_once:?} {states:?}");
}

#[tokio::test]
async fn one_message_is_one_payment_whatever_becomes_of_its_wording() {
    let pay = change("m1", Change::Written, "@sportello pay @anna 20 EUR");
    let unclear = change("m1", Change::Written, "@sportello oops");
    let nothing = change("m1a", Change::Edited, "@sportello oops");
    let edits: Vec<_> = (0..6)
        .map(|n| change(&format!("e{n}"), Change::Edited, &format!("@sportello pay @anna {n}5 EUR")))
        .filter(|edit| !edit.text.contains(" 05 "))
        .collect();
    let gone = change("gone", Change::Deleted, "");
    let with = |more: &Message| edits.iter().chain([more]).cloned().collect::<Vec<_>>();
    for exempt in [0, 10_000] {
        // Below the limit nothing is asked before it is paid: the first one to be taken stays.
        check(exempt, &[&pay], &edits, 1).await;
        check(exempt, &[&unclear], &edits, 1).await;
        check(exempt, &[], &edits, 1).await;
        check(exempt, &[], &with(&pay), 1).await;
    }
    check(0, &[&pay, &nothing], &edits, 1).await;
    // Nothing follows a deletion, wherever it stands among what it deletes.
    check(0, &[&pay, &gone], &edits, 0).await;
    check(0, &[&pay], &with(&gone), 0).await;
    check(10_000, &[&unclear, &gone], &edits, 0).await;
    check(10_000, &[&gone], &with(&pay), 0).await;
}
