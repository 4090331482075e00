//! What the SDK does for a plugin, and one in another language does by itself: settings, frames, the end. Each lie
//! stands between the host and a rail that is right, and breaks one rule.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use sportello_sdk::frames::{CallFrame, Peer, Reply};
use sportello_sdk::{
    Bytes, Failure, Finality, Host, HttpRequest, Money, Order, Outcome, Rail, async_trait, dispatch, kit, settings,
};

use crate::{Lie, check};

const MANIFEST: &str = r#"{
    "name": "till", "kind": "rail", "version": "1.0.0", "contract": "1.0", "secrets": ["token"],
    "rail": {"accounts": ["iban"], "orders": {"transfer": {"doubt": "idempotent", "for_ms": 86400000}}}
}"#;

const KIT: &str = r#"{
    "settings": { "name": "kit" },
    "provider": [
        { "method": "PUT", "url": "https://bank.example/*", "status": 201, "json": "done", "remembers": "{{last}}" }
    ]
}"#;

settings! {
    struct Settings {
        /// Whose till it is.
        #[allow(dead_code)]
        name: String,
        #[serde(default)]
        lie: String,
    }
}

/// A future of a plugin's.
type Doing = std::pin::Pin<Box<dyn Future<Output = Reply> + Send>>;

/// A rail that puts an order under its key.
struct Till {
    lie: String,
    is_lost: AtomicBool,
}

/// Marks that a call ended before its answer.
struct Doubt<'a>(&'a AtomicBool, bool);

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        self.0.fetch_or(self.1, Ordering::Relaxed);
    }
}

#[async_trait]
impl Rail for Till {
    type Settings = Settings;

    async fn open(settings: Settings, _: &Host) -> Result<Self, Failure> {
        Ok(Self { lie: settings.lie, is_lost: AtomicBool::new(false) })
    }

    async fn submit(&self, order: Order, host: &Host) -> Result<Outcome, Failure> {
        assert!(self.lie != "lost when it is given up" || !self.is_lost.load(Ordering::Relaxed), "a call was given up");
        let mut doubt = Doubt(&self.is_lost, true);
        let request = HttpRequest::new("PUT", format!("https://bank.example/{}", order.key));
        let answer = host.http(request.body("text/plain", order.amount.decimal())).await;
        doubt.1 = false;
        if &answer?.body[..] != b"\"done\"" {
            return Ok(Outcome::unknown("not as agreed"));
        }
        let amount = match order.amount.minor() {
            ..100 if self.lie == "takes 1 € at least" => Money::new(100, order.amount.currency()).unwrap(),
            _ => order.amount,
        };
        Ok(Outcome::Settled {
            amount,
            reference: None,
            finality: Finality::Final,
            fees: None,
            reversible_until_ms: None,
            valid_until_ms: None,
        })
    }

    async fn close(&self, _: &Host) -> Result<(), Failure> {
        if self.lie == "does not close" { Err(Failure::provider("busy", "not now")) } else { Ok(()) }
    }
}

/// What stands between the host and the till.
struct Liar {
    lie: String,
    /// Whether no instance was opened so far.
    is_first: Arc<AtomicBool>,
    till: Arc<dyn Peer>,
}

const METHODS: [&str; 8] = ["schema", "open", "submit", "inquire", "webhook", "page", "run", "close"];

impl Peer for Liar {
    fn call(&self, parent: u64, method: &str, frame: Bytes, body: Bytes) -> Doing {
        let passed_on = |frame: Bytes| self.till.call(parent, method, frame, body.clone());
        let failed = |failure: Failure| -> Doing { Box::pin(std::future::ready(Reply::failure(&failure))) };
        let said =
            |frame: Bytes| -> Doing { Box::pin(std::future::ready(Reply { ok: true, frame, body: Bytes::new() })) };
        match (self.lie.as_str(), method) {
            ("opens at the second try", "open") if self.is_first.swap(false, Ordering::Relaxed) => {
                failed(Failure::provider("busy", "not now"))
            }
            ("takes any setting", "open") => passed_on(with_settings(&frame, |settings| {
                settings.as_object_mut().unwrap().retain(|key, _| ["name", "lie"].contains(&key.as_str()));
            })),
            ("takes any type", "open") => passed_on(with_settings(&frame, |settings| {
                let settings = settings.as_object_mut().unwrap();
                settings.values_mut().filter(|value| value.is_array()).for_each(|value| *value = json!("kit"));
            })),
            ("makes up what is missing", "open") => passed_on(with_settings(&frame, |settings| {
                settings.as_object_mut().unwrap().entry("name").or_insert(json!("kit"));
            })),
            ("marks what it does not have", "schema") => {
                let schema = passed_on(frame);
                Box::pin(async move {
                    let mut schema: Value = serde_json::from_slice(&schema.await.frame).unwrap();
                    schema["x-sportello-secrets"] = json!(["another_token"]);
                    Reply { ok: true, frame: schema.to_string().into(), body: Bytes::new() }
                })
            }
            ("answers anything", method) if !METHODS.contains(&method) => said("null".into()),
            ("knows all fields", "submit") if String::from_utf8_lossy(&frame).contains("of_next_year") => {
                failed(Failure::input("bad_frame", "there is no such field"))
            }
            ("takes any frame", "submit") if serde_json::from_slice::<CallFrame<Order>>(&frame).is_err() => {
                said(Outcome::unknown("what was that?").to_json().into())
            }
            _ => passed_on(frame),
        }
    }

    fn notify(&self, _: &str, _: Bytes) {}
}

/// The frame of an `open` with other settings; one that is none stays as it is.
fn with_settings(frame: &Bytes, change: impl Fn(&mut Value)) -> Bytes {
    let mut open: Value = serde_json::from_slice(frame).unwrap_or_default();
    match open.pointer_mut("/params/settings").filter(|settings| settings.is_object()) {
        Some(settings) => {
            change(settings);
            open.to_string().into()
        }
        None => frame.clone(),
    }
}

pub(crate) const LIES: &[Lie] = &[
    ("", &[]),
    ("opens at the second try", &["settings-good"]),
    ("takes any setting", &["settings-unknown"]),
    ("takes any type", &["settings-wrong-type"]),
    ("makes up what is missing", &["settings-missing"]),
    ("marks what it does not have", &["settings-marks"]),
    ("answers anything", &["method-unknown"]),
    ("knows all fields", &["field-later"]),
    ("takes any frame", &["frame-broken"]),
    ("takes 1 € at least", &["money-limits"]),
    ("lost when it is given up", &["call-given-up"]),
    ("does not close", &["close-final"]),
];

#[test]
fn what_the_sdk_does_for_others() {
    check(LIES, |lie| {
        // What it leaves behind is no matter here.
        let mut options = kit::Options { calls: 20, ..kit::Options::read(KIT).unwrap() };
        options.settings["lie"] = lie.into();
        let is_first = Arc::new(AtomicBool::new(true));
        let made = |host: Arc<dyn Peer>| -> Arc<dyn Peer> {
            let till = dispatch::rail::<Till>(host);
            Arc::new(Liar { lie: lie.to_owned(), is_first: Arc::clone(&is_first), till })
        };
        kit::check(MANIFEST, &made, &options)
    });
}
