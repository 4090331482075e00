//! `/in/{instance}/…`: what providers deliver. The host verifies it before a plugin sees a byte.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use sportello_host::Reason;
use sportello_sdk::frames::WebhookFrame;
use sportello_sdk::{WebhookReply, WebhookRequest};

use super::App;
use super::body::Unread;
use super::problem::{Kind, Problem};

/// How often is looked for another version, where the one that was found takes nothing more.
const TURNED_AWAY_MAX: usize = 4;

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
    deliver(&app, &instance, head(String::new(), &method, &uri, &headers), body).await
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
    deliver(&app, &instance, head(format!("/{path}"), &method, &uri, &headers), body).await
}

/// What stands before a delivery's body.
fn head(path: String, method: &Method, uri: &Uri, headers: &HeaderMap) -> WebhookFrame {
    let readable = |(name, value): (&HeaderName, &HeaderValue)| {
        // Names are in small letters already. A value that is no text signs nothing.
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    WebhookFrame {
        method: method.as_str().to_owned(),
        path,
        query: uri.query().unwrap_or_default().to_owned(),
        headers: headers.iter().filter_map(readable).collect(),
    }
}

/// Answers a delivery. One that is refused before the plugin saw it is counted, whatever the reason;
/// the log hears of it once a second at most, as anybody at all can be refused.
async fn deliver(app: &App, instance: &str, head: WebhookFrame, body: Unread) -> Result<Response, Problem> {
    let slot = app.wire.slot(instance).ok_or_else(nobody)?;
    take(app, instance, head, body).await.inspect_err(|problem| {
        let all = slot.webhooks_refused.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(count) = slot.refusals_told.untold(all, Instant::now()) {
            let status = problem.kind().status().as_u16();
            tracing::warn!(instance, status, why = problem.detail(), count, "a webhook was refused");
        }
    })
}

/// When an instance's refusals were last told, and how many there had been.
#[derive(Debug, Default)]
pub struct Told(Mutex<Option<(Instant, u64)>>);

impl Told {
    /// How many of `all` have not been told, if it is time to.
    fn untold(&self, all: u64, now: Instant) -> Option<u64> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match *told {
            Some((last, _)) if now.saturating_duration_since(last) < Duration::from_secs(1) => return None,
            Some((_, before)) => before,
            None => 0,
        };
        *told = Some((now, all));
        Some(all.saturating_sub(before))
    }
}

async fn take(app: &App, instance: &str, head: WebhookFrame, body: Unread) -> Result<Response, Problem> {
    let body = body.read().await?;
    // The provider delivers again what it is told to; the next start will take it.
    let _inside = app.taking()?;
    let closed = || Problem::new(Kind::Unavailable, "this instance is not open just now").retry_after(5);
    let mut delivered = None;
    for _ in 0..TURNED_AWAY_MAX {
        let running = app.wire.running(instance).ok_or_else(closed)?;
        let answer = running.webhook(WebhookRequest { head: head.clone(), body: body.clone() }).await;
        // It was just replaced: the one in its place takes it.
        let is_turned_away = answer.error.as_ref().is_some_and(|error| error.reason == Reason::Stopping);
        delivered = Some(answer);
        if !is_turned_away {
            break;
        }
    }
    let delivered = delivered.ok_or_else(closed)?;
    if let Some(why) = delivered.refused {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_once_a_second() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let told = Told::default();
        assert_eq!(told.untold(1, after(0)), Some(1));
        assert_eq!(told.untold(2, after(999)), None);
        assert_eq!(told.untold(3, after(1_000)), Some(2));
        assert_eq!(told.untold(4, after(1_999)), None);
    }
}
