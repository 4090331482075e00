//! What is in doubt, and a store that fails: nothing is sent again that the rail has forgotten, nothing asked in vain.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sportello_model::payment::State;
use sportello_model::{Doubt, Note, Outcome, Report};
use sportello_sdk::Failure;

use crate::stage::{Stage, eur, handle, request, settled, setup};

#[tokio::test]
async fn an_order_is_sent_again_only_while_the_rail_knows_it() {
    // How long after the order the rail is up again, how often the order leaves, and what comes of it.
    let check = async |after_ms: u64, expected: (usize, State, usize)| {
        let mut setup = setup(0);
        for rail in &mut setup.rails {
            rail.facts.orders.values_mut().for_each(|doubt| *doubt = Doubt::Idempotent { for_ms: 3_600_000 });
        }
        let stage = Stage::with(setup).await;
        stage.world.answers.lock().push_back(sportello_engine::RailAnswer {
            by: None,
            may_have_left: true,
            result: Err(Failure::provider("timeout", "no answer")),
        });
        let created = stage.pay("k").await;
        // The question is due a second later, and nobody was there to ask it.
        while created.payment().await.version < 5 {
            tokio::task::yield_now().await;
        }
        stage.clock.now_ms.fetch_add(after_ms, Ordering::SeqCst);
        stage.time(after_ms);
        while created.payment().await.version < 6 {
            tokio::task::yield_now().await;
        }
        let payment = created.payment().await;
        let orders = stage.world.orders.lock().len();
        assert_eq!((orders, payment.state, payment.incidents.len()), expected, "{payment:?}");
    };
    check(60_000, (2, State::Completed, 0)).await;
    check(3_539_999, (2, State::Completed, 0)).await;
    check(3_540_000, (1, State::Transferring, 1)).await;
    check(7 * 86_400_000, (1, State::Transferring, 1)).await;
}

#[tokio::test]
async fn an_answer_is_kept_until_it_is_durable_and_the_rail_is_not_asked_again() {
    let stage = Stage::new(0).await;
    stage.world.answers.lock().push_back(sportello_engine::RailAnswer {
        by: None,
        may_have_left: true,
        result: Ok(Outcome::unknown("?")),
    });
    let created = stage.pay("k").await;
    while created.payment().await.version < 5 {
        tokio::task::yield_now().await;
    }
    stage.store_fails("balances");
    stage.time(10_000);
    while stage.clock.now_ms.load(Ordering::SeqCst) < 1_008_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(created.payment().await.state, State::Transferring, "nothing is true that is not durable");
    stage.store_fails("nothing");
    stage.time(60_000);
    created.ended().await;
    assert_eq!(*stage.world.asked.lock(), 1);
    stage.sums_to_zero().await;
}

#[tokio::test]
async fn a_note_whose_end_cannot_be_written_is_not_forgotten() {
    let stage = Stage::new(0).await;
    *stage.world.refuse_notes.lock() = vec![Failure::input("blocked", "blocked"); 2].into();
    stage.store_fails("journal WHEN new.version > 5");
    stage.time(60_000);
    stage.pay("k").await.ended().await;
    let told: [Note; 2] = [stage.note().await, stage.note().await];
    assert!(told.iter().any(|n| n.to == handle("chat:1")) && told.iter().any(|n| n.to == handle("chat:2")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_repeat_that_comes_at_the_same_time_waits_for_the_same_payment() {
    let stage = Arc::new(Stage::new(0).await);
    let repeats = (0..400).map(|n| {
        let stage = stage.clone();
        tokio::spawn(async move {
            let created = stage.engine.create(request(&format!("k{}", n / 4))).await.unwrap();
            created.ended().await;
            created.payment().await.state
        })
    });
    let all = futures_util::future::join_all(repeats.collect::<Vec<_>>());
    let states = tokio::time::timeout(Duration::from_secs(20), all).await.expect("somebody waits for ever");
    assert!(states.into_iter().all(|state| state.unwrap() == State::Completed));
    assert_eq!(stage.world.orders.lock().len(), 100);
}

#[tokio::test]
async fn a_payment_that_cannot_be_read_keeps_no_other_from_being_taken_up() {
    let stage = Stage::new(0).await;
    stage.hears("m1", "chat:1", "@sportello pay @anna 20 EUR", false).await;
    stage.hears("m2", "chat:1", "@sportello pay @anna 30 EUR", false).await;
    stage.code().await;
    assert!(stage.engine.drain(u64::MAX).await);
    stage.sql("UPDATE payments SET snapshot = x'00' WHERE id = (SELECT min(id) FROM payments)");
    let stage = stage.again().await;
    stage.time(600_000);
    assert!(stage.note().await.text.contains("30.00 EUR"), "the other one expires as it should");
}

/// Its rail never says: nothing is left to be done, and the order is out all the same. A start does not give it again, nor
/// ask; but whoever asks what is open at the rail hears of it, so that a rail that is off is opened for its sake.
#[tokio::test]
async fn an_order_that_nothing_is_left_to_be_done_for_is_open_after_a_start_and_left_alone() {
    let statements = || {
        let mut setup = setup(0);
        for rail in &mut setup.rails {
            rail.facts.orders.values_mut().for_each(|doubt| *doubt = Doubt::Statement);
        }
        setup
    };
    let stage = Stage::with(statements()).await;
    stage.world.answers.lock().push_back(sportello_engine::RailAnswer {
        by: None,
        may_have_left: true,
        result: Ok(Outcome::unknown("?")),
    });
    let created = stage.pay("k").await;
    while created.payment().await.incidents.is_empty() || stage.count("effects") > 0 {
        tokio::task::yield_now().await;
    }
    // One that has ended is not known again.
    stage.world.answers.lock().clear();
    stage.pay("another").await.ended().await;
    assert_eq!(stage.engine.open_at("bank").await, 1);
    let again = stage.again_with(statements()).await;
    assert_eq!((again.engine.open_at("bank").await, again.engine.payments_open_at("bank").await.len()), (1, 1));
    again.time(7 * 86_400_000);
    assert_eq!((again.world.orders.lock().len(), *again.world.asked.lock()), (2, 0));
}

/// One open order is no way to fill the journal, nor the memory of whoever reads it; and what it comes to is taken.
#[tokio::test]
async fn a_rail_that_reports_without_end_fills_no_journal() {
    let stage = Stage::new(0).await;
    stage.world.answers.lock().push_back(sportello_engine::RailAnswer {
        by: None,
        may_have_left: true,
        result: Err(Failure::provider("timeout", "x".repeat(1 << 20))),
    });
    let created = stage.pay("k").await;
    while created.payment().await.version < 5 {
        tokio::task::yield_now().await;
    }
    let key = format!("{}-1", created.id());
    let reports = async |outcome: Outcome| {
        stage.engine.report("bank", Report { key: key.clone(), outcome }).await.unwrap();
    };
    for n in 0..200 {
        reports(Outcome::unknown(format!("{n} {}", "x".repeat(1 << 20)))).await;
    }
    let payment = created.payment().await;
    assert!(payment.version <= 5 + 50, "{} changes", payment.version);
    assert_eq!(payment.attempts[0].word.as_ref().map(|word| word.chars().count()), Some(501));
    reports(settled(eur(2_000))).await;
    created.ended().await;
    assert_eq!(created.payment().await.state, State::Completed);
    let journal = stage.engine.store().journal(created.id()).await.unwrap();
    let len: usize = journal.iter().map(|entry| entry.entry.get().len()).sum();
    assert!(len < 60 * 1_024, "{len} bytes");
}
