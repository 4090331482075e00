//! `/v1/payments`.

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sportello_engine::store::{Entry, Page};
use sportello_engine::{ChangeError, NotCreated, Request};
use sportello_model::payment::State as Standing;
use sportello_model::{Payment, PaymentId};

use super::body::Unread;
use super::problem::{Kind, Problem};
use super::view::{PaymentView, mask};
use super::{App, body, idempotency, json as json_response, json_with, prefer, stopping, unavailable};
use crate::config::Scope;
use crate::redact::hide_cards;

const ROUTE: &str = "/v1/payments";

/// How many payments a page has, unless told, and at most.
const PAGE_LEN: [u32; 2] = [20, 100];

/// `POST /v1/payments`: 201 with the payment; with the payment as it stands now, where the same request came before.
pub(super) async fn create(State(app): State<Arc<App>>, headers: HeaderMap, body: Unread) -> Result<Response, Problem> {
    let caller = app.callers.authorize(&headers, Scope::PaymentsWrite)?;
    let key = idempotency::key(&headers)?;
    let bytes = body.read().await?;
    let inside = app.taking()?;
    let mut asked = body::read(&headers, &bytes)?;
    // Neither what is stored nor what a repeat is known by tells of a card.
    asked.memo = asked.memo.map(|memo| hide_cards(&memo).into_owned());
    let told = String::from_utf8_lossy(&bytes);
    if asked.confirmed {
        caller.require(Scope::PaymentsConfirmed)?;
    }
    let claim = app.in_flight.claim(&caller.name, &key)?;
    let by_profile = || app.engine.visibility(&asked.payer);
    let request = Request {
        caller: caller.name.clone(),
        idempotency_key: key,
        fingerprint: idempotency::fingerprint("POST", ROUTE, hide_cards(&told).as_bytes()).to_vec(),
        visibility: asked.visibility.unwrap_or_else(by_profile),
        payer: asked.payer,
        payee: asked.payee,
        amount: asked.amount,
        memo: asked.memo,
        confirmed: asked.confirmed,
    };
    let created = app.engine.create(request).await.map_err(not_created)?;
    drop((claim, inside));
    let wait = prefer::wait(&headers);
    if let Some(wait) = wait {
        // Whichever ends first, the payment is told as it stands.
        tokio::select! {
            biased;
            () = created.ended() => {}
            () = tokio::time::sleep(wait) => {}
            () = app.shift.closed() => {}
        }
    }
    let payment = created.payment().await;
    let mut response = json_with(StatusCode::CREATED, &view(&app, &payment));
    let answer = response.headers_mut();
    if let Ok(location) = HeaderValue::try_from(format!("{ROUTE}/{}", payment.id)) {
        answer.insert(header::LOCATION, location);
    }
    if wait.is_some() {
        answer.insert(HeaderName::from_static("preference-applied"), HeaderValue::from_static("wait"));
    }
    if created.replayed {
        answer.insert(HeaderName::from_static("idempotency-replayed"), HeaderValue::from_static("true"));
    }
    Ok(response)
}

fn not_created(error: NotCreated) -> Problem {
    match &error {
        NotCreated::Draining => stopping(),
        NotCreated::ZeroAmount | NotCreated::UnknownPayer(_) | NotCreated::UnknownPayee(_) | NotCreated::Yourself => {
            Problem::new(Kind::Refused, error.to_string())
        }
        NotCreated::KeyReused => Problem::new(Kind::KeyReused, error.to_string()),
        NotCreated::Store(store) => unavailable(store),
    }
}

/// The query of `GET /v1/payments`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    state: Option<String>,
    limit: Option<u32>,
    /// Where the page before ended. What is in it is nobody's business.
    cursor: Option<String>,
}

#[derive(Serialize)]
struct List<'a> {
    payments: Vec<PaymentView<'a>>,
    next_cursor: Option<PaymentId>,
}

/// `GET /v1/payments`: the latest first, in pages.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    app.callers.authorize(&headers, Scope::PaymentsRead)?;
    let bad = |detail: String| Problem::new(Kind::BadRequest, detail);
    let Query(query) = query.map_err(|rejection| bad(rejection.body_text()))?;
    if let Some(state) = &query.state
        && !Standing::ALL.iter().any(|known| known.name() == state)
    {
        let all: Vec<&str> = Standing::ALL.iter().map(|known| known.name()).collect();
        return Err(bad(format!("{state:?} is no state; the states are {}", all.join(", "))));
    }
    let [usual, most] = PAGE_LEN;
    let limit = query.limit.unwrap_or(usual);
    if !(1..=most).contains(&limit) {
        return Err(bad(format!("a page has 1 to {most} payments")));
    }
    let before = match query.cursor {
        Some(cursor) => Some(cursor.parse().map_err(|_| bad("this is no cursor of an earlier page".to_owned()))?),
        None => None,
    };
    // One more than asked for shows whether there is another page.
    let page = Page { state: query.state, before, limit: limit + 1 };
    let mut payments = app.engine.store().payments(page).await.map_err(|error| unavailable(&error))?;
    let has_more = payments.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    if has_more {
        payments.pop();
    }
    let next_cursor = payments.last().filter(|_| has_more).map(|payment| payment.id);
    Ok(json_response(&List { payments: payments.iter().map(|payment| view(&app, payment)).collect(), next_cursor }))
}

/// `GET /v1/payments/{id}`.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    app.callers.authorize(&headers, Scope::PaymentsRead)?;
    Ok(json_response(&view(&app, &known(&app, id).await?)))
}

/// `GET /v1/payments/{id}/events`: the journal, event by event.
pub(super) async fn events(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    app.callers.authorize(&headers, Scope::PaymentsRead)?;
    let payment = known(&app, id).await?;
    let entries = app.engine.store().journal(payment.id).await.map_err(|error| unavailable(&error))?;
    let events: Vec<Value> = entries.iter().flat_map(events_of).collect();
    Ok(json_response(&json!({ "events": events })))
}

/// The events of one commit; its postings and its hash stand with the last of them.
fn events_of(entry: &Entry) -> Vec<Value> {
    let mut body: Value = serde_json::from_str(entry.entry.get()).unwrap_or_default();
    mask(&mut body);
    let Some(Value::Array(events)) = body.get_mut("events").map(Value::take) else {
        return Vec::new();
    };
    let postings = body.get_mut("postings").map(Value::take).unwrap_or_default();
    let mut shown: Vec<Value> =
        events.into_iter().map(|event| json!({ "at_ms": entry.at_ms, "event": event, "postings": [] })).collect();
    if let Some(Value::Object(last)) = shown.last_mut() {
        last.insert("postings".to_owned(), postings);
        last.insert("version".to_owned(), entry.version.into());
        last.insert("hash".to_owned(), entry.hash.clone().into());
    }
    shown
}

/// `POST /v1/payments/{id}/cancel`: 200 with the payment; the same again where it was called off already.
pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    app.callers.authorize(&headers, Scope::PaymentsWrite)?;
    let _inside = app.taking()?;
    let payment = known(&app, id).await?;
    if payment.state == Standing::Cancelled {
        return Ok(json_response(&view(&app, &payment)));
    }
    match app.engine.cancel(payment.id).await {
        Ok(Some(cancelled)) => Ok(json_response(&view(&app, &cancelled))),
        Ok(None) => Err(no_such_payment()),
        Err(ChangeError::Refused(refusal)) => Err(Problem::new(Kind::NotNow, refusal.to_string())),
        Err(ChangeError::Store(error)) => Err(unavailable(&error)),
    }
}

fn view<'a>(app: &App, payment: &'a Payment) -> PaymentView<'a> {
    PaymentView::new(payment, app.engine.waiting_notes(payment.id))
}

async fn known(app: &App, id: Result<Path<String>, PathRejection>) -> Result<Payment, Problem> {
    // What is no id is nothing's id.
    let id = id.ok().and_then(|Path(id)| id.parse().ok()).ok_or_else(no_such_payment)?;
    app.engine.payment(id).await.map_err(|error| unavailable(&error))?.ok_or_else(no_such_payment)
}

fn no_such_payment() -> Problem {
    Problem::new(Kind::NotFound, "there is no payment of this id")
}
