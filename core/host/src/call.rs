//! A call: what goes to the plugin, what comes back, and what can come instead.

use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use sportello_sdk::Failure;
use sportello_sdk::frames::{FRAME_LEN_MAX, Reply};

use crate::attest::Sent;

/// A call to a plugin.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    pub(crate) method: &'static str,
    pub(crate) params: &'a [u8],
    pub(crate) body: Bytes,
    pub(crate) within: Option<Duration>,
    pub(crate) trace: Option<&'a str>,
}

impl<'a> Ask<'a> {
    /// Calls `method` with `params`, which are JSON and go out as they stand: what was stored with an effect is what is
    /// sent, with nothing decoded or encoded in between.
    pub fn new(method: &'static str, params: &'a [u8]) -> Self {
        Self { method, params, body: Bytes::new(), within: None, trace: None }
    }

    /// With raw bytes beside the frame.
    #[must_use]
    pub fn body(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }

    /// Waits this long, and not as long as the instance's deadline.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        self.within = Some(within);
        self
    }

    /// Belongs to this trace (W3C Trace Context, `traceparent`).
    #[must_use]
    pub fn trace(mut self, trace: &'a str) -> Self {
        self.trace = Some(trace);
        self
    }
}

/// What a plugin answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The result, as JSON.
    pub frame: Bytes,
    /// Raw bytes beside it.
    pub body: Bytes,
    /// Whether bytes left for this call.
    pub sent: Sent,
}

impl Answer {
    /// The result.
    ///
    /// # Errors
    /// [`Reason::Broken`] where it is not of this shape.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        serde_json::from_slice(&self.frame)
            .map_err(|error| CallError { reason: Reason::Broken(error.to_string()), sent: self.sent })
    }
}

/// A call that brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct CallError {
    /// Why.
    pub reason: Reason,
    /// Whether bytes left for this call. Where none did, the same order may be tried elsewhere.
    pub sent: Sent,
}

/// Why a call brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The instance takes no more calls: it is being drained.
    #[error("the plugin is being stopped and takes no new calls")]
    Stopping,
    /// A call did not return even after it was given up: its thread is lost, and the plugin is called no more.
    #[error("the plugin hangs and is called no more: restart the gateway, with another build of the plugin")]
    Quarantined,
    /// The limits are reached.
    #[error("the plugin is busy: {what}")]
    Busy {
        /// Which limit it is.
        what: &'static str,
        /// When to try again, in milliseconds.
        retry_after_ms: u64,
    },
    /// The breaker is open.
    #[error("the plugin or its provider failed several times in a row and is left alone for {retry_after_ms} ms")]
    Resting {
        /// When to try again, in milliseconds.
        retry_after_ms: u64,
    },
    /// The caller stopped waiting.
    #[error("the plugin did not answer within {within_ms} ms")]
    Timeout {
        /// How long the caller waited, in milliseconds.
        within_ms: u64,
    },
    /// It panicked where its own fence did not hold.
    #[error("the plugin panicked")]
    Panicked,
    /// The answer is not as the contract has it.
    #[error("the plugin's answer is not as agreed: {0}")]
    Broken(String),
    /// It answered that it did not work.
    #[error("{0}")]
    Failed(Failure),
}

impl CallError {
    /// Nothing was done.
    pub(crate) fn refused(reason: Reason) -> Self {
        Self { reason, sent: Sent::Nothing }
    }

    /// The plugin's own failure, where there is one.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.reason {
            Reason::Failed(failure) => Some(failure),
            _ => None,
        }
    }

    /// When the same call may work, in milliseconds; nothing where it will not.
    pub fn retry_after_ms(&self) -> Option<u64> {
        match &self.reason {
            Reason::Busy { retry_after_ms, .. } | Reason::Resting { retry_after_ms } => Some(*retry_after_ms),
            Reason::Timeout { .. } | Reason::Stopping => Some(1000),
            Reason::Failed(failure) => failure.retry_after_ms(),
            Reason::Quarantined | Reason::Panicked | Reason::Broken(_) => None,
        }
    }

    /// Whether it came to a panic, on either side of the boundary.
    pub fn is_panic(&self) -> bool {
        self.reason == Reason::Panicked || self.failure().is_some_and(|failure| failure.code == "panicked")
    }

    /// Whether the plugin, or the provider behind it, cannot be worked with at all, whatever it is asked.
    pub(crate) fn is_outage(&self) -> bool {
        let code = self.failure().map(|failure| failure.code.as_str());
        matches!(self.reason, Reason::Timeout { .. })
            || self.is_panic()
            || code.is_some_and(|code| matches!(code, "unreachable" | "timeout"))
    }
}

/// What a reply says.
pub(crate) fn answer_of(reply: Reply, sent: Sent) -> Result<Answer, CallError> {
    let Reply { ok, frame, body } = reply;
    let broken = |why: String| CallError { reason: Reason::Broken(why), sent };
    if frame.len() > FRAME_LEN_MAX {
        return Err(broken(format!("its frame has {} bytes, and at most {FRAME_LEN_MAX} are taken", frame.len())));
    }
    if ok {
        return Ok(Answer { frame, body, sent });
    }
    let failure = serde_json::from_slice(&frame).map_err(|error| broken(error.to_string()))?;
    Err(CallError { reason: Reason::Failed(failure), sent })
}

/// The circumstances of a call, which go before its parameters.
pub(crate) struct Circumstances<'a> {
    pub(crate) call: u64,
    pub(crate) now_ms: u64,
    pub(crate) deadline_ms: u64,
    pub(crate) seed: u64,
    pub(crate) trace: Option<&'a str>,
}

/// Writes a [`CallFrame`](sportello_sdk::frames::CallFrame) around parameters that are JSON already.
pub(crate) fn frame_of(circumstances: &Circumstances<'_>, params: &[u8]) -> Bytes {
    let Circumstances { call, now_ms, deadline_ms, seed, trace } = circumstances;
    let mut frame = Vec::with_capacity(160 + params.len() + trace.map_or(0, str::len));
    frame.extend_from_slice(b"{\"call\":");
    push_decimal(&mut frame, *call);
    frame.extend_from_slice(b",\"now_ms\":");
    push_decimal(&mut frame, *now_ms);
    frame.extend_from_slice(b",\"deadline_ms\":");
    push_decimal(&mut frame, *deadline_ms);
    frame.extend_from_slice(b",\"seed\":");
    push_decimal(&mut frame, *seed);
    if let Some(trace) = trace {
        frame.extend_from_slice(b",\"trace\":");
        // A string always can be written, and into memory always is.
        let _ = serde_json::to_writer(&mut frame, trace);
    }
    frame.extend_from_slice(b",\"params\":");
    frame.extend_from_slice(if params.is_empty() { b"null" } else { params });
    frame.push(b'}');
    frame.into()
}

/// A number in decimal. The formatting machinery of the standard library takes several times as long.
fn push_decimal(out: &mut Vec<u8>, mut number: u64) {
    let start = out.len();
    loop {
        out.push(b'0' + u8::try_from(number % 10).unwrap_or(0));
        number /= 10;
        if number == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

#[cfg(test)]
mod tests {
    use sportello_sdk::frames::CallFrame;

    use super::*;

    #[test]
    fn frames_are_what_the_sdk_reads() {
        let check = |numbers: [u64; 4], trace: Option<&str>, params: &str, expected: &str| {
            let [call, now_ms, deadline_ms, seed] = numbers;
            let circumstances = Circumstances { call, now_ms, deadline_ms, seed, trace };
            let frame = frame_of(&circumstances, params.as_bytes());
            let read: CallFrame<serde_json::Value> = serde_json::from_slice(&frame).unwrap();
            assert_eq!([read.call, read.now_ms, read.deadline_ms, read.seed], numbers);
            assert_eq!(read.trace.as_deref(), trace);
            assert_eq!(read.params.to_string(), expected);
        };
        check([1, 0, 10, 99], None, r#"{"key":"a"}"#, r#"{"key":"a"}"#);
        check([u64::MAX, 1_700_000_000_000, 9_007_199_254_740_991, 0], Some("00-\"x\"-01"), "", "null");
    }

    #[test]
    fn failures_that_open_the_breaker() {
        let check = |reply: Reply, expected: (bool, bool)| {
            let error = answer_of(reply, Sent::Nothing).unwrap_err();
            assert_eq!((error.is_outage(), error.is_panic()), expected, "{error}");
        };
        let failed = |failure: Failure| Reply::failure(&failure);
        check(failed(Failure::input("bad", "bad")), (false, false));
        check(failed(Failure::settings("not_granted", "no")), (false, false));
        check(failed(Failure::provider("AM04", "no")), (false, false));
        check(failed(Failure::provider("unreachable", "no")), (true, false));
        check(failed(Failure::new(sportello_sdk::Source::Plugin, "panicked", "boom")), (true, true));
        check(Reply { ok: false, frame: Bytes::from_static(b"?"), body: Bytes::new() }, (false, false));
    }
}
