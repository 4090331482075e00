//! The control API of the 3DS server, the directory and the ACS, under `/control/`.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    routing::{get, post},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{ThreeDs, transactions::Transactions};
use crate::{
    acquirer::last4,
    control::{Refusal, read, refused},
    lock::lock,
};

pub(super) fn router(threeds: Arc<ThreeDs>) -> Router {
    Router::new()
        .route("/authentications", get(authentications))
        .route("/clock", post(advance))
        .route("/release", post(release))
        .route("/faults", get(faults).post(set_faults))
        .route("/reset", post(reset))
        .with_state(threeds)
}

/// All authentications, the oldest first: what was asked, what the ARes said, what the RReq said.
async fn authentications(State(threeds): State<Arc<ThreeDs>>) -> Json<Value> {
    let transactions = threeds.transactions();
    let shown = transactions.all.iter().map(|transaction| {
        let purchase = transaction.purchase.as_ref();
        json!({
            "threeDSServerTransID": transaction.id,
            "acsTransID": transaction.acs_trans_id,
            "last4": last4(&transaction.pan),
            "amount_minor": purchase.map(|(purchase, _)| purchase.amount),
            "currency": purchase.map(|(purchase, _)| &purchase.currency),
            "merchant": purchase.map(|(purchase, _)| &purchase.merchant),
            "was_on_method": transaction.was_on_method,
            "trans_status": purchase.map(|(_, status)| status),
            "challenge_opened": transaction.challenge.as_ref().is_some_and(|challenge| challenge.opened_ms.is_some()),
            "result": transaction.result,
        })
    });
    Json(json!({ "authentications": shown.collect::<Vec<Value>>() }))
}

#[derive(Deserialize)]
struct Advance {
    advance_s: u64,
}

/// Moves the clock ahead, so that challenges run out of time.
async fn advance(State(threeds): State<Arc<ThreeDs>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let asked: Advance = read(&body)?;
    let mut transactions = threeds.transactions();
    transactions.advance(asked.advance_s.saturating_mul(1000));
    Ok(Json(json!({ "now_ms": transactions.now_ms() })))
}

/// Hands out the results that were held.
async fn release(State(threeds): State<Arc<ThreeDs>>) -> Json<Value> {
    let mut transactions = threeds.transactions();
    let held = transactions.all.iter_mut().filter_map(|transaction| transaction.result.as_mut());
    let held = held.filter(|result| result.due_ms.is_none());
    Json(json!({ "released": held.map(|result| result.due_ms = Some(0)).count() }))
}

async fn faults(State(threeds): State<Arc<ThreeDs>>) -> Json<Value> {
    Json(json!(*threeds.faults.now()))
}

async fn set_faults(State(threeds): State<Arc<ThreeDs>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let change: Map<String, Value> = read(&body)?;
    threeds.faults.change(&change).map(Json).map_err(refused)
}

/// Back to the start: no authentications, the true time, the faults of the command line.
async fn reset(State(threeds): State<Arc<ThreeDs>>) -> Json<Value> {
    *lock(&threeds.transactions) = Transactions::default();
    threeds.faults.reset();
    Json(json!({}))
}
