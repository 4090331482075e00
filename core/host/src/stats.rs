//! What an instance has done, in numbers that cost one atomic addition each.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::breaker::BreakerState;

/// How many buckets the histogram has: the last one holds all from 2³⁶ ns (69 s) on.
pub const LATENCY_BUCKETS: usize = 38;

/// What an instance has done since it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// Calls made, whatever came of them; `open`, `run` and `close` are not among them.
    pub calls: u64,
    /// Those answered with a failure or not at all; the following four are among them.
    pub errors: u64,
    /// Those whose caller stopped waiting.
    pub timeouts: u64,
    /// Those that ended in a panic.
    pub panics: u64,
    /// Those refused because of the limits, the breaker or the state of the instance.
    pub refused: u64,
    /// How often `run` was started again.
    pub restarts: u64,
    /// What it asked for and did not get: out of its reach, another's, or too much.
    pub denied: u64,
    /// Log lines of it that were one too many.
    pub lines_lost: u64,
    /// Calls under way now, `run` among them.
    pub in_flight: u64,
    /// What the breaker lets through now.
    pub breaker: BreakerState,
    /// Whether the plugin hangs and is left alone for ever.
    pub quarantined: bool,
    /// How many calls took from 2ⁿ to 2ⁿ⁺¹ nanoseconds, for each n.
    pub latency_log2_ns: [u64; LATENCY_BUCKETS],
}

impl Stats {
    /// The duration that `percent` of all calls did not exceed, up to the width of a bucket; none before the first call.
    pub fn latency(&self, percent: f64) -> Option<Duration> {
        let all: u64 = self.latency_log2_ns.iter().sum();
        let mut seen = 0;
        for (bucket, count) in self.latency_log2_ns.iter().enumerate() {
            seen += count;
            // Counts stay far below 2⁵³, from which on an `f64` would round them.
            #[expect(clippy::cast_precision_loss, reason = "a share of a count is not exact anyway")]
            if seen > 0 && seen as f64 >= all as f64 * percent / 100.0 {
                return Some(Duration::from_nanos(2u64.saturating_pow(u32::try_from(bucket).unwrap_or(0) + 1)));
            }
        }
        None
    }
}

/// The numbers while they are counted.
pub(crate) struct Counters {
    pub(crate) calls: AtomicU64,
    pub(crate) errors: AtomicU64,
    pub(crate) timeouts: AtomicU64,
    pub(crate) panics: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) restarts: AtomicU64,
    latency: [AtomicU64; LATENCY_BUCKETS],
}

impl Counters {
    pub(crate) fn new() -> Self {
        Self {
            calls: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            timeouts: AtomicU64::new(0),
            panics: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            restarts: AtomicU64::new(0),
            latency: [const { AtomicU64::new(0) }; LATENCY_BUCKETS],
        }
    }

    /// One more of these.
    pub(crate) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// A call took this long.
    pub(crate) fn took(&self, ns: u64) {
        let bucket = usize::try_from(ns.max(1).ilog2()).unwrap_or(0).min(LATENCY_BUCKETS - 1);
        if let Some(counter) = self.latency.get(bucket) {
            Self::count(counter);
        }
    }

    pub(crate) fn read(&self, in_flight: u64, breaker: BreakerState, quarantined: bool) -> Stats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut latency_log2_ns = [0; LATENCY_BUCKETS];
        for (value, counter) in latency_log2_ns.iter_mut().zip(&self.latency) {
            *value = get(counter);
        }
        Stats {
            calls: get(&self.calls),
            errors: get(&self.errors),
            timeouts: get(&self.timeouts),
            panics: get(&self.panics),
            refused: get(&self.refused),
            restarts: get(&self.restarts),
            denied: 0,
            lines_lost: 0,
            in_flight,
            breaker,
            quarantined,
            latency_log2_ns,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_is_read_from_the_buckets() {
        let check = |took_ns: &[u64], percent: f64, expected_ns: Option<u64>| {
            let counters = Counters::new();
            took_ns.iter().for_each(|ns| counters.took(*ns));
            let stats = counters.read(0, BreakerState::Closed, false);
            assert_eq!(stats.latency(percent), expected_ns.map(Duration::from_nanos));
        };
        check(&[], 50.0, None);
        check(&[0], 50.0, Some(2));
        check(&[1000, 1000, 1000, 1_000_000], 50.0, Some(1024));
        check(&[1000, 1000, 1000, 1_000_000], 99.0, Some(1 << 20));
        check(&[u64::MAX], 99.0, Some(1 << 38));
    }
}
