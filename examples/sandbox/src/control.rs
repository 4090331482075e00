//! What the control APIs have in common: how they refuse, and what is asked about deliveries and done to them.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::courier::{Headers, Provider};

/// Why a control call is refused: the status and a sentence.
pub(crate) struct Refusal(pub(crate) StatusCode, pub(crate) String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

/// There is no such thing.
pub(crate) fn missing(what: &str, name: &str) -> Refusal {
    Refusal(StatusCode::NOT_FOUND, format!("there is no {what} `{name}`"))
}

/// The call is not understood.
pub(crate) fn refused(error: impl ToString) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, error.to_string())
}

/// Reads the body of a call.
pub(crate) fn read<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(refused)
}

/// `/deliveries`, `/redeliver` and `/webhook` of a provider, to stand under its `/sandbox`.
pub(crate) fn of_deliveries<P: Provider>() -> Router<Arc<P>> {
    Router::new()
        .route("/deliveries", get(deliveries::<P>))
        .route("/redeliver", post(redeliver::<P>))
        .route("/webhook", get(hook::<P>).post(set_hook::<P>))
}

#[derive(Deserialize)]
struct Shown {
    /// How many of the newest; without it all.
    limit: Option<usize>,
}

/// The deliveries, the oldest first.
async fn deliveries<P: Provider>(State(provider): State<Arc<P>>, Query(shown): Query<Shown>) -> Json<Value> {
    let courier = provider.courier();
    let records = courier.records(shown.limit.unwrap_or(usize::MAX));
    Json(json!({ "webhook": courier.hook(), "deliveries": records }))
}

#[derive(Deserialize)]
struct Again {
    #[serde(alias = "mid")]
    id: Value,
}

async fn redeliver<P: Provider>(State(provider): State<Arc<P>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let again: Again = read(&body)?;
    let id = again.id.as_str().map_or_else(|| again.id.to_string(), str::to_owned);
    match provider.courier().redeliver(&id) {
        0 => Err(missing("delivery about", &id)),
        count => Ok(Json(json!({ "redelivered": count }))),
    }
}

async fn hook<P: Provider>(State(provider): State<Arc<P>>) -> Json<Value> {
    Json(json!(provider.courier().hook()))
}

#[derive(Deserialize)]
struct NewHook {
    url: Option<String>,
}

/// Points the webhook elsewhere, or (`{}`) has it challenged again.
async fn set_hook<P: Provider>(State(provider): State<Arc<P>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let new: NewHook = read(&body)?;
    provider.courier().challenge_again(new.url);
    Ok(Json(json!(provider.courier().hook())))
}

/// Signs `body` badly: `wrong_key` (the default), `tampered` (a good signature of another body) or `missing`.
fn forged_signatures<P: Provider>(provider: &P, how: &str, body: &[u8]) -> Result<Headers, Refusal> {
    match how {
        "wrong_key" => Ok(P::signatures(&format!("not {}", provider.secret()), body)),
        "tampered" => Ok(P::signatures(provider.secret(), b"{}")),
        "missing" => Ok(Headers::new()),
        other => provider.forged(other, body).ok_or_else(|| refused(format!("how: `{other}` is not known"))),
    }
}

/// Delivers what the provider never would, once and on no record; what came back, with the id it is about.
pub(crate) async fn forge<P: Provider>(
    provider: &P,
    how: Option<&str>,
    id: &str,
    body: String,
) -> Result<Json<Value>, Refusal> {
    let Some(url) = provider.courier().hook().url else {
        let help = "there is no webhook yet: name one on the command line, or POST /sandbox/webhook";
        return Err(Refusal(StatusCode::NOT_FOUND, help.to_owned()));
    };
    let body = Bytes::from(body);
    let signatures = forged_signatures(provider, how.unwrap_or("wrong_key"), &body)?;
    let timeout_ms = provider.delivery_faults().delivery_timeout_ms;
    let outcome = provider.courier().send(&url, body, signatures, timeout_ms).await;
    Ok(Json(json!({ "status": outcome.as_ref().ok(), "error": outcome.as_ref().err(), "id": id })))
}
