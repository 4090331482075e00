//! A call: what goes to the plugin, what comes back, and what can come instead.

use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sportello_sdk::Failure;
use sportello_sdk::frames::{FRAME_LEN_MAX, Reply};

use crate::attest::Sent;
use crate::frame::Params;
use crate::http::BODY_LEN_MAX;

/// A call to a plugin.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    pub(crate) method: &'static str,
    pub(crate) params: Params,
    pub(crate) body: Bytes,
    pub(crate) within: Option<Duration>,
    pub(crate) trace: Option<&'a str>,
    pub(crate) about: u128,
}

impl<'a> Ask<'a> {
    /// Calls `method` with `params`, which are JSON and go out as they stand: what was stored with an effect is what is
    /// sent, with nothing decoded or encoded in between.
    pub fn new(method: &'static str, params: &[u8]) -> Self {
        Self::with(method, Params::raw(params))
    }

    /// Calls `method` with what is written as JSON here, once.
    pub(crate) fn of(method: &'static str, params: &impl Serialize) -> Result<Self, CallError> {
        let params = Params::of(params).map_err(|error| {
            CallError::refused(Reason::Broken(format!("the parameters cannot be written as JSON: {error}")))
        })?;
        Ok(Self::with(method, params))
    }

    fn with(method: &'static str, params: Params) -> Self {
        Self { method, params, body: Bytes::new(), within: None, trace: None, about: 0 }
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

    /// Is about this, which is told to [`Services`](crate::Services) with what the plugin asks for on the call's behalf: the
    /// host itself makes nothing of it. 0 is nothing.
    #[must_use]
    pub fn about(mut self, about: u128) -> Self {
        self.about = about;
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
        self.read(|frame| serde_json::from_slice(frame))
    }

    /// The result, as `read` finds it in the frame.
    ///
    /// # Errors
    /// [`Reason::Broken`] where it does not.
    pub fn read<T>(&self, read: impl FnOnce(&[u8]) -> serde_json::Result<T>) -> Result<T, CallError> {
        read(&self.frame).map_err(|error| CallError { reason: Reason::Broken(error.to_string()), sent: self.sent })
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
    if body.len() > BODY_LEN_MAX {
        return Err(broken(format!("its body has {} bytes, and at most {BODY_LEN_MAX} are taken", body.len())));
    }
    if ok {
        return Ok(Answer { frame, body, sent });
    }
    let failure = serde_json::from_slice(&frame).map_err(|error| broken(error.to_string()))?;
    Err(CallError { reason: Reason::Failed(failure), sent })
}

#[cfg(test)]
mod tests {
    use super::*;

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
