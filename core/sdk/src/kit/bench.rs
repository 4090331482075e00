//! The bench on which a plugin is tried: instances, the host they ask, and calls.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Factory, Options, Refusal, rules, samples};
use crate::frames::{CONTRACT, HttpRequestFrame, Open, Peer, Reply, host_method, plugin_method};
use crate::testing::{ScriptedHost, block_on};
use crate::{Card, Failure, Handle, InstrumentFacts, Manifest, Note, Order};

pub(super) struct Bench<'a> {
    pub(super) manifest: Manifest,
    pub(super) orders: Vec<Order>,
    pub(super) notes: Vec<Note>,
    pub(super) options: &'a Options,
    plugin: Factory<'a>,
}

/// One instance of the plugin, and the host that it asks.
pub(super) struct Instance {
    pub(super) host: ScriptedHost,
    pub(super) plugin: Arc<dyn Peer>,
}

impl<'a> Bench<'a> {
    pub(super) fn new(manifest: Manifest, plugin: Factory<'a>, options: &'a Options) -> Self {
        Self {
            orders: match options.orders.as_slice() {
                [] => samples::orders(&manifest),
                given => given.to_vec(),
            },
            notes: match options.notes.as_slice() {
                [] => samples::notes(&manifest),
                given => given.to_vec(),
            },
            manifest,
            options,
            plugin,
        }
    }

    /// A host with the plugin's secrets and a provider that answers properly, if there is one.
    pub(super) fn host(&self) -> ScriptedHost {
        let mut host = ScriptedHost::new();
        for (name, value) in self.secrets() {
            host = host.secret(&name, &value);
        }
        for (account, secret) in self.instruments() {
            // A card may be anybody's to charge; what was handed over is for one payment.
            let of_order = |order: &&Order| order.debtor.account == account && account.scheme() != "card";
            let payment = self.orders.iter().find(of_order).map(|order| order.payment);
            let label = "Visa ••1111".to_owned();
            let facts = InstrumentFacts { label, received_at_ms: host.clock_ms(), payment };
            host = host.instrument(account.as_str(), facts, secret);
        }
        self.with_provider(host)
    }

    /// What the vault holds for this rail's orders: what was given, and a made-up card for each other debtor who pays with
    /// one.
    fn instruments(&self) -> Vec<(Handle, Bytes)> {
        let mut found = self.options.instruments.clone();
        let card = Card { pan: "4111111111111111".to_owned(), expiry_year: 2099, expiry_month: 12, holder: None };
        let card = serde_json::to_vec(&card).unwrap_or_default();
        for order in self.orders.iter().filter(|_| self.manifest.pan) {
            let account = &order.debtor.account;
            if account.scheme() == "card" && found.iter().all(|(other, _)| other != account) {
                found.push((account.clone(), card.clone().into()));
            }
        }
        found
    }

    pub(super) fn with_provider(&self, host: ScriptedHost) -> ScriptedHost {
        if !self.has_provider() {
            return host.on_http("*", "*", |_| Err(unreachable()));
        }
        let host = self.options.provider.map_or(host.clone(), |provider| provider(host));
        rules::provider(host, &self.options.rules)
    }

    /// A host whose provider refuses like this.
    pub(super) fn host_refusing(&self, refusal: &Refusal) -> ScriptedHost {
        rules::provider(self.host(), std::slice::from_ref(&refusal.answer))
    }

    /// The memory that is resident, in bytes: the plugin's process's where that is said, else this one's.
    pub(super) fn resident(&self) -> Option<u64> {
        match &self.options.resident {
            Some(resident) => resident(),
            None => resident_here(),
        }
    }

    /// Whether the memory that is measured is the plugin's alone.
    pub(super) fn is_alone(&self) -> bool {
        self.options.resident.is_some()
    }

    /// Whether there is a provider that answers properly.
    pub(super) fn has_provider(&self) -> bool {
        self.options.provider.is_some() || !self.options.rules.is_empty()
    }

    /// Every secret that the manifest asks for, with its value.
    pub(super) fn secrets(&self) -> Vec<(String, String)> {
        let given = &self.options.secrets;
        let value_of = |name: &String| match given.iter().find(|(given, _)| given == name) {
            Some((_, value)) => value.clone(),
            None => format!("kit-secret-{name}-5f3759df"),
        };
        let names = self.manifest.secrets.iter();
        names.map(|name| (name.clone(), value_of(name))).collect()
    }

    /// A new instance, not open.
    pub(super) fn instance(&self, host: &ScriptedHost) -> Instance {
        Instance { host: host.clone(), plugin: (self.plugin)(host.clone().into_peer()) }
    }

    /// An instance opened with good settings.
    pub(super) fn opened(&self, host: &ScriptedHost) -> Result<Instance, String> {
        let instance = self.instance(host);
        match instance.open(&self.options.settings) {
            Ok(()) => Ok(instance),
            Err(failure) => Err(format!("`open` with good settings: {failure}")),
        }
    }

    /// What this kind of plugin is for: the method, with a good frame for each sample.
    pub(super) fn work(&self) -> Result<Vec<(&'static str, Value)>, String> {
        let orders = self.orders.iter().map(|order| (plugin_method::SUBMIT, to_value(order)));
        let notes = self.notes.iter().map(|note| (plugin_method::SEND, to_value(note)));
        orders.chain(notes).map(|(method, params)| Ok((method, params?))).collect()
    }
}

/// The memory of this process that is resident, in bytes, where the system tells: `/proc/self/statm` counts pages.
fn resident_here() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
    pages.checked_mul(4096)
}

/// What a host answers where nobody is there.
pub(super) fn unreachable() -> Failure {
    Failure::new(crate::Source::Host, "unreachable", "no connection was made").retry_after(1000)
}

pub(super) fn to_value<T: Serialize>(value: &T) -> Result<Value, String> {
    serde_json::to_value(value).map_err(|error| error.to_string())
}

/// What a reply says.
pub(super) fn result_of(method: &str, reply: Reply) -> Result<Reply, Failure> {
    if reply.ok {
        return Ok(reply);
    }
    Err(serde_json::from_slice(&reply.frame).unwrap_or_else(|error| {
        let text = String::from_utf8_lossy(&reply.frame).into_owned();
        Failure::new(
            crate::Source::Plugin,
            "no_failure",
            format!("`{method}` was answered with what is no Failure: {text} ({error})"),
        )
    }))
}

impl Instance {
    /// Calls and waits.
    pub(super) fn call(&self, method: &str, frame: Bytes, body: Bytes) -> Result<Reply, Failure> {
        result_of(method, block_on(self.plugin.call(0, method, frame, body)))
    }

    /// Begins a call, which goes on as it is polled.
    pub(super) fn begin(&self, method: &str, params: &impl Serialize) -> Result<BoxFuture<'static, Reply>, String> {
        let frame = serde_json::to_vec(&self.host.frame(params)).map_err(|error| error.to_string())?;
        Ok(self.plugin.call(0, method, frame.into(), Bytes::new()))
    }

    /// Calls with these parameters, and reads the answer.
    pub(super) fn ask<T: DeserializeOwned>(
        &self,
        method: &str,
        params: &impl Serialize,
        body: Bytes,
    ) -> Result<(T, Bytes), Failure> {
        let bad = |what: &str, error: serde_json::Error| {
            let message = format!("`{method}`: the {what} is not as agreed: {error}");
            Failure::new(crate::Source::Plugin, "bad_answer", message)
        };
        let frame = serde_json::to_vec(&self.host.frame(params)).map_err(|e| bad("question", e))?;
        let reply = self.call(method, frame.into(), body)?;
        let result = serde_json::from_slice(&reply.frame).map_err(|e| bad("answer", e))?;
        Ok((result, reply.body))
    }

    /// The same without a body.
    pub(super) fn tell<T: DeserializeOwned>(&self, method: &str, params: &impl Serialize) -> Result<T, Failure> {
        Ok(self.ask(method, params, Bytes::new())?.0)
    }

    pub(super) fn open(&self, settings: &Value) -> Result<(), Failure> {
        let open = Open { contract: CONTRACT.to_string(), instance: "kit".to_owned(), settings: settings.clone() };
        self.tell::<()>(plugin_method::OPEN, &open)
    }

    /// Whether the plugin tried to reach its provider.
    pub(super) fn tried_io(&self) -> bool {
        let is_io = |method: &String| method == host_method::HTTP || method == host_method::STREAM_CONNECT;
        self.host.asked().iter().any(is_io)
    }

    /// Whether the plugin asked for anything at all.
    pub(super) fn asked_anything(&self) -> bool {
        !self.host.asked().is_empty()
    }

    /// All that the plugin told its provider, by requests and over streams, as far as it is text.
    pub(super) fn told_provider(&self) -> String {
        let requests = self.host.requests().into_iter().map(|request| request.body.to_vec());
        let streams = (1..=self.host.streams()).map(|stream| self.host.stream_written(stream));
        let told: Vec<String> = requests.chain(streams).map(|t| String::from_utf8_lossy(&t).into_owned()).collect();
        told.join("\n")
    }

    /// The requests made that may change something at the provider.
    pub(super) fn changing_requests(&self) -> Vec<(HttpRequestFrame, Bytes)> {
        let changes = |head: &HttpRequestFrame| !matches!(head.method.as_str(), "GET" | "HEAD");
        let requests = self.host.requests().into_iter();
        requests.filter(|request| changes(&request.head)).map(|request| (request.head, request.body)).collect()
    }
}
