//! Whether a canary does worse than the version that it is tried against.

/// Calls since the canary began, of both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Of the canary.
    pub canary: Counts,
    /// Of the current version.
    pub current: Counts,
}

/// What became of calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// All of them.
    pub calls: u32,
    /// Those that brought no answer, or one that nobody can do anything with. A decline is an answer.
    pub failed: u32,
}

/// Fewer calls than this say nothing.
const CALLS_MIN: u32 = 20;

/// Fewer failures than this are chance.
const FAILED_MIN: u32 = 3;

/// How many standard deviations of the difference count as worse. It is looked at after every call, so that what would be
/// seen once in 740 looks (three of them) would be seen by chance before long.
const DEVIATIONS: f64 = 3.5;

impl Counts {
    pub(crate) fn count(&mut self, has_failed: bool) {
        self.calls = self.calls.saturating_add(1);
        self.failed = self.failed.saturating_add(u32::from(has_failed));
    }
}

impl Tally {
    /// Whether the canary fails more often, and not by chance: two proportions are compared by the pooled deviation of
    /// their difference. Where the other version was hardly asked, half of the calls must have failed.
    pub(crate) fn is_worse(&self) -> bool {
        let Self { canary, current } = *self;
        if canary.calls < CALLS_MIN || canary.failed < FAILED_MIN {
            return false;
        }
        if current.calls < CALLS_MIN {
            return canary.failed >= canary.calls.div_ceil(2) && canary.failed > current.failed;
        }
        let (n, m) = (f64::from(canary.calls), f64::from(current.calls));
        let (p, q) = (f64::from(canary.failed) / n, f64::from(current.failed) / m);
        let pooled = (f64::from(canary.failed) + f64::from(current.failed)) / (n + m);
        let deviation = (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).sqrt();
        p - q > DEVIATIONS * deviation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_as_worse() {
        let check = |canary: (u32, u32), current: (u32, u32), expected: bool| {
            let counts = |(calls, failed)| Counts { calls, failed };
            let tally = Tally { canary: counts(canary), current: counts(current) };
            assert_eq!(tally.is_worse(), expected, "canary {canary:?}, current {current:?}");
        };
        // Too little to tell.
        check((0, 0), (0, 0), false);
        check((19, 19), (1_000, 0), false);
        check((100, 2), (1_000, 0), false);
        // Against one that works.
        check((20, 3), (380, 0), true);
        check((20, 20), (20, 0), true);
        check((1_000, 50), (1_000, 10), true);
        // Both suffer: it is the provider.
        check((20, 20), (380, 380), false);
        check((50, 10), (950, 190), false);
        check((50, 12), (950, 190), false);
        // Better.
        check((100, 5), (100, 60), false);
        // Nobody asks the other one.
        check((20, 10), (0, 0), true);
        check((20, 9), (0, 0), false);
        check((20, 10), (19, 19), false);
    }

    #[test]
    fn one_that_is_as_good_stays() {
        // Both fail once in twenty, a hundred times over: by chance alone hardly any is sent back.
        let mut state = 7u64;
        let mut returned = 0;
        for _ in 0..100 {
            let mut tally = Tally::default();
            let mut fails = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33).is_multiple_of(20)
            };
            let worse = (0..400).any(|_| {
                tally.canary.count(fails());
                (0..10).for_each(|_| tally.current.count(fails()));
                tally.is_worse()
            });
            returned += u32::from(worse);
        }
        assert!(returned <= 5, "{returned} of 100");
    }
}
