//! A gateway with two small plugins linked in, for the tests to speak HTTP with.

use std::path::Path;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use sportello_gateway::config::Config;
use sportello_gateway::plugins::{Deployment, Plugins};
use sportello_gateway::wire::Wire;
use sportello_gateway::{Gateway, RunningGateway, StartError};
use sportello_host::Loaded;
use sportello_sdk::{
    Channel, Failure, Finality, Handle, Host, Mention, Message, Note, Order, Outcome, Rail, Sent, WebhookReply,
    WebhookRequest, async_trait, dispatch, settings,
};
use tempfile::TempDir;
use tokio::sync::Semaphore;

settings! {
    /// Settings of the test's rail.
    pub(crate) struct RailSettings {
        /// The largest amount that is settled.
        #[serde(default)]
        limit_minor: Option<u64>,
        /// What `open` says of it.
        #[serde(default)]
        refuse_to_open: bool,
        /// Whether `open` panics.
        #[serde(default)]
        panic_in_open: bool,
    }
}

/// Settles what is at or below its limit. An order that is for "later" waits for [`LATER`], and one that is for "panics"
/// is one too many for it.
pub(crate) struct TestRail(RailSettings);

/// Lets one order that is for "later" go on.
pub(crate) static LATER: Semaphore = Semaphore::const_new(0);

#[async_trait]
impl Rail for TestRail {
    type Settings = RailSettings;
    async fn open(settings: RailSettings, _: &Host) -> Result<Self, Failure> {
        if settings.refuse_to_open {
            return Err(Failure::settings("no", "this rail never opens"));
        }
        assert!(!settings.panic_in_open, "this rail panics");
        Ok(Self(settings))
    }
    async fn submit(&self, order: Order, _: &Host) -> Result<Outcome, Failure> {
        assert_ne!(order.memo.as_deref(), Some("panics"), "this rail panics");
        if order.memo.as_deref() == Some("later") {
            LATER.acquire().await.unwrap().forget();
        }
        if self.0.limit_minor.is_some_and(|limit| order.amount.minor() > limit) {
            return Ok(Outcome::Declined { code: "AM02".into(), reason: "too much".into(), elsewhere: false });
        }
        Ok(Outcome::Settled {
            amount: order.amount,
            reference: Some(format!("R-{}", order.key)),
            finality: Finality::Final,
            fees: None,
            reversible_until_ms: None,
            valid_until_ms: None,
        })
    }
}

settings! {
    /// Settings of the test's channel.
    pub(crate) struct ChannelSettings {
        /// The gateway's own name; "panics" is one that `open` does not bear, and "down" one whose provider is.
        name: String,
    }
}

/// Takes `{"id","from","text"}`, and says notes to nobody. What is new to the gateway and comes to `/and-never-return` is
/// handed over, and never answered.
pub(crate) struct TestChannel {
    name: String,
}

#[async_trait]
impl Channel for TestChannel {
    type Settings = ChannelSettings;
    async fn open(settings: ChannelSettings, _: &Host) -> Result<Self, Failure> {
        assert!(settings.name != "panics", "this channel panics");
        Ok(Self { name: settings.name })
    }
    async fn send(&self, note: Note, _: &Host) -> Result<Sent, Failure> {
        // Nobody is called like the gateway itself.
        if note.to.rest() == self.name {
            return Err(Failure::input("myself", "a note to myself"));
        }
        if self.name == "down" {
            return Err(Failure::provider("down", "the provider is down").retry_after(60_000));
        }
        Ok(Sent::default())
    }
    async fn webhook(&self, request: WebhookRequest, host: &Host) -> Result<WebhookReply, Failure> {
        let bad = |error: &dyn std::fmt::Display| Failure::input("bad", error.to_string());
        let body: Value = serde_json::from_slice(&request.body).map_err(|e| bad(&e))?;
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        let message = Message {
            id: Some(text("id")),
            first_id: Some(text("id")),
            change: Default::default(),
            from: Handle::new("chat", &text("from")).map_err(|e| bad(&e))?,
            from_name: None,
            text: text("text"),
            private: true,
            mentions: vec![Mention {
                name: Handle::new("chat", "@anna").map_err(|e| bad(&e))?,
                handle: Handle::new("chat", "1001").map_err(|e| bad(&e))?,
            }],
            in_reply_to: None,
            written_at_ms: None,
        };
        let accepted = host.message(&message).await?;
        if accepted.fresh && request.head.path == "/and-never-return" {
            std::future::pending::<()>().await;
        }
        Ok(WebhookReply::ok())
    }
}

/// The plugins: a rail, and one channel twice, the second time for a provider in a hurry.
pub(crate) fn plugins() -> Plugins {
    let rail = json!({"name": "test-rail", "kind": "rail", "version": "1.0.0", "contract": "1.0",
        "rail": {"accounts": ["iban"], "orders": {"transfer": {"doubt": "idempotent", "for_ms": 9_007_199_254_740_991u64}}}});
    let channel = |name: &str, answer_within_ms: Option<u64>| {
        let manifest = json!({"name": name, "kind": "channel", "version": "1.0.0", "contract": "1.0",
            "secrets": ["webhook_secret"],
            "webhook": {"signature": {"scheme": "hmac", "hash": "sha256", "header": "x-signature", "encoding": "hex",
                "secret": "webhook_secret"}, "answer_within_ms": answer_within_ms},
            "channel": {"scheme": "chat", "message_ids": "strong", "senders": "strong", "own_name_setting": "name"}});
        Loaded::built_in(serde_json::from_value(manifest).unwrap(), dispatch::channel::<TestChannel>)
    };
    let scoped = json!({"name": "scoped-channel", "kind": "channel", "version": "1.0.0", "contract": "1.1",
        "endpoints": ["tcp://*:2775"], "secrets": ["webhook_secret"],
        "channel": {"scheme": "room", "message_ids": "strong", "senders": "strong", "scope_setting": "name"}});
    Plugins::BuiltIn(vec![
        Loaded::built_in(serde_json::from_value(scoped).unwrap(), dispatch::channel::<TestChannel>),
        Loaded::built_in(serde_json::from_value(rail).unwrap(), dispatch::rail::<TestRail>),
        channel("test-channel", None),
        channel("hasty-channel", Some(200)),
    ])
}

pub(crate) const WEBHOOK_SECRET: &str = "webhook-secret-of-the-test";

pub(crate) const CONFIG: &str = r#"
[gateway]
isolation = "in-process"
listen = "127.0.0.1:0"
store = "sqlite:store.db"
plugins = ["none"]
key = { file = "key" }
drain = "10s"

[policy]
attempts_max = 2
exempt = ["5.00 EUR"]

[[keys]]
name = "all"
secret = "key-that-may-do-all"
scopes = ["payments:read", "payments:write", "payments:confirmed"]

[[keys]]
name = "reader"
secret = "key-that-may-read"
scopes = ["payments:read"]

[[keys]]
name = "writer"
secret = "key-that-may-write"
scopes = ["payments:write"]

[[profiles]]
name = "Anna Rossi"
handles = ["chat:1001", "chat:@anna"]
account = "iban:FR1420041010050500013M02606"

[[profiles]]
name = "Paolo Bianchi"
handles = ["chat:1002", "chat:@paolo"]
account = "iban:IT60X0542811101000000123456"

[channels.chat]
plugin = "test-channel"
[channels.chat.settings]
name = "sportello"
webhook_secret = "webhook-secret-of-the-test"

[rails.bank]
plugin = "test-rail"
[rails.bank.settings]
limit_minor = 100000

[[routes]]
name = "all"
transfer = ["bank"]
"#;

/// What a configuration comes to with the two plugins.
pub(crate) async fn prepare(folder: &Path, config: &str) -> Result<Deployment, Vec<String>> {
    prepare_with(folder, config, plugins()).await
}

/// What a configuration comes to with these plugins.
pub(crate) async fn prepare_with(folder: &Path, config: &str, plugins: Plugins) -> Result<Deployment, Vec<String>> {
    let reading = Config::read(&folder.join("gateway.toml"), config, &|_| None);
    let file = format!("{}/", folder.display());
    Deployment::prepare(reading, plugins, Wire::unconnected(), &|_| None)
        .await
        .map_err(|problems| problems.0.iter().map(|p| p.to_string().replace(&file, "")).collect())
}

/// A gateway that runs, and a client to it.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) gateway: RunningGateway,
    pub(crate) http: Client,
    pub(crate) base: String,
}

pub(crate) async fn start() -> World {
    start_with(CONFIG).await
}

pub(crate) async fn start_with(config: &str) -> World {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(prepare(folder.path(), config).await.unwrap()).await.unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = Client::builder().no_proxy().build().unwrap();
    let base = format!("http://{}", gateway.address());
    World { folder, gateway, http, base }
}

pub(crate) async fn start_in(folder: &Path) -> RunningGateway {
    let began = std::time::Instant::now();
    loop {
        match Gateway::start(prepare(folder, CONFIG).await.unwrap()).await {
            Ok(gateway) => return gateway,
            // The store of the life before lets go of its file when its thread has written the last of it.
            Err(StartError::Store(_)) if began.elapsed().as_secs() < 10 => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Value,
}

impl World {
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path).bearer_auth("key-that-may-do-all")).await
    }

    /// A payment from paolo to anna under this idempotency key, waited for.
    pub(crate) async fn pay(&self, key: &str, changes: Value) -> Answer {
        answer(self.payment(key, changes).header("prefer", "wait=20")).await
    }

    pub(crate) fn payment(&self, key: &str, changes: Value) -> RequestBuilder {
        let mut body = json!({"payer": "chat:@paolo", "payee": "chat:@anna",
            "amount": {"minor": 2000, "currency": "EUR"}, "memo": "the pizza", "confirmed": true});
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        self.request(Method::POST, "/v1/payments")
            .bearer_auth("key-that-may-do-all")
            .header("idempotency-key", format!("\"{key}\""))
            .json(&body)
    }
}

pub(crate) async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.bytes().await.unwrap();
    let body = serde_json::from_slice(&bytes).unwrap_or_default();
    Answer { status, headers, body }
}
