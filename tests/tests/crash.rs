//! Killed while money moves, again and again: nothing acknowledged is lost, and the bank, which deduplicates nothing, sees
//! no payment twice.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly: that is what it is for"
)]

mod programs;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use programs::{Program, built, deployment};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// How often the gateway is killed, how many callers there are, and how many acknowledgements come before each kill.
const KILLS: usize = 3;
const CALLERS: usize = 8;
const ACKNOWLEDGED: usize = 80;

struct World {
    folder: tempfile::TempDir,
    programs: PathBuf,
    sandbox: Program,
    http: reqwest::Client,
}

impl World {
    fn new() -> Self {
        let programs = built();
        let sandbox = Program::sandbox(&programs, &["--bank-fault", "delay_ms=20", "--bank-fault", "lose_answers=5"]);
        let folder = tempfile::tempdir().unwrap();
        deployment(folder.path(), &programs, &sandbox);
        // Refused only where another test was first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { folder, programs, sandbox, http }
    }

    fn gateway(&self) -> Program {
        Program::gateway(&self.programs, &self.folder.path().join("gateway.toml"))
    }

    /// Asks for the payment of this key, as often as it is called: the same key is the same payment.
    async fn pay(&self, gateway: &str, key: &str, prefer: &str) -> Option<Value> {
        let body = json!({"payer": "twitter:1002", "payee": "twitter:1001", "confirmed": true,
            "amount": {"minor": 10, "currency": "EUR"}});
        let request = self.http.post(format!("{gateway}/v1/payments")).bearer_auth("sandbox-api-key");
        let request = request.header("idempotency-key", format!("\"{key}\"")).header("prefer", prefer);
        let response = request.json(&body).send().await.ok()?;
        if !response.status().is_success() {
            return None;
        }
        response.json().await.ok()
    }

    /// Orders at the bank, by their payment.
    async fn orders(&self) -> BTreeMap<String, usize> {
        let bank = self.sandbox.address("bank");
        let seen: Value = self.http.get(format!("{bank}/sandbox/payments")).send().await.unwrap().json().await.unwrap();
        let mut orders = BTreeMap::new();
        for order in seen["payments"].as_array().unwrap() {
            let payment = order["end_to_end_id"].as_str().unwrap().split('-').next().unwrap().to_owned();
            *orders.entry(payment).or_default() += 1;
        }
        orders
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_under_load_it_loses_nothing_and_pays_nothing_twice() {
    let world = Arc::new(World::new());
    let number = Arc::new(AtomicUsize::new(0));
    let mut acknowledged = BTreeMap::new();
    for _ in 0..KILLS {
        let mut gateway = world.gateway();
        let (tell, mut told) = mpsc::unbounded_channel();
        for _ in 0..CALLERS {
            let (world, number, tell, address) =
                (world.clone(), number.clone(), tell.clone(), gateway.address("listening"));
            tokio::spawn(async move {
                // Until nobody answers any more.
                loop {
                    let key = format!("k{}", number.fetch_add(1, Ordering::Relaxed));
                    let Some(payment) = world.pay(&address, &key, "respond-async").await else { return };
                    let _ = tell.send((key, payment["id"].as_str().unwrap().to_owned()));
                }
            });
        }
        drop(tell);
        for _ in 0..ACKNOWLEDGED {
            let (key, id) = told.recv().await.unwrap();
            acknowledged.insert(key, id);
        }
        gateway.0.kill().unwrap();
        // What was acknowledged until the last moment counts as well.
        while let Some((key, id)) = told.recv().await {
            acknowledged.insert(key, id);
        }
    }

    let gateway = world.gateway();
    let address = gateway.address("listening");
    let mut in_doubt = Vec::new();
    let mut completed = 0;
    for n in 0..number.load(Ordering::Relaxed) {
        let key = format!("k{n}");
        let id = loop {
            let payment = world.pay(&address, &key, "respond-async").await.expect("the gateway answers");
            let id = payment["id"].as_str().unwrap().to_owned();
            if payment["state"] == "completed" {
                completed += 1;
                break id;
            }
            // In doubt for as long as the bank could still carry it out: killed before its order left.
            assert_eq!(payment["state"], "transferring", "{payment}");
            // After a rail that was left alone for a while, the next one may have been asked.
            let last = payment["attempts"].as_array().and_then(|attempts| attempts.last());
            let is_unknown = last.is_some_and(|attempt| attempt["state"] == "unknown");
            if is_unknown && !world.orders().await.contains_key(&id) {
                in_doubt.push(id.clone());
                break id;
            }
            tokio::task::yield_now().await;
        };
        if let Some(before) = acknowledged.get(&key) {
            assert_eq!(*before, id, "{key} was acknowledged, and is another payment now");
        }
    }

    let orders = world.orders().await;
    assert!(acknowledged.len() >= KILLS * ACKNOWLEDGED);
    assert!(orders.values().all(|times| *times == 1), "paid twice: {orders:?}");
    assert_eq!(orders.len(), completed, "all that the bank moved is known to have moved, and nothing else");
    // What the rail may have had under way when it was killed: `limits.in_flight` orders, and unless written these are 64.
    assert!(in_doubt.len() <= KILLS * 64, "{} in doubt", in_doubt.len());
    drop(gateway);
}
