//! Deadlines, limits, panics, hangs: what a call meets.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use sportello_host::{Ask, BreakerState, CallError, Reason, Sent, Spec};
use sportello_sdk::Failure;
use sportello_sdk::frames::Reply;
use tokio::sync::Semaphore;

use crate::world::{ok, open, spec, until};

#[tokio::test]
async fn parameters_go_out_as_they_stand() {
    let running = open(spec(), |asked| async move {
        ok(json!({ "method": asked.method, "params": asked.frame.params, "left_ms": asked.frame.deadline_ms - asked.frame.now_ms }))
    })
    .await;
    let check = async |ask: Ask<'_>, expected: Value| {
        let answer = running.ask(ask).await.unwrap();
        let got: Value = answer.decode().unwrap();
        assert_eq!((&got["method"], &got["params"]), (&expected["method"], &expected["params"]));
        assert!(got["left_ms"].as_u64().unwrap() <= 10_000);
        assert_eq!(answer.sent, Sent::Nothing);
    };
    check(
        Ask::new("submit", br#"{"key": "a", "amount": 1}"#),
        json!({ "method": "submit", "params": { "key": "a", "amount": 1 } }),
    )
    .await;
    check(Ask::new("inquire", b""), json!({ "method": "inquire", "params": null })).await;
    let answer = running.call("send", &("to", "anna")).await.unwrap();
    assert_eq!(answer.decode::<Value>().unwrap()["params"], json!(["to", "anna"]));
    assert!(matches!(answer.decode::<u8>().unwrap_err().reason, Reason::Broken(_)));
    assert_eq!(running.stats().calls, 3);
}

/// Tells when it is dropped.
struct Tells(Arc<AtomicUsize>);
impl Drop for Tells {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_call_ends_at_its_deadline() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&dropped);
    let running = open(spec(), move |asked| {
        let tells = Tells(Arc::clone(&seen));
        async move {
            let _tells = tells;
            match asked.method.as_str() {
                "sleeps" => {
                    let _ = asked.ask("sleep", json!({ "for_ms": 3_600_000 })).await;
                }
                _ => std::future::pending().await,
            }
            std::future::pending().await
        }
    })
    .await;
    for (round, method) in ["waits", "sleeps"].into_iter().enumerate() {
        let error = running.ask(Ask::new(method, b"").within(Duration::from_millis(300))).await.unwrap_err();
        assert_eq!(error, CallError { reason: Reason::Timeout { within_ms: 300 }, sent: Sent::Nothing });
        until(|| dropped.load(Ordering::SeqCst) == round + 1 && running.stats().in_flight == 0).await;
    }
    // Who stops waiting sooner gives the call up as well.
    let waiting = tokio::spawn({
        let running = running.clone();
        async move { running.ask(Ask::new("waits", b"")).await }
    });
    until(|| running.stats().in_flight == 1).await;
    waiting.abort();
    until(|| dropped.load(Ordering::SeqCst) == 3).await;
    let stats = running.stats();
    assert_eq!((stats.timeouts, stats.quarantined), (2, false));
}

#[tokio::test]
async fn panics_are_contained_where_there_is_no_fence() {
    let running = open(spec(), |asked| async move {
        assert_eq!(asked.method, "works", "told to");
        ok(json!(1))
    })
    .await;
    let error = running.ask(Ask::new("panics", b"")).await.unwrap_err();
    assert_eq!(error.reason, Reason::Panicked);
    assert!(error.is_panic());
    assert!(running.ask(Ask::new("works", b"")).await.is_ok());
    assert_eq!(running.stats().panics, 1);
}

#[tokio::test]
async fn a_defect_of_the_gateway_stays_on_its_side() {
    let running = open(spec(), |asked| async move {
        asked.ask("report", json!({ "key": "a", "outcome": { "outcome": "unknown", "because": "?" } })).await
    })
    .await;
    let error = running.ask(Ask::new("submit", b"")).await.unwrap_err();
    assert_eq!(error.failure().unwrap().code, "panicked", "{error}");
}

/// An instance whose calls wait until they are let go on, one for each permit.
async fn gated(spec: Spec) -> (sportello_host::Running, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let inner = Arc::clone(&gate);
    let running = open(spec, move |_| {
        let gate = Arc::clone(&inner);
        async move {
            gate.acquire().await.unwrap().forget();
            ok(json!(1))
        }
    })
    .await;
    (running, gate)
}

#[tokio::test]
async fn so_many_calls_at_once_and_so_many_that_wait() {
    let check = async |in_flight: usize, waiting: usize, calls: usize, expected_busy: usize| {
        let mut spec = spec();
        spec.limits.in_flight = in_flight;
        spec.limits.waiting = waiting;
        let (running, gate) = gated(spec).await;
        let asked: Vec<_> = (0..calls)
            .map(|_| {
                let running = running.clone();
                tokio::spawn(async move { running.ask(Ask::new("submit", b"")).await })
            })
            .collect();
        until(|| running.stats().refused == expected_busy as u64 && running.stats().calls == calls as u64).await;
        gate.add_permits(calls);
        let mut busy = 0;
        for asked in asked {
            match asked.await.unwrap() {
                Ok(answer) => assert_eq!(answer.sent, Sent::Nothing),
                Err(CallError { reason: Reason::Busy { .. }, sent: Sent::Nothing }) => busy += 1,
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(busy, expected_busy, "{in_flight} at once, {waiting} waiting, {calls} calls");
        until(|| running.stats().in_flight == 0).await;
    };
    check(1, 0, 1, 0).await;
    check(1, 0, 5, 4).await;
    check(2, 3, 10, 5).await;
    check(4, 100, 50, 0).await;
}

#[tokio::test]
async fn a_call_that_waits_in_vain_sent_nothing() {
    let mut spec = spec();
    spec.limits.in_flight = 1;
    let (running, gate) = gated(spec).await;
    let first = tokio::spawn({
        let running = running.clone();
        async move { running.ask(Ask::new("submit", b"")).await }
    });
    until(|| running.stats().in_flight == 1).await;
    let error = running.ask(Ask::new("submit", b"").within(Duration::from_millis(10))).await.unwrap_err();
    assert!(matches!(error.reason, Reason::Busy { .. }), "{error}");
    assert_eq!(error.sent, Sent::Nothing);
    gate.add_permits(1);
    assert!(first.await.unwrap().is_ok());
}

#[tokio::test]
async fn so_many_calls_a_second() {
    let mut spec = spec();
    spec.limits.per_second = 3;
    let running = open(spec, |_| async { ok(json!(1)) }).await;
    let mut passed = 0;
    for _ in 0..10 {
        match running.ask(Ask::new("submit", b"")).await {
            Ok(_) => passed += 1,
            Err(error) => assert!(error.retry_after_ms().is_some_and(|ms| ms <= 334), "{error}"),
        }
    }
    // One more where the ten took a third of a second.
    assert!((3..=4).contains(&passed), "{passed}");
}

#[tokio::test]
async fn a_plugin_without_its_provider_is_left_alone() {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&calls);
    let mut spec = spec();
    spec.breaker.failures_max = 3;
    spec.breaker.pause = Duration::from_secs(3600);
    spec.breaker.pause_max = Duration::from_secs(3600);
    let running = open(spec, move |asked| {
        seen.lock().unwrap().push(asked.method.clone());
        async move {
            match asked.method.as_str() {
                "unreachable" => Reply::failure(&Failure::provider("unreachable", "gone")),
                "input" => Reply::failure(&Failure::input("bad", "bad")),
                _ => ok(json!(1)),
            }
        }
    })
    .await;
    for method in
        ["unreachable", "unreachable", "input", "unreachable", "unreachable", "works", "unreachable", "unreachable"]
    {
        assert!(!matches!(
            running.ask(Ask::new(method, b"")).await,
            Err(CallError { reason: Reason::Resting { .. }, .. })
        ));
    }
    assert_eq!(running.stats().breaker, BreakerState::Closed);
    running.ask(Ask::new("unreachable", b"")).await.unwrap_err();
    assert_eq!(running.stats().breaker, BreakerState::Open);
    let before = calls.lock().unwrap().len();
    let error = running.ask(Ask::new("works", b"")).await.unwrap_err();
    assert!(matches!(error.reason, Reason::Resting { .. }), "{error}");
    assert_eq!((error.sent, calls.lock().unwrap().len()), (Sent::Nothing, before));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_hangs_is_called_no_more_and_hurts_itself_alone() {
    let (let_go, held) = std::sync::mpsc::channel::<()>();
    let held = Arc::new(Mutex::new(held));
    let mut hanging = spec();
    hanging.hang_grace = Duration::from_millis(20);
    let bad = open(hanging, move |_| {
        let held = Arc::clone(&held);
        async move {
            let _ = held.lock().unwrap().recv();
            ok(json!(1))
        }
    })
    .await;
    let good = open(spec(), |_| async { ok(json!(1)) }).await;
    let error = bad.ask(Ask::new("submit", b"").within(Duration::from_millis(500))).await.unwrap_err();
    assert!(matches!(error.reason, Reason::Timeout { .. }), "{error}");
    assert!(good.ask(Ask::new("submit", b"")).await.is_ok());
    until(|| bad.stats().quarantined).await;
    let error = bad.ask(Ask::new("submit", b"")).await.unwrap_err();
    assert_eq!(error, CallError { reason: Reason::Quarantined, sent: Sent::Nothing });
    assert!(good.ask(Ask::new("submit", b"")).await.is_ok());
    let drained = bad.drain(Duration::from_millis(1)).await;
    assert_eq!(drained.left(), 1);
    assert_eq!(drained.close().await.unwrap_err().reason, Reason::Quarantined);
    drop(let_go);
}
