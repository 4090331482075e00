//! The bank's control API under `/sandbox/`: the books as they are, and the faults.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    routing::{get, post},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Bank, iban,
    ledger::{Account, Ledger},
};
use crate::{
    clock,
    control::{Refusal, read, refused},
};

pub(crate) fn router(bank: Arc<Bank>) -> Router {
    Router::new()
        .route("/accounts", get(accounts).post(open))
        .route("/payments", get(payments))
        .route("/release", post(release))
        .route("/faults", get(faults).post(set_faults))
        .route("/reset", post(reset))
        .with_state(bank)
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
async fn open(State(bank): State<Arc<Bank>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let new: NewAccount = read(&body)?;
    let mut ledger = bank.ledger();
    if !iban::is_valid(&new.iban) || ledger.account(&new.iban).is_some() {
        return Err(refused("the IBAN is wrong or taken"));
    }
    let resource_id = format!("acc-{}", new.iban.to_ascii_lowercase());
    let balance = i64::from(new.balance);
    ledger.accounts.push(Account { resource_id: resource_id.clone(), iban: new.iban, owner: new.owner, balance });
    Ok(Json(json!({ "resource_id": resource_id })))
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

async fn release(State(bank): State<Arc<Bank>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let asked: Release = if body.is_empty() { Release::default() } else { read(&body)? };
    let released = bank.ledger().release(asked.payment_id.as_deref(), asked.reject.as_deref());
    Ok(Json(json!({ "released": released })))
}

async fn faults(State(bank): State<Arc<Bank>>) -> Json<Value> {
    Json(json!(*bank.faults.now()))
}

async fn set_faults(State(bank): State<Arc<Bank>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let change: Map<String, Value> = read(&body)?;
    bank.faults.change(&change).map(Json).map_err(refused)
}

/// Back to the start: accounts, no payments, the faults of the command line.
async fn reset(State(bank): State<Arc<Bank>>) -> Json<Value> {
    *bank.ledger() = Ledger::default();
    bank.faults.reset();
    Json(json!({}))
}
