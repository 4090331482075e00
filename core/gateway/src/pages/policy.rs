//! What a browser is told besides a page: to trust nothing that is not ours, to keep nothing, and to say nobody where it
//! has been.

use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};
use sportello_sdk::PageReplyFrame;

/// What a page may reach beside ourselves: origins that the host has looked at.
#[derive(Default)]
pub(super) struct Reach<'a> {
    pub(super) forms: &'a [String],
    pub(super) frames: &'a [String],
    pub(super) scripts: &'a [String],
    /// Whether a page of ours may have it in a frame.
    pub(super) is_framed: bool,
}

impl<'a> Reach<'a> {
    pub(super) fn of(reply: &'a PageReplyFrame) -> Self {
        // What an issuer's frame comes back to is a rail's page inside another one, which must see that it has come.
        Self { forms: &reply.forms, frames: &reply.frames, scripts: &reply.scripts, is_framed: true }
    }

    /// The policy (Content Security Policy Level 3) for this page: its inline scripts run as they stand, by their hashes.
    fn policy(&self, page: &[u8]) -> String {
        let listed = |origins: &[String]| origins.iter().map(|origin| format!(" {origin}")).collect::<String>();
        let hashes: String = std::str::from_utf8(page)
            .map(inline_scripts)
            .unwrap_or_default()
            .iter()
            .map(|script| format!(" 'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(script))))
            .collect();
        let scripts = listed(self.scripts);
        let around = if self.is_framed { "'self'" } else { "'none'" };
        let or_none = |sources: String| if sources.is_empty() { " 'none'".to_owned() } else { sources };
        format!(
            "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:{scripts}; script-src{}; connect-src \
             'self'{scripts}; frame-src{}; form-action 'self'{}; base-uri 'none'; frame-ancestors {around}",
            or_none(format!("{hashes}{scripts}")),
            or_none(format!("{}{scripts}", listed(self.frames))),
            listed(self.forms),
        )
    }
}

/// What stands between each `<script>` without a source and its end, as HTML has it (HTML Living Standard, section
/// 13.2.5.4: whatever follows, up to `</script`).
fn inline_scripts(page: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let lower = page.to_ascii_lowercase();
    let mut at = 0;
    while let Some(tag) = lower.get(at..).and_then(|rest| rest.find("<script")).map(|start| at + start) {
        let Some(open) = lower.get(tag..).and_then(|rest| rest.find('>')).map(|end| tag + end + 1) else { break };
        let Some(close) = lower.get(open..).and_then(|rest| rest.find("</script")).map(|end| open + end) else { break };
        let has_source = lower.get(tag..open).is_some_and(|tag| tag.contains("src="));
        found.extend(page.get(open..close).filter(|script| !has_source && !script.is_empty()));
        at = close;
    }
    found
}

/// An answer to a browser.
pub(super) fn respond(status: StatusCode, content_type: &str, page: Bytes, reach: &Reach<'_>) -> Response {
    let policy = reach.policy(&page);
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = status;
    let fixed: [(HeaderName, &str); 6] = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, &policy),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // For those that do not know `frame-ancestors`.
        (header::X_FRAME_OPTIONS, if reach.is_framed { "SAMEORIGIN" } else { "DENY" }),
    ];
    for (name, value) in fixed {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    let robots = HeaderValue::from_static("noindex, nofollow");
    response.headers_mut().insert(HeaderName::from_static("x-robots-tag"), robots);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_found_as_a_browser_finds_them() {
        let check = |page: &str, expected: &[&str]| assert_eq!(inline_scripts(page), expected, "{page}");
        check("<p>none", &[]);
        check("<script>a()</script><SCRIPT type=module>b() < c</SCRIPT >", &["a()", "b() < c"]);
        check("<script src=\"https://pay.example/a.js\"></script>", &[]);
        check("<script>never ended", &[]);
        check("<script", &[]);
        check("é<script>'é'</script>", &["'é'"]);
    }

    #[test]
    fn a_policy_holds_what_the_page_needs_and_no_more() {
        let none = Reach::default().policy(b"<p>");
        for part in ["default-src 'none';", "script-src 'none';", "frame-src 'none';", "form-action 'self';"] {
            assert!(none.contains(part), "{part} in {none}");
        }
        assert!(none.ends_with("frame-ancestors 'none'"));
        let origins = |origin: &str| vec![origin.to_owned()];
        let (forms, scripts) = (origins("https://acs.example"), origins("https://pay.google.com"));
        let policy = Reach { forms: &forms, scripts: &scripts, is_framed: true, ..Reach::default() }
            .policy(b"<script>alert(1)</script>");
        // The hash is the one that the standard's own example has for this very script.
        for part in [
            "form-action 'self' https://acs.example;",
            "script-src 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI=' https://pay.google.com;",
            "connect-src 'self' https://pay.google.com;",
            "frame-ancestors 'self'",
        ] {
            assert!(policy.contains(part), "{part} in {policy}");
        }
    }
}
