//! The kit finds what it is for: one plugin for each lie, and one that tells none.

use std::sync::Mutex;

use serde_json::json;
use sportello_sdk::kit;
use sportello_sdk::testing::ScriptedHost;
use sportello_sdk::{
    Channel, Failure, Fate, Finality, Host, HttpRequest, HttpResponse, Inquiry, Level, Message, Note, Order, Outcome,
    Rail, Receipt, Sent, WebhookReply, WebhookRequest, async_trait, dispatch, settings,
};

use crate::{Lie, check, failed};

const RAIL: &str = r#"{
    "name": "till", "kind": "rail", "version": "1.0.0", "contract": "1.0", "secrets": ["token"],
    "rail": {"accounts": ["iban"], "orders": {
        "collect": {"doubt": "inquirable", "inquiries_max": 3, "first_after_ms": 10, "pause_max_ms": 100}
    }}
}"#;

const CHANNEL: &str = r#"{
    "name": "shout", "kind": "channel", "version": "1.0.0", "contract": "1.0", "secrets": ["key"],
    "webhook": {"signature": {
        "scheme": "hmac", "hash": "sha256", "header": "x", "encoding": "hex", "secret": "key"
    }},
    "channel": {"scheme": "shout", "message_ids": "strong", "senders": "strong"}
}"#;

settings! {
    struct Settings {
        #[serde(default)]
        lie: String,
    }
}

/// A rail that posts an order, remembers that it did, and lies as it is told.
struct Till {
    lie: String,
    seen: Mutex<Vec<String>>,
}

impl Till {
    fn settled(order: &Order) -> Outcome {
        Outcome::Settled {
            amount: order.amount,
            reference: None,
            finality: Finality::Final,
            fees: None,
            reversible_until_ms: None,
            valid_until_ms: None,
        }
    }

    fn declined() -> Outcome {
        Outcome::Declined { code: "X".to_owned(), reason: "so it seems".to_owned(), elsewhere: true }
    }

    async fn look(&self, order: &Order, host: &Host) -> Result<Outcome, Failure> {
        let found = host.http(HttpRequest::new("GET", "https://till.example/orders")).await?;
        Ok(match &found.body[..] {
            b"done" => Self::settled(order),
            _ => Outcome::unknown("no such order is seen"),
        })
    }
}

#[async_trait]
impl Rail for Till {
    type Settings = Settings;

    async fn open(settings: Settings, _: &Host) -> Result<Self, Failure> {
        Ok(Self { lie: settings.lie, seen: Mutex::default() })
    }

    async fn submit(&self, order: Order, host: &Host) -> Result<Outcome, Failure> {
        let forgetful = self.lie == "posts again";
        let forgets_at_restart = self.lie == "posts again after a restart";
        let stored = host.load(&order.key).await?.0 > 0 && !forgets_at_restart;
        let seen = self.seen.lock().unwrap().contains(&order.key);
        if (seen || stored) && !forgetful {
            return self.look(&order, host).await;
        }
        self.seen.lock().unwrap().push(order.key.clone());
        host.save(&order.key, 0, "posted").await?;
        let token = host.secret("token").await?;
        if self.lie == "chatter" {
            host.log(Level::Info, format!("the token is {}", token.reveal()));
        }
        let request = HttpRequest::new("POST", "https://till.example/orders");
        match host.http(request).await {
            Err(_) if self.lie == "declined" => Ok(Self::declined()),
            Err(failure) => Err(failure),
            Ok(_) if self.lie == "settled" => Ok(Self::settled(&order)),
            Ok(response) if &response.body[..] == b"done" => Ok(Self::settled(&order)),
            Ok(_) => Ok(Outcome::unknown("the answer cannot be read")),
        }
    }

    async fn inquire(&self, inquiry: Inquiry, host: &Host) -> Result<Outcome, Failure> {
        if self.lie == "does not know it" {
            return Err(Failure::unsupported("inquire"));
        }
        match self.look(&inquiry.order, host).await {
            Err(_) if self.lie == "lost" => Ok(Self::declined()),
            outcome => outcome,
        }
    }

    async fn run(&self, host: &Host) -> Result<(), Failure> {
        assert_ne!(self.lie, "run panics");
        loop {
            host.sleep(60_000).await?;
        }
    }
}

/// A channel whose deliveries are just text.
struct Shout(String);

#[async_trait]
impl Channel for Shout {
    type Settings = Settings;

    async fn open(settings: Settings, _: &Host) -> Result<Self, Failure> {
        Ok(Self(settings.lie))
    }

    async fn send(&self, note: Note, host: &Host) -> Result<Sent, Failure> {
        let lie = self.0.as_str();
        let said = match note.choices.first() {
            Some(_) if lie == "refuses choices" => return Err(Failure::input("choices", "there are no buttons here")),
            Some(choice) if lie == "says choices" => choice.label.clone(),
            _ => note.text,
        };
        if lie == "streams" {
            return Ok(host
                .connect("tcp://shout.example:1")
                .await
                .map_or_else(|_| Sent::default(), |_| Sent::default()));
        }
        match host.http(HttpRequest::new("POST", "https://shout.example").body("text/plain", said)).await {
            Err(failure) if lie != "sent" => Err(failure),
            _ if lie == "with an id" => Ok(Sent { id: Some("1".to_owned()), fell_back: false }),
            _ => Ok(Sent::default()),
        }
    }

    async fn webhook(&self, request: WebhookRequest, host: &Host) -> Result<WebhookReply, Failure> {
        let lie = self.0.as_str();
        if !request.body.starts_with(b"anna: ") {
            assert_ne!(lie, "panics", "at what it cannot read");
            if lie != "takes anything" {
                return Err(Failure::input("bad", "not as agreed"));
            }
        }
        let id = match lie {
            "no id" => None,
            _ => Some("1".to_owned()),
        };
        let from = match lie {
            "a name" => "shout:@anna",
            "scoped" => "shout:scoped/1",
            "scoped-like" => "shout:scoped-likewise/1",
            _ => "shout:1",
        };
        if lie == "receipts" {
            host.receipt(&Receipt { id: "1".to_owned(), fate: Fate::Delivered, detail: None }).await?;
        }
        let message: Message = serde_json::from_value(json!({
            "id": id, "first_id": id, "from": from, "private": true,
            "text": String::from_utf8_lossy(&request.body)
        }))
        .unwrap();
        match host.message(&message).await {
            Err(failure) if lie != "acknowledges" => Err(failure),
            _ => Ok(WebhookReply::ok()),
        }
    }
}

fn provider(host: ScriptedHost) -> ScriptedHost {
    host.on_http("*", "*", |_| Ok(HttpResponse::new(200, "text/plain", "done")))
}

pub(crate) const RAILS: &[Lie] = &[
    ("", &[]),
    ("declined", &["order-out-of-reach", "order-answer-lost", "order-time-out"]),
    ("settled", &["order-garbage", "refusal-unmapped"]),
    ("posts again", &["order-twice", "order-after-restart", "order-at-once", "order-answer-lost", "order-time-out"]),
    ("posts again after a restart", &["order-after-restart", "order-answer-lost"]),
    ("does not know it", &["inquiry-answered"]),
    ("lost", &["inquiry-out-of-reach"]),
    ("chatter", &["secrets-kept"]),
    ("run panics", &["run-ends"]),
];

#[test]
fn rails() {
    check(RAILS, |lie| {
        let mut options = kit::Options::new(json!({ "lie": lie }));
        options.provider = Some(provider);
        kit::check(RAIL, &dispatch::rail::<Till>, &options)
    });
}

pub(crate) const CHANNELS: &[Lie] = &[
    ("", &[]),
    ("sent", &["note-undelivered", "note-time-out"]),
    ("no id", &["delivery-messages"]),
    ("a name", &["delivery-messages"]),
    ("acknowledges", &["delivery-not-durable"]),
    ("panics", &["webhook-broken"]),
    ("takes anything", &["webhook-broken"]),
    ("streams", &["note-undelivered"]),
    ("refuses choices", &["note-choices"]),
    ("says choices", &["note-choices"]),
    ("receipts", &["note-receipts"]),
];

/// What a channel that has one good delivery is tried with.
fn options(settings: serde_json::Value) -> kit::Options {
    let head = json!({"method": "POST", "path": "/", "query": "", "headers": []});
    let delivery =
        WebhookRequest { head: serde_json::from_value(head).unwrap(), body: "anna: pay @paolo 5 €".into() };
    kit::Options { provider: Some(provider), webhooks: vec![delivery], ..kit::Options::new(settings) }
}

#[test]
fn channels() {
    check(CHANNELS, |lie| kit::check(CHANNEL, &dispatch::channel::<Shout>, &options(json!({ "lie": lie }))));
}

/// A channel whose manifest says more of it: what that is, and its settings.
pub(crate) const FACTS: &[(&str, &str, &[&str])] = &[
    (r#""receipts": true"#, r#"{"lie": "with an id"}"#, &[]),
    (r#""receipts": true"#, "{}", &["note-receipts"]),
    // The one setting that there is stands for the scope.
    (r#""scope_setting": "lie""#, r#"{"lie": "scoped"}"#, &[]),
    (r#""scope_setting": "lie""#, r#"{"lie": "scoped-like"}"#, &["delivery-messages"]),
    (r#""scope_setting": "lie""#, r#"{"lie": "other"}"#, &["delivery-messages"]),
    (r#""scope_setting": "lie""#, "{}", &["settings-schema"]),
    (r#""scope_setting": "page""#, "{}", &["settings-schema"]),
    (r#""own_name_setting": "name""#, "{}", &["settings-schema"]),
];

#[test]
fn facts() {
    for (fact, settings, expected) in FACTS {
        let manifest = CHANNEL.replace(r#""scheme": "shout""#, &format!(r#""scheme": "shout", {fact}"#));
        let manifest = manifest.replace(r#""contract": "1.0""#, r#""contract": "1.1""#);
        assert_ne!(manifest, CHANNEL);
        let options = options(serde_json::from_str(settings).unwrap());
        let card = kit::check(&manifest, &dispatch::channel::<Shout>, &options);
        assert_eq!(failed(&card), *expected, "{fact}\n{card}");
    }
}

/// What is written in a manifest in place of what, and the checks that fail before all others.
pub(crate) const MANIFESTS: &[(&str, &str, &[&str])] = &[
    ("{", "", &["manifest-readable"]),
    ("till", "Till", &["manifest-consistent"]),
    ("1.0\"", "2.0\"", &["manifest-contract"]),
    ("secrets", "sekrets", &["manifest-no-stray-key"]),
    ("inquirable", "inkwirable", &["manifest-no-stray-key", "manifest-doubt"]),
];

#[test]
fn manifests() {
    for (from, to, expected) in MANIFESTS {
        let manifest = RAIL.replace(from, to);
        assert_ne!(manifest, RAIL);
        let options = kit::Options { provider: Some(provider), ..kit::Options::new(json!({})) };
        let card = kit::check(&manifest, &dispatch::rail::<Till>, &options);
        let mut failed = failed(&card);
        failed.truncate(expected.len());
        assert_eq!(failed, *expected, "{card}");
    }
}

/// Of a plugin that has a secret among its settings.
pub(crate) const LEAKY: &str = "settings-no-secrets";

#[test]
fn a_setting_that_is_a_secret_is_found() {
    settings! {
        #[derive(Clone)]
        struct Leaky {
            /// Should be asked of the host.
            #[allow(dead_code)]
            token: Option<String>,
        }
    }
    struct Leak;
    #[async_trait]
    impl Rail for Leak {
        type Settings = Leaky;
        async fn open(_: Leaky, _: &Host) -> Result<Self, Failure> {
            Ok(Self)
        }
        async fn submit(&self, _: Order, _: &Host) -> Result<Outcome, Failure> {
            Ok(Outcome::unknown("who knows"))
        }
    }
    let manifest = RAIL.replace("inquirable", "reversible");
    let card = kit::check(&manifest, &dispatch::rail::<Leak>, &kit::Options::new(json!({})));
    assert!(failed(&card).contains(&LEAKY), "{card}");
}
