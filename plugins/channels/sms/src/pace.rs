//! How fast a link submits: what the operator allows, and less while the SMSC says that it is too much.

/// A pause after the SMSC said so, in milliseconds. What was under way by then says it again, and is not counted twice.
const PAUSE_MS: u64 = 500;

/// A whole submit, in the thousandths that the allowance is counted in: a rate in a second is as many in a millisecond.
const ONE: u64 = 1000;

/// How much of a second's worth may be submitted at once.
const BURST_DIVISOR: u64 = 10;

/// Counts submits against time.
#[derive(Debug)]
pub(crate) struct Pace {
    /// What the operator allows in a second; nothing for as much as the SMSC takes.
    ceiling: Option<u32>,
    /// What is kept to; nothing for no limit.
    rate: Option<u32>,
    allowance: u64,
    counted_ms: u64,
    paused_until_ms: u64,
    /// When the rate rises again.
    rises_at_ms: u64,
    /// What was submitted in the second before, and in this one.
    second: u64,
    before: u32,
    now: u32,
}

impl Pace {
    /// `per_second` of 0 is for no limit.
    pub(crate) fn new(per_second: u32, now_ms: u64) -> Self {
        let ceiling = Some(per_second).filter(|rate| *rate > 0);
        Self {
            ceiling,
            rate: ceiling,
            allowance: ONE,
            counted_ms: now_ms,
            paused_until_ms: 0,
            rises_at_ms: 0,
            second: now_ms / 1000,
            before: 0,
            now: 0,
        }
    }

    /// Whether one more may be submitted.
    pub(crate) fn allows(&mut self, now_ms: u64) -> bool {
        self.rise(now_ms);
        if now_ms < self.paused_until_ms {
            return false;
        }
        let Some(rate) = self.rate.map(u64::from) else {
            return true;
        };
        let passed_ms = now_ms.saturating_sub(self.counted_ms);
        self.counted_ms = now_ms;
        let burst = (rate * ONE / BURST_DIVISOR).max(ONE);
        self.allowance = self.allowance.saturating_add(passed_ms.saturating_mul(rate)).min(burst);
        self.allowance >= ONE
    }

    /// One was submitted.
    pub(crate) fn spend(&mut self, now_ms: u64) {
        self.allowance = self.allowance.saturating_sub(ONE);
        let second = now_ms / 1000;
        if second != self.second {
            self.before = if second == self.second + 1 { self.now } else { 0 };
            self.now = 0;
            self.second = second;
        }
        self.now = self.now.saturating_add(1);
    }

    /// The SMSC says that it is too much: half of what it was, after a pause.
    pub(crate) fn slow_down(&mut self, now_ms: u64) {
        if now_ms < self.paused_until_ms {
            return;
        }
        let was = self.rate.unwrap_or_else(|| self.before.max(self.now));
        self.rate = Some((was / 2).max(1));
        self.allowance = ONE;
        self.counted_ms = now_ms;
        self.paused_until_ms = now_ms + PAUSE_MS;
        self.rises_at_ms = self.paused_until_ms + 1000;
    }

    /// When the next one may be submitted, where it may not be now.
    pub(crate) fn next_at_ms(&self, now_ms: u64) -> u64 {
        let missing = ONE.saturating_sub(self.allowance);
        let wait_ms = self.rate.map_or(0, |rate| missing.div_ceil(u64::from(rate.max(1))));
        (now_ms + wait_ms).max(self.paused_until_ms)
    }

    /// An eighth more each second in which nobody complained, up to what is allowed. Without a limit that ends when the
    /// rate is beyond anything an SMSC takes.
    fn rise(&mut self, now_ms: u64) {
        while let Some(rate) = self.rate.filter(|_| self.rate != self.ceiling && now_ms >= self.rises_at_ms) {
            let risen = rate.saturating_add((rate / 8).max(1));
            self.rate = match self.ceiling {
                Some(ceiling) => Some(risen.min(ceiling)),
                None => Some(risen).filter(|rate| *rate < RATE_MAX),
            };
            self.rises_at_ms += 1000;
        }
    }
}

const RATE_MAX: u32 = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// How many go out in each of so many seconds, asked for every millisecond.
    fn submitted(pace: &mut Pace, from_ms: u64, seconds: u64) -> Vec<usize> {
        let second = |second: u64| {
            let start_ms = from_ms + second * 1000;
            let submitted = (start_ms..start_ms + 1000).map(|now_ms| {
                let mut count = 0;
                while count < 50 && pace.allows(now_ms) {
                    pace.spend(now_ms);
                    count += 1;
                }
                count
            });
            submitted.sum()
        };
        (0..seconds).map(second).collect()
    }

    #[test]
    fn a_rate_is_kept() {
        assert_eq!(submitted(&mut Pace::new(100, 0), 0, 3), [100, 100, 100]);
        assert_eq!(submitted(&mut Pace::new(1, 0), 0, 3), [1, 1, 1]);
        assert_eq!(submitted(&mut Pace::new(0, 0), 0, 1), [50_000]);
        // An hour of silence earns no more than a tenth of a second's worth.
        let mut pace = Pace::new(100, 0);
        let mut at_once = 0;
        while pace.allows(3_600_000) {
            pace.spend(3_600_000);
            at_once += 1;
        }
        assert_eq!(at_once, 10);
    }

    #[test]
    fn it_slows_down_and_recovers() {
        let mut pace = Pace::new(100, 0);
        submitted(&mut pace, 0, 1);
        pace.slow_down(1000);
        // The rest of the window complains as well, about the same.
        pace.slow_down(1001);
        assert!(!pace.allows(1499));
        assert_eq!(pace.next_at_ms(1001), 1500);
        let seconds = submitted(&mut pace, 1500, 10);
        assert!(seconds[0] <= 55 && seconds.is_sorted() && seconds[9] == 100, "{seconds:?}");
        // Without a limit, it begins at half of what it was.
        let mut pace = Pace::new(0, 0);
        for _ in 0..1000 {
            pace.spend(500);
        }
        pace.slow_down(900);
        let seconds = submitted(&mut pace, 1400, 1);
        assert!((490..=560).contains(&seconds[0]), "{seconds:?}");
        submitted(&mut pace, 2400, 60);
        assert_eq!(submitted(&mut pace, 70_000, 1), [50_000]);
        // However often it is said, one in a second is left.
        let mut pace = Pace::new(4, 0);
        for at in 0..10 {
            pace.slow_down(at * 501);
        }
        assert!(pace.allows(5500));
    }
}
