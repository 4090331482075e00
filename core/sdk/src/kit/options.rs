//! What the kit needs to talk sense with a plugin.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use super::rules::Rule;
use crate::frames::WebhookFrame;
use crate::testing::ScriptedHost;
use crate::{Handle, Note, Order, WebhookRequest};

/// How many calls of one kind are made to see whether something grows, unless more are asked for.
const CALLS: usize = 2_000;

/// Says how much memory the plugin's process has resident, in bytes, where that can be said.
pub type Resident = Arc<dyn Fn() -> Option<u64> + Send + Sync>;

/// What the kit needs to talk sense with a plugin.
#[derive(Clone)]
pub struct Options {
    /// Settings that open the plugin.
    pub settings: Value,
    /// The values of secrets. A secret of the manifest that is not here gets a made-up value.
    pub secrets: Vec<(String, String)>,
    /// Orders that make sense to this rail. Empty: made up from the manifest.
    pub orders: Vec<Order>,
    /// Notes that make sense to this channel. Empty: made up from the manifest.
    pub notes: Vec<Note>,
    /// What the vault holds at the accounts of debtors, for a rail that asks for `pan`. A card that is not here is a
    /// made-up one.
    pub instruments: Vec<(Handle, Bytes)>,
    /// Deliveries that each bring at least one message, report or receipt. A rail was given its orders before them.
    /// Empty: what a good delivery brings is not checked.
    pub webhooks: Vec<WebhookRequest>,
    /// Adds the rules of a provider that answers properly. Without it, and without `rules`, no provider can be reached.
    pub provider: Option<fn(ScriptedHost) -> ScriptedHost>,
    /// The same as data.
    pub rules: Vec<Rule>,
    /// How the provider refuses an order, and what the rail is to make of that.
    pub refusals: Vec<Refusal>,
    /// How many calls are made to see whether something grows.
    pub calls: usize,
    /// Says how much memory the plugin's process has. Without it the kit measures its own.
    pub resident: Option<Resident>,
}

/// One way in which a provider refuses an order.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// How the provider answers.
    pub answer: Rule,
    /// The code of the [`Outcome::Declined`](crate::Outcome::Declined) that it comes to.
    pub code: String,
}

/// Why a text is no options of the kit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadOptions(String);

impl fmt::Display for BadOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadOptions {}

/// The options as a file has them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    settings: Option<Value>,
    #[serde(default)]
    secrets: BTreeMap<String, String>,
    #[serde(default)]
    orders: Vec<Order>,
    #[serde(default)]
    notes: Vec<Note>,
    #[serde(default)]
    instruments: BTreeMap<Handle, String>,
    #[serde(default)]
    webhooks: Vec<Delivery>,
    #[serde(default)]
    provider: Vec<Rule>,
    #[serde(default)]
    refusals: Vec<Refusal>,
}

/// A delivery: its body is a text, or JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delivery {
    #[serde(default = "post")]
    method: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    query: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Value,
}

fn post() -> String {
    "POST".to_owned()
}

impl Options {
    /// These settings, and all else made up from the manifest.
    pub fn new(settings: Value) -> Self {
        Self {
            settings,
            secrets: Vec::new(),
            orders: Vec::new(),
            notes: Vec::new(),
            instruments: Vec::new(),
            webhooks: Vec::new(),
            provider: None,
            rules: Vec::new(),
            refusals: Vec::new(),
            calls: CALLS,
            resident: None,
        }
    }

    /// Reads what a plugin's `kit.json` says, all of it optional:
    ///
    /// ```
    /// # use sportello_sdk::kit::Options;
    /// let options = Options::read(r#"{
    ///     "settings": { "base_url": "https://bank.example" },
    ///     "secrets": { "token": "kit-token" },
    ///     "provider": [{
    ///         "method": "POST", "url": "https://bank.example/payments", "status": 201,
    ///         "json": { "id": "{{header:idempotency-key}}", "status": "settled", "amount": "{{body:/amount}}" },
    ///         "remembers": "{{header:idempotency-key}}"
    ///     }, {
    ///         "method": "GET", "url": "https://bank.example/payments/*", "recalls": "{{last}}"
    ///     }],
    ///     "refusals": [{
    ///         "answer": { "method": "POST", "url": "*", "status": 422, "json": { "code": "AM04" } },
    ///         "code": "AM04"
    ///     }]
    /// }"#)?;
    /// assert_eq!(options.rules.len(), 2);
    /// # Ok::<(), sportello_sdk::kit::BadOptions>(())
    /// ```
    ///
    /// Besides, `orders` and `notes` (frames of the contract), `instruments` (an account, and what the vault holds
    /// there) and `webhooks` (`path`, `query`, `headers`, and a `body` that is a text or JSON). What a rule's answer
    /// may take from its request is said at [`Rule`].
    ///
    /// # Errors
    /// When it is no JSON, or not of this shape.
    pub fn read(json: &str) -> Result<Self, BadOptions> {
        let file = serde_json::from_str(json).map_err(|error| BadOptions(error.to_string()))?;
        Self::from_value(file)
    }

    /// The same of a file that was read already, whatever it was written in.
    ///
    /// # Errors
    /// When it is not of this shape.
    pub fn from_value(file: Value) -> Result<Self, BadOptions> {
        // serde would take a list for a struct, field by field.
        if !file.is_object() {
            return Err(BadOptions("it is no table".to_owned()));
        }
        let file = serde_path_to_error::deserialize(file).map_err(|error| BadOptions(error.to_string()))?;
        Self::of(file)
    }

    fn of(file: File) -> Result<Self, BadOptions> {
        let settings = file.settings.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
        if !settings.is_object() {
            return Err(BadOptions("`settings` is no table".to_owned()));
        }
        Ok(Self {
            secrets: file.secrets.into_iter().collect(),
            orders: file.orders,
            notes: file.notes,
            instruments: file.instruments.into_iter().map(|(account, held)| (account, held.into())).collect(),
            webhooks: file.webhooks.into_iter().map(WebhookRequest::from).collect(),
            rules: file.provider,
            refusals: file.refusals,
            ..Self::new(settings)
        })
    }
}

impl From<Delivery> for WebhookRequest {
    fn from(delivery: Delivery) -> Self {
        let Delivery { method, path, query, headers, body } = delivery;
        let body = match body {
            Value::String(text) => Bytes::from(text),
            json => Bytes::from(json.to_string()),
        };
        let headers = headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        Self { head: WebhookFrame { method, path, query, headers }, body }
    }
}
