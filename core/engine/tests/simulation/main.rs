//! The engine against rails and channels that play a script, with no plugin, no network and a clock that jumps.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly: that is what it is for")]

mod across;
mod changed;
mod chaos;
mod doubt;
mod enrolled;
mod forged;
mod outage;
mod proofs;
mod random;
mod repeats;
mod reversed;
mod stage;
mod verdict;
mod wordings;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use async_trait::async_trait;
use sportello_engine::{CodeKey, Engine, Parts, Ports, RailAnswer, Store};
use sportello_model::payment::State;
use sportello_model::{Change, Inquiry, Message, Note, Order, Outcome, Sent};
use sportello_sdk::Failure;
use stage::{Counting, Stage, World, eur, handle, request, setup};
use tokio::sync::Notify;

const PAY: &str = "@sportello pay @anna 20 EUR";

#[tokio::test]
async fn a_post_is_confirmed_by_its_code_and_paid() {
    let stage = Stage::new(0).await;
    assert!(stage.hears("m1", "chat:1", PAY, false).await);
    let code = stage.code().await;
    assert!(stage.world.orders.lock().is_empty(), "nothing moves before the code");
    assert!(stage.hears("m2", "chat:1", &code, true).await);
    let mut notes = [stage.note().await, stage.note().await, stage.note().await];
    notes.sort_by_key(|n| (n.private, n.to.clone()));
    assert_eq!(
        notes.iter().map(|n| (n.private, n.to.to_string())).collect::<Vec<_>>(),
        [(false, "chat:1".into()), (true, "chat:1".into()), (true, "chat:2".into())]
    );
    let public = &notes[0].text;
    assert!(!public.contains(|c: char| c.is_ascii_digit()) && !public.contains("anna"), "{public}");
    let orders = stage.world.orders.lock().clone();
    assert_eq!(orders.len(), 1);
    assert_eq!((orders[0].amount, orders[0].creditor.account.to_string()), (eur(2000), "iban:FR2".into()));
    stage.sums_to_zero().await;
}

#[tokio::test]
async fn the_same_message_twice_is_one_payment() {
    let stage = Stage::new(0).await;
    assert!(stage.hears("m1", "chat:1", PAY, false).await);
    assert!(!stage.hears("m1", "chat:1", PAY, false).await);
    let payments =
        stage.engine.store().payments(sportello_engine::store::Page { limit: 9, ..Default::default() }).await;
    assert_eq!(payments.unwrap().len(), 1);
}

#[tokio::test]
async fn wrong_codes_end_the_payment_and_a_strangers_code_is_nothing() {
    let stage = Stage::new(0).await;
    stage.hears("m1", "chat:1", PAY, false).await;
    let code = stage.code().await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    stage.hears("x", "chat:2", &code, true).await;
    assert_eq!(stage.note().await.to, handle("chat:2"));
    for (n, expected) in ["2.", "1.", "Too many"].iter().enumerate() {
        stage.hears(&format!("w{n}"), "chat:1", wrong, true).await;
        let text = stage.note().await.text;
        assert!(text.contains(expected), "{text}");
    }
    stage.hears("late", "chat:1", &code, true).await;
    assert!(stage.world.orders.lock().is_empty());
}

#[tokio::test]
async fn nobody_confirms_and_it_expires() {
    let stage = Stage::new(0).await;
    stage.hears("m1", "chat:1", PAY, false).await;
    stage.code().await;
    stage.time(600_000);
    assert!(stage.note().await.text.contains("expired"));
}

#[tokio::test]
async fn an_edit_supersedes_and_a_deletion_cancels() {
    use wordings::change;
    let stage = Stage::new(0).await;
    stage.hears("m1", "chat:1", PAY, false).await;
    stage.code().await;
    let edited = change("m1b", Change::Edited, "@sportello pay @anna 30 EUR");
    assert!(stage.engine.message("chat", edited.clone()).await.unwrap().fresh);
    let notes = [stage.note().await.text, stage.note().await.text].concat();
    assert!(notes.contains("edited") && notes.contains("30.00 EUR"), "{notes}");
    assert!(!stage.engine.message("chat", edited).await.unwrap().fresh);
    // An edit into nothing calls it off, and one into a payment begins anew.
    let nothing = change("m1c", Change::Edited, "@sportello oops");
    assert!(stage.engine.message("chat", nothing).await.unwrap().fresh);
    let notes = [stage.note().await.text, stage.note().await.text].concat();
    assert!(notes.contains("edited"), "{notes}");
    let again = change("m1d", Change::Edited, "@sportello pay @anna 40 EUR");
    assert!(stage.engine.message("chat", again).await.unwrap().fresh);
    assert!(stage.note().await.text.contains("40.00 EUR"));
    stage.engine.message("chat", change("m1:deleted", Change::Deleted, "")).await.unwrap();
    assert!(stage.note().await.text.contains("is off"));
    let page = sportello_engine::store::Page { limit: 9, ..Default::default() };
    let states: Vec<_> = stage.engine.store().payments(page).await.unwrap().iter().map(|p| p.state).collect();
    assert_eq!(states, [State::Cancelled; 3]);
}

#[tokio::test]
async fn a_deletion_that_overtakes_its_message_voids_it() {
    let stage = Stage::new(0).await;
    let deleted = Message {
        id: Some("m1:deleted".into()),
        first_id: Some("m1".into()),
        change: Change::Deleted,
        from: handle("chat:1"),
        from_name: None,
        text: String::new(),
        private: false,
        mentions: vec![],
        in_reply_to: None,
        written_at_ms: None,
    };
    stage.engine.message("chat", deleted).await.unwrap();
    assert!(!stage.hears("m1", "chat:1", PAY, false).await);
}

/// What a script of answers ends in: the state, how many orders left, and under how many keys.
async fn check(answers: Vec<RailAnswer>, inquiries: Vec<Outcome>, expected: (State, usize)) {
    let stage = Stage::new(0).await;
    *stage.world.answers.lock() = answers.into();
    *stage.world.inquiries.lock() = inquiries.into();
    stage.time(3_600_000);
    let created = stage.pay("k").await;
    created.ended().await;
    let payment = created.payment().await;
    let orders = stage.world.orders.lock().clone();
    assert_eq!((payment.state, orders.len()), expected, "{payment:?}");
    let mut keys: Vec<_> = orders.iter().map(|o| &o.key).collect();
    keys.dedup();
    assert_eq!(keys.len(), orders.len(), "a key was used twice");
    stage.sums_to_zero().await;
}

#[tokio::test]
async fn answers_of_rails() {
    let sent = |result| RailAnswer { by: None, may_have_left: true, result };
    let not_sent = |result| RailAnswer { by: None, may_have_left: false, result };
    let declined = |elsewhere| Outcome::Declined { code: "AM04".into(), reason: "no money".into(), elsewhere };
    let failure = || Failure::provider("unreachable", "no route");
    let pending = Outcome::Pending { reference: None, detail: "in hand".into(), ask_after_ms: None };

    check(vec![], vec![], (State::Completed, 1)).await;
    check(vec![sent(Ok(declined(false)))], vec![], (State::Declined, 1)).await;
    check(vec![sent(Ok(declined(true)))], vec![], (State::Completed, 2)).await;
    // Bytes may have left: asked about, and never sent to another rail.
    check(vec![sent(Err(failure()))], vec![], (State::Completed, 1)).await;
    check(vec![sent(Err(failure()))], vec![Outcome::unknown("?"), declined(false)], (State::Declined, 1)).await;
    check(vec![sent(Ok(Outcome::Unrecognised))], vec![], (State::Completed, 1)).await;
    check(vec![sent(Ok(pending.clone()))], vec![pending.clone(), pending], (State::Completed, 1)).await;
    // The host attests that nothing left: the next rail.
    check(vec![not_sent(Err(failure()))], vec![], (State::Completed, 2)).await;
    let never = || not_sent(Err(failure()));
    check(vec![never(), never(), never(), never()], vec![], (State::Declined, 4)).await;
}

#[tokio::test]
async fn a_repeat_under_one_idempotency_key_is_one_payment() {
    let stage = Stage::new(0).await;
    let first = stage.pay("k").await;
    first.ended().await;
    let again = stage.pay("k").await;
    assert!(again.replayed && again.id() == first.id());
    assert_eq!(stage.world.orders.lock().len(), 1);
}

#[tokio::test]
async fn what_was_in_flight_at_a_crash_is_asked_about_and_never_sent_again() {
    let stage = Stage::new(0).await;
    // The rail never answers, and the gateway goes away.
    struct Hangs(Arc<World>, Notify);
    #[async_trait]
    impl Ports for Hangs {
        async fn submit(&self, _: &str, order: &Order) -> RailAnswer {
            self.0.orders.lock().push(order.clone());
            self.1.notify_one();
            std::future::pending().await
        }
        async fn inquire(&self, rail: &str, inquiry: &Inquiry) -> Result<Outcome, Failure> {
            self.0.inquire(rail, inquiry).await
        }
        async fn send(&self, channel: &str, note: &Note) -> Result<Sent, Failure> {
            self.0.send(channel, note).await
        }
    }
    let hangs = Arc::new(Hangs(stage.world.clone(), Notify::new()));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let (ports, clock) = (hangs.clone(), stage.clock.clone());
    // A runtime of its own, dropped in mid-flight: as near to a crash as one process comes.
    let crashed = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let id = runtime.block_on(async {
            let parts = Parts {
                setup: setup(0),
                store: Store::open(&path.join("s.db")).unwrap(),
                ports: ports.clone(),
                clock: clock.clone(),
                entropy: Arc::new(Counting(AtomicU64::new(7))),
                code_key: CodeKey([7; 32]),
            };
            let engine = Engine::start(parts).await.unwrap();
            let created = engine.create(request("k")).await.unwrap();
            ports.1.notified().await;
            created.id()
        });
        drop(runtime);
        id
    });
    let id = tokio::task::spawn_blocking(move || crashed.join().unwrap()).await.unwrap();
    // The old writer lets go of the file once its thread has ended.
    let engine = loop {
        match Store::open(&folder.path().join("s.db")) {
            Ok(store) => {
                let parts = Parts {
                    setup: setup(0),
                    store,
                    ports: stage.world.clone(),
                    clock: stage.clock.clone(),
                    entropy: Arc::new(Counting(AtomicU64::new(9))),
                    code_key: CodeKey([7; 32]),
                };
                break Engine::start(parts).await.unwrap();
            }
            Err(_) => tokio::task::yield_now().await,
        }
    };
    stage.time(3_600_000);
    let told = stage.note().await;
    assert!(told.text.contains("Done"), "{told:?}");
    assert_eq!(engine.payment(id).await.unwrap().unwrap().state, State::Completed);
    assert_eq!(stage.world.orders.lock().len(), 1, "the order left once");
}

#[tokio::test]
async fn whoever_hangs_up_stops_no_payment() {
    let stage = Stage::new(0).await;
    // Polled until it waits for the disk, and dropped there, as a server drops what it does for a caller who went away.
    {
        let mut created = std::pin::pin!(stage.engine.create(request("k")));
        let mut nobody = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(created.as_mut().poll(&mut nobody).is_pending());
    }
    assert!(stage.engine.drain(u64::MAX).await);
    assert_eq!(stage.world.orders.lock().len(), 1);
    let page = sportello_engine::store::Page { limit: 9, ..Default::default() };
    let payments = stage.engine.store().payments(page).await.unwrap();
    assert_eq!(payments.iter().map(|p| p.state).collect::<Vec<_>>(), [State::Completed]);
}

#[tokio::test]
async fn a_bot_is_not_answered_for_ever() {
    let stage = Stage::new(0).await;
    for n in 0..20 {
        stage.hears(&format!("b{n}"), "chat:2", &format!("I am a bot, message {n}"), true).await;
    }
    assert!(stage.engine.drain(u64::MAX).await);
    assert_eq!(stage.world.notes.lock().len(), 3);
    // One that knows the commands hears more, and not for ever.
    let stage = Stage::new(0).await;
    for n in 0..200 {
        stage.hears(&format!("c{n}"), "chat:2", "help", true).await;
    }
    assert!(stage.engine.drain(u64::MAX).await);
    assert_eq!(stage.world.notes.lock().len(), 50);
}

#[tokio::test]
async fn a_note_that_cannot_be_delivered_is_tried_again_and_delays_no_payment() {
    let stage = Stage::new(0).await;
    *stage.world.refuse_notes.lock() = vec![Failure::provider("down", "down").retry_after(1_000); 3].into();
    stage.pay("k").await.ended().await;
    stage.time(3_600_000);
    let notes = [stage.note().await, stage.note().await];
    assert!(notes.iter().any(|n| n.to == handle("chat:1")) && notes.iter().any(|n| n.to == handle("chat:2")));
}

#[tokio::test]
async fn the_journal_is_a_chain() {
    use sha2::{Digest, Sha256};
    let stage = Stage::new(0).await;
    let created = stage.pay("k").await;
    created.ended().await;
    let journal = stage.engine.store().journal(created.id()).await.unwrap();
    assert_eq!(journal.len(), 3, "three commits: made, sent, answered");
    let mut before = [0u8; 32];
    for entry in journal {
        before = Sha256::new().chain_update(before).chain_update(entry.entry.get()).finalize().into();
        let written: String = before.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(entry.hash, written);
    }
}

#[tokio::test]
async fn small_amounts_pass_without_a_code_and_one_gateway_holds_a_store() {
    let stage = Stage::new(2000).await;
    stage.hears("m1", "chat:1", PAY, false).await;
    assert!(stage.note().await.text.contains("Done"));
    assert!(Store::open(&stage.folder.path().join("s.db")).is_err(), "a second gateway on one store");
}
