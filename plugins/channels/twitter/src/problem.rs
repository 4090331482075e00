//! Why X refuses, in one table: from its status, its problem body and its rate headers to what to do about it.

use sportello_sdk::serde::Deserialize;
use sportello_sdk::{Failure, HttpResponse, Source, serde_json};

/// A request that did not do what it was to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) kind: Kind,
    /// Whether X certainly did nothing.
    pub(crate) is_definite: bool,
    pub(crate) failure: Failure,
}

/// What can be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// X has this very text from us already.
    Duplicate,
    /// This person or this post is out of our reach; another way to the person may be open.
    OutOfReach,
    /// The limit is reached. It may be waited for.
    Limited,
    /// Nothing here: the failure says whether to try again.
    Other,
}

/// How long to wait where X does not say, in milliseconds.
pub(crate) const PAUSE_MS: u64 = 30_000;

/// A problem body (RFC 9457, as X writes it), or a list of errors in either of X's ways.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    title: Option<String>,
    detail: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    errors: Option<Vec<Entry>>,
}

/// One of several errors: API v2 gives a type and a title, API v1.1 a code and a message.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    title: Option<String>,
    detail: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    message: Option<String>,
    code: Option<u64>,
}

impl From<Failure> for Refusal {
    /// A failure of the host's: no answer came at all.
    fn from(failure: Failure) -> Self {
        Self { kind: Kind::Other, is_definite: false, failure }
    }
}

/// What an answer means that is not a success, or that carries `errors` instead of `data`.
pub(crate) fn refusal(response: &HttpResponse, now_ms: u64) -> Refusal {
    let problem = Problem::read(&response.body);
    let status = response.status();
    let code = problem.code(status);
    let provider = |what: &str| Failure::provider(&code, what);
    let (kind, failure) = match status {
        429 => {
            let failure = provider("X takes no more of these requests for a while");
            (Kind::Limited, failure.retry_after(wait_ms(response, now_ms)))
        }
        401 => (Kind::Other, Failure::settings(&code, "X does not accept the keys and tokens of the account")),
        403 if problem.is_duplicate() => (Kind::Duplicate, provider("X has had this very text before")),
        403 if problem.is_about_the_application() => (
            Kind::Other,
            Failure::settings(&code, "X does not let this application do that: see its permissions and its plan"),
        ),
        403 | 404 => (Kind::OutOfReach, provider("X does not let this reach the person")),
        408 | 500..=599 => (Kind::Other, provider("X is out of order").retry_after(PAUSE_MS)),
        200..=299 => (Kind::Other, provider("X answered with errors in place of a result")),
        _ => (Kind::Other, Failure::new(Source::Plugin, &code, format!("X did not understand the request ({status})"))),
    };
    Refusal { kind, is_definite: (400..500).contains(&status) && status != 408, failure }
}

/// What a problem says of itself. Its `detail` is looked at and never shown: it may quote what was sent.
struct Problem {
    slug: String,
    code: Option<u64>,
    detail: String,
}

impl Problem {
    fn read(body: &[u8]) -> Self {
        let body: Body = serde_json::from_slice(body).unwrap_or_default();
        let entry = body.errors.and_then(|e| e.into_iter().next());
        let entry = entry.unwrap_or_default();
        let kind = body.kind.or(entry.kind).unwrap_or_default();
        let title = body.title.or(entry.title).unwrap_or_default();
        let named = match kind.rsplit_once('/') {
            Some((before, slug)) if before.ends_with("/problems") => slug.to_owned(),
            _ => title,
        };
        let detail = body.detail.or(entry.detail).or(entry.message);
        Self { slug: slug(&named), code: entry.code, detail: detail.unwrap_or_default().to_ascii_lowercase() }
    }

    /// X's own name for it, else the status.
    fn code(&self, status: u16) -> String {
        match (self.slug.as_str(), self.code) {
            ("", None) => format!("http_{status}"),
            ("", Some(code)) => format!("x_{code}"),
            (slug, _) => slug.to_owned(),
        }
    }

    /// 187 is API v1.1's code for it; v2 only says so.
    fn is_duplicate(&self) -> bool {
        self.code == Some(187) || self.detail.contains("duplicate content")
    }

    /// Whether the operator must act, because every request would be refused like this one. Everything else that is
    /// forbidden has to do with a person or a post: closed or restricted direct messages (150, 349, 476 in API v1.1),
    /// a block, a post that is gone or takes no replies.
    fn is_about_the_application(&self) -> bool {
        // 32 and 89: keys and tokens; 64 and 326: the account is suspended or locked; 261: the application may not
        // write; 453: the plan.
        matches!(self.code, Some(32 | 64 | 89 | 261 | 326 | 453))
            || matches!(
                self.slug.as_str(),
                "oauth1-permissions"
                    | "client-forbidden"
                    | "client-not-enrolled"
                    | "unsupported-authentication"
                    | "usage-capped"
                    | "rate-limit-exceeded"
            )
    }
}

/// `Not Found Error` as `not-found-error`: something to branch on and to search for, and never a sentence.
fn slug(text: &str) -> String {
    let plain = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_alphanumeric() || c == '_' => c,
        _ => '-',
    };
    text.chars().take(60).map(plain).collect()
}

/// How long until X takes requests again, in milliseconds: the end of the longest window that is used up.
fn wait_ms(response: &HttpResponse, now_ms: u64) -> u64 {
    let number = |name: String| response.header(&name)?.trim().parse::<u64>().ok();
    let reset_ms = |window: &str| {
        let reset_s = number(format!("{window}-reset"))?;
        Some(reset_s.saturating_mul(1000).saturating_sub(now_ms))
    };
    let is_used_up = |window: &str| number(format!("{window}-remaining")) == Some(0);
    ["x-rate-limit", "x-app-limit-24hour", "x-user-limit-24hour"]
        .into_iter()
        .filter(|window| is_used_up(window))
        .filter_map(reset_ms)
        .max()
        .or_else(|| reset_ms("x-rate-limit"))
        // A window that ends now may end a moment later by X's clock; one that ends in a year is a mistake.
        .map_or(PAUSE_MS, |ms| ms.clamp(1000, 24 * 3_600_000))
}

#[cfg(test)]
#[path = "problem_tests.rs"]
mod tests;
