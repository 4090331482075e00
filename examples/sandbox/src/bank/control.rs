//! The bank's control API under `/sandbox/`: the books as they are, and the faults.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Bank, iban,
    ledger::{Account, Ledger},
};
use crate::{clock, disturb, lock::lock};

pub(crate) fn router(bank: Arc<Bank>) -> Router {
    Router::new()
        .route("/accounts", get(accounts).post(open))
        .route("/payments", get(payments))
        .route("/release", post(release))
        .route("/faults", get(faults).post(set_faults))
        .route("/reset", post(reset))
        .with_state(bank)
}

fn refused(error: impl ToString) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": error.to_string() }))).into_response()
}

/// All accounts, in cents. `total` is the same at all times.
async fn accounts(State(bank): State<Arc<Bank>>) -> Json<Value> {
    let ledger = bank.ledger();
    let accounts: Vec<Value> = ledger
        .accounts
        .iter()
        .map(|account| {
            json!({
                "resource_id": account.resource_id,
                "iban": account.iban,
                "owner": account.owner,
                "currency": "EUR",
                "balance": account.balance,
                "available": if account.iban.is_empty() { account.balance } else { ledger.available(account) },
            })
        })
        .collect();
    Json(json!({ "accounts": accounts, "total": ledger.total() }))
}

#[derive(Deserialize)]
struct NewAccount {
    iban: String,
    owner: String,
    /// In cents.
    #[serde(default)]
    balance: u32,
}

/// Opens an account, which adds its balance to the total.
async fn open(State(bank): State<Arc<Bank>>, body: Bytes) -> Response {
    let new: NewAccount = match serde_json::from_slice(&body) {
        Ok(new) => new,
        Err(error) => return refused(error),
    };
    let mut ledger = bank.ledger();
    if !iban::is_valid(&new.iban) || ledger.account(&new.iban).is_some() {
        return refused("the IBAN is wrong or taken");
    }
    let resource_id = format!("acc-{}", new.iban.to_ascii_lowercase());
    let balance = i64::from(new.balance);
    ledger.accounts.push(Account { resource_id: resource_id.clone(), iban: new.iban, owner: new.owner, balance });
    Json(json!({ "resource_id": resource_id })).into_response()
}

/// All payments, the oldest first. A payment posted twice stands here twice.
async fn payments(State(bank): State<Arc<Bank>>) -> Json<Value> {
    let pending = bank.pending_status();
    let ledger = bank.ledger();
    let payments: Vec<Value> = ledger
        .payments
        .iter()
        .map(|payment| {
            json!({
                "payment_id": payment.id,
                "product": payment.product,
                "status": payment.status(&pending),
                "reason": payment.reason(),
                "sca_status": payment.approval.status,
                "sca_redirect": (payment.approval.status == "received").then(|| format!("{}/sca/{}", bank.url, payment.approval.id)),
                "end_to_end_id": payment.order.end_to_end_id,
                "amount": payment.order.cents,
                "currency": "EUR",
                "debtor": payment.order.debtor_iban,
                "creditor": payment.order.creditor_iban,
                "creditor_name": payment.order.creditor_name,
                "remittance": payment.order.remittance,
                "received_at": clock::rfc3339(payment.received_ms),
            })
        })
        .collect();
    Json(json!({ "payments": payments }))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    /// Only this payment; without it, every one that is pending.
    payment_id: Option<String>,
    /// Rejects with this reason where it would settle.
    reject: Option<String>,
}

async fn release(State(bank): State<Arc<Bank>>, body: Bytes) -> Response {
    let asked: Result<Release, _> =
        if body.is_empty() { Ok(Release::default()) } else { serde_json::from_slice(&body) };
    match asked {
        Ok(asked) => {
            let released = bank.ledger().release(asked.payment_id.as_deref(), asked.reject.as_deref());
            Json(json!({ "released": released })).into_response()
        }
        Err(error) => refused(error),
    }
}

async fn faults(State(bank): State<Arc<Bank>>) -> Json<Value> {
    Json(json!(*lock(&bank.faults)))
}

async fn set_faults(State(bank): State<Arc<Bank>>, body: Bytes) -> Response {
    let change: Map<String, Value> = match serde_json::from_slice(&body) {
        Ok(change) => change,
        Err(error) => return refused(error),
    };
    let mut faults = lock(&bank.faults);
    match disturb::merged(&*faults, &change) {
        Ok(merged) => *faults = merged,
        Err(error) => return refused(error),
    }
    Json(json!(*faults)).into_response()
}

/// Back to the start: accounts, no payments, the faults of the command line.
async fn reset(State(bank): State<Arc<Bank>>) -> Json<Value> {
    *bank.ledger() = Ledger::default();
    *lock(&bank.faults) = bank.faults_at_start.clone();
    Json(json!({}))
}
