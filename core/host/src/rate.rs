//! How many calls a second: the generic cell rate algorithm (ITU-T I.371), one atomic number.

use std::sync::atomic::{AtomicU64, Ordering};

const SECOND_NS: u64 = 1_000_000_000;

/// Lets `per_second` calls through in any second, all at once if need be. Times are nanoseconds of the instance's
/// clock.
pub(crate) struct Rate {
    /// What one call takes of the second; 0 for no limit.
    step_ns: u64,
    /// When all that was let through would have been paid off.
    paid_ns: AtomicU64,
}

impl Rate {
    pub(crate) fn new(per_second: u32) -> Self {
        Self { step_ns: SECOND_NS.checked_div(u64::from(per_second)).unwrap_or(0), paid_ns: AtomicU64::new(0) }
    }

    /// Whether one more call may be made now.
    ///
    /// # Errors
    /// The nanoseconds after which it may.
    pub(crate) fn admit(&self, now_ns: u64) -> Result<(), u64> {
        if self.step_ns == 0 {
            return Ok(());
        }
        let next_ns = |paid_ns: u64| paid_ns.max(now_ns).saturating_add(self.step_ns);
        self.paid_ns
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |paid_ns| {
                let next_ns = next_ns(paid_ns);
                (next_ns <= now_ns.saturating_add(SECOND_NS)).then_some(next_ns)
            })
            .map(|_| ())
            .map_err(|paid_ns| next_ns(paid_ns).saturating_sub(now_ns.saturating_add(SECOND_NS)).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_in_any_second() {
        // At each time (in milliseconds), how many of how many calls are let through.
        let check = |per_second: u32, script: &[(u64, usize, usize)]| {
            let rate = Rate::new(per_second);
            for (at_ms, tried, expected) in script {
                let passed = (0..*tried).filter(|_| rate.admit(at_ms * 1_000_000).is_ok()).count();
                assert_eq!(passed, *expected, "{per_second} a second, at {at_ms} ms");
            }
        };
        check(0, &[(0, 1000, 1000)]);
        check(10, &[(0, 20, 10), (99, 1, 0), (100, 5, 1), (1100, 20, 10)]);
        check(1, &[(0, 2, 1), (999, 1, 0), (1000, 2, 1), (60_000, 3, 1)]);
    }

    #[test]
    fn who_is_refused_is_told_for_how_long() {
        let rate = Rate::new(10);
        (0..10).for_each(|_| rate.admit(0).unwrap());
        assert_eq!(rate.admit(0), Err(100_000_000));
        assert_eq!(rate.admit(40_000_000), Err(60_000_000));
    }
}
