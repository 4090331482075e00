//! `Prefer: wait=N` (RFC 7240, section 4.3): answer when the payment has ended, or after N seconds.

use std::time::Duration;

use http::HeaderMap;

/// Longer than a minute nobody should hold a connection.
pub const WAIT_MAX: Duration = Duration::from_secs(60);

/// How long the caller prefers to wait. Preferences that are not understood are ignored, as the RFC wants it.
pub fn wait(headers: &HeaderMap) -> Option<Duration> {
    for value in headers.get_all("prefer") {
        for preference in value.to_str().unwrap_or_default().split(',') {
            let preference = preference.split(';').next().unwrap_or_default();
            let Some((name, seconds)) = preference.split_once('=') else {
                continue;
            };
            if !name.trim().eq_ignore_ascii_case("wait") {
                continue;
            }
            // The first one counts (section 2).
            let seconds = seconds.trim().trim_matches('"').parse().ok()?;
            return Some(Duration::from_secs(seconds).min(WAIT_MAX));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences() {
        let check = |values: &[&str], expected: Option<u64>| {
            let headers = values
                .iter()
                .map(|value| (http::HeaderName::from_static("prefer"), http::HeaderValue::from_str(value).unwrap()))
                .collect();
            assert_eq!(wait(&headers), expected.map(Duration::from_secs), "{values:?}");
        };
        check(&["wait=10"], Some(10));
        check(&["respond-async, Wait = \"5\"; x=y"], Some(5));
        check(&["return=minimal", "wait=3, wait=9"], Some(3));
        check(&["wait=0"], Some(0));
        check(&["wait=99999"], Some(60));
        for none in ["", "wait", "wait=", "wait=-1", "wait=soon", "await=3"] {
            check(&[none], None);
        }
        check(&[], None);
    }
}
