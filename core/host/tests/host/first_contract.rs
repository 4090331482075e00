//! Plugins that were built with the first contract still run: with orders and notes that have fields they never heard of,
//! and none of what came later asked of them.

use std::path::Path;

use serde_json::{Value, json};
use sportello_host::{Ask, Confinement, Declared, Loaded, use_program};
use sportello_sdk::{Choice, Note, Outcome, Secret};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::world::spec;

/// In this process, and in one of its own.
fn stored(name: &str) -> [Loaded; 2] {
    use_program(env!("CARGO_BIN_EXE_sportello-child"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract-1.0").join(name);
    let declared = Declared::read(&path).unwrap();
    let loaded = [declared.clone().load().unwrap(), declared.isolate(Confinement::default()).unwrap()];
    assert!(loaded.iter().all(|loaded| loaded.manifest().contract == "1.0"));
    loaded
}

#[tokio::test]
async fn a_rail_of_the_first_contract_settles() {
    for loaded in stored("libhello_rail.so") {
        settles(loaded).await;
    }
}

async fn settles(loaded: Loaded) {
    let mut spec = spec();
    spec.settings = json!({ "limit_minor": 5000 });
    spec.secrets.clear();
    let running = loaded.open(spec).await.unwrap();
    running.start();
    let party = json!({ "name": "anna", "account": "hello:1", "mood": "of a later contract" });
    let check = async |minor: u64, settles: bool| {
        let order = json!({
            "key": "a1", "payment": "0190f5fe7c007a00a3f1c0ffee000001", "kind": "transfer", "made_at_ms": 1,
            "amount": { "minor": minor, "currency": "EUR" }, "debtor": party, "creditor": party, "later": [1],
        });
        let answer = running.ask(Ask::new("submit", order.to_string().as_bytes())).await.unwrap();
        assert_eq!(matches!(answer.decode().unwrap(), Outcome::Settled { .. }), settles);
    };
    check(2000, true).await;
    check(6000, false).await;
    running.clone().drain(std::time::Duration::from_secs(5)).await.close().await.unwrap();
}

#[tokio::test]
async fn a_channel_of_the_first_contract_delivers_a_note_with_choices() {
    for loaded in stored("libhello_channel.so") {
        delivers(loaded).await;
    }
}

async fn delivers(loaded: Loaded) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut spec = spec();
    spec.settings = json!({ "url": format!("http://{}", listener.local_addr().unwrap()) });
    spec.secrets.clear();
    spec.secrets.extend(loaded.manifest().secrets.iter().map(|name| (name.clone(), Secret::new("s3cret"))));
    let running = loaded.open(spec).await.unwrap();
    let note = Note {
        key: "n1".to_owned(),
        to: "hello:1".parse().unwrap(),
        private: true,
        text: "To pay, answer with the code".to_owned(),
        reply_to: None,
        fallback: None,
        choices: vec![Choice { label: "Confirm".to_owned(), says: "confirm 123456".to_owned() }],
    };
    let provider = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        let body = request.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        serde_json::from_slice::<Value>(&request[body..]).unwrap()
    };
    let (answer, body) = tokio::join!(running.call("send", &note), provider);
    assert_eq!(answer.unwrap().decode::<Value>().unwrap()["id"], "n1");
    assert_eq!(body["text"], "To pay, answer with the code");
}
