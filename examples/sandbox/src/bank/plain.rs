//! `/plain`: the same bank for whoever writes a first rail. JSON, a key for each transfer, and nothing of a standard.
//!
//! Unlike the rest of the bank it remembers keys: a transfer is carried out once, however often it is ordered.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::{
    Bank,
    declines::{self, Treatment, meaning},
    iban,
    ledger::{self, Payment, State as Stage},
    pain001::Order,
    tpp::header,
};
use crate::clock;

/// What such a transfer is called among the bank's products.
const PRODUCT: &str = "plain";
/// The longest order, in bytes.
const ORDER_LEN_MAX: usize = 16 << 10;

pub(crate) fn router() -> Router<Arc<Bank>> {
    Router::new()
        .route("/plain/transfers", post(posted).layer(DefaultBodyLimit::max(ORDER_LEN_MAX)))
        .route("/plain/transfers/{key}", get(show).put(put).layer(DefaultBodyLimit::max(ORDER_LEN_MAX)))
}

/// An order. The accounts are IBANs, with or without `iban:` before them.
#[derive(Deserialize)]
struct Transfer {
    from: String,
    to: String,
    /// In cents.
    amount_minor: i64,
    currency: String,
    #[serde(default)]
    memo: Option<String>,
}

/// Why the bank does not take a call: the status and a sentence.
struct Refused(StatusCode, &'static str);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

/// The key in a header, as most interfaces have it.
async fn posted(State(bank): State<Arc<Bank>>, headers: HeaderMap, body: Bytes) -> Result<Response, Refused> {
    let key = header(&headers, "idempotency-key").unwrap_or_default().to_owned();
    transfer(&bank, &headers, &key, &body)
}

/// The key in the address.
async fn put(
    State(bank): State<Arc<Bank>>,
    Path(key): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    transfer(&bank, &headers, &key, &body)
}

fn check(headers: &HeaderMap, token: &str) -> Result<(), Refused> {
    let given = header(headers, "authorization").and_then(|value| value.strip_prefix("Bearer "));
    if given == Some(token) { Ok(()) } else { Err(Refused(StatusCode::UNAUTHORIZED, "the token is not one of ours")) }
}

fn transfer(bank: &Bank, headers: &HeaderMap, key: &str, body: &[u8]) -> Result<Response, Refused> {
    let bad = |why| Refused(StatusCode::BAD_REQUEST, why);
    check(headers, &bank.token)?;
    if !(1..=35).contains(&key.len()) || !key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err(bad("Idempotency-Key: 1 to 35 letters, digits and dashes"));
    }
    let transfer: Transfer = serde_json::from_slice(body).map_err(|_| bad("the body is no order"))?;
    let iban = |account: &str| account.strip_prefix("iban:").unwrap_or(account).to_owned();
    let (debtor_iban, creditor_iban) = (iban(&transfer.from), iban(&transfer.to));
    if transfer.currency != "EUR" || transfer.amount_minor <= 0 {
        return Err(bad("an amount in euros, above nothing"));
    }
    if !iban::is_valid(&creditor_iban) {
        return Err(bad("`to` is no IBAN"));
    }
    let (faults, cents) = (bank.faults.now().clone(), transfer.amount_minor);
    let special = declines::treatment(cents, &creditor_iban);
    let mut ledger = bank.ledger();
    if let Some(known) = find(&ledger, key) {
        let same = known.order.cents == cents && known.order.creditor_iban == creditor_iban;
        let answer = told(StatusCode::OK, known);
        return if same { Ok(answer) } else { Err(Refused(StatusCode::CONFLICT, "that key is another order's")) };
    }
    if ledger.account(&debtor_iban).is_none() {
        return Err(bad("`from` is no account of this bank's"));
    }
    let order = Order {
        version: PRODUCT.to_owned(),
        message_id: key.to_owned(),
        created_at: clock::rfc3339(clock::now_ms()),
        payment_information_id: key.to_owned(),
        instruction_id: None,
        end_to_end_id: key.to_owned(),
        cents,
        debtor_name: String::new(),
        debtor_iban,
        creditor_name: String::new(),
        creditor_iban,
        remittance: transfer.memo,
        date: clock::date(clock::now_ms()),
    };
    let mut payment = ledger::payment(PRODUCT, true, order, String::new(), false);
    let held = faults.hold || special == Some(Treatment::Hold);
    payment.takes_ms = (!held).then_some(faults.settle_after_ms.unwrap_or(0));
    let payment = ledger.take(payment, special, faults.decline.as_deref());
    Ok(told(StatusCode::CREATED, &payment))
}

fn find<'a>(ledger: &'a ledger::Ledger, key: &str) -> Option<&'a Payment> {
    ledger.payments.iter().find(|payment| payment.product == PRODUCT && payment.order.end_to_end_id == key)
}

fn told(status: StatusCode, payment: &Payment) -> Response {
    let state = match payment.state {
        Stage::Settled => "booked",
        Stage::Rejected(_) => "refused",
        Stage::AwaitingApproval | Stage::Pending(_) => "pending",
    };
    let mut body = json!({
        "id": payment.id, "state": state, "amount_minor": payment.order.cents, "currency": "EUR",
    });
    if let (Some(reason), Some(fields)) = (payment.reason(), body.as_object_mut()) {
        fields.insert("code".to_owned(), reason.into());
        fields.insert("reason".to_owned(), meaning(reason).into());
    }
    (status, Json(body)).into_response()
}

async fn show(State(bank): State<Arc<Bank>>, Path(key): Path<String>, headers: HeaderMap) -> Result<Response, Refused> {
    check(&headers, &bank.token)?;
    let ledger = bank.ledger();
    let found = find(&ledger, &key).ok_or(Refused(StatusCode::NOT_FOUND, "no order came under that key"))?;
    Ok(told(StatusCode::OK, found))
}
