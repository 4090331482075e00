//! Errors as the Graph API words them, and the headers that say how much of a limit is used.
//!
//! Source: Messenger Platform, Error Codes; Graph API, Handling Errors and Rate Limits.

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::faults::FailNext;
use crate::{json::put, limits::Standing, serial::random};

/// Why a call is refused.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GraphError {
    status: StatusCode,
    code: u32,
    subcode: Option<u32>,
    kind: &'static str,
    message: String,
}

impl GraphError {
    /// The error of a code, in Meta's words and with its usual subcode.
    pub(crate) fn of(code: u32) -> Self {
        let (status, subcode, message) = match code {
            1 => (500, None, "An unknown error has occurred."),
            2 => (503, None, "Service temporarily unavailable"),
            4 => (403, None, "(#4) Application request limit reached"),
            10 => (400, Some(2_018_278), "(#10) This message is sent outside of allowed window."),
            100 => (400, Some(2_018_001), "(#100) No matching user found"),
            104 => (400, None, "An access token is required to request this resource."),
            190 => (401, None, "Invalid OAuth access token - Cannot parse access token"),
            551 => (400, Some(1_545_041), "(#551) This person isn't available right now."),
            613 => (400, None, "(#613) Calls to this api have exceeded the rate limit."),
            1200 => (500, None, "(#1200) Temporary send message failure. Please try again later."),
            _ => (400, None, ""),
        };
        let message = if message.is_empty() { format!("(#{code}) Error") } else { message.to_owned() };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        Self { status, code, subcode, kind: "OAuthException", message }
    }

    /// The error that a switch asks for.
    pub(crate) fn asked(failure: &FailNext) -> Self {
        let usual = Self::of(failure.code);
        let status = failure.status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(usual.status);
        Self { status, subcode: failure.subcode.or(usual.subcode), ..usual }
    }

    /// A parameter is wrong or missing.
    pub(crate) fn parameter(message: impl std::fmt::Display) -> Self {
        Self { subcode: None, message: format!("(#100) {message}"), ..Self::of(100) }
    }

    /// There is no such version of the API.
    pub(crate) fn version(path: &str) -> Self {
        Self { message: format!("Unknown path components: {path}"), ..Self::of(2500) }
    }

    /// The token is not one for that page.
    pub(crate) fn object(id: &str) -> Self {
        let message = format!(
            "Unsupported post request. Object with ID '{id}' does not exist, cannot be loaded due to missing permissions, or does not support this operation."
        );
        Self { subcode: Some(33), kind: "GraphMethodException", message, ..Self::of(100) }
    }

    /// The proof was not made with the application's secret.
    pub(crate) fn proof() -> Self {
        let message = "Invalid appsecret_proof provided in the API argument".to_owned();
        Self { subcode: None, kind: "GraphMethodException", message, ..Self::of(100) }
    }

    /// An outage, with no more to it than its status.
    pub(crate) fn bare(status: StatusCode) -> Response {
        Self { status, ..Self::of(2) }.into_response()
    }

    /// Whether a limit is the reason.
    pub(crate) fn is_limit(&self) -> bool {
        matches!(self.code, 4 | 613)
    }
}

impl IntoResponse for GraphError {
    fn into_response(self) -> Response {
        let mut error = json!({
            "message": self.message,
            "type": self.kind,
            "code": self.code,
            "fbtrace_id": format!("A{:016x}", random()),
        });
        if let Some(subcode) = self.subcode {
            put(&mut error, "error_subcode", json!(subcode));
        }
        if matches!(self.code, 1 | 2) {
            put(&mut error, "is_transient", json!(true));
        }
        let mut answer = (self.status, Json(json!({ "error": error }))).into_response();
        if self.code == 190 {
            let challenge = HeaderValue::from_static("OAuth \"Facebook Platform\" \"invalid_token\"");
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        answer
    }
}

/// How much of the two limits is used, in percent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    pub(crate) app: u64,
    pub(crate) page: u64,
}

impl Usage {
    /// After a call was counted against both.
    pub(crate) fn of(app: Standing, page: Standing) -> Self {
        let percent = |standing: Standing| {
            let used = standing.limit.saturating_sub(standing.remaining);
            used.saturating_mul(100).checked_div(standing.limit).unwrap_or(100)
        };
        Self { app: percent(app), page: percent(page) }
    }

    /// Writes the two headers; `minutes` until a page that is at its limit may send again.
    pub(crate) fn write(self, page: &str, minutes: u64, headers: &mut HeaderMap) {
        let app = json!({ "call_count": self.app, "total_cputime": 0, "total_time": 0 });
        let business = json!({ page: [{
            "type": "messenger",
            "call_count": self.page,
            "total_cputime": 0,
            "total_time": 0,
            "estimated_time_to_regain_access": minutes,
        }] });
        for (name, value) in [("x-app-usage", app), ("x-business-use-case-usage", business)] {
            if let Ok(value) = HeaderValue::from_str(&value.to_string()) {
                headers.insert(name, value);
            }
        }
    }
}
