//! `/v1/payments`: initiation, status, the payment itself, its authorisations.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    Bank,
    declines::{self, Treatment, meaning},
    ledger::{self, Payment, State as Stage},
    pain001, pain002,
    tpp::{self, TppError},
};
use crate::{clock, json::put};

/// How long a payment that is not instant takes, in milliseconds, unless told otherwise.
const USUAL_MS: u64 = 2_000;
const DAY_MS: u64 = 86_400_000;
/// The longest order, in bytes. One payment has a few thousand.
const ORDER_LEN_MAX: usize = 64 << 10;

pub(crate) fn router() -> Router<Arc<Bank>> {
    Router::new()
        .route("/v1/payments/{product}", post(initiate).layer(DefaultBodyLimit::max(ORDER_LEN_MAX)))
        .route("/v1/payments/{product}/{id}", get(show))
        .route("/v1/payments/{product}/{id}/status", get(status))
        .route("/v1/payments/{product}/{id}/authorisations", get(authorisations))
        .route("/v1/payments/{product}/{id}/authorisations/{authorisation}", get(sca_status))
}

/// Whether the product is the instant one; `None` when the bank does not offer it.
fn is_instant(product: &str) -> Result<bool, TppError> {
    match product {
        "pain.001-instant-sepa-credit-transfers" => Ok(true),
        "pain.001-sepa-credit-transfers" => Ok(false),
        _ => Err(TppError::new(StatusCode::NOT_FOUND, "PRODUCT_UNKNOWN", "This bank does not offer this product.")),
    }
}

async fn initiate(
    State(bank): State<Arc<Bank>>,
    Path(product): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, TppError> {
    tpp::check(&headers, &bank.token)?;
    let instant = is_instant(&product)?;
    if tpp::header(&headers, "psu-ip-address").is_none_or(|ip| ip.parse::<std::net::IpAddr>().is_err()) {
        return Err(TppError::format("The header PSU-IP-Address must be the payer's IP address."));
    }
    let kind = tpp::header(&headers, "content-type").unwrap_or_default();
    if !kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/xml")) {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(TppError::new(status, "FORMAT_ERROR", "This product takes application/xml."));
    }
    let xml = std::str::from_utf8(&body).map_err(|_| TppError::format("The body is not UTF-8."))?;
    let order = pain001::read(xml, instant).map_err(TppError::format)?;
    executable(&order.date)?;

    let faults = bank.faults.now().clone();
    let special = declines::treatment(order.cents, &order.creditor_iban);
    let challenged = faults.sca_redirect
        || special == Some(Treatment::Challenge)
        || faults.sca_from_cents.is_some_and(|from| order.cents >= from);
    let mut ledger = bank.ledger();
    if ledger.account(&order.debtor_iban).is_none() {
        let text = "DbtrAcct: the account is not one of this bank's.";
        return Err(TppError::new(StatusCode::BAD_REQUEST, "PAYMENT_FAILED", text));
    }
    let mut payment = ledger::payment(&product, instant, order, xml.to_owned(), challenged);
    payment.approval.back = tpp::header(&headers, "tpp-redirect-uri").map(str::to_owned);
    payment.approval.back_refused = tpp::header(&headers, "tpp-nok-redirect-uri").map(str::to_owned);
    let held = faults.hold || special == Some(Treatment::Hold);
    let usual_ms = if instant { 0 } else { USUAL_MS };
    payment.takes_ms = (!held).then(|| faults.settle_after_ms.unwrap_or(usual_ms));
    let payment = ledger.take(payment, special, faults.decline.as_deref());
    drop(ledger);
    Ok(created(&bank, &payment))
}

/// The bank carries out orders today: not those of the past, nor (it keeps no diary) those of a later day. A day either
/// way is allowed for the difference between clocks and time zones.
fn executable(date: &str) -> Result<(), TppError> {
    let now_ms = clock::now_ms();
    let days = [clock::date(now_ms.saturating_sub(DAY_MS)), clock::date(now_ms), clock::date(now_ms + DAY_MS)];
    if days.iter().any(|day| day == date) {
        return Ok(());
    }
    let text = "ReqdExctnDt: this bank carries out orders on the day on which they come.";
    Err(TppError::new(StatusCode::BAD_REQUEST, "EXECUTION_DATE_INVALID", text))
}

fn created(bank: &Bank, payment: &Payment) -> Response {
    let own = format!("/v1/payments/{}/{}", payment.product, payment.id);
    let link = |href: String| json!({ "href": href });
    let mut links = json!({
        "self": link(own.clone()),
        "status": link(format!("{own}/status")),
        "scaStatus": link(format!("{own}/authorisations/{}", payment.approval.id)),
    });
    let challenged = payment.state == Stage::AwaitingApproval;
    if challenged {
        put(&mut links, "scaRedirect", link(format!("{}/sca/{}", bank.url, payment.approval.id)));
    }
    // What is still under way has, at this moment, only been received.
    let mut body = status_body(payment, "RCVD", "WARNING");
    put(&mut body, "paymentId", json!(payment.id));
    put(&mut body, "_links", links);
    let mut answer = (StatusCode::CREATED, Json(body)).into_response();
    if let Ok(location) = HeaderValue::from_str(&own) {
        answer.headers_mut().insert(header::LOCATION, location);
    }
    if challenged {
        let approach = HeaderName::from_static("aspsp-sca-approach");
        answer.headers_mut().insert(approach, HeaderValue::from_static("REDIRECT"));
    }
    answer
}

/// The status in JSON. It has no element for a reason, and one code for want of funds, which only the answer to a question
/// may give (`MessageCode201PaymentInitiation`, `MessageCode200InitiationStatus`): the rest is in words.
fn status_body(payment: &Payment, pending: &str, no_funds: &str) -> Value {
    let mut body = json!({ "transactionStatus": payment.status(pending) });
    if let Some(reason) = payment.reason() {
        let code = if reason == "AM04" { no_funds } else { "WARNING" };
        let text = format!("{reason}: {}", meaning(reason));
        put(&mut body, "psuMessage", json!(meaning(reason)));
        put(&mut body, "tppMessages", json!([{ "category": "WARNING", "code": code, "text": text }]));
    }
    body
}

fn find(bank: &Bank, headers: &HeaderMap, product: &str, id: &str) -> Result<Payment, TppError> {
    tpp::check(headers, &bank.token)?;
    is_instant(product)?;
    let ledger = bank.ledger();
    let found = ledger.payments.iter().find(|payment| payment.id == id && payment.product == product);
    found.cloned().ok_or_else(|| TppError::unknown("payment"))
}

fn wants_xml(headers: &HeaderMap) -> bool {
    tpp::header(headers, "accept").is_some_and(|accept| accept.contains("application/xml"))
}

fn xml(body: String) -> Response {
    ([(header::CONTENT_TYPE, "application/xml")], body).into_response()
}

async fn status(
    State(bank): State<Arc<Bank>>,
    Path((product, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, TppError> {
    let payment = find(&bank, &headers, &product, &id)?;
    let pending = bank.pending_status();
    if wants_xml(&headers) {
        return Ok(xml(pain002::write(&payment, &payment.status(&pending), clock::now_ms())));
    }
    Ok(Json(status_body(&payment, &pending, "FUNDS_NOT_AVAILABLE")).into_response())
}

/// The payment: as it was ordered in XML, or in the words of the JSON products.
async fn show(
    State(bank): State<Arc<Bank>>,
    Path((product, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, TppError> {
    let payment = find(&bank, &headers, &product, &id)?;
    if wants_xml(&headers) {
        return Ok(xml(payment.original));
    }
    let order = &payment.order;
    Ok(Json(json!({
        "endToEndIdentification": order.end_to_end_id,
        "debtorName": order.debtor_name,
        "debtorAccount": { "iban": order.debtor_iban },
        "instructedAmount": { "currency": "EUR", "amount": super::amount::written(order.cents) },
        "creditorName": order.creditor_name,
        "creditorAccount": { "iban": order.creditor_iban },
        "remittanceInformationUnstructured": order.remittance,
        "requestedExecutionDate": order.date,
        "transactionStatus": payment.status(&bank.pending_status()),
    }))
    .into_response())
}

async fn authorisations(
    State(bank): State<Arc<Bank>>,
    Path((product, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Value>, TppError> {
    let payment = find(&bank, &headers, &product, &id)?;
    Ok(Json(json!({ "authorisationIds": [payment.approval.id] })))
}

async fn sca_status(
    State(bank): State<Arc<Bank>>,
    Path((product, id, authorisation)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Json<Value>, TppError> {
    let payment = find(&bank, &headers, &product, &id)?;
    if payment.approval.id != authorisation {
        return Err(TppError::unknown("authorisation"));
    }
    Ok(Json(json!({ "scaStatus": payment.approval.status })))
}
