//! What a script does that no plugin should, and how it is met. Whatever that is, another instance goes on.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use sportello_host::{Ask, CallError, Confinement, Exec, Loaded, Patience, Reason, Running, Spec};

use super::PATIENCE;
use crate::world::spec;

/// The villain, loaded; nothing where it cannot run.
async fn villain(patience: Patience) -> Option<Loaded> {
    let (program, reads) = super::interpreter("python3")?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/host/exec/villain.py");
    let exec = Exec::read(&[program.display().to_string(), script.display().to_string()], Path::new("/"), None);
    Some(
        exec.unwrap()
            .load(&reads, Confinement { memory_mb: 256, open_files: 64, ..Confinement::default() }, patience)
            .await
            .unwrap(),
    )
}

/// Long enough for a process that lives, on a machine that is busy.
const LONG: Duration = Duration::from_secs(60);

/// What nobody waits for longer than.
const SHORT: Duration = Duration::from_millis(200);

fn of(deadline: Duration) -> Spec {
    let mut spec = spec();
    spec.deadline = deadline;
    spec
}

async fn submit(running: &Running, what: &str) -> Result<Value, CallError> {
    submit_within(LONG, running, what).await
}

async fn submit_within(within: Duration, running: &Running, what: &str) -> Result<Value, CallError> {
    running.ask(Ask::new("submit", json!(what).to_string().as_bytes()).within(within)).await?.decode()
}

/// What came of it, in a word.
fn told(result: &Result<Value, CallError>) -> String {
    match result {
        Ok(value) => value.as_str().unwrap_or("?").to_owned(),
        Err(CallError { reason: Reason::Failed(failure), .. }) => format!("{}: {}", failure.code, failure.message),
        Err(CallError { reason: Reason::Timeout { .. }, .. }) => "late".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_does_its_worst_hurts_itself_alone() {
    let patience = Patience { ping: Duration::from_secs(3), ..PATIENCE };
    let Some(loaded) = villain(patience).await else { return };
    let innocent = loaded.open(of(LONG)).await.unwrap();
    // What it does; what comes of that call; and, where its process ends, why.
    let check = async |what: &str, within, expected: &str, ends: Option<&str>| {
        let running = loaded.open(of(LONG)).await.unwrap();
        let gone = running.gone();
        let result = submit_within(within, &running, what).await;
        assert!(told(&result).contains(expected), "{what}: {result:?}");
        // What it wrote as it ended is for the log, and not for a payment's history.
        let quoted = ["I have had enough", "MemoryError"].into_iter().find(|words| told(&result).contains(words));
        assert_eq!(quoted, None, "{what}");
        match ends {
            Some(why) => {
                let said = tokio::time::timeout(LONG, gone).await.unwrap();
                assert!(said.contains(why) && !said.contains("I have had enough"), "{what}: {said}");
                assert!(told(&submit(&running, "no more").await).starts_with("crashed: "), "{what}");
            }
            None => assert_eq!(told(&submit(&running, "nothing").await), "as agreed", "{what}"),
        }
        assert_eq!(told(&submit(&innocent, "nothing").await), "as agreed", "{what}");
    };
    check("print", LONG, "as agreed", None).await;
    check("twice", LONG, "first", None).await;
    check("deep", LONG, "recursion limit exceeded", None).await;
    check("huge", LONG, "at most 1048576 are taken", None).await;
    check("repeat", LONG, "as agreed", None).await;
    check("ask", LONG, "as agreed", None).await;
    check("silent", SHORT, "late", None).await;
    check("other", SHORT, "late", None).await;
    check("hang", SHORT, "late", Some("it hangs: it did not answer a ping within 3000 ms")).await;
    check("half", SHORT, "late", Some("it hangs")).await;
    check("flood", LONG, "crashed", Some("100 lines on its standard output were none of the protocol's")).await;
    check("endless", LONG, "crashed", Some("a line of more than 8 MiB")).await;
    check("exit", LONG, "crashed", Some("exit status: 3")).await;
    check("abort", LONG, "crashed", Some("signal: ")).await;
    check("close", LONG, "crashed", Some("it closed its standard output")).await;
    #[cfg(target_os = "linux")]
    check("crowd", LONG, "crashed", Some("it has more than 256 threads")).await;
    check("hoard", LONG, "crashed", Some("exit status: 1")).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_script_reaches_nothing_but_its_host() {
    let Some(loaded) = villain(PATIENCE).await else { return };
    let running = loaded.open(of(LONG)).await.unwrap();
    let check = async |what: &str, expected: &str| {
        assert_eq!(told(&submit(&running, what).await), expected, "{what}");
    };
    check("read", "Permission denied").await;
    check("list", "Permission denied").await;
    check("write", "Permission denied").await;
    check("rewrite", "Permission denied").await;
    check("unlink", "Function not implemented").await;
    check("shell", "Operation not permitted").await;
    check("another of its kind", "Operation not permitted").await;
    check("kill", "Operation not permitted").await;
    check("fork", "Operation not permitted").await;
    check("socket", "Operation not permitted").await;
    check("limits", "Operation not permitted").await;
    check("shared memory", "Operation not permitted").await;
    check("memory that grows", "Operation not permitted").await;
    check("memory made larger", "Function not implemented").await;
    check("memory that is its own", "done").await;
    for signalling in ["owner", "signal", "owner of a pipe", "group of a pipe", "asynchronous"] {
        check(signalling, "Operation not permitted").await;
    }
    check("flags", "done").await;
    check("threads", "done").await;
    check("event loop", "done").await;
    // Where the gateway is root, it is not; and its threads are counted.
    let user = running.ask(Ask::new("submit", b"\"user\"")).await.unwrap();
    assert!(user.decode::<bool>().unwrap(), "it is root, or may have threads without end");
    let environment = running.ask(Ask::new("submit", b"\"environment\"")).await.unwrap();
    let environment: std::collections::BTreeMap<String, String> = environment.decode().unwrap();
    assert!(environment.keys().all(|name| name.starts_with("LC_") || name == "LANG"), "{environment:?}");
}

/// Whoever changes what one process was started from has changed nothing of the next.
#[tokio::test]
async fn each_process_runs_a_copy_of_its_own_of_what_was_verified() {
    let Some(loaded) = villain(PATIENCE).await else { return };
    let first = loaded.open(of(LONG)).await.unwrap();
    let copy = std::path::PathBuf::from(told(&submit(&first, "where").await));
    assert!(copy.ends_with("villain.py") && copy.exists(), "{copy:?}");
    std::fs::remove_file(&copy).unwrap();
    std::fs::write(&copy, "import sys; sys.exit('another')").unwrap();
    let second = loaded.open(of(LONG)).await.unwrap();
    assert_eq!(told(&submit(&second, "nothing").await), "as agreed");
    assert_ne!(told(&submit(&second, "where").await), copy.display().to_string());
}

/// What the questions of one call are answered with, and how often, once all `count` are.
async fn answers_to(what: &str, count: u64) -> Option<Value> {
    let loaded = villain(PATIENCE).await?;
    let running = loaded.open(of(LONG)).await.unwrap();
    assert_eq!(told(&submit(&running, what).await), "as agreed");
    let counted = async || running.ask(Ask::new("inquire", b"null")).await.unwrap().decode::<Value>().unwrap();
    let counted = tokio::time::timeout(LONG, async {
        loop {
            let counted = counted().await;
            let sum: u64 = counted.as_object().unwrap().values().filter_map(Value::as_u64).sum();
            if sum == count {
                return counted;
            }
        }
    });
    Some(counted.await.unwrap())
}

#[tokio::test]
async fn questions_past_their_number_are_refused_and_end_with_their_call() {
    let Some(answers) = answers_to("ask", 400).await else { return };
    assert_eq!(answers, json!({ "too_many": 144, "call_over": 256 }));
}

/// Few questions can be much: each keeps the line that it came in.
#[tokio::test]
async fn questions_past_64_mib_together_are_refused() {
    let Some(answers) = answers_to("ask much", 16).await else { return };
    assert_eq!(answers, json!({ "too_many": 7, "call_over": 9 }));
}

#[tokio::test]
async fn who_does_not_read_is_asked_nothing_more_and_holds_up_nobody() {
    let Some(loaded) = villain(PATIENCE).await else { return };
    let mut spec = of(SHORT);
    spec.breaker.failures_max = 0;
    let running = loaded.open(spec).await.unwrap();
    assert_eq!(told(&submit_within(SHORT, &running, "hang").await), "late");
    let body = Bytes::from(vec![7; 4 << 20]);
    let mut told_of = Vec::new();
    for _ in 0..8 {
        let asked = running.ask(Ask::new("submit", b"\"nothing\"").body(body.clone())).await;
        told_of.push(told(&asked.and_then(|answer| answer.decode())));
    }
    let last = told_of.last().unwrap();
    assert!(last.starts_with("does_not_read: "), "{told_of:?}");
}
