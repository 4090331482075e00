//! What goes wrong between a plugin and its host, other than that something fails: answers that are lost after the work,
//! time that is over, and calls that are held until they are let go.

use std::task::{Context, Poll, Waker};

use crate::frames::HttpRequestFrame;
use crate::{Failure, Source};

/// How long a scripted call may take, in milliseconds.
pub(super) const CALL_MS: u64 = 10_000;

/// What is scripted to go wrong.
#[derive(Default)]
pub(super) struct Trouble {
    /// Whether the answers to requests that may change something are lost, once the provider has done its work.
    pub(super) answers_lost: bool,
    /// After how many more calls of the host's time is over, where it ends in the middle.
    ends_after: Option<usize>,
    /// Whether each call is answered at its second poll, so that calls that run at a time go on in turns.
    pub(super) in_turns: bool,
    held: Option<String>,
    /// How many calls were held so far.
    holding: usize,
    waiting: Vec<Waker>,
}

/// What becomes of one call of the host's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It is answered.
    Answered,
    /// It is carried out, and the answer comes too late.
    Late,
    /// The call on whose behalf it is asked is over.
    Over,
}

impl Step {
    /// What the caller hears in place of an answer.
    pub(super) fn failure(self) -> Option<Failure> {
        match self {
            Self::Answered => None,
            Self::Late => Some(Failure::provider("timeout", "it did not come to an end in time").retry_after(1_000)),
            Self::Over => Some(Failure::new(Source::Host, "call_over", "the call that this belongs to is over")),
        }
    }
}

impl Trouble {
    pub(super) fn end_after(&mut self, calls: Option<usize>) {
        self.ends_after = calls;
    }

    /// Counts one call of the host's.
    pub(super) fn step(&mut self) -> Step {
        match self.ends_after {
            None => Step::Answered,
            Some(usize::MAX) => Step::Over,
            Some(0) => {
                self.ends_after = Some(usize::MAX);
                Step::Late
            }
            Some(more) => {
                self.ends_after = Some(more - 1);
                Step::Answered
            }
        }
    }

    /// Whether the answer to this request is lost on its way.
    pub(super) fn loses(&self, head: &HttpRequestFrame) -> bool {
        self.answers_lost && !matches!(head.method.as_str(), "GET" | "HEAD")
    }

    pub(super) fn hold(&mut self, method: Option<&str>) {
        self.held = method.map(str::to_owned);
        self.wake();
    }

    pub(super) fn holds(&self, method: &str) -> bool {
        self.held.as_deref().is_some_and(|held| held == "*" || held == method)
    }

    /// Counts a call that is held from here on.
    pub(super) fn begin_to_hold(&mut self) {
        self.holding += 1;
        self.wake();
    }

    /// Waits until the call is let go.
    pub(super) fn poll_let_go(&mut self, method: &str, context: &Context<'_>) -> Poll<()> {
        if !self.holds(method) {
            return Poll::Ready(());
        }
        self.waiting.push(context.waker().clone());
        Poll::Pending
    }

    /// Waits until so many calls were held.
    pub(super) fn poll_holding(&mut self, calls: usize, context: &Context<'_>) -> Poll<()> {
        if self.holding >= calls {
            return Poll::Ready(());
        }
        self.waiting.push(context.waker().clone());
        Poll::Pending
    }

    fn wake(&mut self) {
        self.waiting.drain(..).for_each(Waker::wake);
    }
}
