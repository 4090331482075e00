//! What every API call passes: the disturbances that are switched on, then the check of its signature.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{
    X,
    oauth::{self, Call},
    problem::Problem,
};
use crate::{clock, disturb, limits::Standing, lock::lock};

/// A form that is signed along may be so long.
const FORM_BYTES_MAX: usize = 64 * 1024;

/// Lets the faults have their way with the call.
pub(crate) async fn disturbed(State(x): State<Arc<X>>, request: Request, next: Next) -> Response {
    let plan = x.faults.now().plan(request.method());
    disturb::run(plan, request, next, Problem::bare).await
}

/// Answers 401 to a call that is not signed by the account, and 429 while all calls are limited.
pub(crate) async fn signed(State(x): State<Arc<X>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, FORM_BYTES_MAX).await else {
        return Problem::invalid("The body is too long.").into_response();
    };
    let is_form = header_text(&parts.headers, header::CONTENT_TYPE).starts_with("application/x-www-form-urlencoded");
    let call = Call {
        method: parts.method.as_str(),
        url: &format!("http://{}{}", header_text(&parts.headers, header::HOST).to_ascii_lowercase(), parts.uri.path()),
        query: parts.uri.query().unwrap_or_default(),
        form: if is_form { std::str::from_utf8(&body).unwrap_or_default() } else { "" },
        authorization: header_text(&parts.headers, header::AUTHORIZATION),
    };
    let verified = oauth::verify(&call, &x.credentials, &mut lock(&x.nonces), clock::now_s());
    if let Err(detail) = verified {
        return Problem::unauthorized(detail).into_response();
    }
    let limited_until = x.faults.now().rate_limited_until.filter(|until| *until > clock::now_s());
    if let Some(until) = limited_until {
        let limit = x.faults.now().post_limit;
        return limited(Standing::exhausted(limit, until));
    }
    next.run(Request::from_parts(parts, body.into())).await
}

fn header_text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Writes the three headers that say where a caller stands.
fn write(standing: Standing, headers: &mut HeaderMap) {
    headers.insert("x-rate-limit-limit", HeaderValue::from(standing.limit));
    headers.insert("x-rate-limit-remaining", HeaderValue::from(standing.remaining));
    headers.insert("x-rate-limit-reset", HeaderValue::from(standing.reset_s));
}

/// The answer to a call past its limit.
pub(crate) fn limited(standing: Standing) -> Response {
    let mut answer = Problem::too_many().into_response();
    write(standing, answer.headers_mut());
    answer
}

/// Counts a call against a limit; the answer of `work`, or 429, in either case with the headers.
pub(crate) fn counted(x: &X, what: &str, limit: u64, work: impl FnOnce() -> Response) -> Response {
    let window_s = x.faults.now().window_s;
    let standing = lock(&x.limits).count(what, limit, window_s, clock::now_s());
    if !standing.allowed {
        return limited(standing);
    }
    let mut answer = work();
    write(standing, answer.headers_mut());
    answer
}
