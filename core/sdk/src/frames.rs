//! The frames: what goes over the boundary as JSON, with raw bytes beside it.
//!
//! Every call is `call(parent, method, frame, body)` and is answered by a [`Reply`]; there is no other function. So the
//! contract grows inside these frames: new methods are answered `unsupported` by those who do not know them, and a new
//! field is ignored by an old reader.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Failure, Order};

/// The contract that this library speaks. A host serves plugins of the same major with a minor not above its own.
pub const CONTRACT: Version = Version { major: 1, minor: 2 };

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
    /// [`PageFrame`](crate::PageFrame) with the body beside it → [`PageReplyFrame`](crate::PageReplyFrame), the page
    /// beside it. Rails only. Since 1.2.
    pub const PAGE: &str = "page";
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
    /// [`Receipt`](crate::Receipt) → nothing, once durable. Since 1.1.
    pub const RECEIPT: &str = "receipt";
    /// [`Connect`](super::Connect) → [`StreamId`](super::StreamId). Since 1.1.
    pub const STREAM_CONNECT: &str = "stream.connect";
    /// [`StreamRead`](super::StreamRead) → nothing, the bytes beside; no bytes where the other side has said all.
    /// Since 1.1.
    pub const STREAM_READ: &str = "stream.read";
    /// [`StreamId`](super::StreamId), the bytes beside → nothing, once all are taken; none are where it fails. Since 1.1.
    pub const STREAM_WRITE: &str = "stream.write";
    /// [`StreamId`](super::StreamId) → nothing, once all that was taken is written; as a notification it throws away what
    /// is not. Since 1.1.
    pub const STREAM_CLOSE: &str = "stream.close";
    /// [`Named`](super::Named), by an account of the vault's → [`InstrumentFacts`](crate::InstrumentFacts), the secret
    /// beside. Since 1.2.
    pub const INSTRUMENT: &str = "instrument";
    /// [`VaultPut`](crate::VaultPut), what is to be kept beside → nothing, once durable. Since 1.2.
    pub const VAULT_PUT: &str = "vault.put";
    /// [`Named`](super::Named) → [`VaultFound`](crate::VaultFound), what was kept beside. Since 1.2.
    pub const VAULT_GET: &str = "vault.get";
    /// [`Named`](super::Named) → nothing, once it is destroyed. Since 1.2.
    pub const VAULT_REMOVE: &str = "vault.remove";
    /// [`PageLink`](crate::PageLink) → [`PageAddress`](crate::PageAddress). Since 1.2.
    pub const PAGE_LINK: &str = "page.link";
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

impl CallFrame<Order> {
    /// Reads an order's frame that stands as the host writes it: see [`Order::read_compact`].
    pub(crate) fn read_compact(frame: &[u8]) -> Option<Self> {
        let (params, rest) = Order::read_compact(std::str::from_utf8(frame).ok()?.strip_prefix("{\"params\":")?)?;
        let (call, rest) = number_after(rest, ",\"call\":")?;
        let (now_ms, rest) = number_after(rest, ",\"now_ms\":")?;
        let (deadline_ms, rest) = number_after(rest, ",\"deadline_ms\":")?;
        let (seed, rest) = number_after(rest, ",\"seed\":")?;
        let trace = match rest {
            "}" => None,
            rest => Some(rest.strip_prefix(",\"trace\":\"")?.strip_suffix("\"}")?),
        };
        // What a `traceparent` is made of (W3C Trace Context, section 3.2.2).
        let is_trace = |trace: &str| trace.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        if !trace.is_none_or(is_trace) {
            return None;
        }
        Some(Self { call, now_ms, deadline_ms, seed, trace: trace.map(str::to_owned), params })
    }
}

/// The number behind `name`, and what follows it.
fn number_after<'a>(json: &'a str, name: &str) -> Option<(u64, &'a str)> {
    Order::number_compact(json.strip_prefix(name)?)
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

/// Parameters of `stream.connect`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Connect {
    /// `tcp://host:port`, or `tls://host:port` for a stream that the host encrypts.
    pub address: String,
}

/// An open stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StreamId {
    /// Its number, which is the instance's own and never used again.
    pub stream: u64,
}

/// Parameters of `stream.read`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StreamRead {
    /// The stream.
    pub stream: u64,
    /// How many bytes were read before. What an earlier read was answered with and nobody took is so given again: a read
    /// that is given up loses nothing.
    pub position: u64,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_of_an_order_is_read_as_serde_reads_it() {
        let order = r#"{"key":"a-1","payment":"019a2b3c4d5e7f008000000000000001","kind":"transfer","amount":{"minor":20,"currency":"EUR"},"debtor":{"name":"P","account":"iban:IT60","country":null},"creditor":{"name":"A","account":"iban:FR14","country":"FR"},"memo":"x","refers_to":null,"made_at_ms":17}"#;
        // How it stands there: straight (s), for serde (e), or not to be read at all (!).
        let check = |how: char, end: &str| {
            let json = format!("{{\"params\":{order}{end}");
            let ours = CallFrame::<Order>::read_compact(json.as_bytes());
            let serdes = serde_json::from_str::<CallFrame<Order>>(&json).ok();
            assert_eq!((ours.is_some(), serdes.is_some()), (how == 's', how != '!'), "{end}");
            if let (Some(ours), Some(serdes)) = (ours, serdes) {
                assert_eq!(format!("{ours:?}"), format!("{serdes:?}"), "{end}");
            }
        };
        let numbers = r#","call":4097,"now_ms":1700000000000,"deadline_ms":9007199254740991,"seed":0"#;
        check('s', &format!("{numbers}}}"));
        check('s', &format!(r#"{numbers},"trace":"00-4bf92f-00f067aa-01"}}"#));
        check('e', &format!(r#"{numbers},"trace":"a\"b"}}"#));
        check('e', &format!(r#"{numbers},"trace":null}}"#));
        check('e', &format!(r#"{numbers},"mood":"blue"}}"#));
        check('e', &format!("{numbers} }}"));
        check('e', r#","now_ms":1,"call":2,"deadline_ms":3,"seed":4}"#);
        check('!', &format!("{numbers}}}x"));
        check('!', &format!("{numbers}0}}"));
        check('!', &format!(r#"{numbers},"trace":"a"b"}}"#));
        check('!', &format!(r#"{numbers},"trace":"","seed":"}}"#));
        check('!', &numbers.replace("4097", "18446744073709551616"));
        check('!', numbers);
        check('!', r#","call":2}"#);
    }
}
