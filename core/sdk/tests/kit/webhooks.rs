//! What comes by a webhook: outcomes that a rail reports, and receipts beside a channel's messages. The kit knows who
//! keeps them from who does not.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use sportello_sdk::{
    Channel, Failure, Fate, Finality, Host, HttpRequest, Message, Money, Note, Order, Outcome, Rail, Receipt, Report,
    Sent, WebhookReply, WebhookRequest, async_trait, dispatch, kit, settings,
};

use crate::{Lie, check};

const RAIL: &str = r#"{
    "name": "giro", "kind": "rail", "version": "1.0.0", "contract": "1.2", "secrets": ["key"],
    "webhook": {"signature": {"scheme": "hmac", "hash": "sha256", "header": "x", "encoding": "hex", "secret": "key"}},
    "rail": {"accounts": ["iban"], "orders": {"transfer": {"doubt": "statement"}, "pay_out": {"doubt": "statement"}}}
}"#;

const RAIL_KIT: &str = r#"{
    "provider": [{ "method": "POST", "url": "https://giro.example/", "status": 202 }],
    "webhooks": [{ "body": { "booked": ["kit-transfer", "kit-payout"] } }, { "body": { "booked": ["kit-transfer"] } }]
}"#;

const CHANNEL: &str = r#"{
    "name": "board", "kind": "channel", "version": "1.0.0", "contract": "1.1", "secrets": ["key"],
    "webhook": {"signature": {"scheme": "hmac", "hash": "sha256", "header": "x", "encoding": "hex", "secret": "key"}},
    "channel": {"scheme": "board", "message_ids": "strong", "senders": "strong", "receipts": true}
}"#;

const CHANNEL_KIT: &str = r#"{
    "provider": [{ "method": "POST", "url": "https://board.example/", "status": 201 }],
    "webhooks": [{ "body": { "id": "1", "text": "pay @paolo 5 €" } }, { "body": { "read": "7" } }]
}"#;

settings! {
    struct Settings {
        #[serde(default)]
        lie: String,
    }
}

/// How many instances of the rail there were.
static INSTANCES: AtomicUsize = AtomicUsize::new(0);

/// A rail that takes orders, and hears later that they were booked.
struct Giro {
    lie: String,
    instance: usize,
    last: Mutex<Option<(String, Money)>>,
}

impl Giro {
    async fn settles(&self, key: &str, amount: Money, host: &Host) -> Result<(), Failure> {
        let outcome = Outcome::Settled {
            amount,
            reference: (self.lie == "another reference each time").then(|| self.instance.to_string()),
            finality: Finality::Final,
            fees: None,
            reversible_until_ms: None,
            valid_until_ms: None,
        };
        match host.report(&Report { key: key.to_owned(), outcome }).await {
            Err(failure) if self.lie != "acknowledges" => Err(failure),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Rail for Giro {
    type Settings = Settings;

    async fn open(settings: Settings, _: &Host) -> Result<Self, Failure> {
        let instance = INSTANCES.fetch_add(1, Ordering::Relaxed);
        Ok(Self { lie: settings.lie, instance, last: Mutex::default() })
    }

    async fn submit(&self, order: Order, host: &Host) -> Result<Outcome, Failure> {
        let amount = serde_json::to_vec(&order.amount).unwrap();
        host.save(&order.key, 0, amount).await?;
        *self.last.lock().unwrap() = Some((order.key.clone(), order.amount));
        let request = HttpRequest::new("POST", "https://giro.example/").body("text/plain", order.key);
        Ok(match host.http(request).await?.status() {
            202 => Outcome::Pending { reference: None, detail: "taken".to_owned(), ask_after_ms: None },
            _ => Outcome::unknown("not as agreed"),
        })
    }

    async fn webhook(&self, request: WebhookRequest, host: &Host) -> Result<WebhookReply, Failure> {
        let lie = self.lie.as_str();
        let delivery: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let Some(booked) = delivery["booked"].as_array() else {
            let last = self.last.lock().unwrap().clone();
            if let Some((key, amount)) = last.filter(|_| lie == "settles at anything") {
                self.settles(&key, amount, host).await?;
            }
            return Err(Failure::input("bad", "not as agreed"));
        };
        let mut keys: Vec<&str> = booked.iter().filter_map(Value::as_str).collect();
        if lie == "in whatever order" && self.instance.is_multiple_of(2) {
            keys.reverse();
        }
        for key in keys.into_iter().filter(|_| lie != "passes over it") {
            let (_, amount) = host.load(key).await?;
            let amount = serde_json::from_slice(&amount).map_err(|_| Failure::input("unknown", "no such order"))?;
            self.settles(key, amount, host).await?;
        }
        Ok(WebhookReply::ok())
    }
}

/// A channel that hears who has read what.
struct Board(String);

#[async_trait]
impl Channel for Board {
    type Settings = Settings;

    async fn open(settings: Settings, _: &Host) -> Result<Self, Failure> {
        Ok(Self(settings.lie))
    }

    async fn send(&self, note: Note, host: &Host) -> Result<Sent, Failure> {
        host.http(HttpRequest::new("POST", "https://board.example/").body("text/plain", note.text)).await?;
        Ok(Sent { id: Some(note.key), fell_back: false })
    }

    async fn webhook(&self, request: WebhookRequest, host: &Host) -> Result<WebhookReply, Failure> {
        let lie = self.0.as_str();
        let delivery: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let text = |key: &str| delivery[key].as_str().map(str::to_owned);
        let read = text("read").or_else(|| (lie == "read by anybody" && text("id").is_none()).then(String::new));
        if let Some(id) = read {
            let told = host.receipt(&Receipt { id, fate: Fate::Delivered, detail: None }).await;
            told.or_else(|failure| if lie == "acknowledges receipts" { Ok(()) } else { Err(failure) })?;
        } else {
            let Some(id) = text("id") else { return Err(Failure::input("bad", "not as agreed")) };
            let message: Message = serde_json::from_value(json!({
                "id": id, "first_id": id, "from": "board:1", "private": true, "text": text("text").unwrap_or_default()
            }))
            .unwrap();
            host.message(&message).await?;
        }
        Ok(WebhookReply::ok())
    }
}

fn options(kit: &str, lie: &str) -> kit::Options {
    let options = kit::Options::read(kit).unwrap();
    kit::Options { settings: json!({ "lie": lie }), ..options }
}

pub(crate) const RAILS: &[Lie] = &[
    ("", &[]),
    ("acknowledges", &["delivery-not-durable"]),
    ("settles at anything", &["webhook-broken"]),
    ("passes over it", &["delivery-repeated", "delivery-not-durable"]),
    ("in whatever order", &["delivery-repeated"]),
    ("another reference each time", &["delivery-repeated", "delivery-reordered"]),
];

#[test]
fn rails() {
    check(RAILS, |lie| {
        let card = kit::check(RAIL, &dispatch::rail::<Giro>, &options(RAIL_KIT, lie));
        for id in ["webhook-broken", "delivery-repeated", "delivery-not-durable", "delivery-reordered"] {
            let found = card.checks.iter().find(|check| check.id == id).unwrap();
            assert!(found.applies || !lie.is_empty(), "{id} does not apply\n{card}");
        }
        card
    });
}

pub(crate) const CHANNELS: &[Lie] =
    &[("", &[]), ("acknowledges receipts", &["delivery-not-durable"]), ("read by anybody", &["webhook-broken"])];

#[test]
fn channels() {
    check(CHANNELS, |lie| kit::check(CHANNEL, &dispatch::channel::<Board>, &options(CHANNEL_KIT, lie)));
}
