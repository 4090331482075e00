//! `/in/{instance}/…`: what providers deliver. The host verifies it before a plugin sees a byte.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use sportello_sdk::frames::WebhookFrame;
use sportello_sdk::{WebhookReply, WebhookRequest};

use super::App;
use super::body::Unread;
use super::problem::{Kind, Problem};

/// A delivery to `/in/{instance}`.
pub(super) async fn root(
    State(app): State<Arc<App>>,
    instance: Result<Path<String>, PathRejection>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Unread,
) -> Result<Response, Problem> {
    let Path(instance) = instance.map_err(|_| nobody())?;
    deliver(&app, &instance, String::new(), &method, &uri, &headers, body).await
}

/// A delivery to `/in/{instance}/…`.
pub(super) async fn below(
    State(app): State<Arc<App>>,
    parts: Result<Path<(String, String)>, PathRejection>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Unread,
) -> Result<Response, Problem> {
    let Path((instance, path)) = parts.map_err(|_| nobody())?;
    deliver(&app, &instance, format!("/{path}"), &method, &uri, &headers, body).await
}

async fn deliver(
    app: &App,
    instance: &str,
    path: String,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: Unread,
) -> Result<Response, Problem> {
    if !app.wire.slots().contains_key(instance) {
        return Err(nobody());
    }
    let body = body.read().await.inspect_err(|problem| {
        tracing::warn!(instance, status = problem.kind().status().as_u16(), "a webhook was refused: its body");
    })?;
    // The provider delivers again what it is told to; the next start will take it.
    let _inside = app.taking()?;
    let closed = || Problem::new(Kind::Unavailable, "this instance is not open just now").retry_after(5);
    let running = app.wire.running(instance).ok_or_else(closed)?;
    let readable = |(name, value): (&HeaderName, &HeaderValue)| {
        // Names are in small letters already. A value that is no text signs nothing.
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    let head = WebhookFrame {
        method: method.as_str().to_owned(),
        path,
        query: uri.query().unwrap_or_default().to_owned(),
        headers: headers.iter().filter_map(readable).collect(),
    };
    let delivered = running.webhook(WebhookRequest { head, body }).await;
    if let Some(why) = delivered.refused {
        tracing::warn!(instance, status = delivered.reply.status, why, "a webhook was refused");
        return Err(refused(delivered.reply.status, why));
    }
    if let Some(error) = delivered.error {
        tracing::warn!(instance, status = delivered.reply.status, %error, "a webhook could not be taken");
    }
    Ok(answer(delivered.reply))
}

/// The problem of a status that is one.
fn kind_of(status: StatusCode) -> Option<Kind> {
    // The first of each status is the most general.
    Kind::ALL.into_iter().find(|kind| kind.status() == status)
}

fn refused(status: u16, why: &str) -> Problem {
    let kind = match StatusCode::from_u16(status) {
        // No API key would help here.
        Ok(StatusCode::UNAUTHORIZED) => Some(Kind::Unsigned),
        Ok(status) => kind_of(status),
        Err(_) => None,
    };
    Problem::new(kind.unwrap_or(Kind::BadRequest), why)
}

fn answer(reply: WebhookReply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    if let Some(kind) = kind_of(status).filter(|_| reply.body.is_empty()) {
        return Problem::new(kind, "the delivery could not be taken").into_response();
    }
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = status;
    for (name, value) in reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

fn nobody() -> Problem {
    Problem::new(Kind::NotFound, "no instance of this name takes deliveries here")
}
