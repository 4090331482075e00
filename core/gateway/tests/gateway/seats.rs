//! Which version has an order, through the whole gateway: where another provider may stand behind the next one, and where a
//! canary goes back while a reload is on its way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinHandle;

use crate::versions::{WAIT, canary, plugins, start, start_in, with};
use crate::world::{Answer, World, answer, prepare_with};

/// Where version 1.3.0 waits before it is open.
pub(crate) static OPEN: Door = Door { waiting: AtomicUsize::new(0), let_in: Semaphore::const_new(0) };

/// A door at which somebody can be seen to wait.
pub(crate) struct Door {
    waiting: AtomicUsize,
    let_in: Semaphore,
}

impl Door {
    pub(crate) async fn pass<T>(&self, who: T) -> T {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        drop(self.let_in.acquire().await.unwrap());
        who
    }

    fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    /// From now on nobody waits.
    fn let_all(&self) {
        self.let_in.add_permits(1);
    }

    /// From now on everybody waits.
    fn shut(&self) {
        self.let_in.forget_permits(usize::MAX);
        self.waiting.store(0, Ordering::SeqCst);
    }
}

impl World {
    async fn instance(&self, name: &str) -> Value {
        let shown = self.get("/v1/instances").await.body;
        shown["instances"].as_array().unwrap().iter().find(|i| i["name"] == name).cloned().unwrap_or_default()
    }

    async fn until_instance(&self, name: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let instance = self.instance(name).await;
            if is_so(&instance) {
                return instance;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "{instance:#}");
            tokio::task::yield_now().await;
        }
    }
}

/// Two orders are in flight, each at a rail of its own, when both rails get something else. One gets another version of
/// the same, which takes the order over once `drain_versions` is past. The other gets other settings, so that nobody but
/// the old one may ever be asked.
#[tokio::test]
async fn an_order_is_never_handed_to_another_provider() {
    let both = with(&[
        ("[gateway]", "[gateway]\ndrain_versions = \"1s\""),
        ("[[routes]]", "[rails.other]\nplugin = \"versioned\"\nversion = \"1.0.0\"\n\n[[routes]]"),
    ]);
    let over_other = both.replacen("[\"bank\"]", "[\"other\"]", 1);
    let world = start(&both).await;
    let wait = |key: &str| tokio::spawn(world.payment(key, json!({"memo": "wait"})).header("prefer", "wait=20").send());
    let at_bank = wait("at bank");
    world.until_instance("bank", |bank| bank["stats"]["in_flight"] == 1).await;
    assert_eq!(world.reload(&over_other).await.status, 200);
    let at_other = wait("at other");
    world.until_instance("other", |other| other["stats"]["in_flight"] == 1).await;
    let changed = over_other
        .replacen("version = \"1.0.0\"", "version = \"1.0.0\"\nsettings = { limit_minor = 5 }", 1)
        .replacen("\"versioned\"\nversion = \"1.0.0\"\n\n", "\"versioned\"\nversion = \"1.1.0\"\n\n", 1);
    let reloaded = world.reload(&changed).await;
    assert_eq!(reloaded.body["changed"].as_array().map(Vec::len), Some(2), "{reloaded:?}");
    world.until_instance("other", |other| other["leaving"] == json!([])).await;
    let bank = world.instance("bank").await;
    assert_eq!(bank["leaving"][0]["orders_open"], 1, "{bank:#}");
    WAIT.add_permits(2);
    let settled: Value = at_bank.await.unwrap().unwrap().json().await.unwrap();
    assert_eq!(settled["state"], "completed", "{settled:#}");
    at_other.await.unwrap().unwrap();
    world.until_instance("bank", |bank| bank["leaving"] == json!([])).await;
}

/// The engine goes by what the current version promises, so that a canary must promise the same.
#[tokio::test]
async fn a_canary_with_other_promises_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let prepare =
        async |version: &str| prepare_with(folder.path(), &canary(version), plugins()).await.err().unwrap_or_default();
    assert_eq!(prepare("1.1.0").await, Vec::<String>::new());
    let problems = prepare("1.4.0").await;
    let expected = "rails.bank.canary: version 1.4.0 says otherwise than 1.0.0 which orders it carries out";
    assert!(problems.len() == 1 && problems[0].contains(expected), "{problems:?}");
    assert!(problems[0].contains("take `canary` out"), "{problems:?}");
}

/// Both wait at the same door.
static ALONE: Mutex<()> = Mutex::const_new(());

/// Has a file read again with another instance in it, which waits at the door before it opens. Answers with what will become of
/// that, once it waits.
async fn reloading(world: &World, next: &str) -> JoinHandle<Answer> {
    OPEN.shut();
    // It waits for as long as it takes.
    let slow = "[rails.slow]\nplugin = \"versioned\"\nversion = \"1.3.0\"\ndeadline = \"5m\"\n";
    world.write(&format!("{next}\n{slow}"));
    let reload = world.request(Method::POST, "/v1/reload").bearer_auth("key-that-may-do-all");
    let reloading = tokio::spawn(async move { answer(reload).await });
    // The plan is made, and waits.
    let began = Instant::now();
    while !OPEN.is_waiting() {
        assert!(began.elapsed() < Duration::from_secs(20));
        tokio::task::yield_now().await;
    }
    reloading
}

/// A reload waits for another instance to open; meanwhile the canary fails and goes back. Answers with what became of the
/// reload.
async fn sent_back_during(canary: &str, next: &str) -> (World, Answer) {
    let world = start(canary).await;
    let reloading = reloading(&world, next).await;
    let mut turns = 0;
    while world.instance("bank").await["returned"].is_null() {
        world.pay(&format!("{turns}"), json!({})).await;
        turns += 1;
        assert!(turns < 300);
    }
    world.until_instance("bank", |bank| bank["leaving"] == json!([])).await;
    OPEN.let_all();
    (world, reloading.await.unwrap())
}

async fn all_is_well(world: &World) {
    let bank = world.instance("bank").await;
    assert_eq!((&bank["canary"], &bank["returned"]["version"]), (&Value::Null, &json!("1.2.0")), "{bank:#}");
    for turn in 0..20 {
        let paid = world.pay(&format!("after {turn}"), json!({})).await;
        assert_eq!(paid.body["state"], "completed", "{paid:?}");
    }
}

/// The door is shut at once, whatever opens meanwhile; and that gets no seat.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_stops_during_a_reload_takes_nothing_new() {
    let _alone = ALONE.lock().await;
    let config = canary("1.2.0");
    let world = start(&config).await;
    let reloading = reloading(&world, &config).await;
    let World { folder, gateway, http, base } = world;
    let draining = tokio::spawn(gateway.drain());
    let began = Instant::now();
    while http.get(format!("{base}/readyz")).send().await.unwrap().status() == 200 {
        assert!(began.elapsed() < Duration::from_secs(20));
        tokio::task::yield_now().await;
    }
    assert!(OPEN.is_waiting() && !reloading.is_finished());
    OPEN.let_all();
    let refused = reloading.await.unwrap();
    assert!(refused.status == 422 && refused.body.to_string().contains("about to stop"), "{refused:?}");
    assert!(draining.await.unwrap());
    drop(folder);
}

/// It is not called back by that reload, and the current version takes everything.
#[tokio::test]
async fn a_canary_that_goes_back_during_a_reload_stays_back() {
    let _alone = ALONE.lock().await;
    let canary = canary("1.2.0").replacen("[[keys]]", "[policy]\nattempts_max = 1\n\n[[keys]]", 1);
    let (world, reloaded) = sent_back_during(&canary, &canary).await;
    assert_eq!(reloaded.status, 200, "{reloaded:?}");
    all_is_well(&world).await;
}

/// Nor does it become current, although that is what the file says by now: whoever wrote that had not seen it fail.
#[tokio::test]
async fn a_canary_that_goes_back_during_its_promotion_is_not_promoted() {
    let _alone = ALONE.lock().await;
    let canary = canary("1.2.0").replacen("[[keys]]", "[policy]\nattempts_max = 1\n\n[[keys]]", 1);
    let promoted: Vec<&str> = canary.lines().filter(|line| !line.starts_with("canary = ")).collect();
    let promoted = promoted.join("\n").replacen("version = \"1.0.0\"", "version = \"1.2.0\"", 1);
    let (world, reloaded) = sent_back_during(&canary, &promoted).await;
    assert_eq!(reloaded.status, 422, "{reloaded:?}");
    assert!(reloaded.body.to_string().contains("it went back as a canary in this moment"), "{reloaded:?}");
    assert_eq!(world.instance("bank").await["version"], "1.0.0");
    all_is_well(&world).await;
}

/// The program stops with an order in flight, and another version is there when it starts. An operator can see that the order
/// was another's; and once that version is given it again, as its kind allows, that it is its own.
#[tokio::test]
async fn an_order_keeps_who_took_it_through_a_restart() {
    let config = |version: &str| {
        let version = format!("version = {version:?}");
        with(&[("[gateway]", "[gateway]\ndrain = \"1s\""), ("version = \"1.0.0\"", &version)])
    };
    let world = start(&config("1.0.0")).await;
    let taken = answer(world.payment("in flight", json!({"memo": "wait"}))).await;
    let payment = format!("/v1/payments/{}", taken.body["id"].as_str().unwrap());
    world.until_instance("bank", |bank| bank["stats"]["in_flight"] == 1).await;
    let first = json!({"plugin": "versioned", "version": "1.0.0"});
    let second = json!({"plugin": "versioned", "version": "1.1.0"});
    assert_eq!(world.get(&payment).await.body["attempts"][0]["taken_by"], first);
    assert_eq!(world.gateway.switchboard().gone().await, []);
    let World { folder, gateway, .. } = world;
    gateway.drain().await;
    let world = start_in(folder, &config("1.1.0"), plugins()).await;
    let gone = world.gateway.switchboard().gone().await;
    let told: Vec<_> = gone
        .iter()
        .map(|gone| {
            (gone.rail.clone(), gone.taken_by.to_string(), gone.asked.as_ref().unwrap().to_string(), gone.orders)
        })
        .collect();
    assert_eq!(told, [("bank".to_owned(), "versioned 1.0.0".to_owned(), "versioned 1.1.0".to_owned(), 1)]);
    // Whoever waits still at what was given up goes first.
    WAIT.add_permits(10);
    let began = Instant::now();
    loop {
        let shown = world.get(&payment).await.body;
        let by = &shown["attempts"][0]["taken_by"];
        if shown["state"] == "completed" {
            assert_eq!((by, &shown["attempts"][0]["reference"]), (&second, &json!("1.1.0")), "{shown:#}");
            break;
        }
        assert!(*by == first || *by == second, "{shown:#}");
        assert!(began.elapsed() < Duration::from_secs(20), "{shown:#}");
        tokio::task::yield_now().await;
    }
    WAIT.forget_permits(usize::MAX);
    assert_eq!(world.gateway.switchboard().gone().await, []);
    world.gateway.drain().await;
}
