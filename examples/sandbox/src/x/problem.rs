//! Errors as X's API words them.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

/// Why X refuses a call.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    title: &'static str,
    /// The last part of the problem's address, or nothing for `about:blank`.
    slug: Option<&'static str>,
    detail: String,
}

impl Problem {
    /// The request is not understood.
    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        let (status, slug) = (StatusCode::BAD_REQUEST, Some("invalid-request"));
        Self { status, title: "Invalid Request", slug, detail: detail.into() }
    }

    /// The account may not do this.
    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        let (status, slug) = (StatusCode::FORBIDDEN, Some("not-authorized-for-resource"));
        Self { status, title: "Forbidden", slug, detail: detail.into() }
    }

    /// What is asked for is not there.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        let (status, slug) = (StatusCode::NOT_FOUND, Some("resource-not-found"));
        Self { status, title: "Not Found Error", slug, detail: detail.into() }
    }

    /// The caller is not who they say.
    pub(crate) fn unauthorized(detail: &str) -> Self {
        let (status, slug) = (StatusCode::UNAUTHORIZED, Some("unauthorized"));
        Self { status, title: "Unauthorized", slug, detail: detail.to_owned() }
    }

    /// Too many calls.
    pub(crate) fn too_many() -> Self {
        let (status, slug) = (StatusCode::TOO_MANY_REQUESTS, Some("rate-limit-exceeded"));
        Self { status, title: "Too Many Requests", slug, detail: "Too Many Requests".to_owned() }
    }

    /// A problem with no more to it than its status, such as an outage.
    pub(crate) fn bare(status: StatusCode) -> Response {
        let title = status.canonical_reason().unwrap_or("Error");
        Self { status, title, slug: None, detail: title.to_owned() }.into_response()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let kind = self.slug.map_or("about:blank".to_owned(), |slug| format!("https://api.x.com/2/problems/{slug}"));
        let body = json!({
            "title": self.title,
            "detail": self.detail,
            "type": kind,
            "status": self.status.as_u16(),
        });
        (self.status, Json(body)).into_response()
    }
}
