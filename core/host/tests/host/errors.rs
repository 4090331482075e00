//! What an operator can get wrong, told all at once.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::json;
use sportello_host::{Loaded, OpenError, Reason};
use sportello_sdk::dispatch;
use sportello_sdk::frames::{Peer, Reply};
use sportello_sdk::{Failure, Host, Order, Outcome, Rail, async_trait, settings};

use crate::world::{manifest, spec, until};

settings! {
    pub(crate) struct Settings {
        account: String,
        #[serde(default)]
        retries: u8,
    }
}

struct Picky;

#[async_trait]
impl Rail for Picky {
    type Settings = Settings;

    async fn open(settings: Settings, host: &Host) -> Result<Self, Failure> {
        if settings.account == "closed" || settings.retries > 3 {
            return Err(Failure::settings("account", "this account is closed"));
        }
        host.secret("token").await?;
        Ok(Self)
    }

    async fn submit(&self, _: Order, _: &Host) -> Result<Outcome, Failure> {
        Ok(Outcome::unknown("nobody asked"))
    }
}

#[tokio::test]
async fn all_at_once_and_before_anything_is_open() {
    let webhook = json!({
        "signature": { "scheme": "hmac", "hash": "sha256", "header": "x", "encoding": "hex", "secret": "key" }
    });
    let manifest = manifest(&[("secrets", json!(["token", "key"])), ("webhook", webhook)]);
    let loaded = Loaded::built_in(manifest, dispatch::rail::<Picky>);
    let check = async |settings: serde_json::Value, grants: &[&str], in_flight: usize, expected: &[&str]| {
        let mut spec = spec();
        spec.secrets.clear();
        spec.settings = settings;
        spec.grants = grants.iter().map(|grant| (*grant).to_owned()).collect();
        spec.limits.in_flight = in_flight;
        let got = match loaded.check(&spec).await {
            Ok(()) => Vec::new(),
            Err(OpenError::Spec { errors, .. }) => errors.0,
            Err(error) => panic!("{error}"),
        };
        let mut pointers: Vec<_> = got.iter().map(|error| error.pointer.as_str()).collect();
        pointers.sort_unstable();
        assert_eq!(pointers, expected, "{got:?}");
        if !expected.is_empty() {
            assert!(matches!(loaded.open(spec).await, Err(OpenError::Spec { .. })));
        }
    };
    check(json!({ "account": "a", "token": "t", "key": "k" }), &["https://*"], 1, &[]).await;
    check(json!({ "account": "a", "token": "t" }), &[], 1, &["/settings/key"]).await;
    check(
        json!({ "account": 7, "retries": -1, "key": "", "wrong": 1 }),
        &["https://a", "evil", "https://b/c"],
        0,
        &[
            "/grants/1",
            "/grants/2",
            "/limits/in_flight",
            "/settings",
            "/settings/account",
            "/settings/key",
            "/settings/retries",
        ],
    )
    .await;
    // A secret that is no text is a setting like any other, and one that the schema does not know.
    check(json!({ "account": "a", "token": 7, "key": "k" }), &[], 1, &["/settings"]).await;
}

#[tokio::test]
async fn what_the_plugin_itself_refuses() {
    let loaded = Loaded::built_in(manifest(&[]), dispatch::rail::<Picky>);
    let check = async |account: &str, secret: Option<&str>, expected: Option<&str>| {
        let mut spec = spec();
        spec.settings = json!({ "account": account });
        if secret.is_none() {
            spec.secrets.clear();
        }
        let code = match loaded.open(spec).await {
            Ok(_) => None,
            Err(OpenError::Failed { error, .. }) => error.failure().map(|failure| failure.code.clone()),
            Err(error) => panic!("{error}"),
        };
        assert_eq!(code.as_deref(), expected);
    };
    check("open", Some("t"), None).await;
    check("open", None, Some("no_such_secret")).await;
    check("closed", Some("t"), Some("account")).await;
}

/// A plugin that never says what its settings look like.
struct Speechless {
    _held: Arc<()>,
}

impl Peer for Speechless {
    fn call(&self, _: u64, _: &str, _: Bytes, _: Bytes) -> BoxFuture<'static, Reply> {
        Box::pin(std::future::pending())
    }

    fn notify(&self, _: &str, _: Bytes) {}
}

/// It may be a process, and one would be left for every time that it was asked.
#[tokio::test]
async fn a_plugin_that_never_says_its_schema_is_let_go_of() {
    let held = Arc::new(());
    let hold = Arc::clone(&held);
    let speechless = Loaded::built_in(manifest(&[]), move |_| Arc::new(Speechless { _held: Arc::clone(&hold) }));
    let error = speechless.schema().await.unwrap_err();
    assert!(matches!(error.reason, Reason::Timeout { .. }), "{error}");
    until(|| Arc::strong_count(&held) == 2).await;
    // Nor is it held where nobody waits so long.
    assert!(tokio::time::timeout(std::time::Duration::from_millis(20), speechless.schema()).await.is_err());
    until(|| Arc::strong_count(&held) == 2).await;
}
