//! Rate limits: so many calls to an endpoint in a window that opens with the first.

use std::collections::HashMap;

/// Calls counted, by what is limited (an endpoint, or an endpoint and a conversation).
#[derive(Debug, Default)]
pub(crate) struct Limits(HashMap<String, Window>);

#[derive(Clone, Copy, Debug)]
struct Window {
    ends_s: u64,
    used: u64,
}

/// Where a caller stands after a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Standing {
    pub(crate) allowed: bool,
    pub(crate) limit: u64,
    pub(crate) remaining: u64,
    /// When the window ends, in seconds since 1970.
    pub(crate) reset_s: u64,
}

impl Limits {
    /// Counts one call against `limit` in a window of `window_s` seconds.
    pub(crate) fn count(&mut self, what: &str, limit: u64, window_s: u64, now_s: u64) -> Standing {
        let opened = Window { ends_s: now_s + window_s, used: 0 };
        let window = self.0.entry(what.to_owned()).or_insert(opened);
        if window.ends_s <= now_s {
            *window = opened;
        }
        let allowed = window.used < limit;
        window.used += u64::from(allowed);
        Standing { allowed, limit, remaining: limit.saturating_sub(window.used), reset_s: window.ends_s }
    }
}

impl Standing {
    /// Nothing is allowed until `reset_s`.
    pub(crate) fn exhausted(limit: u64, reset_s: u64) -> Self {
        Self { allowed: false, limit, remaining: 0, reset_s }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_opens_with_its_first_call_and_then_closes() {
        let mut limits = Limits::default();
        let mut check = |what: &str, now: u64, expected: (bool, u64, u64)| {
            let standing = limits.count(what, 2, 900, now);
            assert_eq!((standing.allowed, standing.remaining, standing.reset_s), expected, "{what} at {now}");
        };
        check("posts", 1000, (true, 1, 1900));
        check("posts", 1500, (true, 0, 1900));
        check("posts", 1899, (false, 0, 1900));
        check("dms with 1001", 1899, (true, 1, 2799));
        check("posts", 1900, (true, 1, 2800));
    }
}
