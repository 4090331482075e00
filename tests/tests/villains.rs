//! A villain for each promise: a plugin misbehaves in every way, and while it does, payments by another plugin go on without
//! one that fails, and the operator is told.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
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
account = "hello:anna"

[[profiles]]
name = "Paolo Bianchi"
handles = ["hello:paolo"]
account = "hello:paolo"

[rails.steady]
plugin = "hello-rail"
isolation = "ISOLATION"

[rails.villain]
plugin = "PLUGIN"
isolation = "ISOLATION"
deadline = "2s"
grants = ["http://127.0.0.1:GRANTED", "https://*:*"]

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
    build.args(["build", "--quiet", "--locked", "--package", "hostile-villain", "--package", "hostile-escapes"]);
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

impl Scene {
    fn new(programs: &std::path::Path, plugin: &str, isolation: &str, granted: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = CONFIG
            .replace("PROGRAMS", programs.to_str().unwrap())
            .replace("PLUGIN", plugin)
            .replace("ISOLATION", isolation)
            .replace("GRANTED", &granted.to_string());
        let config = if plugin == "villain" { config } else { without_grants(&config) };
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

    /// Makes the villain commit this, and answers what became of the payment at once: its state, and the word of its rail.
    async fn commits(&self, memo: &str) -> String {
        let paid = pay(&self.http, &self.address(), "USD", memo, "wait=10").await.expect("the gateway answers");
        let attempts = paid["attempts"].as_array().map_or(&[][..], Vec::as_slice);
        let last = attempts.last().map(|attempt| attempt["state"].as_str().unwrap()).unwrap_or("none");
        format!("{} {last}", paid["state"].as_str().unwrap())
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

fn without_grants(config: &str) -> String {
    config.lines().filter(|line| !line.starts_with("grants")).collect::<Vec<_>>().join("\n")
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
    let scene = Scene::new(&programs, "villain", isolation, port);
    let check = async |memo: &str, expected: &str, told: &str| {
        assert_eq!(scene.commits(memo).await, expected, "{memo}\n{}", scene.log());
        scene.until(told, async || scene.log().contains(told) || told.is_empty()).await;
        scene.others_go_on().await;
    };
    check("behaves", "completed settled", "").await;
    // No byte left for these, which is the host's own fact: so they are over, and nobody is in doubt.
    check("no-text", "declined not_sent", "is not as agreed").await;
    check("no-failure", "declined not_sent", "is not as agreed").await;
    check("nested", "declined not_sent", "is not as agreed").await;
    check("panics", "declined not_sent", "panicked").await;
    check("answers-late", "declined not_sent", "did not answer within").await;
    check("hangs", "declined not_sent", "did not answer within").await;
    // A word that nobody knows is no decline.
    check("no-outcome", "transferring unknown", "").await;
    // Another amount than was ordered stands in suspense, and is for the operator to look at.
    check("other-amount", "in_review settled", "").await;
    check("leaks", "completed settled", "").await;
    check("floods-log", "completed settled", "flood flood").await;
    check("floods-messages", "completed settled", "").await;
    check("answers-twice", "completed settled", "").await;
    // Whom it was not granted: by name, by address, by a name that leads inside, by a redirect that nobody follows.
    check("asks https://127.0.0.1:1/", "declined declined", "").await;
    let declined = |code: &str| (format!("declined {code}"), "");
    let _ = declined;
    let steady = scene.get("/v1/payments?limit=20").await;
    let others = steady["payments"].as_array().unwrap().iter().find(|payment| payment["amount"]["currency"] == "EUR");
    let key = format!("answers-anothers {}-1", others.unwrap()["id"].as_str().unwrap());
    check(&key, "declined declined", "").await;
    check("behaves", "completed settled", "").await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_plugin_answers_and_asks_hurts_nobody_else_in_process() {
    lies_and_floods("in-process").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_plugin_answers_and_asks_hurts_nobody_else_isolated() {
    lies_and_floods("process").await;
}
