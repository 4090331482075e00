//! The circuit breaker: a plugin whose provider is gone is left alone for a while, instead of being waited for.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// When the breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerLimits {
    /// How many calls in a row must time out, panic or not reach the provider. 0 for no breaker.
    pub failures_max: u32,
    /// How long it stays open before one call is let through to see; doubled each time that one fails.
    pub pause: Duration,
    /// The longest that it stays open.
    pub pause_max: Duration,
}

impl Default for BreakerLimits {
    fn default() -> Self {
        Self { failures_max: 5, pause: Duration::from_secs(1), pause_max: Duration::from_secs(30) }
    }
}

/// What the breaker lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// Everything.
    Closed,
    /// Nothing.
    Open,
    /// One call, to see.
    HalfOpen,
}

/// How a call was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    /// Like every other one.
    Usual,
    /// To see whether the provider is back.
    Probe,
}

/// Times are nanoseconds of the instance's clock.
pub(crate) struct Breaker {
    limits: BreakerLimits,
    failures: AtomicU32,
    /// How often it has opened since it was last closed.
    openings: AtomicU32,
    /// Until when it is open; 0 where it is closed.
    open_until_ns: AtomicU64,
}

impl Breaker {
    pub(crate) fn new(limits: BreakerLimits) -> Self {
        Self { limits, failures: AtomicU32::new(0), openings: AtomicU32::new(0), open_until_ns: AtomicU64::new(0) }
    }

    /// Whether a call may be made now, and whether it is the one to see by.
    ///
    /// # Errors
    /// The nanoseconds after which it makes sense to try again.
    pub(crate) fn admit(&self, now_ns: u64) -> Result<Pass, u64> {
        let until_ns = self.open_until_ns.load(Ordering::Acquire);
        if until_ns == 0 {
            return Ok(Pass::Usual);
        }
        if now_ns < until_ns {
            return Err(until_ns - now_ns);
        }
        // The one that gets to move the end is the one let through. Should it never be heard of again, another one is
        // let through after the same pause.
        let next_ns = now_ns.saturating_add(self.pause_ns()).max(1);
        self.open_until_ns
            .compare_exchange(until_ns, next_ns, Ordering::AcqRel, Ordering::Acquire)
            .map(|_| Pass::Probe)
            .map_err(|now_until_ns| now_until_ns.saturating_sub(now_ns).max(1))
    }

    /// A call came to its end, and the provider can be worked with.
    pub(crate) fn succeeded(&self) {
        if self.failures.load(Ordering::Relaxed) == 0 {
            return;
        }
        self.failures.store(0, Ordering::Relaxed);
        self.openings.store(0, Ordering::Relaxed);
        self.open_until_ns.store(0, Ordering::Release);
    }

    /// A call timed out, panicked or did not reach the provider.
    pub(crate) fn failed(&self, now_ns: u64, pass: Pass) {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if self.limits.failures_max == 0 || (pass == Pass::Usual && failures < self.limits.failures_max) {
            return;
        }
        let end_ns = now_ns.saturating_add(self.pause_ns()).max(1);
        let opened = match pass {
            Pass::Probe => self.open_until_ns.swap(end_ns, Ordering::AcqRel) != 0,
            // Those that were under way when it opened do not open it again.
            Pass::Usual => self.open_until_ns.compare_exchange(0, end_ns, Ordering::AcqRel, Ordering::Acquire).is_ok(),
        };
        if opened {
            self.openings.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn state(&self, now_ns: u64) -> BreakerState {
        match self.open_until_ns.load(Ordering::Acquire) {
            0 => BreakerState::Closed,
            until_ns if now_ns < until_ns => BreakerState::Open,
            _ => BreakerState::HalfOpen,
        }
    }

    fn pause_ns(&self) -> u64 {
        let doublings = self.openings.load(Ordering::Relaxed).min(16);
        let pause = self.limits.pause.saturating_mul(1 << doublings);
        u64::try_from(pause.min(self.limits.pause_max).as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_probes_and_closes() {
        // At each time (in milliseconds), a call that fails (f), works (w) or is refused (r).
        let check = |script: &[(u64, char)], expected: BreakerState| {
            let breaker = Breaker::new(BreakerLimits {
                failures_max: 2,
                pause: Duration::from_millis(10),
                pause_max: Duration::from_millis(40),
            });
            let mut now_ns = 0;
            for (at_ms, what) in script {
                now_ns = at_ms * 1_000_000;
                match breaker.admit(now_ns) {
                    Ok(pass) => {
                        match what {
                            'f' => breaker.failed(now_ns, pass),
                            'w' => breaker.succeeded(),
                            _ => panic!("{script:?}: let through at {at_ms}"),
                        };
                    }
                    Err(_) => assert_eq!(*what, 'r', "{script:?} at {at_ms}"),
                }
            }
            assert_eq!(breaker.state(now_ns), expected, "{script:?}");
        };
        check(&[], BreakerState::Closed);
        check(&[(0, 'f')], BreakerState::Closed);
        check(&[(0, 'f'), (1, 'w'), (2, 'f')], BreakerState::Closed);
        check(&[(0, 'f'), (1, 'f')], BreakerState::Open);
        check(&[(0, 'f'), (1, 'f'), (5, 'r'), (10, 'r')], BreakerState::Open);
        check(&[(0, 'f'), (1, 'f'), (11, 'w'), (12, 'w')], BreakerState::Closed);
        // The pause doubles, up to its end.
        check(&[(0, 'f'), (1, 'f'), (11, 'f'), (30, 'r'), (31, 'w')], BreakerState::Closed);
        check(
            &[(0, 'f'), (1, 'f'), (11, 'f'), (31, 'f'), (71, 'f'), (110, 'r'), (111, 'w'), (112, 'f')],
            BreakerState::Closed,
        );
    }

    #[test]
    fn one_alone_is_let_through_to_see() {
        let breaker = Breaker::new(BreakerLimits { failures_max: 1, ..BreakerLimits::default() });
        breaker.failed(0, Pass::Usual);
        let later = 2_000_000_000;
        assert_eq!(breaker.admit(later), Ok(Pass::Probe));
        assert!(breaker.admit(later).is_err());
        breaker.failed(later, Pass::Usual);
        assert!(breaker.admit(later + 1).is_err());
        breaker.succeeded();
        assert_eq!(breaker.admit(later + 1), Ok(Pass::Usual));
    }

    #[test]
    fn none_where_none_is_wanted() {
        let breaker = Breaker::new(BreakerLimits { failures_max: 0, ..BreakerLimits::default() });
        (0..100).for_each(|now_ns| breaker.failed(now_ns, Pass::Usual));
        assert_eq!(breaker.admit(100), Ok(Pass::Usual));
    }
}
