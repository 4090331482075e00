//! What a plugin says in its own words: what is kept of it and shown has none of its secrets.

use std::time::Instant;

use serde_json::json;
use sportello_gateway::plugins::Plugins;
use sportello_host::Loaded;
use sportello_sdk::{
    Channel, Failure, Fate, Host, Note, Order, Outcome, Rail, Receipt, Report, Sent, async_trait, dispatch, settings,
};
use tokio::sync::{Mutex, mpsc};

use crate::versions::start_in;
use crate::world::answer;

settings! {
    /// Settings of a rail that talks too much.
    pub(crate) struct Settings {
        /// Whether it says why it does not open.
        #[serde(default)]
        stays_closed: bool,
    }
}

const SECRET: &str = "bank/secret+of the test";
/// The same in an address.
const IN_URL: &str = "bank%2Fsecret%2Bof%20the%20test";

/// Says its secret wherever it can, as what a script throws has the address that it asked.
struct Talker;

async fn address(host: &Host) -> String {
    let secret = host.secret("token").await.unwrap();
    assert_eq!(secret.reveal(), SECRET);
    format!("GET https://bank.example/?token={IN_URL} with {}", secret.reveal())
}

#[async_trait]
impl Rail for Talker {
    type Settings = Settings;
    async fn open(settings: Settings, host: &Host) -> Result<Self, Failure> {
        match settings.stays_closed {
            true => Err(Failure::provider("down", address(host).await)),
            false => Ok(Self),
        }
    }
    async fn submit(&self, order: Order, host: &Host) -> Result<Outcome, Failure> {
        let said = address(host).await;
        match order.memo.as_deref() {
            Some("failure") => Err(Failure::provider("timeout", said)),
            Some("unknown") => Ok(Outcome::unknown(said)),
            Some("report") => {
                let outcome =
                    Outcome::Pending { reference: Some("R-1".into()), detail: said.clone(), ask_after_ms: None };
                host.report(&Report { key: order.key, outcome }).await?;
                Ok(Outcome::Pending { reference: Some("R-1".into()), detail: said, ask_after_ms: None })
            }
            _ => Ok(Outcome::Declined { code: "NO".into(), reason: said, elsewhere: false }),
        }
    }
}

/// Tells of each note that it was not delivered, and why.
struct Teller {
    sent: mpsc::UnboundedSender<String>,
    told: Mutex<mpsc::UnboundedReceiver<String>>,
}

settings! {
    /// Settings of a channel that talks too much.
    pub(crate) struct TellerSettings {}
}

#[async_trait]
impl Channel for Teller {
    type Settings = TellerSettings;
    async fn open(_: TellerSettings, _: &Host) -> Result<Self, Failure> {
        let (sent, told) = mpsc::unbounded_channel();
        Ok(Self { sent, told: Mutex::new(told) })
    }
    async fn send(&self, note: Note, _: &Host) -> Result<Sent, Failure> {
        self.sent.send(note.key.clone()).unwrap();
        Ok(Sent { id: Some(note.key), ..Sent::default() })
    }
    async fn run(&self, host: &Host) -> Result<(), Failure> {
        while let Some(id) = self.told.lock().await.recv().await {
            let receipt = Receipt { id, fate: Fate::Rejected, detail: Some(address(host).await) };
            // It may be faster than the note's own answer.
            while host.receipt(&receipt).await.is_err() {}
        }
        Ok(())
    }
}

const CONFIG: &str = r#"
[gateway]
isolation = "in-process"
listen = "127.0.0.1:0"
store = "sqlite:store.db"
plugins = ["none"]
key = { file = "key" }

[[keys]]
name = "all"
secret = "key-that-may-do-all"
scopes = ["payments:read", "payments:write", "payments:confirmed", "operate"]

[[profiles]]
name = "Anna Rossi"
handles = ["chat:1001", "chat:@anna"]
account = "iban:FR1420041010050500013M02606"

[[profiles]]
name = "Paolo Bianchi"
handles = ["chat:1002", "chat:@paolo"]
account = "iban:IT60X0542811101000000123456"

[channels.chat]
plugin = "teller"
[channels.chat.settings]
token = "bank/secret+of the test"

[rails.bank]
plugin = "talker"
[rails.bank.settings]
token = "bank/secret+of the test"

[[routes]]
name = "all"
transfer = ["bank"]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_plugin_says_is_kept_without_its_secrets() {
    let manifest = json!({"name": "talker", "kind": "rail", "version": "1.0.0", "contract": "1.0", "secrets": ["token"],
        "rail": {"accounts": ["iban"], "orders": {"transfer": {"doubt": "statement"}}}});
    let talker = Loaded::built_in(serde_json::from_value(manifest).unwrap(), dispatch::rail::<Talker>);
    let manifest = json!({"name": "teller", "kind": "channel", "version": "1.0.0", "contract": "1.2", "secrets": ["token"],
        "channel": {"scheme": "chat", "message_ids": "strong", "senders": "strong", "receipts": true}});
    let teller = Loaded::built_in(serde_json::from_value(manifest).unwrap(), dispatch::channel::<Teller>);
    let world = start_in(tempfile::tempdir().unwrap(), CONFIG, Plugins::BuiltIn(vec![talker, teller])).await;
    for memo in ["failure", "unknown", "report", "declined"] {
        let paid = answer(world.payment(memo, json!({ "memo": memo }))).await;
        let id = paid.body["id"].as_str().unwrap_or_else(|| panic!("{paid:?}")).to_owned();
        for path in [format!("/v1/payments/{id}"), format!("/v1/payments/{id}/events")] {
            let began = Instant::now();
            let shown = loop {
                let shown = world.get(&path).await.body.to_string();
                // It is in flight for a moment.
                if shown.contains("bank.example") {
                    break shown;
                }
                assert!(began.elapsed().as_secs() < 20, "{shown}");
            };
            assert!(shown.contains("?token=[redacted] with [redacted]"), "{shown}");
            assert!(!shown.contains(SECRET) && !shown.contains(IN_URL), "{shown}");
        }
    }
    // What a channel says of a note that did not arrive is in the journal, too.
    let began = Instant::now();
    let declined = answer(world.payment("declined", json!({ "memo": "declined" }))).await.body["id"].take();
    let events = format!("/v1/payments/{}/events", declined.as_str().unwrap());
    let undelivered = loop {
        let events = world.get(&events).await.body["events"].take();
        let all = events.as_array().unwrap();
        if let Some(event) = all.iter().find(|event| event["event"]["event"] == "note_undelivered") {
            break event.to_string();
        }
        assert!(began.elapsed().as_secs() < 20, "{events}");
    };
    assert!(undelivered.contains("?token=[redacted] with [redacted]"), "{undelivered}");
    // Nor does one that will not open tell it to whoever reloads, or to whoever asks how that went.
    let closed = CONFIG.replace("[rails.bank.settings]", "[rails.bank.settings]\nstays_closed = true");
    let refused = world.reload(&closed).await.body.to_string();
    let shown = world.get("/v1/instances").await.body.to_string();
    for said in [refused, shown] {
        assert!(said.contains("?token=[redacted] with [redacted]"), "{said}");
        assert!(!said.contains(SECRET) && !said.contains(IN_URL), "{said}");
    }
}
