//! Errors and headers as the Berlin Group's NextGenPSD2 has them (implementation guidelines 1.3, section 4.13).

use axum::{
    Json,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::serial::is_uuid;

/// Why the bank refuses a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TppError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) text: String,
}

impl TppError {
    pub(crate) fn new(status: StatusCode, code: &'static str, text: impl Into<String>) -> Self {
        Self { status, code, text: text.into() }
    }

    /// The request has not the form it must have.
    pub(crate) fn format(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "FORMAT_ERROR", text)
    }

    /// What the path names is not there.
    pub(crate) fn unknown(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "RESOURCE_UNKNOWN", format!("There is no such {what}."))
    }

    /// A failure with no more to it than its status.
    pub(crate) fn bare(status: StatusCode) -> Response {
        let code =
            if status == StatusCode::SERVICE_UNAVAILABLE { "SERVICE_UNAVAILABLE" } else { "INTERNAL_SERVER_ERROR" };
        Self::new(status, code, status.canonical_reason().unwrap_or("Error")).into_response()
    }
}

impl IntoResponse for TppError {
    fn into_response(self) -> Response {
        let body = json!({ "tppMessages": [{ "category": "ERROR", "code": self.code, "text": self.text }] });
        (self.status, Json(body)).into_response()
    }
}

/// The header's text, or nothing.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Checks what every call must carry: `X-Request-ID` and the bearer token.
pub(crate) fn check(headers: &HeaderMap, token: &str) -> Result<(), TppError> {
    if !header(headers, "x-request-id").is_some_and(is_uuid) {
        return Err(TppError::format("The header X-Request-ID must be a UUID."));
    }
    let unauthorized = |code, text| Err(TppError::new(StatusCode::UNAUTHORIZED, code, text));
    match header(headers, "authorization").and_then(|value| value.split_once(' ')) {
        None => unauthorized("TOKEN_UNKNOWN", "The header Authorization must carry a bearer token."),
        Some((scheme, given)) if scheme.eq_ignore_ascii_case("bearer") && given == token => Ok(()),
        Some(_) => unauthorized("TOKEN_INVALID", "The token is not one of this bank's."),
    }
}
