//! The control API under `/sandbox/`: what people's phones write and show, and what the SMSC does badly.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use super::{
    Smsc,
    address::Address,
    centre::Centre,
    load::{Load, Wanted},
    phones::{self, PEOPLE},
    writing::NewText,
};
use crate::{disturb, gate::Gate};

#[derive(Debug)]
struct Desk {
    smsc: Arc<Smsc>,
    gate: Gate,
}

type Shared = State<Arc<Desk>>;

pub(crate) fn router(smsc: Arc<Smsc>, gate: Gate) -> Router {
    Router::new()
        .route("/sms", post(write))
        .route("/people", get(people))
        .route("/phones/{who}", get(phone))
        .route("/smsc", get(overview))
        .route("/faults", get(faults).post(set_faults))
        .route("/raw", post(raw))
        .route("/outage", post(outage))
        .route("/load", post(load))
        .route("/reset", post(reset))
        .with_state(Arc::new(Desk { smsc, gate }))
}

/// Why a control call is refused: the status and a sentence.
struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

fn bad(error: impl ToString) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, error.to_string())
}

fn nobody_bound() -> Refusal {
    Refusal(StatusCode::CONFLICT, "nobody is bound".to_owned())
}

fn read<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(bad)
}

fn number(who: &str) -> Result<u64, Refusal> {
    let missing = || Refusal(StatusCode::NOT_FOUND, format!("there is no phone `{who}`: a name, or a number as +39…"));
    phones::number_of(who).ok_or_else(missing)
}

async fn people() -> Json<Value> {
    let people = PEOPLE.map(|(name, number)| json!({ "name": name, "number": format!("+{number}") }));
    Json(json!({ "people": people }))
}

/// Somebody writes a text.
async fn write(State(desk): Shared, body: Bytes) -> Result<Json<Value>, Refusal> {
    let new: NewText = read(&body)?;
    let who = new.who().ok_or_else(|| bad("as, or from: who writes?"))?;
    let who = number(who)?;
    let mut centre = desk.smsc.centre();
    let written = new.written(who, &mut centre).map_err(bad)?;
    let said = json!({ "ids": written.text.ids, "parts": written.text.parts, "encoding": written.text.encoding });
    centre.phones.wrote(who, written.text);
    centre.post(written.parcels);
    Ok(Json(said))
}

/// The thread of a phone, the oldest text first.
async fn phone(State(desk): Shared, Path(who): Path<String>) -> Result<Json<Value>, Refusal> {
    let number = number(&who)?;
    let centre = desk.smsc.centre();
    let (texts, incomplete) = (centre.phones.thread(number), centre.phones.incomplete(number));
    Ok(Json(json!({ "number": format!("+{number}"), "texts": texts, "incomplete": incomplete })))
}

fn links(centre: &Centre) -> Vec<Value> {
    let shown = centre.links.values().map(|link| {
        json!({ "id": link.id, "bound": link.mode, "unanswered": link.sent.len(), "quiet_ms":
            u64::try_from(link.quiet_since.elapsed().as_millis()).unwrap_or(u64::MAX) })
    });
    shown.collect()
}

async fn overview(State(desk): Shared) -> Json<Value> {
    let centre = desk.smsc.centre();
    Json(json!({
        "system_id": centre.account.system_id,
        "short_code": centre.account.short_code,
        "outage": centre.is_out,
        "links": links(&centre),
        "waiting": centre.post.waiting(),
        "counters": centre.books.counters,
        "pdus": centre.books.pdus(),
    }))
}

async fn faults(State(desk): Shared) -> Json<Value> {
    Json(json!(desk.smsc.centre().faults))
}

/// Changes the switches named; `"drop_links": true` is no switch but a deed: all links end now.
async fn set_faults(State(desk): Shared, body: Bytes) -> Result<Json<Value>, Refusal> {
    let mut change: Map<String, Value> = read(&body)?;
    let drop_links = match change.remove("drop_links") {
        None => false,
        Some(Value::Bool(wanted)) => wanted,
        Some(_) => return Err(bad("drop_links: true, or nothing")),
    };
    let mut centre = desk.smsc.centre();
    centre.faults = disturb::merged(&centre.faults, &change).map_err(bad)?;
    if drop_links {
        centre.drop_links();
    }
    // What a switch held back may go now.
    centre.post([]);
    Ok(Json(json!(centre.faults)))
}

#[derive(Deserialize)]
struct Raw {
    hex: String,
}

/// Writes octets on the newest bound link, whatever they are.
async fn raw(State(desk): Shared, body: Bytes) -> Result<Json<Value>, Refusal> {
    let raw: Raw = read(&body)?;
    let digits: Vec<char> = raw.hex.chars().filter(|c| !c.is_whitespace()).collect();
    let (pairs, rest) = digits.as_chunks::<2>();
    let octet = |pair: &[char; 2]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).ok();
    let octets: Option<Vec<u8>> = pairs.iter().map(octet).collect();
    let octets = octets.filter(|_| rest.is_empty()).ok_or_else(|| bad("hex: two digits an octet"))?;
    let mut centre = desk.smsc.centre();
    let link = centre.links.values_mut().rev().find(|link| link.mode.is_some()).ok_or_else(nobody_bound)?;
    link.pending.extend_from_slice(&octets);
    let id = link.id;
    centre.flush();
    Ok(Json(json!({ "link": id, "octets": octets.len() })))
}

#[derive(Deserialize)]
struct Outage {
    on: bool,
}

async fn outage(State(desk): Shared, body: Bytes) -> Result<Json<Value>, Refusal> {
    let Outage { on } = read(&body)?;
    let failed = |error| Refusal(StatusCode::INTERNAL_SERVER_ERROR, error);
    desk.gate.outage(&desk.smsc, on).await.map_err(failed)?;
    Ok(Json(json!({ "on": on })))
}

/// Answers when the load is done.
async fn load(State(desk): Shared, body: Bytes) -> Result<Json<Value>, Refusal> {
    let wanted: Wanted = read(&body)?;
    let (finished, end) = oneshot::channel();
    {
        let mut centre = desk.smsc.centre();
        if centre.load.is_some() {
            return Err(Refusal(StatusCode::CONFLICT, "a load is running".to_owned()));
        }
        let link = centre.links.values().find(|link| link.may_receive()).ok_or_else(nobody_bound)?.id;
        let recipient = Address::short_code(&centre.account.short_code);
        let submitted = centre.books.counters.submitted;
        centre.load = Some(Load::new(&wanted, recipient, link, submitted, finished).map_err(bad)?);
        centre.post([]);
    }
    let stopped = |_| Refusal(StatusCode::CONFLICT, "the load was stopped".to_owned());
    let (outcome, took_us) = end.await.map_err(stopped)?;
    let outcome = tokio::task::spawn_blocking(move || outcome.with(took_us)).await.map_err(bad)?;
    Ok(Json(json!(outcome)))
}

/// Back to the start: no texts, no counters, the faults of the command line. Links stay.
async fn reset(State(desk): Shared) -> Json<Value> {
    desk.smsc.centre().reset(desk.smsc.faults_at_start.clone());
    Json(json!({}))
}
