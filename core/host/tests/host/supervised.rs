//! `run`, which is started again for as long as it falls.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
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
