//! `/v1/accounts`: accounts, balances, transactions.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    routing::get,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Bank,
    amount::written,
    ledger::{Account, Ledger, Payment, State as Stage},
    tpp::{self, TppError},
};
use crate::{clock, json::put};

const PAGE_SIZE: usize = 100;

pub(crate) fn router() -> Router<Arc<Bank>> {
    Router::new()
        .route("/v1/accounts", get(accounts))
        .route("/v1/accounts/{id}", get(account))
        .route("/v1/accounts/{id}/balances", get(balances))
        .route("/v1/accounts/{id}/transactions", get(transactions))
}

fn check(bank: &Bank, headers: &HeaderMap) -> Result<(), TppError> {
    tpp::check(headers, &bank.token)?;
    if bank.faults.now().require_consent && tpp::header(headers, "consent-id").is_none() {
        let text = "The header Consent-ID is missing.";
        return Err(TppError::new(StatusCode::UNAUTHORIZED, "CONSENT_INVALID", text));
    }
    Ok(())
}

/// The account that customers see under that id; the clearing account is the bank's own.
fn find<'a>(ledger: &'a Ledger, id: &str) -> Result<&'a Account, TppError> {
    let visible = ledger.accounts.iter().filter(|account| !account.iban.is_empty());
    visible.into_iter().find(|account| account.resource_id == id).ok_or_else(|| TppError::unknown("account"))
}

fn details(account: &Account) -> Value {
    let own = format!("/v1/accounts/{}", account.resource_id);
    json!({
        "resourceId": account.resource_id,
        "iban": account.iban,
        "currency": "EUR",
        "ownerName": account.owner,
        "product": "Current account",
        "cashAccountType": "CACC",
        "status": "enabled",
        "_links": {
            "balances": { "href": format!("{own}/balances") },
            "transactions": { "href": format!("{own}/transactions") },
        },
    })
}

async fn accounts(State(bank): State<Arc<Bank>>, headers: HeaderMap) -> Result<Json<Value>, TppError> {
    check(&bank, &headers)?;
    let ledger = bank.ledger();
    let visible = ledger.accounts.iter().filter(|account| !account.iban.is_empty());
    Ok(Json(json!({ "accounts": visible.map(details).collect::<Vec<_>>() })))
}

async fn account(
    State(bank): State<Arc<Bank>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, TppError> {
    check(&bank, &headers)?;
    Ok(Json(json!({ "account": details(find(&bank.ledger(), &id)?) })))
}

async fn balances(
    State(bank): State<Arc<Bank>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, TppError> {
    check(&bank, &headers)?;
    let ledger = bank.ledger();
    let account = find(&ledger, &id)?;
    let today = clock::date(clock::now_ms());
    let balance = |kind: &str, cents| {
        json!({
            "balanceType": kind,
            "balanceAmount": { "currency": "EUR", "amount": written(cents) },
            "referenceDate": today,
        })
    };
    Ok(Json(json!({
        "account": { "iban": account.iban },
        "balances": [
            balance("interimBooked", account.balance),
            balance("interimAvailable", ledger.available(account)),
        ],
    })))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    booking_status: Option<String>,
    date_from: Option<String>,
    date_to: Option<String>,
    #[serde(default)]
    page_index: usize,
}

async fn transactions(
    State(bank): State<Arc<Bank>>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Json<Value>, TppError> {
    check(&bank, &headers)?;
    let status = asked.booking_status.as_deref().unwrap_or_default();
    let (with_booked, with_pending) = match status {
        "booked" => (true, false),
        "pending" => (false, true),
        "both" => (true, true),
        _ => return Err(TppError::format("bookingStatus must be booked, pending or both.")),
    };
    let from = asked.date_from.unwrap_or_default();
    let to = asked.date_to.unwrap_or_else(|| "9999-12-31".to_owned());
    if !clock::is_date(&from) || !clock::is_date(&to) {
        return Err(TppError::format("dateFrom is needed, and dates are written YYYY-MM-DD."));
    }
    let (size, hidden) = {
        let faults = bank.faults.now();
        (faults.page_size.unwrap_or(PAGE_SIZE).max(1), faults.hide_transactions)
    };
    let ledger = bank.ledger();
    let account = find(&ledger, &id)?;
    // The newest first, so that a page is the newest entries; one more tells whether there is a next page.
    let entries: Vec<(bool, Value)> = ledger
        .payments
        .iter()
        .rev()
        .filter(|_| !hidden)
        .filter_map(|payment| entries_of(payment, account, with_booked, with_pending))
        .flatten()
        .filter(|(_, entry)| {
            entry
                .get("bookingDate")
                .or(entry.get("valueDate"))
                .and_then(Value::as_str)
                .is_some_and(|date| from.as_str() <= date && date <= to.as_str())
        })
        .skip(asked.page_index.saturating_mul(size))
        .take(size + 1)
        .collect();
    let more = entries.len() > size;
    let listed = |booked: bool| -> Vec<&Value> {
        entries.iter().take(size).filter(|(is_booked, _)| *is_booked == booked).map(|(_, entry)| entry).collect()
    };
    let own = format!("/v1/accounts/{}", account.resource_id);
    let mut links = json!({ "account": { "href": own } });
    if more {
        let next = asked.page_index + 1;
        let href = format!("{own}/transactions?bookingStatus={status}&dateFrom={from}&dateTo={to}&pageIndex={next}");
        put(&mut links, "next", json!({ "href": href }));
    }
    let mut report = json!({ "_links": links });
    if with_booked {
        put(&mut report, "booked", json!(listed(true)));
    }
    if with_pending {
        put(&mut report, "pending", json!(listed(false)));
    }
    Ok(Json(json!({ "account": { "iban": account.iban }, "transactions": report })))
}

/// What a payment leaves on the account: a debit, a credit, both or nothing; each with whether it is booked.
fn entries_of(payment: &Payment, account: &Account, booked: bool, pending: bool) -> Option<Vec<(bool, Value)>> {
    let is_booked = match payment.state {
        Stage::Settled if booked => true,
        Stage::Pending(_) if pending => false,
        _ => return None,
    };
    let order = &payment.order;
    let mut entries = Vec::new();
    if order.debtor_iban == account.iban {
        entries.push((is_booked, entry(payment, "D", -order.cents, is_booked)));
    }
    // Nobody sees money that has not come: only a booked credit is shown.
    if order.creditor_iban == account.iban && is_booked {
        entries.push((true, entry(payment, "C", order.cents, true)));
    }
    Some(entries)
}

fn entry(payment: &Payment, side: &str, cents: i64, booked: bool) -> Value {
    let order = &payment.order;
    let date = clock::date(payment.booked_ms);
    let short_id: String = payment.id.replace('-', "");
    let mut entry = json!({
        "transactionId": format!("{short_id}{side}"),
        "entryReference": format!("{side}{short_id}"),
        "endToEndId": order.end_to_end_id,
        "valueDate": date,
        "transactionAmount": { "currency": "EUR", "amount": written(cents) },
        "creditorName": order.creditor_name,
        "creditorAccount": { "iban": order.creditor_iban },
        "debtorName": order.debtor_name,
        "debtorAccount": { "iban": order.debtor_iban },
        "bankTransactionCode": if side == "D" { "PMNT-ICDT-ESCT" } else { "PMNT-RCDT-ESCT" },
    });
    if booked {
        put(&mut entry, "bookingDate", json!(date));
    }
    if let Some(text) = &order.remittance {
        put(&mut entry, "remittanceInformationUnstructured", json!(text));
    }
    entry
}
