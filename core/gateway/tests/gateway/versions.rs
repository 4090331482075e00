//! Versions of a plugin that replace each other while money moves; reloads that are refused; switches.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use serde_json::{Value, json};
use sportello_gateway::Gateway;
use sportello_gateway::plugins::Plugins;
use sportello_host::Loaded;
use sportello_sdk::{Failure, Finality, Host, Order, Outcome, Rail, async_trait, dispatch, settings};
use tempfile::TempDir;
use tokio::sync::Semaphore;

use crate::seats::OPEN;
use crate::world::{Answer, World, answer, prepare_with};

settings! {
    /// Settings of the rail in all its versions.
    pub(crate) struct Settings {
        /// The largest amount that is settled.
        #[serde(default)]
        limit_minor: Option<u64>,
    }
}

/// What the versions of one deployment have in common: who was given which order, and what keeps one waiting.
#[derive(Default)]
struct Book {
    given: Mutex<Vec<(String, &'static str)>>,
}

static BOOK: Book = Book { given: Mutex::new(Vec::new()) };

/// Lets one order that is for "wait" go on.
pub(crate) static WAIT: Semaphore = Semaphore::const_new(0);

/// The rail's version, as a number: 100 is 1.0.0.
struct Versioned<const V: u32>(Settings);

const fn name_of(version: u32) -> &'static str {
    match version {
        100 => "1.0.0",
        110 => "1.1.0",
        120 => "1.2.0",
        130 => "1.3.0",
        140 => "1.4.0",
        _ => "2.0.0",
    }
}

#[async_trait]
impl<const V: u32> Rail for Versioned<V> {
    type Settings = Settings;
    /// 2.0.0 does not open, and 1.3.0 not before it is let.
    async fn open(settings: Settings, _: &Host) -> Result<Self, Failure> {
        match V {
            130 => Ok(Self(OPEN.pass(settings).await)),
            200 => Err(Failure::provider("down", "this version does not open")),
            _ => Ok(Self(settings)),
        }
    }
    /// 1.2.0 fails at each order.
    async fn submit(&self, order: Order, _: &Host) -> Result<Outcome, Failure> {
        BOOK.given.lock().unwrap().push((order.key.clone(), name_of(V)));
        if order.memo.as_deref() == Some("wait") {
            WAIT.acquire().await.unwrap().forget();
        }
        if V == 120 {
            return Err(Failure::new(sportello_sdk::Source::Plugin, "broken", "this version is broken"));
        }
        if self.0.limit_minor.is_some_and(|limit| order.amount.minor() > limit) {
            return Ok(Outcome::Declined { code: "AM02".into(), reason: "too much".into(), elsewhere: false });
        }
        Ok(Outcome::Settled {
            amount: order.amount,
            reference: Some(name_of(V).to_owned()),
            finality: Finality::Final,
            fees: None,
            reversible_until_ms: None,
            valid_until_ms: None,
        })
    }
}

fn rail<const V: u32>() -> Loaded {
    // 1.4.0 never knows an order again.
    let doubt = match V {
        140 => json!({"doubt": "statement"}),
        _ => json!({"doubt": "idempotent", "for_ms": 9_007_199_254_740_991u64}),
    };
    let manifest = json!({"name": "versioned", "kind": "rail", "version": name_of(V), "contract": "1.0",
        "rail": {"accounts": ["iban"],
            "orders": {"transfer": doubt}}});
    Loaded::built_in(serde_json::from_value(manifest).unwrap(), dispatch::rail::<Versioned<V>>)
}

pub(crate) fn plugins() -> Plugins {
    Plugins::BuiltIn(vec![rail::<100>(), rail::<110>(), rail::<120>(), rail::<130>(), rail::<140>(), rail::<200>()])
}

pub(crate) const CONFIG: &str = r#"
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

[rails.bank]
plugin = "versioned"
version = "1.0.0"

[[routes]]
name = "all"
transfer = ["bank"]
"#;

const MARCO: &str = r#"
[[profiles]]
name = "Marco Neri"
handles = ["chat:1003", "chat:@marco"]
account = "iban:DE89370400440532013000"
"#;

/// The file with some changes.
pub(crate) fn with(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(CONFIG.to_owned(), |config, (from, to)| {
        assert!(config.contains(from), "{from}");
        config.replacen(from, to, 1)
    })
}

pub(crate) async fn start_in(folder: TempDir, config: &str, plugins: Plugins) -> World {
    std::fs::write(folder.path().join("gateway.toml"), config).unwrap();
    let began = Instant::now();
    let gateway = loop {
        match Gateway::start(prepare_with(folder.path(), config, plugins.clone()).await.unwrap()).await {
            Ok(gateway) => break gateway,
            // The store of the life before lets go of its file when its thread has written the last of it.
            Err(sportello_gateway::StartError::Store(_)) if began.elapsed().as_secs() < 10 => {
                tokio::task::yield_now().await;
            }
            Err(error) => panic!("{error}"),
        }
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = Client::builder().no_proxy().build().unwrap();
    let base = format!("http://{}", gateway.address());
    World { folder, gateway, http, base }
}

pub(crate) async fn start(config: &str) -> World {
    start_in(tempfile::tempdir().unwrap(), config, plugins()).await
}

impl World {
    pub(crate) async fn post(&self, path: &str) -> Answer {
        answer(self.request(Method::POST, path).bearer_auth("key-that-may-do-all")).await
    }

    pub(crate) fn write(&self, config: &str) {
        std::fs::write(self.folder.path().join("gateway.toml"), config).unwrap();
    }

    pub(crate) async fn reload(&self, config: &str) -> Answer {
        self.write(config);
        self.post("/v1/reload").await
    }

    /// The instance of the rail, as it is shown; nothing where it is gone.
    pub(crate) async fn bank(&self) -> Value {
        let shown = self.get("/v1/instances").await.body;
        let found = shown["instances"].as_array().unwrap().iter().find(|i| i["name"] == "bank").cloned();
        found.unwrap_or_default()
    }

    /// Waits until the instance is shown so.
    async fn until(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let bank = self.bank().await;
            if is_so(&bank) {
                return bank;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "{bank:#}");
            tokio::task::yield_now().await;
        }
    }

    /// Which version a payment went over.
    pub(crate) async fn paid_by(&self, key: &str) -> String {
        let paid = self.pay(key, json!({})).await;
        assert_eq!(paid.body["state"], "completed", "{paid:?}");
        reference(&paid.body)
    }
}

fn reference(payment: &Value) -> String {
    payment["attempts"][0]["reference"].as_str().unwrap_or_default().to_owned()
}

fn given() -> BTreeMap<String, Vec<&'static str>> {
    let mut given: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
    for (key, version) in BOOK.given.lock().unwrap().iter() {
        given.entry(key.clone()).or_default().push(version);
    }
    given
}

/// The versions replace each other as fast as they can while eight people pay: all that they ask for is paid, each once, and
/// by one version.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_is_replaced_under_load_and_no_payment_fails() {
    let world = Arc::new(start(CONFIG).await);
    let payers: Vec<_> = (0..8)
        .map(|payer| {
            let world = world.clone();
            tokio::spawn(async move {
                for turn in 0..40 {
                    let paid = world.pay(&format!("{payer}-{turn}"), json!({})).await;
                    assert_eq!(paid.body["state"], "completed", "{paid:?}");
                }
            })
        })
        .collect();
    let mut reloads = 0;
    while !payers.iter().all(tokio::task::JoinHandle::is_finished) {
        reloads += 1;
        let version = if reloads % 2 == 0 { "1.0.0" } else { "1.1.0" };
        let reloaded = world.reload(&with(&[("1.0.0", version)])).await;
        assert_eq!(reloaded.status, 200, "{reloaded:?}");
    }
    for payer in payers {
        payer.await.unwrap();
    }
    let given = given();
    assert_eq!(given.len(), 320);
    assert!(given.values().all(|by| by.len() == 1), "{given:#?}");
    let by = |version: &str| given.values().filter(|by| by[0] == version).count();
    assert!(reloads > 2 && by("1.0.0") > 0 && by("1.1.0") > 0, "{reloads} {} {}", by("1.0.0"), by("1.1.0"));
    assert_eq!(world.get("/v1/ledger").await.body["balanced"], true);
    world.until(|bank| bank["leaving"] == json!([])).await;
}

#[tokio::test]
async fn what_is_in_flight_finishes_on_the_old_version() {
    let world = start(CONFIG).await;
    let waiting = tokio::spawn(world.payment("old", json!({"memo": "wait"})).header("prefer", "wait=20").send());
    world.until(|bank| bank["stats"]["in_flight"] == 1).await;
    let reloaded = world.reload(&with(&[("1.0.0", "1.1.0")])).await;
    let expected = json!([{"instance": "bank", "from": "1.0.0", "to": "1.1.0", "canary": null}]);
    assert_eq!((reloaded.status, &reloaded.body["changed"]), (200, &expected), "{reloaded:?}");
    assert_eq!(world.paid_by("new").await, "1.1.0");
    let bank = world.bank().await;
    assert_eq!((&bank["version"], &bank["leaving"][0]["version"]), (&json!("1.1.0"), &json!("1.0.0")));
    assert_eq!(bank["leaving"][0]["orders_open"], 1);
    WAIT.add_permits(1);
    let settled: Value = waiting.await.unwrap().unwrap().json().await.unwrap();
    assert_eq!((&settled["state"], reference(&settled).as_str()), (&json!("completed"), "1.0.0"));
    world.until(|bank| bank["leaving"] == json!([])).await;
    // The same again changes nothing; other settings of the same version do.
    assert_eq!(world.post("/v1/reload").await.body["changed"], json!([]));
    let limited = with(&[("1.0.0\"", "1.1.0\"\nsettings = { limit_minor = 5 }")]);
    let expected = json!([{"instance": "bank", "from": "1.1.0", "to": "1.1.0", "canary": null}]);
    assert_eq!(world.reload(&limited).await.body["changed"], expected);
    assert_eq!(world.pay("limited", json!({})).await.body["state"], "declined");
}

#[tokio::test]
async fn what_is_wrong_changes_nothing() {
    let world = start(CONFIG).await;
    let check = async |config: &str, expected: &str| {
        // What is right in it must not be taken either.
        let refused = world.reload(&format!("{config}\n{MARCO}")).await;
        assert_eq!(refused.status, 422, "{refused:?}");
        let said = refused.body["problems"].as_array().unwrap();
        let problem = said.iter().find(|problem| problem.to_string().contains(expected));
        let problem = problem.unwrap_or_else(|| panic!("{expected} is not in {said:#?}"));
        let (line, remedy) = (problem["line"].as_u64().unwrap(), problem["remedy"].as_str().unwrap());
        assert!(line > 0 && (!remedy.is_empty() || expected.contains("settings")), "{problem:#}");
        let shown = world.get("/v1/instances").await.body;
        assert_eq!(shown["last_reload"]["problems"], refused.body["problems"]);
        assert_eq!(
            (&shown["instances"][0]["version"], &shown["instances"][0]["leaving"]),
            (&json!("1.0.0"), &json!([]))
        );
        let to_marco = answer(world.payment(expected, json!({"payee": "chat:@marco"}))).await;
        assert_eq!(to_marco.status, 422, "{to_marco:?}");
        assert_eq!(world.paid_by(&format!("after {expected}")).await, "1.0.0");
    };
    check(&with(&[("[rails.bank]", "[rails.bank")]), "toml.io").await;
    check(&with(&[("version = \"1.0.0\"", "vrsion = \"1.1.0\"")]), "did you mean").await;
    check(&with(&[("1.0.0", "1.9.0")]), "there are: ").await;
    check(&with(&[("1.0.0", "2.0.0")]), "version 2.0.0 does not open").await;
    check(&with(&[("version = \"1.0.0\"", "settings = { limit_minor = \"much\" }")]), "settings.limit_minor").await;
    check(&with(&[("127.0.0.1:0", "127.0.0.1:1")]), "restart for this").await;
    check(&with(&[("store.db", "other.db")]), "gateway.store").await;
    check(&with(&[("[\"bank\"]", "[\"bnak\"]")]), "there is no rail").await;
    // One that would open, beside one that does not.
    let other = "\n[rails.other]\nplugin = \"versioned\"\nversion = \"2.0.0\"\n";
    check(&format!("{}{other}", with(&[("1.0.0", "1.1.0")])), "rails.other").await;
    check(&with(&[("version = \"1.0.0\"", "canary = { version = \"1.1.0\", share = \"100%\" }")]), "no share").await;
    let canary = "version = \"1.0.0\"\ncanary = { version = \"2.0.0\", share = \"5%\" }";
    check(&with(&[("version = \"1.0.0\"", canary)]), "version 2.0.0 does not open").await;
    std::fs::remove_file(world.folder.path().join("gateway.toml")).unwrap();
    assert_eq!(world.post("/v1/reload").await.status, 422);
    // And the right one does: people, too.
    assert_eq!(world.reload(&format!("{CONFIG}\n{MARCO}")).await.status, 200);
    let to_marco = world.pay("marco", json!({"payee": "chat:@marco"})).await;
    assert_eq!(to_marco.body["state"], "completed", "{to_marco:?}");
}

const CANARY: &str = "version = \"1.0.0\"\ncanary = { version = \"VERSION\", share = \"50%\" }";

pub(crate) fn canary(version: &str) -> String {
    with(&[("version = \"1.0.0\"", &CANARY.replace("VERSION", version))])
}

#[tokio::test]
async fn a_canary_that_fails_goes_back_and_stays_there() {
    // One try each: what its version does to it is what becomes of a payment.
    let canary = |version: &str| canary(version).replacen("[[keys]]", "[policy]\nattempts_max = 1\n\n[[keys]]", 1);
    let world = start(&canary("1.2.0")).await;
    let mut turns = 0;
    let returned = loop {
        let paid = world.pay(&format!("{turns}"), json!({})).await;
        assert!(["completed", "declined"].contains(&paid.body["state"].as_str().unwrap()), "{paid:?}");
        turns += 1;
        let bank = world.bank().await;
        if !bank["returned"].is_null() {
            break bank;
        }
        assert!(turns < 300, "{bank:#}");
    };
    assert_eq!((&returned["returned"]["version"], &returned["canary"]), (&json!("1.2.0"), &Value::Null));
    assert!(returned["returned"]["because"].as_str().unwrap().contains("calls failed"), "{returned:#}");
    for turn in 0..20 {
        assert_eq!(world.paid_by(&format!("after {turn}")).await, "1.0.0");
    }
    // Not by the same file, and not by a start.
    assert_eq!(world.post("/v1/reload").await.status, 200);
    assert_eq!(world.bank().await["canary"], Value::Null);
    let World { folder, gateway, .. } = world;
    gateway.drain().await;
    let world = start_in(folder, &canary("1.2.0"), plugins()).await;
    let bank = world.bank().await;
    assert_eq!((&bank["canary"], &bank["returned"]["version"]), (&Value::Null, &json!("1.2.0")));
    // Another version is another try.
    assert_eq!(world.reload(&canary("1.1.0")).await.status, 200);
    let bank = world.bank().await;
    assert_eq!((&bank["canary"]["version"], &bank["returned"]), (&json!("1.1.0"), &Value::Null));
}

#[tokio::test]
async fn a_canary_is_promoted_and_gone_back_from() {
    let world = start(&canary("1.1.0")).await;
    let mut by: BTreeMap<String, u32> = BTreeMap::new();
    for turn in 0..40 {
        *by.entry(world.paid_by(&format!("{turn}")).await).or_default() += 1;
    }
    assert!(by["1.0.0"] > 5 && by["1.1.0"] > 5, "{by:?}");
    let promoted = world.post("/v1/instances/bank/promote").await;
    assert_eq!(promoted.status, 200, "{promoted:?}");
    assert!(promoted.body["write"].as_str().unwrap().contains("version = \"1.1.0\""), "{promoted:?}");
    assert_eq!(world.paid_by("promoted").await, "1.1.0");
    // Neither the file as it was nor a start takes that back.
    assert_eq!(world.post("/v1/reload").await.status, 200);
    assert_eq!(world.paid_by("reloaded").await, "1.1.0");
    let World { folder, gateway, .. } = world;
    gateway.drain().await;
    let world = start_in(folder, &canary("1.1.0"), plugins()).await;
    assert_eq!(world.paid_by("restarted").await, "1.1.0");
    assert_eq!(world.post("/v1/instances/bank/promote").await.status, 409);
    // What was before, although this start has not seen it.
    let back = world.post("/v1/instances/bank/rollback").await;
    assert_eq!((back.status, &back.body["changed"]["to"]), (200, &json!("1.0.0")), "{back:?}");
    assert_eq!(world.paid_by("back").await, "1.0.0");
    // And forth again.
    assert_eq!(world.post("/v1/instances/bank/rollback").await.status, 200);
    assert_eq!(world.paid_by("forth").await, "1.1.0");
    // The file wins as soon as it says something else.
    assert_eq!(world.reload(CONFIG).await.status, 200);
    assert_eq!(world.paid_by("by the file").await, "1.0.0");
    // A canary goes back at a word.
    assert_eq!(world.reload(&canary("1.1.0")).await.status, 200);
    assert_eq!(world.post("/v1/instances/bank/rollback").await.status, 200);
    let bank = world.bank().await;
    assert_eq!((&bank["version"], &bank["canary"]), (&json!("1.0.0"), &Value::Null), "{bank:#}");
    assert_eq!(world.post("/v1/instances/nobody/rollback").await.status, 404);
}

#[tokio::test]
async fn an_instance_that_is_off_is_passed_over() {
    let two = format!(
        "{}\n[rails.spare]\nplugin = \"versioned\"\nversion = \"1.1.0\"\n",
        with(&[("[\"bank\"]", "[\"bank\", \"spare\"]")])
    );
    let over = |paid: &Answer| {
        assert_eq!(paid.body["state"], "completed", "{paid:?}");
        let attempts = paid.body["attempts"].as_array().unwrap();
        attempts.last().unwrap()["rail"].as_str().unwrap().to_owned()
    };
    let world = start(&two).await;
    let waiting = tokio::spawn(world.payment("in flight", json!({"memo": "wait"})).header("prefer", "wait=20").send());
    world.until(|bank| bank["stats"]["in_flight"] == 1).await;
    assert_eq!(world.post("/v1/instances/bank/drain").await.status, 200);
    assert_eq!(world.bank().await["state"], "drained");
    assert_eq!(over(&world.pay("drained", json!({})).await), "spare");
    // What is in flight ends where it is.
    WAIT.add_permits(1);
    let settled: Value = waiting.await.unwrap().unwrap().json().await.unwrap();
    assert_eq!((&settled["state"], reference(&settled).as_str()), (&json!("completed"), "1.0.0"));
    world.until(|bank| bank["leaving"] == json!([])).await;
    assert_eq!(world.get("/readyz").await.body["status"], "ready");
    assert_eq!(world.post("/v1/instances/bank/enable").await.status, 200);
    assert_eq!(over(&world.pay("enabled", json!({})).await), "bank");
    assert_eq!(world.post("/v1/instances/bank/disable").await.status, 200);
    assert_eq!(over(&world.pay("disabled", json!({})).await), "spare");
    let World { folder, gateway, .. } = world;
    gateway.drain().await;
    let world = start_in(folder, &two, plugins()).await;
    assert_eq!(world.bank().await["state"], "disabled");
    assert_eq!(over(&world.pay("still", json!({})).await), "spare");
    assert_eq!(world.post("/v1/instances/bank/enable").await.status, 200);
    assert_eq!(over(&world.pay("on again", json!({})).await), "bank");
    assert_eq!(world.post("/v1/instances/bank/explode").await.status, 404);
}

#[tokio::test]
async fn an_instance_that_is_taken_out_ends_what_it_has() {
    let world = start(CONFIG).await;
    let waiting = tokio::spawn(world.payment("in flight", json!({"memo": "wait"})).header("prefer", "wait=20").send());
    world.until(|bank| bank["stats"]["in_flight"] == 1).await;
    let out = with(&[("[rails.bank]", "[rails.other]"), ("[\"bank\"]", "[\"other\"]")]);
    let reloaded = world.reload(&out).await;
    assert_eq!(reloaded.status, 200, "{reloaded:?}");
    assert_eq!(world.bank().await["state"], "leaving");
    let paid = world.pay("elsewhere", json!({})).await;
    assert_eq!((&paid.body["state"], &paid.body["attempts"][0]["rail"]), (&json!("completed"), &json!("other")));
    WAIT.add_permits(1);
    let settled: Value = waiting.await.unwrap().unwrap().json().await.unwrap();
    assert_eq!((&settled["state"], &settled["attempts"][0]["rail"]), (&json!("completed"), &json!("bank")));
    world.until(Value::is_null).await;
}

/// A real library, which would stay in this process until it ends.
#[tokio::test]
async fn no_reload_fills_the_process_with_libraries() {
    let built = std::process::Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        .args(["build", "--quiet", "--workspace"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.unwrap().success());
    // This program stands in `target/PROFILE/deps`, and the library in `target/debug`.
    let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join("debug");
    let name = format!("{}hello_rail{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let world_with = |mb: &str, more: &str| {
        let (before, _) = CONFIG.split_once("[rails.bank]").unwrap();
        format!("{}\n{more}", before.replacen("plugins = [\"none\"]", &format!("plugins = [\"lib\"]\n{mb}"), 1))
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("lib")).unwrap();
    std::fs::copy(target.join(&name), folder.path().join("lib").join(&name)).unwrap();
    let first = world_with("resident_libraries_mb = 1", "");
    std::fs::write(folder.path().join("gateway.toml"), &first).unwrap();
    let gateway = Gateway::start(prepare_with(folder.path(), &first, Plugins::Folders).await.unwrap()).await.unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let base = format!("http://{}", gateway.address());
    let world = World { folder, gateway, http: Client::builder().no_proxy().build().unwrap(), base };
    let hello = "[rails.hello]\nplugin = \"hello-rail\"\n";
    let refused = world.reload(&world_with("resident_libraries_mb = 1", hello)).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    let said = refused.body["problems"][0].to_string();
    assert!(said.contains("more in this process") && said.contains("restart the program"), "{said}");
    assert_eq!(world.get("/v1/instances").await.body["residents"], json!([]));
    let taken = world.reload(&world_with("resident_libraries_mb = 512", hello)).await;
    assert_eq!((taken.status, &taken.body["changed"][0]["instance"]), (200, &json!("hello")), "{taken:?}");
    let residents = world.get("/v1/instances").await.body["residents"].clone();
    assert_eq!(residents[0]["plugin"], "hello-rail", "{residents:#}");
    let file_len = std::fs::metadata(target.join(&name)).unwrap().len();
    assert!(residents[0]["bytes"].as_u64().unwrap() > file_len, "{residents:#}");
}
