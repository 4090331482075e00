//! The API of the 3DS server for the merchant's side.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, header},
    routing::{get, post},
};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{
    ThreeDs, VERSION,
    erro::Erro,
    fields,
    transactions::{Challenge, Purchase, Rreq},
};
use crate::{
    acquirer::card::{self, Authentication, Card},
    json::put,
};

pub(super) fn router() -> Router<Arc<ThreeDs>> {
    Router::new()
        .route("/3ds/versioning", post(versioning))
        .route("/3ds/authentication", post(authentication))
        .route("/3ds/results/{id}", get(results))
}

/// Whether the caller has the bearer token.
fn admit(threeds: &ThreeDs, headers: &HeaderMap) -> Result<(), Erro> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token =
        given.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    if token.is_some_and(|(_, token)| token == threeds.key) { Ok(()) } else { Err(Erro::denied()) }
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Erro> {
    serde_json::from_slice(body).map_err(|_| Erro::no_message("the body is not a JSON object"))
}

/// The card where it is enrolled, with what the ACS says of it.
fn enrolled(threeds: &ThreeDs, pan: &str) -> Result<(&'static Card, &'static str), Erro> {
    let found = card::find(pan).filter(|_| !threeds.faults.now().not_enrolled);
    match found.map(|card| (card, card.authentication)) {
        Some((card, Authentication::Status(status))) => Ok((card, status)),
        _ => Err(Erro::not_enrolled()),
    }
}

/// Whether a card is enrolled, and whether the browser goes to the ACS's method page first.
async fn versioning(State(threeds): State<Arc<ThreeDs>>, headers: HeaderMap, body: Bytes) -> Result<Json<Value>, Erro> {
    admit(&threeds, &headers)?;
    let request = object(&body)?;
    let pan = request.get("acctNumber").ok_or_else(|| Erro::missing(&["acctNumber"]))?;
    let is_one = |pan: &&str| fields::digits(pan, 13, 19) && crate::acquirer::luhn(pan);
    let pan = pan.as_str().filter(is_one).ok_or_else(|| Erro::format(&["acctNumber"]))?;
    let (card, status) = enrolled(&threeds, pan)?;
    // The ACS of the cards that are challenged looks at the browser first.
    let transaction = threeds.transactions().begin(card.pan, status == "C");
    let mut answer = json!({ "threeDSServerTransID": transaction.id, "messageVersion": VERSION });
    if transaction.has_method {
        put(&mut answer, "threeDSMethodURL", json!(format!("{}/acs/method", threeds.url)));
    }
    Ok(Json(answer))
}

/// An AReq, answered with the ARes.
async fn authentication(
    State(threeds): State<Arc<ThreeDs>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Erro> {
    admit(&threeds, &headers)?;
    let request = object(&body)?;
    let id = request.get("threeDSServerTransID").and_then(Value::as_str).unwrap_or_default().to_owned();
    areq(&threeds, &request).map(Json).map_err(|erro| erro.about(&id))
}

fn areq(threeds: &ThreeDs, request: &Map<String, Value>) -> Result<Value, Erro> {
    fields::check(request)?;
    let text = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default();
    let (card, usual) = enrolled(threeds, text("acctNumber"))?;
    let (forced, acs_down) = {
        let faults = threeds.faults.now();
        (faults.trans_status.clone(), faults.acs_down)
    };
    if text("purchaseExponent") != exponent(text("purchaseCurrency")) {
        return Err(Erro::data("purchaseCurrency, purchaseExponent"));
    }
    let mut transactions = threeds.transactions();
    let now_ms = transactions.now_ms();
    let transaction = transactions.find(text("threeDSServerTransID")).filter(|found| found.pan == card.pan);
    let transaction = transaction.ok_or_else(|| Erro::unknown("threeDSServerTransID"))?;
    if transaction.purchase.is_some() {
        return Err(Erro::data("threeDSServerTransID"));
    }
    let is_honest = match text("threeDSCompInd") {
        "Y" => transaction.was_on_method,
        "U" => !transaction.has_method,
        _ => transaction.has_method,
    };
    if !is_honest {
        return Err(Erro::data("threeDSCompInd"));
    }
    if acs_down {
        return Err(Erro::unreachable());
    }
    let is_expired = text("cardExpiryDate") != card::EXPIRY;
    let (status, reason) = match (status(forced.as_deref().unwrap_or(usual)), is_expired) {
        (_, true) => ("N", Some("05")),
        ("N", _) => ("N", Some("01")),
        ("R", _) => ("R", Some("11")),
        ("U", _) => ("U", Some("22")),
        (status, _) => (status, None),
    };
    let purchase = Purchase {
        amount: text("purchaseAmount").parse().unwrap_or(0),
        currency: text("purchaseCurrency").to_owned(),
        merchant: text("merchantName").to_owned(),
        notification_url: text("notificationURL").to_owned(),
    };
    transaction.purchase = Some((purchase, status));
    let mut ares = json!({
        "threeDSServerTransID": transaction.id,
        "acsTransID": transaction.acs_trans_id,
        "dsTransID": transaction.ds_trans_id,
        "messageType": "ARes",
        "messageVersion": VERSION,
        "transStatus": status,
    });
    if let Some(eci) = transaction.eci(status) {
        put(&mut ares, "eci", json!(eci));
        put(&mut ares, "authenticationValue", json!(transaction.prove(eci, &threeds.proofs)));
    }
    if let Some(reason) = reason {
        put(&mut ares, "transStatusReason", json!(reason));
    }
    if status == "C" {
        put(&mut ares, "acsURL", json!(format!("{}/acs/challenge", threeds.url)));
        transaction.challenge =
            Some(Challenge { asked_ms: now_ms, opened_ms: None, session_data: None, wrong: 0, interactions: 0 });
    }
    Ok(ares)
}

/// A status that there is.
fn status(text: &str) -> &'static str {
    ["Y", "A", "N", "R", "C", "I"].into_iter().find(|status| *status == text).unwrap_or("U")
}

/// The digits after the point (ISO 4217). The yen and the won have none.
fn exponent(currency: &str) -> &'static str {
    match currency {
        "392" | "410" => "0",
        "048" | "400" | "414" | "512" | "788" => "3",
        _ => "2",
    }
}

/// What the RReq said; 404 while there is none.
async fn results(
    State(threeds): State<Arc<ThreeDs>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Json<Rreq>, Erro> {
    admit(&threeds, &headers)?;
    let mut transactions = threeds.transactions();
    let now_ms = transactions.now_ms();
    let result = transactions.find(&id).and_then(|transaction| transaction.result.clone());
    let is_here = |result: &Rreq| result.due_ms.is_some_and(|due_ms| due_ms <= now_ms);
    result.filter(is_here).map(Json).ok_or_else(|| Erro::no_result().about(&id))
}
