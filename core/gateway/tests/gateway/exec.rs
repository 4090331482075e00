//! Rails that are programs, from `gateway.toml` to a payment.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::{Path as Segment, State};
use axum::http::HeaderMap;
use serde_json::{Value, json};

use crate::world::{CONFIG, prepare, start_with};

/// The rail in Python, as the operator writes it; nothing where there is no Python.
fn rail(bank: &str) -> Option<String> {
    let python = Path::new("/usr/bin/python3");
    if !python.exists() {
        assert!(std::env::var_os("SPORTELLO_PEERS").is_none(), "python3 should be here");
        return None;
    }
    let resolved = python.canonicalize().unwrap();
    let library = Path::new("/usr/lib").join(resolved.file_name().unwrap());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/rail-in-python/rail.py");
    let exec = format!(
        "exec = [{python:?}, \"-I\", {script:?}]\nreads = [{library:?}]\ngrants = [\"http://127.0.0.1:*\"]\n\
         limits = {{ memory_mb = 512 }}"
    );
    let settings = format!("bank = {bank:?}\ntoken = \"token-of-the-bank\"");
    Some(CONFIG.replace("plugin = \"test-rail\"", &exec).replace("limit_minor = 100000", &settings))
}

type Booked = Arc<Mutex<BTreeMap<String, Value>>>;

/// A bank that carries each key out once, and refuses large sums.
async fn bank(booked: Booked) -> String {
    let put =
        async |Segment(key): Segment<String>, State(booked): State<Booked>, headers: HeaderMap, body: Json<Value>| {
            assert_eq!(headers.get("authorization").unwrap(), "Bearer token-of-the-bank");
            let Json(transfer) = body;
            if transfer["amount_minor"].as_u64().unwrap() > 100_000 {
                return Json(json!({ "state": "refused", "reason": "too much" }));
            }
            assert!(booked.lock().unwrap().insert(key.clone(), transfer).is_none(), "carried out twice");
            Json(json!({ "state": "booked", "id": key }))
        };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = axum::Router::new().route("/transfers/{key}", axum::routing::put(put)).with_state(booked);
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_carried_out_by_a_rail_in_python() {
    let booked = Booked::default();
    let Some(config) = rail(&bank(Arc::clone(&booked)).await) else { return };
    let world = start_with(&config).await;
    let paid = world.pay("k1", json!({})).await;
    assert_eq!((paid.status, &paid.body["state"]), (201, &json!("completed")), "{paid:?}");
    let carried_out: Vec<Value> = booked.lock().unwrap().values().cloned().collect();
    assert_eq!(
        carried_out,
        [json!({ "from": "iban:IT60X0542811101000000123456", "memo": "the pizza",
        "to": "iban:FR1420041010050500013M02606", "amount_minor": 2000, "currency": "EUR" })]
    );
    let declined = world.pay("k2", json!({"amount": {"minor": 100_001, "currency": "EUR"}})).await;
    assert_eq!((declined.status, &declined.body["state"]), (201, &json!("declined")), "{declined:?}");
    let ledger = world.get("/v1/ledger").await;
    assert_eq!(ledger.body["balanced"], true, "{ledger:?}");
    world.gateway.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_program_is_said_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rail.py"), "import sys\nsys.exit('no such bank')\n").unwrap();
    let check = async |written: &str, expected: &[&str]| {
        let config = CONFIG.replace("plugin = \"test-rail\"", written);
        let told = prepare(folder.path(), &config).await.err().unwrap_or_default();
        for expected in expected {
            assert!(told.iter().any(|line| line.contains(expected)), "{written}: {told:?}");
        }
        assert_eq!(told.len(), expected.len(), "{written}: {told:?}");
    };
    check("exec = []", &["rails.bank.exec: it names no program"]).await;
    check("exec = \"rail.py\"", &["rails.bank.exec: this must be a list"]).await;
    check("exec = [\"no-such\", \"rail.py\"]", &["there is no program \"no-such\""]).await;
    check("plugin = \"test-rail\"\nreads = [\"/usr\"]", &["rails.bank.reads: a library reads no files"]).await;
    check(
        "plugin = \"test-rail\"\nexec = [\"x\", \"rail.py\"]",
        &["a plugin is a library or a program", "there is no program"],
    )
    .await;
    check(
        "isolation = \"in-process\"\nexec = [\"x\", \"rail.py\"]",
        &["always has a process of its own", "there is no program"],
    )
    .await;
}
