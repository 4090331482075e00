//! What a plugin asked for and did not get, and what it said and nobody heard: counted, and of each reason told once a second
//! at most.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use sportello_sdk::{Failure, Source};

use crate::rate::Rate;

/// How many questions of one instance may be under way.
pub(crate) const QUESTIONS_MAX: usize = 4096;

/// What the host is told, by itself, of a process that asked the system for a call which it may not make: its name.
pub(crate) const SYSTEM_CALL: &str = "system_call";

/// The code of that.
const OUT_OF_REACH: &str = "out_of_reach";

/// Failures of which the operator hears: what is out of a plugin's reach, of another's, or more than it may have. What a
/// provider or a person did is none of them.
const TOLD: [&str; 13] = [
    OUT_OF_REACH,
    "not_granted",
    "call_over",
    "unknown_order",
    "no_such_channel",
    "no_such_secret",
    "no_such_stream",
    "no_such_instrument",
    "bad_frame",
    "too_large",
    "too_many",
    "store_full",
    "busy",
];

/// Counts for one instance.
pub(crate) struct Denied {
    /// By reason, as in [`TOLD`].
    asks: [Count; TOLD.len()],
    lines: Count,
    questions: AtomicUsize,
}

/// How often something happened, and how often when that was told last.
struct Count {
    all: AtomicU64,
    told: AtomicU64,
    telling: Rate,
}

impl Count {
    fn new() -> Self {
        Self { all: AtomicU64::new(0), told: AtomicU64::new(0), telling: Rate::new(1) }
    }

    /// One more. Answers how many it is since they were told last, if it is time to.
    fn more(&self, now_ns: u64) -> Option<u64> {
        self.all.fetch_add(1, Ordering::Relaxed);
        self.telling.admit(now_ns).ok()?;
        Some(self.untold())
    }

    fn untold(&self) -> u64 {
        let all = self.all.load(Ordering::Relaxed);
        all.saturating_sub(self.told.swap(all, Ordering::Relaxed))
    }
}

impl Denied {
    pub(crate) fn new() -> Self {
        Self { asks: std::array::from_fn(|_| Count::new()), lines: Count::new(), questions: AtomicUsize::new(0) }
    }

    /// How many asks were denied.
    pub(crate) fn asks(&self) -> u64 {
        self.asks.iter().map(|count| count.all.load(Ordering::Relaxed)).sum()
    }

    /// How many log lines were lost.
    pub(crate) fn lines(&self) -> u64 {
        self.lines.all.load(Ordering::Relaxed)
    }

    /// A question was answered with this.
    pub(crate) fn answered(&self, instance: &str, now_ns: u64, method: &str, failure: &Failure) {
        let Some((_, asks)) = TOLD.iter().zip(&self.asks).find(|(told, _)| **told == failure.code) else {
            return;
        };
        if let Some(count) = asks.more(now_ns) {
            let (code, why) = (&failure.code, crate::hostcalls::plain(&failure.message));
            tracing::warn!(instance, method, code, count, "a plugin asked for what it does not get: {why}");
        }
    }

    /// Its process asked the system for this call.
    pub(crate) fn system_call(&self, instance: &str, now_ns: u64, call: &str) {
        let why = format!("its process may not ask the system for {call:?}");
        self.answered(instance, now_ns, SYSTEM_CALL, &Failure::new(Source::Plugin, OUT_OF_REACH, why));
    }

    /// A log line was one too many.
    pub(crate) fn line(&self, instance: &str, now_ns: u64) {
        if let Some(count) = self.lines.more(now_ns) {
            tracing::warn!(instance, count, "a plugin logs more lines than it may, and these are lost");
        }
    }

    /// Counts a question among those under way, until it is dropped; nothing where there are too many.
    pub(crate) fn question(&self) -> Option<Question<'_>> {
        let before = self.questions.fetch_add(1, Ordering::Relaxed);
        let question = Question(&self.questions);
        (before < QUESTIONS_MAX).then_some(question)
    }
}

/// One that is under way.
pub(crate) struct Question<'a>(&'a AtomicUsize);

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_denied_is_counted_and_told_once_a_second() {
        const SECOND_NS: u64 = 1_000_000_000;
        let count = Count::new();
        let told: Vec<Option<u64>> =
            [0, 1, 2, SECOND_NS, SECOND_NS + 1, 5 * SECOND_NS].into_iter().map(|now_ns| count.more(now_ns)).collect();
        assert_eq!(told, [Some(1), None, None, Some(3), None, Some(2)]);
        let denied = Denied::new();
        for (code, expected) in [("not_granted", 1), ("unreachable", 1), ("call_over", 2), ("switched_off", 2)] {
            denied.answered("bank", 0, "http", &Failure::settings(code, "why"));
            assert_eq!(denied.asks(), expected, "{code}");
        }
    }

    #[test]
    fn so_many_questions_are_under_way() {
        let denied = Denied::new();
        let all: Vec<Question<'_>> = (0..QUESTIONS_MAX).filter_map(|_| denied.question()).collect();
        assert_eq!(all.len(), QUESTIONS_MAX);
        assert!(denied.question().is_none());
        drop(all);
        assert!(denied.question().is_some());
    }
}
