//! `/v1/ledger`: what stands on each account, and that all of it adds up to nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use serde_json::{Value, json};

use super::problem::Problem;
use super::view::mask;
use super::{App, json as json_response, unavailable};
use crate::config::Scope;

/// `GET /v1/ledger`.
pub(super) async fn show(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Problem> {
    app.callers.authorize(&headers, Scope::PaymentsRead)?;
    let balances = app.engine.store().balances().await.map_err(|error| unavailable(&error))?;
    let mut sums = BTreeMap::<&str, i128>::new();
    for balance in &balances {
        *sums.entry(&balance.currency).or_default() += i128::from(balance.minor);
    }
    let is_balanced = sums.values().all(|sum| *sum == 0);
    let sums: Vec<Value> = sums
        .into_iter()
        .map(|(currency, minor)| json!({ "currency": currency, "minor": i64::try_from(minor).ok() }))
        .collect();
    let mut ledger = json!({ "balances": balances, "sums": sums, "balanced": is_balanced });
    mask(&mut ledger);
    Ok(json_response(&ledger))
}
