//! A villain for each promise: a plugin misbehaves in every way, and while it does, payments by another plugin go on without
//! one that fails, and the operator is told.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly: that is what it is for"
)]

mod programs;

use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use programs::{Program, built, root};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const CONFIG: &str = r#"
[gateway]
listen = "127.0.0.1:0"
store = "sqlite:sportello.db"
plugins = ["PROGRAMS"]
key = { file = "sportello.key" }

[[keys]]
name = "test"
secret = "key-of-the-villains"
scopes = ["payments:read", "payments:write", "payments:confirmed"]

[[profiles]]
name = "Anna Rossi"
handles = ["hello:anna"]
account = "iban:FR1420041010050500013M02606"

[[profiles]]
name = "Paolo Bianchi"
handles = ["hello:paolo"]
account = "iban:IT60X0542811101000000123456"

[rails.steady]
plugin = "hello-rail"
isolation = "ISOLATION"

[rails.villain]
isolation = "ISOLATION"
VILLAIN

[[routes]]
name = "steady"
currencies = ["EUR"]
transfer = ["steady"]

[[routes]]
name = "villain"
currencies = ["USD"]
transfer = ["villain"]
"#;

/// The libraries that misbehave.
fn built_with_villains() -> PathBuf {
    let programs = built();
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--quiet", "--locked", "--package", "hostile-villain"]);
    assert!(build.current_dir(root()).status().unwrap().success());
    programs
}

/// A gateway with a villain in it, and payments that have nothing to do with that.
struct Scene {
    gateway: Program,
    folder: tempfile::TempDir,
    http: reqwest::Client,
    steady: Arc<Steady>,
    paying: JoinSet<()>,
}

#[derive(Default)]
struct Steady {
    completed: AtomicUsize,
    failed: AtomicUsize,
    is_over: AtomicBool,
}

/// A rail that answers, says and asks what it should not.
const LIES: &str = r#"plugin = "villain"
deadline = "2s"
grants = ["http://127.0.0.1:GRANTED", "https://*:*"]"#;

impl Scene {
    fn new(programs: &std::path::Path, villain: &str, isolation: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = CONFIG
            .replace("PROGRAMS", programs.to_str().unwrap())
            .replace("VILLAIN", villain)
            .replace("ISOLATION", isolation);
        let file = folder.path().join("gateway.toml");
        std::fs::write(&file, config).unwrap();
        let log = Stdio::from(File::create(folder.path().join("log")).unwrap());
        let gateway = Program::gateway_logging(programs, &file, log);
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().unwrap();
        let mut scene = Self { gateway, folder, http, steady: Arc::default(), paying: JoinSet::new() };
        for _ in 0..2 {
            let (http, address, steady) = (scene.http.clone(), scene.address(), scene.steady.clone());
            scene.paying.spawn(async move {
                while !steady.is_over.load(Ordering::Relaxed) {
                    let paid = pay(&http, &address, "EUR", "lunch", "wait=30").await;
                    let is_completed = paid.is_some_and(|paid| paid["state"] == "completed");
                    let count = if is_completed { &steady.completed } else { &steady.failed };
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        scene
    }

    fn address(&self) -> String {
        self.gateway.address("listening")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        let request = self.http.get(format!("{}{path}", self.address())).bearer_auth("key-of-the-villains");
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Waits until more payments have been made that have nothing to do with the villain.
    async fn others_go_on(&self) {
        let before = self.steady.completed.load(Ordering::Relaxed);
        self.until("nobody else pays", async || self.steady.completed.load(Ordering::Relaxed) >= before + 5).await;
    }

    async fn until(&self, what: &str, mut condition: impl AsyncFnMut() -> bool) {
        let waiting = async {
            while !condition().await {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
        assert!(waited.is_ok(), "{what}\n{}", self.log());
    }

    /// Makes the villain commit this. Answers what became of the payment: its state, and that of its order.
    async fn commits(&self, memo: &str, prefer: &str) -> (String, String) {
        let paid = pay(&self.http, &self.address(), "USD", memo, prefer).await.expect("the gateway answers");
        let attempts = paid["attempts"].as_array().map_or(&[][..], Vec::as_slice);
        let last = attempts.last().map_or("none", |attempt| attempt["state"].as_str().unwrap());
        let id = paid["id"].as_str().unwrap_or_else(|| panic!("{paid}"));
        (format!("{} {last}", paid["state"].as_str().unwrap()), id.to_owned())
    }

    /// All that an operator is told: by the log, the payment's journal, and of the instances.
    async fn told(&self, id: &str) -> String {
        let events = self.get(&format!("/v1/payments/{id}/events")).await;
        let instances = self.get("/v1/instances").await;
        format!("{}\n{events}\n{instances}", self.log())
    }

    async fn check(&self, memo: &str, expected: &str, told: &str) {
        // What stays open is not waited for.
        let prefer = if expected.starts_with("transferring") { "wait=1" } else { "wait=30" };
        let (became, id) = self.commits(memo, prefer).await;
        assert_eq!(became, expected, "{memo}\n{}", self.told(&id).await);
        self.until(told, async || self.told(&id).await.contains(told)).await;
        self.others_go_on().await;
    }

    /// Waits until the breaker lets the villain be called again.
    async fn is_rested(&self) {
        let is_closed = |all: &Value| {
            let all = all["instances"].as_array().unwrap();
            all.iter().any(|one| one["name"] == "villain" && one["stats"]["breaker"] != "open")
        };
        self.until("the breaker is closed", async || is_closed(&self.get("/v1/instances").await)).await;
    }

    /// Waits until the villain is open again.
    async fn is_back(&self) {
        let is_open = |all: &Value| {
            let all = all["instances"].as_array().unwrap();
            all.iter().any(|one| one["name"] == "villain" && one["state"] == "open")
        };
        self.until("the villain is open again", async || is_open(&self.get("/v1/instances").await)).await;
    }

    /// The end: none of the others' payments has failed.
    async fn end(mut self) {
        self.others_go_on().await;
        self.steady.is_over.store(true, Ordering::Relaxed);
        while self.paying.join_next().await.is_some() {}
        let failed = self.steady.failed.load(Ordering::Relaxed);
        assert_eq!(failed, 0, "of {} others\n{}", self.steady.completed.load(Ordering::Relaxed), self.log());
    }
}

async fn pay(http: &reqwest::Client, address: &str, currency: &str, memo: &str, prefer: &str) -> Option<Value> {
    static KEYS: AtomicUsize = AtomicUsize::new(0);
    let body = json!({"payer": "hello:anna", "payee": "hello:paolo", "confirmed": true, "memo": memo,
        "amount": {"minor": 100, "currency": currency}});
    let key = format!("\"v{}\"", KEYS.fetch_add(1, Ordering::Relaxed));
    let request = http.post(format!("{address}/v1/payments")).bearer_auth("key-of-the-villains");
    let response = request.header("idempotency-key", key).header("prefer", prefer).json(&body).send().await.ok()?;
    response.json().await.ok()
}

/// What it answers, says and asks for: the same in-process and in a process of its own.
async fn lies_and_floods(isolation: &str) {
    let programs = built_with_villains();
    let redirecting = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = redirecting.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let Ok((mut stream, _)) = redirecting.accept().await else { return };
            let answer = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await;
        }
    });
    let scene = Scene::new(&programs, &LIES.replace("GRANTED", &port.to_string()), isolation);
    let is_isolated = isolation == "process";
    scene.check("behaves", "completed settled", "").await;
    // No byte left for these, which is the host's own fact: so they are over, and nobody is in doubt.
    scene.check("no-text", "declined not_sent", "not as agreed").await;
    scene.check("no-failure", "declined not_sent", "not as agreed").await;
    scene.check("nested", "declined not_sent", "not as agreed").await;
    scene.check("panics", "declined not_sent", "panicked").await;
    scene.is_rested().await;
    scene.check("answers-late", "declined not_sent", "did not answer within").await;
    scene.check("hangs", "declined not_sent", "did not answer within").await;
    scene.is_rested().await;
    // A word that nobody knows is no decline.
    scene.check("no-outcome", "transferring unknown", "").await;
    // Another amount than was ordered stands in suspense, and is for the operator to look at.
    scene.check("other-amount", "in_review settled", "suspense").await;
    scene.check("leaks", "completed settled", "").await;
    scene.check("floods-log", "completed settled", "flood flood").await;
    scene.check("floods-messages", "completed settled", "").await;
    scene.check("answers-twice", "completed settled", "").await;
    // Whom it was not granted: by address, by a name that leads inside, and by a redirect, which nobody follows.
    scene.check("asks https://127.0.0.1:1/", "declined declined", "not_granted").await;
    scene.check("asks http://127.0.0.1:1/", "declined declined", "not_granted").await;
    scene.check("asks https://localhost:1/", "declined declined", "unreachable").await;
    scene.check(&format!("asks http://127.0.0.1:{port}/"), "declined declined", "302").await;
    let others = scene.get("/v1/payments?limit=20").await;
    let others = others["payments"].as_array().unwrap();
    let other = others.iter().find(|payment| payment["amount"]["currency"] == "EUR").unwrap();
    let key = format!("answers-anothers {}-1", other["id"].as_str().unwrap());
    scene.check(&key, "declined declined", "unknown_order").await;
    let too_much = if is_isolated { "memory" } else { "not as agreed" };
    scene.check("gigabyte", "declined not_sent", too_much).await;
    scene.is_back().await;
    // In-process its thread is lost, and it is called no more; a process of its own is killed, and comes back.
    scene.check("loops", "declined not_sent", if is_isolated { "it hung" } else { "called no more" }).await;
    if is_isolated {
        scene.is_back().await;
        scene.check("behaves", "completed settled", "").await;
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_plugin_answers_and_asks_hurts_nobody_else_in_process() {
    lies_and_floods("in-process").await;
}
