//! The frames: what goes over the boundary as JSON, with raw bytes beside it.
//!
//! Every call is `call(parent, method, frame, body)` and is answered by a [`Reply`]; there is no other function. So the
//! contract grows inside these frames: new methods are answered `unsupported` by those who do not know them, and a new
//! field is ignored by an old reader.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Failure;

/// The contract that this library speaks. A host serves plugins of the same major with a minor not above its own.
pub const CONTRACT: Version = Version { major: 1, minor: 0 };

/// The largest frame that either side takes, in bytes. Bodies have their own limits.
pub const FRAME_LEN_MAX: usize = 1 << 20;

/// A version of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Steps when a compiled plugin would break.
    pub major: u16,
    /// Steps when something is added.
    pub minor: u16,
}

impl Version {
    /// Whether a host that speaks this version serves a plugin built for `plugin`: the same major, and a minor not
    /// above the host's own.
    pub fn serves(self, plugin: Self) -> bool {
        self.major == plugin.major && self.minor >= plugin.minor
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl std::str::FromStr for Version {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
        Ok(Self { major: major.parse()?, minor: minor.parse()? })
    }
}

/// The methods that a plugin answers.
pub mod plugin_method {
    /// [`Open`](super::Open) → nothing. First, and once.
    pub const OPEN: &str = "open";
    /// Nothing → JSON Schema of the settings. May come before `open`.
    pub const SCHEMA: &str = "schema";
    /// [`Order`](crate::Order) → [`Outcome`](crate::Outcome). Rails only.
    pub const SUBMIT: &str = "submit";
    /// [`Inquiry`](crate::Inquiry) → [`Outcome`](crate::Outcome). Rails only.
    pub const INQUIRE: &str = "inquire";
    /// [`Note`](crate::Note) → [`Sent`](crate::Sent). Channels only.
    pub const SEND: &str = "send";
    /// [`WebhookFrame`](super::WebhookFrame) with the body beside it → [`WebhookReplyFrame`](super::WebhookReplyFrame).
    pub const WEBHOOK: &str = "webhook";
    /// Nothing → nothing. Lives as long as the plugin does.
    pub const RUN: &str = "run";
    /// Nothing → nothing. Last.
    pub const CLOSE: &str = "close";
}

/// The methods that the host answers.
pub mod host_method {
    /// [`HttpRequestFrame`](super::HttpRequestFrame), body beside → [`HttpResponseFrame`](super::HttpResponseFrame), body beside.
    pub const HTTP: &str = "http";
    /// [`Sleep`](super::Sleep) → nothing.
    pub const SLEEP: &str = "sleep";
    /// [`Named`](super::Named) → [`SecretValue`](super::SecretValue).
    pub const SECRET: &str = "secret";
    /// [`Named`](super::Named) → [`Stored`](super::Stored), value beside.
    pub const STORE_GET: &str = "store.get";
    /// [`StorePut`](super::StorePut), value beside → [`StorePutDone`](super::StorePutDone).
    pub const STORE_PUT: &str = "store.put";
    /// [`Message`](crate::Message) → [`Accepted`](crate::Accepted), once durable.
    pub const MESSAGE: &str = "message";
    /// [`Report`](crate::Report) → nothing, once durable.
    pub const REPORT: &str = "report";
    /// [`LogLine`](super::LogLine), as a notification.
    pub const LOG: &str = "log";
}

/// A frame to a plugin: the circumstances of the call, so that it replays exactly, and what it is about.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CallFrame<T> {
    /// The number of this call, which calls to the host name as their parent.
    pub call: u64,
    /// The time, in milliseconds since 1970.
    pub now_ms: u64,
    /// When the caller stops waiting, in milliseconds since 1970.
    pub deadline_ms: u64,
    /// The seed of all randomness in this call.
    pub seed: u64,
    /// The trace that this call belongs to (W3C Trace Context, `traceparent`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// What the call is about.
    pub params: T,
}

/// A frame from the host in answer to a plugin: the time, which moves on, and what was asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HostFrame<T> {
    /// The time, in milliseconds since 1970.
    pub now_ms: u64,
    /// What was asked for.
    pub result: T,
}

/// An answer: a frame (a [`Failure`] where `ok` is false), and raw bytes beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Whether `frame` is the result, or a `Failure`.
    pub ok: bool,
    /// JSON.
    pub frame: Bytes,
    /// Raw bytes.
    pub body: Bytes,
}

impl Reply {
    /// The answer that something went wrong.
    pub fn failure(failure: &Failure) -> Self {
        // Plain strings and numbers: there is nothing in a failure that cannot be written.
        let frame = serde_json::to_vec(failure).unwrap_or_default();
        Self { ok: false, frame: frame.into(), body: Bytes::new() }
    }
}

/// The other side of the boundary: the host for a plugin, the plugin for the host. Both are the same two functions.
pub trait Peer: Send + Sync + 'static {
    /// Calls `method`. `parent` is the call of the other side on whose behalf this one is made (0 for none).
    fn call(&self, parent: u64, method: &str, frame: Bytes, body: Bytes) -> BoxFuture<'static, Reply>;

    /// Tells something, and waits for nothing. May be dropped under load.
    fn notify(&self, method: &str, frame: Bytes);
}

/// Parameters of `open`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Open {
    /// The host's contract version.
    pub contract: String,
    /// The instance's name in `gateway.toml`.
    pub instance: String,
    /// The instance's settings, without its secrets.
    pub settings: serde_json::Value,
}

/// A webhook's head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WebhookFrame {
    /// `GET`, `POST`, …
    pub method: String,
    /// What follows `/in/{instance}`.
    pub path: String,
    /// The raw query, without the question mark.
    #[serde(default)]
    pub query: String,
    /// Header names in small letters.
    pub headers: Vec<(String, String)>,
}

/// The head of the answer to a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WebhookReplyFrame {
    /// The status code.
    pub status: u16,
    /// Headers of the answer.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
}

/// A request's head, its body beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HttpRequestFrame {
    /// `GET`, `POST`, …
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// Headers.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
}

/// A response's head, its body beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HttpResponseFrame {
    /// The status code.
    pub status: u16,
    /// Header names in small letters.
    pub headers: Vec<(String, String)>,
}

/// Parameters of `sleep`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
pub struct Sleep {
    /// How long, in milliseconds.
    pub for_ms: u64,
}

/// Parameters of whatever goes by a name.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Named {
    /// The name or key.
    pub name: String,
}

/// A secret's value.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct SecretValue {
    /// The value.
    pub value: String,
}

/// A stored value's version; the value is the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stored {
    /// 0 where nothing is stored; else it grows with every put.
    pub version: u64,
}

/// Parameters of `store.put`; the value is the body.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct StorePut {
    /// The key.
    pub name: String,
    /// The version that must be there now (0 for none): compare-and-set.
    pub expected: u64,
}

/// What came of a `store.put`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StorePutDone {
    /// Whether `expected` was right and the value is stored.
    pub stored: bool,
    /// The version that is there now.
    pub version: u64,
}

/// A line for the log.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// How serious.
    pub level: Level,
    /// What happened. Never a secret, a one-time code or a card number.
    pub message: String,
}

/// How serious a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Somebody must look.
    Error,
    /// Somebody may want to look.
    Warn,
    /// The normal course of things.
    Info,
    /// For whoever debugs.
    Debug,
}
