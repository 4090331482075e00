//! Why Meta refuses, in one table: from its numbers to a stable code of ours and what to do about it.
//!
//! Sources: "Common Error Codes" of the Messenger Platform, "Handle Errors" and "Rate Limits" of the Graph API.

use sportello_sdk::{Failure, HttpResponse, Source};

use crate::fields::Fields;

/// How long to wait where there is no more to go by, in milliseconds. Whoever sends notes waits longer each time.
pub(crate) const PAUSE_MS: u64 = 5000;

/// How long to wait where the limit is reached and Meta does not say until when.
const RATE_PAUSE_MS: u64 = 60_000;

/// The longest wait that is believed.
const RATE_PAUSE_MS_MAX: u64 = 24 * 3_600_000;

/// What an answer means that is not a success.
///
/// What the table does not know is taken by its status: an outage of Meta's passes, and a request that it does not take
/// stays as it is.
pub(crate) fn failure(response: &HttpResponse) -> Failure {
    let problem = Problem::read(&response.body);
    let status = response.status();
    let (code, what) = match (problem.code, problem.subcode) {
        // The second is the older one, for pages that had asked to write without a window.
        (10, 2_018_278 | 2_018_065) => {
            ("outside_window", "the person has not written for 24 hours, and cannot be written to")
        }
        (551, _) | (10, 2_018_108) | (200, 1_545_041) => ("unavailable", "the person takes no messages of the page"),
        (100, 2_018_001) => ("no_such_person", "nobody has this id for the page"),
        (102 | 190, _) => ("token_refused", "Meta does not accept the page's token: it must be made anew"),
        (4 | 17 | 32 | 341 | 613 | 80_001 | 80_006, _) => ("rate_limited", "Meta takes no more messages for a while"),
        (368, _) => ("blocked", "Meta has blocked the page or the application for what it takes for abuse"),
        (3 | 10 | 200..=299, _) => ("no_permission", "Meta does not let this application do that: see its permissions"),
        (1 | 2 | 1200, _) => ("temporary", "Meta is out of order"),
        _ if status == 429 => ("rate_limited", "Meta takes no more messages for a while"),
        _ if problem.is_transient || status == 408 || status >= 500 => ("temporary", "Meta is out of order"),
        _ if status == 401 => ("token_refused", "Meta does not accept the page's token: it must be made anew"),
        _ => ("refused", "Meta did not take the request"),
    };
    let source = match code {
        "token_refused" | "no_permission" => Source::Settings,
        "refused" => Source::Plugin,
        _ => Source::Provider,
    };
    let Problem { code: number, subcode, .. } = problem;
    let failure = Failure::new(source, code, format!("{what} (status {status}, error {number}, subcode {subcode})"));
    match code {
        "rate_limited" => failure.retry_after(rate_pause_ms(response)),
        "temporary" => failure.retry_after(PAUSE_MS),
        _ => failure,
    }
}

/// What Meta says of an error. Its texts are not looked at: they may quote what was sent.
#[derive(Default)]
struct Problem {
    /// 0 where there is none.
    code: u64,
    /// 0 where there is none.
    subcode: u64,
    is_transient: bool,
}

impl Problem {
    fn read(body: &[u8]) -> Self {
        let body = std::str::from_utf8(body).ok().and_then(Fields::read);
        let Some(error) = body.and_then(|body| body.object("error")) else {
            return Self::default();
        };
        Self {
            code: error.number("code").unwrap_or_default(),
            subcode: error.number("error_subcode").unwrap_or_default(),
            is_transient: error.is_true("is_transient"),
        }
    }
}

/// How long until Meta takes messages again, in milliseconds: the longest that it says of any limit, which for those of a
/// business' use cases is in minutes, by object and then in a list.
fn rate_pause_ms(response: &HttpResponse) -> u64 {
    let uses = response.header("x-business-use-case-usage").and_then(Fields::read);
    let minutes = uses
        .iter()
        .flat_map(Fields::lists)
        .flatten()
        .filter_map(|of| Fields::read(of.get())?.number("estimated_time_to_regain_access"));
    let seconds = response.header("retry-after").and_then(|text| text.trim().parse::<u64>().ok());
    let pauses_ms = minutes.map(|m| m.saturating_mul(60_000)).chain(seconds.map(|s| s.saturating_mul(1000)));
    match pauses_ms.max() {
        None | Some(0) => RATE_PAUSE_MS,
        Some(pause_ms) => pause_ms.min(RATE_PAUSE_MS_MAX),
    }
}

#[cfg(test)]
#[path = "problem_tests.rs"]
mod tests;
