//! The acquirer's control API under `/control/`: the money of each card, the links, and the faults.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Acquirer,
    card::CARDS,
    ledger::Ledger,
    money::{Account, last4},
};
use crate::{
    control::{Refusal, missing, read, refused},
    disturb,
    gate::Gate,
};

#[derive(Debug)]
pub(super) struct Desk {
    pub(super) acquirer: Arc<Acquirer>,
    pub(super) gate: Gate,
}

type Shared = State<Arc<Desk>>;

pub(super) fn router(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/cards", get(cards))
        .route("/cards/{card}", get(card))
        .route("/acquirer", get(overview))
        .route("/faults", get(faults).post(set_faults))
        .route("/release", post(release))
        .route("/echo", post(echo))
        .route("/mint", post(mint))
        .route("/raw", post(raw))
        .route("/outage", post(outage))
        .route("/reset", post(reset))
        .with_state(desk)
}

/// Every card that exists or was tried, with its account.
pub(super) fn accounts(ledger: &Ledger) -> Vec<(&str, Account)> {
    let tried = ledger.accounts.keys().map(String::as_str).filter(|pan| super::card::find(pan).is_none());
    let all = CARDS.iter().map(|card| card.pan).chain(tried);
    all.map(|pan| (pan, ledger.accounts.get(pan).cloned().unwrap_or_default())).collect()
}

async fn cards(State(desk): Shared) -> Json<Value> {
    let host = desk.acquirer.host();
    let cards: Vec<Value> = accounts(&host.ledger).iter().map(|(pan, account)| account.shown(pan)).collect();
    Json(json!({ "cards": cards }))
}

/// One card, by its number or its last four digits.
async fn card(State(desk): Shared, Path(wanted): Path<String>) -> Result<Json<Value>, Refusal> {
    let host = desk.acquirer.host();
    let accounts = accounts(&host.ledger);
    let found = accounts.iter().find(|(pan, _)| *pan == wanted || last4(pan) == wanted);
    // What was asked for may be a card number: it is not repeated.
    let (pan, account) = found.ok_or_else(|| missing("card", "of that number"))?;
    Ok(Json(account.shown(pan)))
}

async fn overview(State(desk): Shared) -> Json<Value> {
    let host = desk.acquirer.host();
    let links: Vec<Value> = host
        .links
        .values()
        .map(|link| json!({ "id": link.id, "signed_on": link.is_signed_on, "echoes_unanswered": link.echoes.len() }))
        .collect();
    Json(json!({
        "outage": host.is_out,
        "links": links,
        "held_requests": host.held_requests.len(),
        "held_answers": host.held_answers.len(),
        "counters": host.books.counters,
        "complaints": host.books.complaints(),
    }))
}

async fn faults(State(desk): Shared) -> Json<Value> {
    Json(json!(desk.acquirer.host().faults))
}

/// Changes the switches named; `"drop_links_now": true` is no switch but a deed: all links end.
async fn set_faults(State(desk): Shared, body: Bytes) -> Result<Json<Value>, Refusal> {
    let mut change: Map<String, Value> = read(&body)?;
    let drop_links = match change.remove("drop_links_now") {
        None => false,
        Some(Value::Bool(wanted)) => wanted,
        Some(_) => return Err(refused("drop_links_now: true, or nothing")),
    };
    let mut host = desk.acquirer.host();
    host.faults = disturb::merged(&host.faults, &change).map_err(refused)?;
    if drop_links {
        host.drop_links();
    }
    Ok(Json(json!(host.faults)))
}

/// Works on the requests that were held, and lets the answers go that were.
async fn release(State(desk): Shared) -> Json<Value> {
    let (requests, answers) = desk.acquirer.host().release();
    Json(json!({ "requests": requests, "answers": answers }))
}

/// The acquirer's own echo, on every link that is signed on.
async fn echo(State(desk): Shared) -> Json<Value> {
    Json(json!({ "links": desk.acquirer.host().echo() }))
}

#[derive(Deserialize)]
struct NewCryptogram {
    dpan: String,
    /// In base64.
    cryptogram: String,
}

/// Makes a cryptogram good for one payment with a network token, as if a wallet had minted it.
async fn mint(State(desk): Shared, body: Bytes) -> Result<Json<Value>, Refusal> {
    let new: NewCryptogram = read(&body)?;
    desk.acquirer.host().minted.mint(&new.dpan, &new.cryptogram);
    Ok(Json(json!({})))
}

#[derive(Deserialize)]
struct Raw {
    hex: String,
}

/// Writes octets on the newest link, whatever they are.
async fn raw(State(desk): Shared, body: Bytes) -> Result<Json<Value>, Refusal> {
    let raw: Raw = read(&body)?;
    let digits: String = raw.hex.chars().filter(|c| !c.is_whitespace()).collect();
    let mut octets = hex::decode(digits).map_err(refused)?;
    let host = desk.acquirer.host();
    let nobody = || Refusal(StatusCode::CONFLICT, "there is no link".to_owned());
    let link = host.links.values().next_back().ok_or_else(nobody)?;
    let count = octets.len();
    link.outbox.put(&mut octets, false, false);
    Ok(Json(json!({ "link": link.id, "octets": count })))
}

#[derive(Deserialize)]
struct Outage {
    on: bool,
}

async fn outage(State(desk): Shared, body: Bytes) -> Result<Json<Value>, Refusal> {
    let Outage { on } = read(&body)?;
    let failed = |error| Refusal(StatusCode::INTERNAL_SERVER_ERROR, error);
    desk.gate.outage(&desk.acquirer, on).await.map_err(failed)?;
    Ok(Json(json!({ "on": on })))
}

/// Back to the start: no money moved, no counters, the faults of the command line. Links stay.
async fn reset(State(desk): Shared) -> Json<Value> {
    desk.acquirer.host().reset(desk.acquirer.faults_at_start.clone());
    Json(json!({}))
}
