//! A program around the host, in memory; and a rail that does as its test tells it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::json;
use sportello_host::{Loaded, Running, Services, Spec};
use sportello_sdk::frames::{CallFrame, Peer, Reply, StorePutDone};
use sportello_sdk::{Accepted, Failure, InstrumentFacts, Manifest, Message, Receipt, Report, async_trait};

/// What the program was told and keeps.
#[derive(Default)]
pub(crate) struct World {
    stored: Mutex<BTreeMap<String, (u64, Bytes)>>,
    pub(crate) messages: Mutex<Vec<(String, Message)>>,
    /// What the services were asked of the vault, with what it was about.
    pub(crate) vaulted: Mutex<Vec<String>>,
}

#[async_trait]
impl Services for World {
    fn now_ms(&self) -> u64 {
        1_700_000_000_000
    }

    fn random(&self) -> u64 {
        7
    }

    async fn message(&self, instance: &str, message: Message) -> Result<Accepted, Failure> {
        self.messages.lock().unwrap().push((instance.to_owned(), message));
        Ok(Accepted { fresh: true })
    }

    async fn receipt(&self, _: &str, _: Receipt) -> Result<(), Failure> {
        Ok(())
    }

    async fn report(&self, _: &str, _: Report) -> Result<(), Failure> {
        panic!("a defect of the gateway")
    }

    async fn store_get(&self, instance: &str, name: &str) -> Result<(u64, Bytes), Failure> {
        Ok(self.stored.lock().unwrap().get(&format!("{instance}/{name}")).cloned().unwrap_or_default())
    }

    async fn store_put(
        &self,
        instance: &str,
        name: &str,
        expected: u64,
        value: Bytes,
    ) -> Result<StorePutDone, Failure> {
        let mut stored = self.stored.lock().unwrap();
        let entry = stored.entry(format!("{instance}/{name}")).or_default();
        let fits = entry.0 == expected;
        if fits {
            *entry = (expected + 1, value);
        }
        Ok(StorePutDone { stored: fits, version: entry.0 })
    }

    async fn instrument(&self, instance: &str, about: u128, name: &str) -> Result<(InstrumentFacts, Bytes), Failure> {
        self.vaulted.lock().unwrap().push(format!("instrument {instance} {about} {name}"));
        let facts = InstrumentFacts { label: "Visa ••1111".to_owned(), received_at_ms: 7, payment: None };
        Ok((facts, Bytes::from_static(b"a card")))
    }

    async fn vault_put(&self, instance: &str, name: &str, until_ms: u64, secret: Bytes) -> Result<(), Failure> {
        self.vaulted.lock().unwrap().push(format!("put {instance} {name} {until_ms} {}", secret.len()));
        Ok(())
    }

    async fn page_link(&self, instance: &str, order: &str, _: u64) -> Result<String, Failure> {
        Ok(format!("https://pay.example/{instance}/{order}"))
    }
}

/// A call, as the plugin under test sees it.
pub(crate) struct Asked {
    pub(crate) host: Arc<dyn Peer>,
    pub(crate) method: String,
    pub(crate) frame: CallFrame<serde_json::Value>,
}

impl Asked {
    /// Asks the host on behalf of this call.
    pub(crate) async fn ask(&self, method: &str, params: serde_json::Value) -> Reply {
        self.host.call(self.frame.call, method, params.to_string().into(), Bytes::new()).await
    }

    /// Sends a GET, and answers with what came of it.
    pub(crate) async fn get(&self, url: &str) -> Reply {
        self.ask("http", json!({ "method": "GET", "url": url, "headers": [] })).await
    }
}

/// An answer that is this value.
pub(crate) fn ok(value: serde_json::Value) -> Reply {
    Reply { ok: true, frame: value.to_string().into(), body: Bytes::new() }
}

/// A plugin below the SDK, whose fence is not there either: what it does reaches the host as it is.
struct Raw<F> {
    host: Arc<dyn Peer>,
    act: F,
}

impl<F, R> Peer for Raw<F>
where
    F: Fn(Asked) -> R + Send + Sync + 'static,
    R: Future<Output = Reply> + Send + 'static,
{
    fn call(&self, _: u64, method: &str, frame: Bytes, _: Bytes) -> BoxFuture<'static, Reply> {
        match method {
            "open" | "close" => return Box::pin(std::future::ready(ok(json!(null)))),
            "schema" => return Box::pin(std::future::ready(ok(json!(true)))),
            _ => {}
        }
        let frame = serde_json::from_slice(&frame).unwrap();
        Box::pin((self.act)(Asked { host: Arc::clone(&self.host), method: method.to_owned(), frame }))
    }

    fn notify(&self, _: &str, _: Bytes) {}
}

/// A rail that may reach anything on this machine, and whatever besides `more` says.
pub(crate) fn manifest(more: &[(&str, serde_json::Value)]) -> Manifest {
    let mut manifest = json!({
        "name": "raw", "kind": "rail", "version": "1.0.0", "contract": "1.0",
        "endpoints": ["http://127.0.0.1:*"], "secrets": ["token"],
        "rail": { "accounts": ["iban"], "orders": {} },
    });
    for (key, value) in more {
        manifest[*key] = value.clone();
    }
    serde_json::from_value(manifest).unwrap()
}

/// A plugin that does `act` for every call but `open`, `close` and `schema`.
pub(crate) fn raw<F, R>(manifest: Manifest, act: F) -> Loaded
where
    F: Fn(Asked) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Reply> + Send + 'static,
{
    Loaded::built_in(manifest, move |host| Arc::new(Raw { host, act: act.clone() }))
}

/// An instance called `paolo`, on a world of its own, granted this machine.
pub(crate) fn spec() -> Spec {
    let mut spec = Spec::new("paolo", Arc::new(World::default()));
    spec.grants = vec!["http://127.0.0.1:*".to_owned()];
    spec.secrets = BTreeMap::from([("token".to_owned(), sportello_sdk::Secret::new("s3cret"))]);
    spec.backoff.pause = Duration::from_millis(1);
    spec
}

/// An open instance of [`raw`], with the usual manifest.
pub(crate) async fn open<F, R>(spec: Spec, act: F) -> Running
where
    F: Fn(Asked) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Reply> + Send + 'static,
{
    raw(manifest(&[]), act).open(spec).await.unwrap()
}

/// Waits until `condition` holds, giving way to all else meanwhile; fails when it does not within ten seconds.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.unwrap();
}
