//! Switches that fail half-way, while people pay: what was there is there, what was decided before holds, and what had opened
//! already is closed again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sportello_gateway::plugins::Plugins;
use sportello_host::Loaded;
use sportello_sdk::{Failure, Finality, Host, Order, Outcome, Rail, async_trait, dispatch, settings};

use crate::versions::{start_in, with};
use crate::world::{Answer, World};

settings! {
    /// Nothing to set.
    pub(crate) struct Settings {}
}

/// A version that opens only while its provider is there.
struct Fickle<const V: usize>;

const NAMES: [&str; 3] = ["1.0.0", "1.1.0", "1.2.0"];

/// Whose provider is away.
static AWAY: [AtomicBool; 3] = [const { AtomicBool::new(false) }; 3];

/// How many instances of each are open, and how often one was opened.
static OPEN: [AtomicI64; 3] = [const { AtomicI64::new(0) }; 3];
static OPENED: [AtomicUsize; 3] = [const { AtomicUsize::new(0) }; 3];

#[async_trait]
impl<const V: usize> Rail for Fickle<V> {
    type Settings = Settings;
    async fn open(_: Settings, _: &Host) -> Result<Self, Failure> {
        if AWAY[V].load(Ordering::SeqCst) {
            return Err(Failure::provider("away", "its provider is away"));
        }
        OPEN[V].fetch_add(1, Ordering::SeqCst);
        OPENED[V].fetch_add(1, Ordering::SeqCst);
        Ok(Self)
    }
    async fn submit(&self, order: Order, _: &Host) -> Result<Outcome, Failure> {
        Ok(Outcome::Settled {
            amount: order.amount,
            reference: Some(NAMES[V].to_owned()),
            finality: Finality::Final,
            fees: None,
            reversible_until_ms: None,
            valid_until_ms: None,
        })
    }
    async fn close(&self, _: &Host) -> Result<(), Failure> {
        OPEN[V].fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }
}

fn rail<const V: usize>() -> Loaded {
    let manifest = json!({"name": "fickle", "kind": "rail", "version": NAMES[V], "contract": "1.0",
        "rail": {"accounts": ["iban"],
            "orders": {"transfer": {"doubt": "idempotent", "for_ms": 9_007_199_254_740_991u64}}}});
    Loaded::built_in(serde_json::from_value(manifest).unwrap(), dispatch::rail::<Fickle<V>>)
}

fn plugins() -> Plugins {
    Plugins::BuiltIn(vec![rail::<0>(), rail::<1>(), rail::<2>()])
}

/// The bank in this version, and a spare one that is always the first.
fn config(version: &str) -> String {
    let spare = "\n[rails.spare]\nplugin = \"fickle\"\nversion = \"1.0.0\"\n";
    let bank = format!("plugin = \"fickle\"\nversion = {version:?}");
    let transfer = ("transfer = [\"bank\"]", "transfer = [\"bank\", \"spare\"]");
    with(&[("plugin = \"versioned\"\nversion = \"1.0.0\"", &bank), transfer]) + spare
}

fn is_away(version: usize, is: bool) {
    AWAY[version].store(is, Ordering::SeqCst);
}

/// Refused, with why; and the bank is as it was.
async fn check_unchanged(world: &World, refused: Answer, state: &str, version: &str) {
    assert_eq!(refused.status, 422, "{refused:?}");
    assert!(refused.body.to_string().contains("its provider is away"), "{refused:?}");
    let bank = world.bank().await;
    assert_eq!((&bank["state"], &bank["version"]), (&json!(state), &json!(version)), "{bank:#}");
    assert_eq!((&bank["leaving"], &bank["canary"]), (&json!([]), &Value::Null), "{bank:#}");
}

/// Waits until so many of each version are open.
async fn until_open(expected: [i64; 3]) {
    let began = Instant::now();
    let now = || [0, 1, 2].map(|version: usize| OPEN[version].load(Ordering::SeqCst));
    while now() != expected {
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", now());
        tokio::task::yield_now().await;
    }
}

/// Two people who pay until they are told to stop; none of their payments fails.
fn payers(world: &Arc<World>, is_over: &Arc<AtomicBool>) -> Vec<tokio::task::JoinHandle<()>> {
    let pay = |payer: usize| {
        let (world, is_over) = (world.clone(), is_over.clone());
        tokio::spawn(async move {
            for turn in 0.. {
                let paid = world.pay(&format!("{payer}-{turn}"), json!({})).await;
                assert_eq!(paid.body["state"], "completed", "{paid:?}");
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
            }
        })
    };
    (0..2).map(pay).collect()
}

/// Both count the same instances.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test]
async fn a_canary_that_is_not_open_takes_no_seat_from_what_works() {
    let _alone = ALONE.lock().await;
    is_away(1, true);
    let canary = config("1.0.0").replacen(
        "version = \"1.0.0\"",
        "version = \"1.0.0\"\ncanary = { version = \"1.1.0\", share = \"5%\" }",
        1,
    );
    let world = start_in(tempfile::tempdir().unwrap(), &canary, plugins()).await;
    for refused in [world.post("/v1/instances/bank/promote").await, world.reload(&config("1.1.0")).await] {
        assert_eq!(refused.status, 422, "{refused:?}");
        assert!(refused.body.to_string().contains("its provider is away"), "{refused:?}");
        let bank = world.bank().await;
        assert_eq!((&bank["state"], &bank["version"]), (&json!("open"), &json!("1.0.0")), "{bank:#}");
        assert_eq!(bank["canary"]["version"], "1.1.0", "{bank:#}");
    }
    is_away(1, false);
    let promoted = world.post("/v1/instances/bank/promote").await;
    assert_eq!((promoted.status, &promoted.body["changed"]["to"]), (200, &json!("1.1.0")), "{promoted:?}");
    let paid = world.pay("promoted", json!({})).await;
    assert_eq!(paid.body["attempts"][0]["reference"], "1.1.0", "{paid:?}");
    world.gateway.drain().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_that_fails_half_way_changes_nothing() {
    let _alone = ALONE.lock().await;
    let world = Arc::new(start_in(tempfile::tempdir().unwrap(), &config("1.0.0"), plugins()).await);
    let is_over = Arc::new(AtomicBool::new(false));
    let payers = payers(&world, &is_over);
    assert_eq!(world.reload(&config("1.1.0")).await.status, 200);
    until_open([1, 1, 0]).await;

    // Back to what does not open any more.
    is_away(0, true);
    check_unchanged(&world, world.post("/v1/instances/bank/rollback").await, "open", "1.1.0").await;
    // A copy that is recorded, and does not open.
    is_away(1, true);
    check_unchanged(&world, world.post("/v1/instances/bank/record").await, "open", "1.1.0").await;
    assert_eq!(world.post("/v1/instances/bank/record-end").await.status, 409);
    // Off, and not on again.
    assert_eq!(world.post("/v1/instances/bank/disable").await.status, 200);
    until_open([1, 0, 0]).await;
    check_unchanged(&world, world.post("/v1/instances/bank/enable").await, "disabled", "1.1.0").await;
    is_away(1, false);
    assert_eq!(world.post("/v1/instances/bank/enable").await.status, 200);

    // One of two opens, and is closed again.
    is_away(1, true);
    let other = "\n[rails.other]\nplugin = \"fickle\"\nversion = \"1.1.0\"\n";
    let half = config("1.2.0") + other;
    check_unchanged(&world, world.reload(&half).await, "open", "1.1.0").await;
    until_open([1, 1, 0]).await;
    assert_eq!(OPENED[2].load(Ordering::SeqCst), 1);
    let shown = world.get("/v1/instances").await.body;
    let names: Vec<&Value> = shown["instances"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["bank", "spare"]);

    is_over.store(true, Ordering::Relaxed);
    for payer in payers {
        payer.await.unwrap();
    }
    // Nothing of what failed was decided: a start finds what the file says, and what was before it is still known.
    for version in 0..3 {
        is_away(version, false);
    }
    world.write(&config("1.1.0"));
    let World { folder, gateway, .. } = Arc::into_inner(world).unwrap();
    gateway.drain().await;
    let world = start_in(folder, &config("1.1.0"), plugins()).await;
    let bank = world.bank().await;
    assert_eq!((&bank["state"], &bank["version"]), (&json!("open"), &json!("1.1.0")), "{bank:#}");
    let back = world.post("/v1/instances/bank/rollback").await;
    assert_eq!((back.status, &back.body["changed"]["to"]), (200, &json!("1.0.0")), "{back:?}");
    let paid = world.pay("back", json!({})).await;
    assert_eq!(paid.body["attempts"][0]["reference"], "1.0.0", "{paid:?}");
}
