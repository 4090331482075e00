//! From a method's name and a frame to a call of the trait, and back.

#![allow(clippy::panic, clippy::unwrap_used)] // A test may fail loudly, in its helpers too.

use std::pin::pin;
use std::sync::Arc;

use serde_json::{Value, json};
use sportello_sdk::frames::{Peer, Reply};
use sportello_sdk::testing::{ScriptedHost, block_on, poll_once};
use sportello_sdk::{
    Bytes, Failure, Finality, Host, HttpRequest, JsonSchema, Order, Outcome, Rail, WebhookReply, WebhookRequest,
    async_trait, dispatch, serde,
};

#[derive(serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    limit: u64,
    #[serde(default)]
    panic_in: String,
    #[serde(default)]
    fail_in: String,
}

struct Till(Settings);

struct PanicsWhenDropped;
impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("in a drop");
    }
}

impl Drop for Till {
    fn drop(&mut self) {
        self.trouble("plugin's drop").ok();
    }
}

impl Till {
    fn trouble(&self, place: &str) -> Result<(), Failure> {
        assert_ne!(self.0.panic_in, place, "as told");
        if self.0.fail_in == place {
            return Err(Failure::provider("no_luck", "as told"));
        }
        Ok(())
    }
}

#[async_trait]
impl Rail for Till {
    type Settings = Settings;

    async fn open(settings: Settings, _: &Host) -> Result<Self, Failure> {
        assert_ne!(settings.panic_in, "open", "as told");
        Ok(Self(settings))
    }

    async fn submit(&self, order: Order, host: &Host) -> Result<Outcome, Failure> {
        let _guard = (self.0.panic_in == "drop").then(|| PanicsWhenDropped);
        self.trouble("submit")?;
        if order.amount.minor() > self.0.limit {
            host.http(HttpRequest::new("GET", "https://bank.example/limit")).await?;
        }
        Ok(Outcome::Settled {
            amount: order.amount,
            reference: Some(host.random().to_string()),
            finality: Finality::Final,
            fees: None,
            reversible_until_ms: None,
            valid_until_ms: None,
        })
    }

    async fn webhook(&self, request: WebhookRequest, _: &Host) -> Result<WebhookReply, Failure> {
        let mut reply = WebhookReply::status(202);
        reply.body = request.body;
        Ok(reply)
    }
}

fn order() -> Value {
    json!({
        "key": "k-1", "payment": "0".repeat(32), "kind": "collect",
        "amount": {"minor": 2000, "currency": "EUR"},
        "debtor": {"name": "Anna", "account": "iban:IT60X0542811101000000123456"},
        "creditor": {"name": "Paolo", "account": "iban:DE89370400440532013000"},
        "made_at_ms": 1, "a_field_of_next_year": {"deep": [1, 2, 3]}
    })
}

fn frame(params: &Value) -> String {
    json!({ "call": 7, "now_ms": 1, "deadline_ms": 2, "seed": 3, "params": params, "new": [] }).to_string()
}

fn ask(plugin: &Arc<dyn Peer>, method: &str, frame: impl Into<String>) -> Reply {
    let frame = Bytes::from(frame.into());
    block_on(plugin.call(0, method, frame, Bytes::from_static(b"body")))
}

fn code(reply: &Reply) -> String {
    if reply.ok {
        return "ok".to_owned();
    }
    serde_json::from_slice::<Failure>(&reply.frame).unwrap().code
}

fn opened(settings: &Value) -> (ScriptedHost, Arc<dyn Peer>, Reply) {
    let host = ScriptedHost::new();
    let plugin = dispatch::rail::<Till>(host.clone().into_peer());
    let open = json!({ "contract": "1.7", "instance": "till", "settings": settings });
    let reply = ask(&plugin, "open", frame(&open));
    (host, plugin, reply)
}

#[test]
fn replies() {
    let check = |settings: Value, calls: &[(&str, String, &str)]| {
        let (_, plugin, reply) = opened(&settings);
        assert_eq!(code(&reply), "ok", "open {settings}");
        for (method, frame, expected) in calls {
            assert_eq!(code(&ask(&plugin, method, frame.clone())), *expected, "{method} of {settings}");
        }
    };
    let submit = || frame(&order());
    let deep = "[".repeat(10_000);
    check(
        json!({"limit": 5000}),
        &[
            ("submit", submit(), "ok"),
            ("inquire", frame(&json!({"order": order()})), "unsupported"),
            ("send", frame(&json!({})), "unsupported"),
            ("dance", frame(&json!({})), "unsupported"),
            ("schema", String::new(), "ok"),
            ("open", frame(&json!({"contract": "1.0", "instance": "x", "settings": {}})), "already_open"),
            ("submit", String::new(), "bad_frame"),
            ("submit", "null".to_owned(), "bad_frame"),
            ("submit", deep.clone(), "bad_frame"),
            ("submit", format!("{{\"params\":{deep}"), "bad_frame"),
            ("submit", " ".repeat(2 << 20), "bad_frame"),
            ("run", frame(&json!(null)), "ok"),
            ("run", frame(&json!({})), "ok"),
            ("close", frame(&json!(null)), "ok"),
            ("submit", submit(), "not_open"),
            ("close", frame(&json!(null)), "not_open"),
        ],
    );
    check(json!({}), &[("submit", submit(), "not_granted")]);
    check(json!({"fail_in": "submit"}), &[("submit", submit(), "no_luck")]);
    check(
        json!({"limit": 5000, "panic_in": "submit"}),
        &[("submit", submit(), "panicked"), ("run", frame(&json!(null)), "ok")],
    );
    check(json!({"limit": 5000, "panic_in": "drop"}), &[("submit", submit(), "panicked")]);
}

#[test]
fn an_open_that_fails() {
    let check = |settings: Value, expected: &str, says: &str, again: &str| {
        let (_, plugin, reply) = opened(&settings);
        let failure: Failure = serde_json::from_slice(&reply.frame).unwrap();
        assert_eq!(failure.code, expected, "{settings}");
        assert!(failure.message.contains(says), "{failure}");
        assert_eq!(code(&ask(&plugin, "submit", frame(&order()))), "not_open");
        let good = json!({ "contract": "1.0", "instance": "till", "settings": {"limit": 1} });
        assert_eq!(code(&ask(&plugin, "open", frame(&good))), again, "{settings}");
    };
    check(json!({"limit": "much"}), "bad_settings", "`limit`", "ok");
    check(json!({"lemit": 1}), "bad_settings", "`lemit`", "ok");
    check(json!([]), "bad_settings", "", "ok");
    check(json!({"panic_in": "open"}), "panicked", "as told", "closed");
}

#[test]
fn another_major_is_refused_by_both_numbers() {
    let check = |theirs: &str, expected: &str| {
        let plugin = dispatch::rail::<Till>(ScriptedHost::new().into_peer());
        let open = json!({ "contract": theirs, "instance": "till", "settings": {} });
        assert_eq!(code(&ask(&plugin, "open", frame(&open))), expected, "{theirs}");
    };
    check("1.0", "ok");
    check("1.9", "ok");
    check("2.0", "contract");
    check("0.9", "contract");
    check("one", "contract");
}

#[test]
fn bytes_that_are_no_text() {
    let (_, plugin, _) = opened(&json!({}));
    let frame = Bytes::from_static(b"{\"call\": \xff\xfe}");
    let reply = block_on(plugin.call(0, "submit", frame, Bytes::new()));
    assert_eq!(code(&reply), "bad_frame");
}

#[test]
fn a_body_goes_beside_the_frame() {
    let (_, plugin, _) = opened(&json!({}));
    let head = json!({"method": "POST", "path": "/", "query": "", "headers": []});
    let reply = ask(&plugin, "webhook", frame(&head));
    assert_eq!(reply.frame, &br#"{"status":202,"headers":[]}"#[..]);
    assert_eq!(reply.body, &b"body"[..]);
}

#[test]
fn the_same_seed_gives_the_same_answer() {
    let (_, plugin, _) = opened(&json!({"limit": 5000}));
    let first = ask(&plugin, "submit", frame(&order()));
    assert_eq!(first, ask(&plugin, "submit", frame(&order())));
}

#[test]
fn what_panics_is_logged() {
    let (host, plugin, _) = opened(&json!({"panic_in": "plugin's drop"}));
    drop(plugin);
    let logs = host.logs();
    assert_eq!(logs.len(), 1);
    assert!(logs[0].message.contains("as told"), "{}", logs[0].message);
}

#[test]
fn a_call_given_up_leaves_the_plugin_usable() {
    let (host, plugin, _) = opened(&json!({"panic_in": "drop"}));
    let _hangs = host.on_http_hang("*", "*");
    {
        let call = plugin.call(0, "submit", Bytes::from(frame(&order())), Bytes::new());
        let mut call = pin!(call);
        assert!(poll_once(call.as_mut()).is_pending());
    }
    assert_eq!(code(&ask(&plugin, "close", frame(&json!(null)))), "ok");
}
