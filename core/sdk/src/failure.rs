//! What goes wrong, plain enough to cross the boundary.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that did not work: whose fault, whether to try again, and a sentence for a person.
///
/// A failure never says whether money moved: that is an [`Outcome`](crate::Outcome), or the host's own knowledge of
/// whether a byte left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// Whose fault it is.
    pub source: Source,
    /// Whether trying again can help.
    pub retry: Retry,
    /// A stable code to branch on and to search for: the provider's own, or ours in `snake_case`.
    pub code: String,
    /// A sentence for a person. Never a secret, a one-time code or a card number.
    pub message: String,
}

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The operator's settings or grants.
    Settings,
    /// What was handed in: a webhook's body, a note, an order.
    Input,
    /// The provider at the other end.
    Provider,
    /// The plugin itself.
    Plugin,
    /// The host.
    Host,
}

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "retry", rename_all = "snake_case")]
pub enum Retry {
    /// The same again will fail the same.
    Never,
    /// It may work, but not before `after_ms` milliseconds.
    Later {
        /// How long to wait at least, in milliseconds.
        after_ms: u64,
    },
}

impl Failure {
    /// A failure that will fail the same again.
    pub fn new(source: Source, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { source, retry: Retry::Never, code: code.into(), message: message.into() }
    }

    /// The same, worth another try after `after_ms` milliseconds.
    #[must_use]
    pub fn retry_after(mut self, after_ms: u64) -> Self {
        self.retry = Retry::Later { after_ms };
        self
    }

    /// The operator's settings or grants are at fault.
    pub fn settings(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Source::Settings, code, message)
    }

    /// What was handed in is at fault.
    pub fn input(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Source::Input, code, message)
    }

    /// The provider is at fault.
    pub fn provider(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Source::Provider, code, message)
    }

    /// The plugin does not offer `method`.
    pub fn unsupported(method: &str) -> Self {
        Self::new(Source::Plugin, "unsupported", format!("`{method}` is not offered here"))
    }

    /// Whether trying again can help.
    pub fn is_retryable(&self) -> bool {
        self.retry != Retry::Never
    }

    /// How long to wait before the next try, in milliseconds, if one makes sense.
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self.retry {
            Retry::Never => None,
            Retry::Later { after_ms } => Some(after_ms),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for Failure {}
