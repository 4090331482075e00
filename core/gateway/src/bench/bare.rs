//! The bare path: an HTTP handler that makes the same three group commits, with no gateway in between.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use sportello_engine::Store;
use sportello_engine::store::{EffectId, EffectRow, Key, PaymentRow, StoreError, Write};
use sportello_model::payment::State as Standing;
use sportello_model::{Account, Currency, Money, PaymentId, movement};

use crate::connections;

/// As long as what a gateway writes for such a payment; its three entries have 658, 175 and 395 bytes.
const SNAPSHOT_LEN: usize = 231;
const ENTRY_LEN: usize = 409;

struct Bare {
    store: Store,
    number: AtomicU64,
}

/// Serves until the process is ended.
pub(super) async fn serve(store: &Path) -> Result<(), String> {
    let store = Store::open(store).map_err(|e| e.to_string())?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.map_err(|e| e.to_string())?;
    let address = listener.local_addr().map_err(|e| e.to_string())?;
    println!("{}", serde_json::json!({ "listening": format!("http://{address}") }));
    let router = axum::Router::new()
        .route("/v1/payments", post(pay))
        .with_state(Arc::new(Bare { store, number: AtomicU64::new(1) }));
    connections::serve(listener, router, connections::Limits::of_this_process(), std::future::pending()).await;
    Ok(())
}

async fn pay(State(bare): State<Arc<Bare>>, headers: HeaderMap, _body: Bytes) -> (StatusCode, String) {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default();
    match three_commits(&bare, key).await {
        Ok(()) => (StatusCode::CREATED, format!("{{\"state\":\"completed\",\"pad\":\"{:700}\"}}", "")),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}

async fn three_commits(bare: &Bare, key: &str) -> Result<(), StoreError> {
    let number = bare.number.fetch_add(1, Ordering::Relaxed);
    let id = PaymentId(u128::from(number) << 64 | 1);
    let row = |expected: u64, version: u64, state| PaymentRow {
        id,
        expected,
        version,
        state,
        made_at_ms: number,
        changed_at_ms: number,
        snapshot: vec![b' '; SNAPSHOT_LEN],
        entry: vec![b' '; ENTRY_LEN],
        hash: [0; 32],
    };
    let effect =
        |number: u64| EffectRow { id: EffectId { owner: id, number }, due_ms: 0, tries: 0, body: vec![b' '; 80] };
    let moved = |from: Account, to: Account| {
        Money::new(2000, Currency::EUR).map(|amount| movement(from, to, amount).to_vec()).unwrap_or_default()
    };
    let key = Key { scope: "bare".to_owned(), key: key.to_owned(), payment: id, fingerprint: vec![0; 32] };
    let made = row(0, 3, Standing::Transferring);
    bare.store
        .write(Write { payments: vec![made], keys: vec![key], effects: vec![effect(1)], ..Write::default() })
        .await?;
    let out = moved(Account::Suspense, Account::Held);
    bare.store
        .write(Write { payments: vec![row(3, 4, Standing::Transferring)], postings: out, ..Write::default() })
        .await?;
    let back = moved(Account::Held, Account::Suspense);
    let last = Write {
        payments: vec![row(4, 5, Standing::Completed)],
        postings: back,
        effects: vec![effect(2), effect(3)],
        done: vec![EffectId { owner: id, number: 1 }],
        ..Write::default()
    };
    bare.store.write(last).await?;
    bare.store.forget(vec![EffectId { owner: id, number: 2 }, EffectId { owner: id, number: 3 }]).await;
    Ok(())
}
