//! The kit finds what it is for: one plugin for each lie, and one that tells none.

#![allow(clippy::panic, clippy::unwrap_used)] // A test may fail loudly, in its helpers too.

use std::sync::Mutex;

use serde_json::json;
use sportello_sdk::kit::{self, Scorecard};
use sportello_sdk::testing::ScriptedHost;
use sportello_sdk::{
    Channel, Failure, Fate, Finality, Host, HttpRequest, HttpResponse, Inquiry, Level, Message, Note, Order, Outcome,
    Rail, Receipt, Sent, WebhookReply, WebhookRequest, async_trait, dispatch, settings,
};

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

fn failed(card: &Scorecard) -> Vec<&str> {
    let failed = card.checks.iter().filter(|check| !check.passed);
    failed.map(|check| check.check.as_str()).collect()
}

const REFUSED: &str = "a refusal that nobody ever heard of leaves the order in doubt";

#[test]
fn rails() {
    let check = |lie: &str, expected: &[&str]| {
        let mut options = kit::Options::new(json!({ "lie": lie }));
        options.provider = Some(provider);
        let card = kit::check(RAIL, &dispatch::rail::<Till>, &options);
        assert_eq!(failed(&card), expected, "{lie}\n{card}");
    };
    check("", &[]);
    let (at_once, lost, time_out) = (
        "the same order four times at once is carried out once",
        "an order whose answer is lost is in doubt, and carried out once",
        "an order whose time runs out, at whichever step, is in doubt",
    );
    check("declined", &["with no provider in reach, nothing is certain", lost, time_out]);
    check("settled", &["of an answer that is garbage, nothing is certain", REFUSED]);
    check(
        "posts again",
        &[
            "the same order twice is carried out once",
            "the same order after a restart is carried out once",
            at_once,
            lost,
            time_out,
        ],
    );
    check("posts again after a restart", &["the same order after a restart is carried out once", lost]);
    check("does not know it", &["an inquiry is answered where the manifest says so"]);
    check("lost", &["an inquiry with no provider in reach is not certain"]);
    check("chatter", &["no secret stands in a log, an answer or a failure"]);
    check("run panics", &["`run` ends when the host goes away"]);
}

#[test]
fn channels() {
    let check = |lie: &str, expected: &[&str]| {
        let mut options = kit::Options::new(json!({ "lie": lie }));
        options.provider = Some(provider);
        let head = json!({"method": "POST", "path": "/", "query": "", "headers": []});
        options.webhooks =
            vec![WebhookRequest { head: serde_json::from_value(head).unwrap(), body: "anna: pay @paolo 5 €".into() }];
        let card = kit::check(CHANNEL, &dispatch::channel::<Shout>, &options);
        assert_eq!(failed(&card), expected, "{lie}\n{card}");
    };
    check("", &[]);
    check(
        "sent",
        &[
            "a note that was not delivered is not called sent",
            "a note whose time runs out before it is taken is not called sent",
        ],
    );
    check("no id", &["a delivery becomes messages as the manifest has them"]);
    check("a name", &["a delivery becomes messages as the manifest has them"]);
    check("acknowledges", &["what is not durable is not acknowledged"]);
    check("panics", &["a broken webhook brings no message and no panic"]);
    check("takes anything", &["a broken webhook brings no message and no panic"]);
    check("streams", &["a note that was not delivered is not called sent"]);
    check("refuses choices", &["a note with choices is said as well as one without"]);
    check("says choices", &["a note with choices is said as well as one without"]);
    check("receipts", &["what became of a note can be told where the manifest says so"]);
}

/// A channel whose manifest says more of it.
#[test]
fn facts() {
    let check = |fact: &str, settings: serde_json::Value, expected: &[&str]| {
        let manifest = CHANNEL.replace(r#""scheme": "shout""#, &format!(r#""scheme": "shout", {fact}"#));
        let manifest = manifest.replace(r#""contract": "1.0""#, r#""contract": "1.1""#);
        assert_ne!(manifest, CHANNEL);
        let mut options = kit::Options::new(settings);
        options.provider = Some(provider);
        let head = json!({"method": "POST", "path": "/", "query": "", "headers": []});
        options.webhooks =
            vec![WebhookRequest { head: serde_json::from_value(head).unwrap(), body: "anna: pay @paolo 5 €".into() }];
        let card = kit::check(&manifest, &dispatch::channel::<Shout>, &options);
        assert_eq!(failed(&card), expected, "{fact}\n{card}");
    };
    let told = "what became of a note can be told where the manifest says so";
    check(r#""receipts": true"#, json!({ "lie": "with an id" }), &[]);
    check(r#""receipts": true"#, json!({ "lie": "" }), &[told]);
    let (schema, messages) =
        ("the settings have a schema before `open`", "a delivery becomes messages as the manifest has them");
    // The one setting that there is stands for the scope.
    check(r#""scope_setting": "lie""#, json!({ "lie": "scoped" }), &[]);
    check(r#""scope_setting": "lie""#, json!({ "lie": "scoped-like" }), &[messages]);
    check(r#""scope_setting": "lie""#, json!({ "lie": "other" }), &[messages]);
    check(r#""scope_setting": "lie""#, json!({}), &[schema]);
    check(r#""scope_setting": "page""#, json!({ "lie": "" }), &[schema]);
    check(r#""own_name_setting": "name""#, json!({ "lie": "" }), &[schema]);
}

#[test]
fn manifests() {
    let check = |from: &str, to: &str, expected: &[&str]| {
        let manifest = RAIL.replace(from, to);
        assert_ne!(manifest, RAIL);
        let options = kit::Options { provider: Some(provider), ..kit::Options::new(json!({})) };
        let card = kit::check(&manifest, &dispatch::rail::<Till>, &options);
        let mut failed = failed(&card);
        failed.truncate(expected.len());
        assert_eq!(failed, expected, "{card}");
    };
    check("{", "", &["the manifest can be read"]);
    check("till", "Till", &["the manifest is complete and consistent"]);
    check("1.0\"", "2.0\"", &["the contract is one that this kit speaks"]);
    check("secrets", "sekrets", &["the manifest has no key that nobody reads"]);
    check(
        "inquirable",
        "inkwirable",
        &["the manifest has no key that nobody reads", "every order kind says how doubt about it ends"],
    );
}

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
    assert!(failed(&card).contains(&"secrets do not stand among the settings"), "{card}");
}
