//! `run`, which is started again for as long as it falls.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use sportello_host::{Ask, CallError, Reason, Sent};
use sportello_sdk::Failure;
use sportello_sdk::frames::Reply;

use crate::world::{ok, open, spec, until};

#[tokio::test]
async fn it_is_started_again_until_it_has_nothing_to_do() {
    // What the nth run does: f fails, p panics, u does not offer it, o has nothing more to do.
    let check = async |script: &'static str, expected_runs: usize| {
        let runs = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&runs);
        let running = open(spec(), move |asked| {
            assert_eq!(asked.method, "run");
            let run = seen.fetch_add(1, Ordering::SeqCst);
            async move {
                match script.chars().nth(run) {
                    Some('f') => Reply::failure(&Failure::provider("unreachable", "gone")),
                    Some('u') => Reply::failure(&Failure::unsupported("run")),
                    Some('p') => panic!("told to"),
                    _ => ok(json!(null)),
                }
            }
        })
        .await;
        running.start();
        running.start();
        until(|| runs.load(Ordering::SeqCst) == expected_runs && running.stats().in_flight == 0).await;
        let stats = running.stats();
        assert_eq!(stats.restarts, expected_runs as u64 - 1, "{script}");
        assert_eq!(stats.panics, script.chars().filter(|c| *c == 'p').count() as u64, "{script}");
    };
    check("o", 1).await;
    check("u", 1).await;
    check("ffo", 3).await;
    check("pfpo", 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_keeps_its_thread_is_found_out_and_takes_nobody_elses() {
    let (let_go, held) = std::sync::mpsc::channel::<()>();
    let held = Arc::new(Mutex::new(held));
    let keeping = Arc::new(AtomicUsize::new(0));
    let mut bad = Vec::new();
    // As many as there are workers.
    for _ in 0..2 {
        let mut hanging = spec();
        // It is time enough for it to open, however slow this machine is.
        hanging.deadline = Duration::from_secs(2);
        hanging.hang_grace = Duration::from_millis(20);
        let (held, keeping) = (Arc::clone(&held), Arc::clone(&keeping));
        let running = open(hanging, move |asked| {
            let (held, keeping) = (Arc::clone(&held), Arc::clone(&keeping));
            async move {
                if asked.method == "run" {
                    keeping.fetch_add(1, Ordering::SeqCst);
                    // Longer than anything here waits; but a test that fails must end.
                    let _ = held.lock().unwrap().recv_timeout(Duration::from_secs(30));
                }
                ok(json!(1))
            }
        })
        .await;
        running.start();
        bad.push(running);
    }
    let good = open(spec(), |_| async { ok(json!(1)) }).await;
    until(|| keeping.load(Ordering::SeqCst) == 2).await;
    assert!(good.ask(Ask::new("submit", b"")).await.is_ok());
    until(|| bad.iter().all(|bad| bad.stats().quarantined)).await;
    for bad in bad {
        let error = bad.ask(Ask::new("submit", b"")).await.unwrap_err();
        assert_eq!(error, CallError { reason: Reason::Quarantined, sent: Sent::Nothing });
        assert_eq!(bad.drain(Duration::from_millis(1)).await.left(), 1);
    }
    assert!(good.ask(Ask::new("submit", b"")).await.is_ok());
    drop(let_go);
}

#[tokio::test]
async fn one_that_waits_long_is_not_taken_for_one_that_hangs() {
    let mut patient = spec();
    patient.deadline = Duration::from_millis(700);
    patient.hang_grace = Duration::from_millis(20);
    let woken = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&woken);
    let running = open(patient, move |asked| {
        let seen = Arc::clone(&seen);
        async move {
            // Several times as long as it may keep its thread.
            let _ = asked.ask("sleep", json!({ "for_ms": 2_200 })).await;
            seen.fetch_add(1, Ordering::SeqCst);
            ok(json!(1))
        }
    })
    .await;
    running.start();
    until(|| woken.load(Ordering::SeqCst) == 1).await;
    assert!(!running.stats().quarantined);
}
