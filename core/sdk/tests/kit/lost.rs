//! The kit finds what happens at the edges: answers that are lost, time that runs out, orders at a time, amounts and
//! texts at their limits, an end in the middle. One plugin for each mistake, and one that makes none.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Value, json};
use sportello_sdk::kit;
use sportello_sdk::{
    Channel, Failure, Finality, Host, HttpRequest, Inquiry, Message, Note, Order, Outcome, Rail, Sent, WebhookReply,
    WebhookRequest, async_trait, dispatch, settings,
};

use crate::{Lie, check};

const RAIL: &str = r#"{
    "name": "till", "kind": "rail", "version": "1.0.0", "contract": "1.0",
    "rail": {"accounts": ["iban"], "orders": {"transfer": {"doubt": "idempotent", "for_ms": 86400000}}}
}"#;

const CHANNEL: &str = r#"{
    "name": "shout", "kind": "channel", "version": "1.0.0", "contract": "1.0", "secrets": ["key"],
    "webhook": {"signature": {"scheme": "hmac", "hash": "sha256", "header": "x", "encoding": "hex", "secret": "key"}},
    "channel": {"scheme": "shout", "message_ids": "strong", "senders": "strong"}
}"#;

/// How a bank and a chat answer properly; both remember keys.
const KIT: &str = r#"{
    "settings": {},
    "provider": [
        { "method": "POST", "url": "https://bank.example/", "status": 201, "remembers": "{{header:idempotency-key}}",
          "json": { "state": "done", "amount": "{{body:/amount}}" } },
        { "method": "GET", "url": "https://bank.example/*", "recalls": "{{last}}" },
        { "method": "POST", "url": "https://chat.example/", "status": 201, "json": {} }
    ],
    "refusals": [{
        "answer": { "method": "POST", "url": "*", "json": { "state": "refused", "code": "AM04" } }, "code": "AM04"
    }],
    "webhooks": [
        { "body": { "id": "1", "text": "pay @paolo 5 €" } }, { "body": { "id": "2", "text": "help" } }
    ]
}"#;

settings! {
    struct Settings {
        #[serde(default)]
        lie: String,
    }
}

struct Till {
    lie: String,
    closed: AtomicBool,
    kept: Mutex<BTreeMap<String, usize>>,
}

/// What the plugin below says that it has resident.
static RESIDENT: AtomicU64 = AtomicU64::new(20 << 20);

impl Till {
    fn answered(&self, order: &Order, status: u16, body: &[u8]) -> Outcome {
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |key: &str| answer[key].as_str().unwrap_or_default();
        let declined =
            |code: &str| Outcome::Declined { code: code.to_owned(), reason: "no".to_owned(), elsewhere: true };
        match (status, text("state")) {
            (200 | 201, "done") => Outcome::Settled {
                amount: order.amount,
                reference: None,
                finality: Finality::Final,
                fees: None,
                reversible_until_ms: None,
                valid_until_ms: None,
            },
            (200 | 201, "refused") if self.lie == "other code" => declined("NO"),
            (200 | 201, "refused") => declined(text("code")),
            (404, _) if self.lie == "absent is declined" => declined("404"),
            (400..=499, _) if self.lie == "4xx is declined" => declined("4xx"),
            _ => Outcome::unknown("not as agreed"),
        }
    }
}

/// An amount in decimals; as a float, where it lies.
fn written(order: &Order, lie: &str) -> String {
    let minor = order.amount.minor();
    match lie {
        "floats" => (minor as f32 / 100.0).to_string(),
        "two decimals" => format!("{}.{:02}", minor / 100, minor % 100),
        _ => order.amount.decimal(),
    }
}

#[async_trait]
impl Rail for Till {
    type Settings = Settings;

    async fn open(settings: Settings, _: &Host) -> Result<Self, Failure> {
        Ok(Self { lie: settings.lie, closed: AtomicBool::new(false), kept: Mutex::default() })
    }

    async fn submit(&self, order: Order, host: &Host) -> Result<Outcome, Failure> {
        let lie = self.lie.as_str();
        let memo = order.memo.clone().unwrap_or_default();
        if lie == "cuts letters" && memo.len() > 10 {
            let _ = &memo[..10];
        }
        if lie == "keeps every order" {
            RESIDENT.fetch_add(1_000, Ordering::Relaxed);
        }
        let mut key = order.key.clone();
        if lie == "a key for each try" {
            let mut kept = self.kept.lock().unwrap();
            let tries = kept.entry(order.key.clone()).or_default();
            *tries += 1;
            key = format!("try-{tries}");
        }
        let body = json!({ "amount": written(&order, lie), "memo": memo }).to_string();
        let body = if lie == "JSON by hand" { format!(r#"{{"memo": "{memo}"}}"#) } else { body };
        let mut request = HttpRequest::new("POST", "https://bank.example/").header("idempotency-key", key);
        if lie == "a memo in a header" {
            request = request.header("x-memo", memo);
        }
        let sent = host.http(request.body("application/json", body)).await;
        assert!(lie != "uses what is closed" || !self.closed.load(Ordering::Relaxed), "it is closed");
        match sent {
            Ok(response) => Ok(self.answered(&order, response.status(), &response.body)),
            Err(failure) if lie == "late is declined" && failure.code == "timeout" => {
                Ok(Outcome::Declined { code: "late".to_owned(), reason: "no".to_owned(), elsewhere: true })
            }
            Err(failure) => Err(failure),
        }
    }

    async fn inquire(&self, inquiry: Inquiry, host: &Host) -> Result<Outcome, Failure> {
        let place = if self.lie == "absent is declined" { "other" } else { &inquiry.order.key };
        let response = host.http(HttpRequest::new("GET", format!("https://bank.example/{place}"))).await?;
        Ok(self.answered(&inquiry.order, response.status(), &response.body))
    }

    async fn close(&self, _: &Host) -> Result<(), Failure> {
        self.closed.store(true, Ordering::Relaxed);
        Ok(())
    }
}

struct Shout {
    lie: String,
    count: AtomicU64,
}

#[async_trait]
impl Channel for Shout {
    type Settings = Settings;

    async fn open(settings: Settings, _: &Host) -> Result<Self, Failure> {
        Ok(Self { lie: settings.lie, count: AtomicU64::new(0) })
    }

    async fn send(&self, note: Note, host: &Host) -> Result<Sent, Failure> {
        let text = if self.lie == "cuts letters" { note.text.get(..9).unwrap().to_owned() } else { note.text };
        let request = HttpRequest::new("POST", "https://chat.example/").body("text/plain", text);
        match host.http(request).await {
            Err(failure) if self.lie != "late is sent" || failure.code != "timeout" => Err(failure),
            _ => Ok(Sent::default()),
        }
    }

    async fn webhook(&self, request: WebhookRequest, host: &Host) -> Result<WebhookReply, Failure> {
        let delivery: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let text = |key: &str| delivery[key].as_str().map(str::to_owned);
        let counted = format!("n-{}", self.count.fetch_add(1, Ordering::Relaxed));
        let Some(id) = text("id") else { return Err(Failure::input("bad", "not as agreed")) };
        let id = if self.lie == "counts" { counted } else { id };
        let message: Message = serde_json::from_value(json!({
            "id": id, "first_id": id, "from": "shout:1", "private": true, "text": text("text").unwrap_or_default()
        }))
        .map_err(|error| Failure::input("bad", error.to_string()))?;
        host.message(&message).await?;
        Ok(WebhookReply::ok())
    }
}

fn options(lie: &str) -> kit::Options {
    let mut options = kit::Options::read(KIT).unwrap();
    options.settings["lie"] = lie.into();
    options
}

/// This rail has no webhook, and what is delivered is the channel's.
fn rail_options(lie: &str) -> kit::Options {
    kit::Options { webhooks: Vec::new(), ..options(lie) }
}

pub(crate) const RAILS: &[Lie] = &[
    ("", &[]),
    ("a key for each try", &["order-twice", "order-at-once", "order-answer-lost", "order-time-out"]),
    ("late is declined", &["order-answer-lost", "order-time-out"]),
    ("absent is declined", &["order-answer-lost", "refusal-unmapped"]),
    ("4xx is declined", &["refusal-unmapped"]),
    ("other code", &["refusal-declined"]),
    ("floats", &["money-exact"]),
    ("two decimals", &["money-exact"]),
    ("cuts letters", &["text-order"]),
    ("JSON by hand", &["text-order"]),
    ("a memo in a header", &["text-order"]),
    ("uses what is closed", &["close-in-flight"]),
];

#[test]
fn rails() {
    check(RAILS, |lie| {
        let card = kit::check(RAIL, &dispatch::rail::<Till>, &rail_options(lie));
        // What could not be tried would prove nothing.
        for id in
            ["order-at-once", "order-answer-lost", "order-time-out", "refusal-declined", "money-exact", "text-order"]
        {
            let found = card.checks.iter().find(|check| check.id == id).unwrap();
            assert!(found.applies || !lie.is_empty(), "{id} does not apply\n{card}");
        }
        card
    });
}

pub(crate) const CHANNELS: &[Lie] = &[
    ("", &[]),
    ("cuts letters", &["text-note"]),
    ("late is sent", &["note-time-out"]),
    ("counts", &["delivery-reordered"]),
];

#[test]
fn channels() {
    check(CHANNELS, |lie| kit::check(CHANNEL, &dispatch::channel::<Shout>, &options(lie)));
}

pub(crate) const GROWING: &[Lie] = &[("", &[]), ("keeps every order", &["calls-leave-nothing"])];

#[test]
fn memory_that_grows() {
    for calls in [2_000, 50_000] {
        check(GROWING, |lie| {
            let mut options = kit::Options { calls, ..rail_options(lie) };
            options.resident = Some(Arc::new(|| Some(RESIDENT.load(Ordering::Relaxed))));
            kit::check(RAIL, &dispatch::rail::<Till>, &options)
        });
    }
}

#[test]
fn whoever_watches_knows_where_the_kit_is() {
    let mut begun = Vec::new();
    let card = kit::check_watched(RAIL, &dispatch::rail::<Till>, &rail_options(""), &mut |progress| match progress {
        kit::Progress::Begins(id) => begun.push(id),
        kit::Progress::Ended(check) => assert_eq!(begun.last(), Some(&check.id.as_str())),
    });
    let all: Vec<_> = kit::all().map(|(id, _, _)| id).collect();
    assert_eq!(begun, all);
    assert_eq!(card.checks.len(), all.len());
}

#[test]
fn options_that_are_none() {
    let check = |json: &str, expected: &str| {
        let why = kit::Options::read(json).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(why.contains(expected), "{json}: {why}");
    };
    check("[]", "no table");
    check("{", "EOF");
    check(r#"{"setings": {}}"#, "setings");
    check(r#"{"settings": 7}"#, "table");
    check(r#"{"provider": [{"method": "GET"}]}"#, "url");
}
