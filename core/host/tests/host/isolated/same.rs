//! What a plugin does for its host is the same wherever it lives: each row once in this process, and once in one of its
//! own.

use std::time::Duration;

use serde_json::json;
use sportello_host::{Ask, Declared, Loaded, OpenError, Reason, Running, Sent, use_program};
use sportello_sdk::Outcome;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{attempt, escapes_spec, isolated, tight, try_to};
use crate::library::{file, order, spec};
use crate::world::until;

fn both(name: &str) -> [Loaded; 2] {
    use_program(env!("CARGO_BIN_EXE_sportello-child"));
    [Declared::read(file(name)).unwrap().load().unwrap(), isolated(name, tight())]
}

async fn both_open() -> Vec<Running> {
    let mut open = Vec::new();
    for loaded in both("hostile_escapes") {
        open.push(loaded.open(escapes_spec("anna")).await.unwrap());
    }
    open
}

#[tokio::test]
async fn a_rail_from_its_file_to_its_end() {
    for loaded in both("hello_rail") {
        let running = loaded.open(spec(json!({ "limit_minor": 5000 }))).await.unwrap();
        running.start();
        let answer = running.ask(Ask::new("submit", &order())).await.unwrap();
        assert!(matches!(answer.decode::<Outcome>().unwrap(), Outcome::Settled { .. }));
        assert_eq!(answer.sent, Sent::Nothing);
        let error = running.ask(Ask::new("dance", b"{}")).await.unwrap_err();
        assert_eq!(error.failure().unwrap().code, "unsupported");
        let wrong = loaded.open(spec(json!({ "limit_minor": "much", "limit": 1 }))).await.unwrap_err();
        assert!(matches!(&wrong, OpenError::Spec { errors, .. } if errors.0.len() == 2), "{wrong}");
        running.drain(Duration::from_secs(5)).await.close().await.unwrap();
    }
}

#[tokio::test]
async fn panics_stay_where_they_are() {
    for loaded in both("hostile_panics") {
        let running = loaded.open(spec(json!({ "panic_in": "submit" }))).await.unwrap();
        for _ in 0..2 {
            let error = running.ask(Ask::new("submit", &order())).await.unwrap_err();
            assert!(error.is_panic() && error.to_string().contains("told to panic in submit"), "{error}");
        }
        let running = loaded.open(spec(json!({ "panic_in": "drop" }))).await.unwrap();
        let error = running.ask(Ask::new("submit", &order()).within(Duration::from_millis(20))).await.unwrap_err();
        assert!(matches!(error.reason, Reason::Timeout { .. }), "{error}");
        until(|| running.stats().in_flight == 0).await;
        assert!(running.ask(Ask::new("inquire", &[b"{\"order\":", &*order(), b"}"].concat())).await.is_ok());
    }
}

#[tokio::test]
async fn a_call_that_is_given_up_is_over() {
    for running in both_open().await {
        let error = running.ask(Ask::new("submit", &super::memo("wait")).within(Duration::from_millis(20))).await;
        assert!(matches!(error.unwrap_err().reason, Reason::Timeout { .. }));
        until(|| running.stats().in_flight == 0).await;
        assert_eq!(try_to(&running, "nothing").await.unwrap(), "done");
    }
}

/// A provider that answers each request with as many bytes as it got, twice over.
async fn provider() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            let body_len = loop {
                assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
                let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let len = head.split_once("content-length: ").and_then(|(_, len)| len.split("\r\n").next());
                let len: usize = len.map_or(0, |len| len.parse().unwrap());
                if body.len() == len {
                    break len;
                }
            };
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", 2 * body_len);
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(&vec![b'y'; 2 * body_len]).await.unwrap();
        }
    });
    format!("http://{address}/")
}

#[tokio::test]
async fn what_it_asks_of_its_host() {
    let url = provider().await;
    let echo = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tcp = format!("tcp://{}", echo.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = echo.accept().await {
            let mut bytes = [0; 4];
            stream.read_exact(&mut bytes).await.unwrap();
            stream.write_all(&bytes).await.unwrap();
        }
    });
    for running in both_open().await {
        let check = async |what: &str, expected: &str, sent: Sent| {
            let answer = attempt(&running, what).await.unwrap();
            assert_eq!(answer.sent, sent, "{what}");
            let Outcome::Pending { detail, .. } = answer.decode().unwrap() else { panic!("{what}") };
            assert_eq!(detail, expected, "{what}");
        };
        check("secret token", "done s3cret", Sent::Nothing).await;
        check("instrument card:1", "done Visa ••1111 6", Sent::Nothing).await;
        check("many", "done 1000", Sent::Nothing).await;
        check(&format!("http 0 {url}"), "done 200 0", Sent::MaybeBytes).await;
        // As large as a body may be.
        check(&format!("http 2097152 {url}"), "done 200 4194304", Sent::MaybeBytes).await;
        check(&format!("stream {tcp}"), "done ping", Sent::MaybeBytes).await;
        let stored = try_to(&running, "store state").await.unwrap();
        assert!(stored.ends_with(" 1048576"), "{stored}");
        let error = attempt(&running, &format!("http 4194305 {url}")).await.unwrap_err();
        assert!(error.failure().is_some(), "{error}");
        let error = attempt(&running, "http 0 http://example.com/").await.unwrap_err();
        assert_eq!((error.failure().unwrap().code.as_str(), error.sent), ("not_granted", Sent::Nothing));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_at_once_are_each_answered() {
    for running in both_open().await {
        let asked: Vec<_> = (0..2_000)
            .map(|_| {
                let running = running.clone();
                tokio::spawn(async move { try_to(&running, "secret token").await })
            })
            .collect();
        let mut done = 0;
        for one in asked {
            // What finds no room is told so.
            match one.await.unwrap() {
                Ok(answer) => {
                    assert_eq!(answer, "done s3cret");
                    done += 1;
                }
                Err(error) => assert!(matches!(error.reason, Reason::Busy { .. }), "{error}"),
            }
        }
        assert!(done >= 1_000, "{done}");
    }
}
