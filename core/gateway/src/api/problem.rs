//! What went wrong, as RFC 9457 has it: `application/problem+json`.

use axum::body::Body;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

/// A kind of problem. Its `type` is the relative URI `/problems/` + [`Kind::code`], where it is described.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request is not as HTTP or this interface has it.
    BadRequest,
    /// The body is no JSON.
    BadJson,
    /// The request needs an `Idempotency-Key`.
    IdempotencyKeyMissing,
    /// There is no (right) API key.
    Unauthorized,
    /// A delivery does not carry its provider's signature.
    Unsigned,
    /// The API key may not do this.
    Forbidden,
    /// There is nothing here.
    NotFound,
    /// This can be done here, but not with this method.
    MethodNotAllowed,
    /// The body takes too long to arrive.
    Slow,
    /// Where the payment stands, this cannot be done.
    NotNow,
    /// The first request with this `Idempotency-Key` has not been answered yet.
    InFlight,
    /// The body is larger than is taken.
    TooLarge,
    /// The body's media type is not taken.
    MediaType,
    /// The body is JSON, but not what is asked for.
    Invalid,
    /// This `Idempotency-Key` came with another request before.
    KeyReused,
    /// The payment is well-formed and cannot be made.
    Refused,
    /// The configuration was not taken, and what was there goes on.
    Unchanged,
    /// Too much at once.
    Busy,
    /// Something broke here.
    Internal,
    /// The program is about to stop.
    Stopping,
    /// Something that is needed is not there.
    Unavailable,
}

impl Kind {
    /// Every kind, by status; the most general of each status first.
    pub const ALL: [Self; 21] = [
        Self::BadRequest,
        Self::BadJson,
        Self::IdempotencyKeyMissing,
        Self::Unauthorized,
        Self::Unsigned,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Slow,
        Self::NotNow,
        Self::InFlight,
        Self::TooLarge,
        Self::MediaType,
        Self::Invalid,
        Self::KeyReused,
        Self::Refused,
        Self::Unchanged,
        Self::Busy,
        Self::Internal,
        Self::Unavailable,
        Self::Stopping,
    ];

    const fn facts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::BadRequest => (StatusCode::BAD_REQUEST, "bad-request", "The request cannot be read"),
            Self::BadJson => (StatusCode::BAD_REQUEST, "bad-json", "The body is no JSON"),
            Self::IdempotencyKeyMissing => {
                (StatusCode::BAD_REQUEST, "idempotency-key-missing", "The request needs an Idempotency-Key")
            }
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized", "An API key is needed"),
            Self::Unsigned => (StatusCode::UNAUTHORIZED, "unsigned", "The delivery is not its provider's"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "The API key may not do this"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "There is nothing here"),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "The method is not offered here")
            }
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, "slow", "The body takes too long"),
            Self::NotNow => (StatusCode::CONFLICT, "not-now", "This cannot be done as things stand"),
            Self::InFlight => {
                (StatusCode::CONFLICT, "in-flight", "The first request with this key is not answered yet")
            }
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large"),
            Self::MediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "The body must be application/json"),
            Self::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "The body is not what is asked for"),
            Self::KeyReused => {
                (StatusCode::UNPROCESSABLE_ENTITY, "key-reused", "This key came with another request before")
            }
            Self::Refused => (StatusCode::UNPROCESSABLE_ENTITY, "refused", "The payment cannot be made"),
            Self::Unchanged => {
                (StatusCode::UNPROCESSABLE_ENTITY, "unchanged", "The configuration is wrong, and nothing has changed")
            }
            Self::Busy => (StatusCode::TOO_MANY_REQUESTS, "busy", "Too much at once"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something broke here"),
            Self::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping", "The gateway is about to stop"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "The gateway cannot answer now"),
        }
    }

    /// The status code.
    pub const fn status(self) -> StatusCode {
        self.facts().0
    }

    /// The code to branch on.
    pub const fn code(self) -> &'static str {
        self.facts().1
    }

    /// The same for all problems of this kind.
    pub const fn title(self) -> &'static str {
        self.facts().2
    }
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    kind: Kind,
    detail: String,
    retry_after_s: Option<u64>,
    problems: Vec<crate::config::Problem>,
}

impl Problem {
    /// A problem, with what is particular to this one: a sentence for a person, never a secret.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), retry_after_s: None, problems: Vec::new() }
    }

    /// The same, with a `Retry-After` in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The same, with all that is wrong with the configuration.
    #[must_use]
    pub(crate) fn with_problems(mut self, problems: Vec<crate::config::Problem>) -> Self {
        self.problems = problems;
        self
    }

    /// What kind it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What is particular to this one.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "<[crate::config::Problem]>::is_empty")]
    problems: &'a [crate::config::Problem],
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.kind.status();
        let document = Document {
            r#type: format!("/problems/{}", self.kind.code()),
            title: self.kind.title(),
            status: status.as_u16(),
            detail: &self.detail,
            problems: &self.problems,
        };
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.kind == Kind::Unauthorized {
            // RFC 9110, section 15.5.2: a 401 says how to do better.
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// What a problem's `type` leads to.
pub(super) async fn explain(Path(code): Path<String>) -> Result<Response, Problem> {
    let kind = Kind::ALL.into_iter().find(|kind| kind.code() == code);
    let kind = kind.ok_or_else(|| Problem::new(Kind::NotFound, format!("no problem is called {code:?}")))?;
    Ok(super::json(&serde_json::json!({
        "type": format!("/problems/{code}"), "title": kind.title(), "status": kind.status().as_u16(),
    })))
}
