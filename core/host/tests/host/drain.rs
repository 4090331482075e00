//! The end of an instance.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sportello_host::{Ask, CallError, Loaded, Reason, Sent};
use sportello_sdk::{Failure, Host, Order, Outcome, Rail, async_trait, dispatch, settings};
use tokio::sync::Semaphore;

use crate::world::{manifest, ok, open, spec, until};

#[tokio::test]
async fn what_is_under_way_is_finished_and_nothing_new_is_taken() {
    let gate = Arc::new(Semaphore::new(0));
    let inner = Arc::clone(&gate);
    let running = open(spec(), move |_| {
        let gate = Arc::clone(&inner);
        async move {
            gate.acquire().await.unwrap().forget();
            ok(json!("done"))
        }
    })
    .await;
    let under_way = tokio::spawn({
        let running = running.clone();
        async move { running.ask(Ask::new("submit", b"")).await }
    });
    until(|| running.stats().in_flight == 1).await;
    let draining = tokio::spawn(running.clone().drain(Duration::from_secs(10)));
    let refused = CallError { reason: Reason::Stopping, sent: Sent::Nothing };
    // `drain` is under way once a call is refused; until then, calls given up at once do no harm.
    loop {
        match running.ask(Ask::new("submit", b"").within(Duration::from_millis(1))).await {
            Err(error) if error == refused => break,
            _ => tokio::task::yield_now().await,
        }
    }
    gate.add_permits(1);
    assert_eq!(under_way.await.unwrap().unwrap().decode::<String>().unwrap(), "done");
    let drained = draining.await.unwrap();
    assert_eq!(drained.left(), 0);
    drained.close().await.unwrap();
    assert_eq!(running.ask(Ask::new("submit", b"")).await.unwrap_err(), refused);
}

#[tokio::test]
async fn what_does_not_finish_is_left_behind() {
    let running = open(spec(), |_| std::future::pending()).await;
    let waiting = tokio::spawn({
        let running = running.clone();
        async move { running.ask(Ask::new("submit", b"")).await }
    });
    until(|| running.stats().in_flight == 1).await;
    let drained = running.drain(Duration::from_millis(5)).await;
    assert_eq!(drained.left(), 1);
    drained.close().await.unwrap();
    waiting.abort();
}

settings! {
    /// Nothing to set.
    struct Nothing {}
}

/// Never says goodbye.
struct Stays;

#[async_trait]
impl Rail for Stays {
    type Settings = Nothing;

    async fn open(_: Nothing, _: &Host) -> Result<Self, Failure> {
        Ok(Self)
    }

    async fn submit(&self, _: Order, _: &Host) -> Result<Outcome, Failure> {
        Ok(Outcome::unknown("it carries out nothing"))
    }

    async fn close(&self, _: &Host) -> Result<(), Failure> {
        std::future::pending().await
    }
}

/// However long its calls may take, nobody waits so long for it to be gone.
#[tokio::test]
async fn who_never_says_goodbye_is_not_waited_for() {
    let mut spec = spec();
    spec.deadline = Duration::from_secs(3_600);
    let running = Loaded::built_in(manifest(&[]), dispatch::rail::<Stays>).open(spec).await.unwrap();
    let drained = running.drain(Duration::from_secs(10)).await;
    let closed = tokio::time::timeout(Duration::from_secs(60), drained.close()).await.unwrap();
    assert!(matches!(closed.unwrap_err().reason, Reason::Timeout { .. }));
}

#[tokio::test]
async fn run_ends_with_its_instance() {
    let running = open(spec(), |asked| async move {
        let _ = asked.ask("sleep", json!({ "for_ms": 3_600_000 })).await;
        ok(json!(null))
    })
    .await;
    running.start();
    until(|| running.stats().in_flight == 1).await;
    let drained = running.clone().drain(Duration::from_secs(10)).await;
    assert_eq!((drained.left(), running.stats().restarts), (0, 0));
    drained.close().await.unwrap();
}

#[tokio::test]
async fn run_goes_on_until_the_calls_that_it_answers_have_ended() {
    let gate = Arc::new(Semaphore::new(0));
    let inner = Arc::clone(&gate);
    let running = open(spec(), move |asked| {
        let gate = Arc::clone(&inner);
        async move {
            if asked.method == "run" {
                // Tells what waits once the instance takes nothing new, and not before.
                while !asked.ask("sleep", json!({ "for_ms": 1 })).await.ok || gate.available_permits() == 0 {}
                gate.close();
                std::future::pending::<()>().await;
            }
            while !gate.is_closed() {
                tokio::task::yield_now().await;
            }
            ok(json!("answered"))
        }
    })
    .await;
    running.start();
    let under_way = tokio::spawn({
        let running = running.clone();
        async move { running.ask(Ask::new("submit", b"")).await }
    });
    until(|| running.stats().in_flight == 2).await;
    let draining = running.clone().drain(Duration::from_secs(10));
    let drained = async {
        tokio::pin!(draining);
        // Polled once, it has stopped the instance.
        assert!(sportello_sdk::testing::poll_once(draining.as_mut()).is_pending());
        gate.add_permits(1);
        draining.await
    };
    assert_eq!(drained.await.left(), 0);
    assert_eq!(under_way.await.unwrap().unwrap().decode::<String>().unwrap(), "answered");
}
