//! A gateway with villains in it, and payments that have nothing to do with them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::programs::Program;

const CONFIG: &str = r#"
[gateway]
listen = "127.0.0.1:0"
store = "sqlite:sportello.db"
plugins = ["plugins"]
key = { file = "sportello.key" }
drain = "2s"
watch = WATCHED

# What fails is not tried again: each misdeed is committed once.
[policy]
attempts_max = 1

[[keys]]
name = "test"
secret = "key-of-the-villains"
scopes = ["payments:read", "payments:write", "payments:confirmed", "operate"]

[[profiles]]
name = "Anna Rossi"
handles = ["hello:anna"]
account = "iban:FR1420041010050500013M02606"

[[profiles]]
name = "Paolo Bianchi"
handles = ["hello:paolo"]
account = "iban:IT60X0542811101000000123456"

PEOPLE
[rails.steady]
plugin = "hello-rail"
isolation = "ISOLATION"

[[routes]]
name = "steady"
currencies = ["EUR"]
transfer = ["steady"]
"#;

/// Who tells the two of their payments, where no villain does.
const PEOPLE: &str = r#"
[channels.people]
plugin = "hello-channel"
isolation = "ISOLATION"
settings = { webhook_secret = "secret-of-the-people-0123456789abcdef" }
"#;

/// A rail, and the route that takes what is in a currency to it.
pub(crate) fn rail(name: &str, currency: &str, table: &str) -> String {
    let route = format!("[[routes]]\nname = {name:?}\ncurrencies = [{currency:?}]\ntransfer = [{name:?}]\n");
    format!("[rails.{name}]\n{table}\n\n{route}\n")
}

/// A gateway that runs, and two people who pay without a pause by a rail that does as it should.
pub(crate) struct Scene {
    pub(crate) gateway: Program,
    programs: PathBuf,
    folder: tempfile::TempDir,
    isolation: &'static str,
    is_watched: bool,
    http: reqwest::Client,
    steady: Arc<Steady>,
    paying: JoinSet<()>,
}

#[derive(Default)]
struct Steady {
    completed: AtomicUsize,
    failed: Mutex<Vec<Value>>,
    is_over: AtomicBool,
}

impl Scene {
    /// `villains` is what stands in the configuration beside the rail that does as it should; `isolation` is that one's.
    pub(crate) fn new(programs: &Path, isolation: &'static str, villains: &str) -> Self {
        Self::begin(programs, isolation, false, villains)
    }

    /// The same, where the gateway sees by itself that a file has changed.
    pub(crate) fn watching(programs: &Path, isolation: &'static str, villains: &str) -> Self {
        Self::begin(programs, isolation, true, villains)
    }

    fn begin(programs: &Path, isolation: &'static str, is_watched: bool, villains: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plugins = folder.path().join("plugins");
        std::fs::create_dir(&plugins).unwrap();
        for name in [
            "hello_rail",
            "hello_channel",
            "hostile_villain",
            "hostile_escapes",
            "hostile_shouts",
            "hostile_panics_channel",
        ] {
            let name = format!("lib{name}.so");
            std::fs::copy(programs.join(&name), plugins.join(&name)).unwrap();
        }
        let file = folder.path().join("gateway.toml");
        std::fs::write(&file, config(isolation, is_watched, villains)).unwrap();
        let log = Stdio::from(File::create(folder.path().join("log")).unwrap());
        let gateway = Program::gateway_logging(programs, &file, log);
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().unwrap();
        // For the commands, which ask where the file says.
        let listens = gateway.address("listening").trim_start_matches("http://").to_owned();
        let asked = config(isolation, false, "").replace("127.0.0.1:0", &listens);
        std::fs::write(folder.path().join("asked.toml"), asked).unwrap();
        let (steady, paying) = Default::default();
        let programs = programs.to_owned();
        let mut scene = Self { gateway, programs, folder, isolation, is_watched, http, steady, paying };
        for _ in 0..2 {
            let (http, address, steady) = (scene.http.clone(), scene.address(), scene.steady.clone());
            scene.paying.spawn(async move {
                while !steady.is_over.load(Ordering::Relaxed) {
                    let paid = pay(&http, &address, "EUR", "lunch", "wait=30").await.unwrap_or_default();
                    if paid["state"] == "completed" {
                        steady.completed.fetch_add(1, Ordering::Relaxed);
                    } else {
                        steady.failed.lock().unwrap().push(paid);
                    }
                }
            });
        }
        scene
    }

    /// The gateway has ended, and is started again. Nobody pays meanwhile. What it logs from now on stands alone in the log.
    pub(crate) fn start_again(&mut self, programs: &Path) {
        let log = Stdio::from(File::create(self.at("log")).unwrap());
        self.gateway = Program::gateway_logging(programs, &self.at("gateway.toml"), log);
    }

    fn address(&self) -> String {
        self.gateway.address("listening")
    }

    /// A file beside the configuration.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.at("log")).unwrap()
    }

    /// What [proc(5)](https://man7.org/linux/man-pages/man5/proc.5.html) says of the gateway's memory under this key, in MB.
    pub(crate) fn memory_mb(&self, key: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.gateway.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() >> 10
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        serde_json::from_str(&self.text(path).await).unwrap()
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        let request = self.http.get(format!("{}{path}", self.address())).bearer_auth("key-of-the-villains");
        request.send().await.unwrap().text().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str) -> (u16, Value) {
        let request = self.http.post(format!("{}{path}", self.address())).bearer_auth("key-of-the-villains");
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// What a provider's delivery is answered with.
    pub(crate) async fn delivered(&self, path: &str, body: &'static str, (name, value): (&str, &str)) -> u16 {
        let request = self.http.post(format!("{}{path}", self.address())).header(name, value).body(body);
        request.send().await.unwrap().status().as_u16()
    }

    /// Has the gateway read a configuration with other villains in it.
    pub(crate) async fn reload(&self, villains: &str) -> (u16, Value) {
        std::fs::write(self.at("gateway.toml"), self.config(villains)).unwrap();
        self.post("/v1/reload").await
    }

    fn config(&self, villains: &str) -> String {
        config(self.isolation, self.is_watched, villains)
    }

    /// Puts a file among the plugins, whole from the first moment on.
    pub(crate) fn drop_in(&self, name: &str, content: &[u8]) {
        std::fs::write(self.at("plugins/coming"), content).unwrap();
        std::fs::rename(self.at("plugins/coming"), self.at("plugins").join(name)).unwrap();
    }

    /// Tells the gateway to read its configuration again, as `kill -HUP` does.
    pub(crate) fn hang_up(&self) {
        let pid = self.gateway.0.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    }

    /// The program, to be told something about this gateway.
    pub(crate) fn sportello(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.programs.join("sportello"));
        command.current_dir(self.folder.path()).args(["--config", "asked.toml"]).args(arguments);
        command.stdin(Stdio::null());
        command
    }

    /// What the program says on its standard output, where it ends with this code.
    pub(crate) fn says(&self, arguments: &[&str], code: i32) -> String {
        let output = tokio::task::block_in_place(|| self.sportello(arguments).output());
        let Output { status, stdout, stderr } = output.unwrap();
        let said = String::from_utf8(stdout).unwrap();
        assert_eq!(status.code(), Some(code), "{arguments:?}: {said}{}", String::from_utf8_lossy(&stderr));
        said
    }

    /// The same in JSON.
    pub(crate) fn told_as_json(&self, arguments: &[&str], code: i32) -> Value {
        let said = self.says(&[&["--json"], arguments].concat(), code);
        serde_json::from_str(&said).unwrap_or_else(|_| panic!("{arguments:?}: {said}"))
    }

    /// Waits until more payments have been made that have nothing to do with the villains.
    pub(crate) async fn others_go_on(&self) {
        let before = self.steady.completed.load(Ordering::Relaxed);
        self.until("nobody else pays", async || self.steady.completed.load(Ordering::Relaxed) >= before + 5).await;
    }

    pub(crate) async fn until(&self, what: &str, mut condition: impl AsyncFnMut() -> bool) {
        let waiting = async {
            while !condition().await {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
        assert!(waited.is_ok(), "waited in vain: {what}\n{}\n{:#}", self.log(), self.get("/v1/instances").await);
    }

    /// Pays in this currency with this memo, of which the answer is not waited for here.
    pub(crate) fn paying(
        &self,
        currency: &'static str,
        memo: &str,
        prefer: &'static str,
    ) -> impl Future<Output = Option<Value>> + Send + 'static {
        let (http, address, memo) = (self.http.clone(), self.address(), memo.to_owned());
        async move { pay(&http, &address, currency, &memo, prefer).await }
    }

    /// Has the rail of a currency do what the memo says. Answers what became of the payment, and that payment's id.
    pub(crate) async fn commits(&self, currency: &'static str, memo: &str, prefer: &'static str) -> (String, String) {
        let paid = self.paying(currency, memo, prefer).await.expect("the gateway answers");
        let id = paid["id"].as_str().unwrap_or_else(|| panic!("{paid}"));
        (became(&paid), id.to_owned())
    }

    /// Waits until this has become of a payment.
    pub(crate) async fn until_it_is(&self, id: &str, expected: &str) {
        let what = format!("{id} is not {expected}");
        self.until(&what, async || became(&self.get(&format!("/v1/payments/{id}")).await) == expected).await;
    }

    /// All that an operator is told: by the log from this byte on, the payment with its incidents, its journal, and of the
    /// instances.
    async fn told(&self, from: usize, id: &str) -> String {
        let payment = self.get(&format!("/v1/payments/{id}")).await;
        let events = self.get(&format!("/v1/payments/{id}/events")).await;
        let instances = self.get("/v1/instances").await;
        format!("{}\n{payment}\n{events}\n{instances}", self.log().get(from..).unwrap_or_default())
    }

    /// Has the rail of a currency do what the memo says: this comes of it, the operator is told that, and others go on.
    pub(crate) async fn check(&self, currency: &'static str, memo: &str, expected: &str, told: &str) -> String {
        // What stays open is not waited for.
        let prefer = if expected.starts_with("transferring") { "wait=1" } else { "wait=30" };
        let from = self.log().len();
        let (became, id) = self.commits(currency, memo, prefer).await;
        assert_eq!(became, expected, "{memo}\n{}", self.told(from, &id).await);
        self.until(told, async || self.told(from, &id).await.contains(told)).await;
        self.others_go_on().await;
        id
    }

    /// The instance of this name, as it is shown; nothing where there is none.
    pub(crate) async fn instance(&self, name: &str) -> Value {
        let shown = self.get("/v1/instances").await;
        let all = shown["instances"].as_array().unwrap();
        all.iter().find(|one| one["name"] == name).cloned().unwrap_or_default()
    }

    /// Waits until an instance is shown so.
    pub(crate) async fn until_instance(&self, name: &str, is_so: impl Fn(&Value) -> bool) {
        self.until(name, async || is_so(&self.instance(name).await)).await;
    }

    /// Waits until an instance is open, and may be called.
    pub(crate) async fn is_back(&self, name: &str) {
        self.until_instance(name, |one| one["state"] == "open" && one["stats"]["breaker"] != "open").await;
    }

    /// The others pay no more. None of their payments has failed.
    pub(crate) async fn others_end(&mut self) {
        self.others_go_on().await;
        self.steady.is_over.store(true, Ordering::Relaxed);
        while self.paying.join_next().await.is_some() {}
        let failed = self.steady.failed.lock().unwrap().clone();
        let completed = self.steady.completed.load(Ordering::Relaxed);
        assert!(failed.is_empty(), "beside {completed} others {failed:#?}\n{}", self.log());
        for name in ["steady", "people"] {
            let one = self.instance(name).await;
            // Where a villain is the channel, there is no other one.
            if name == "people" && one.is_null() {
                continue;
            }
            let untouched = json!([0, 0, "closed"]);
            assert_eq!(json!([one["restarts"], one["stats"]["errors"], one["stats"]["breaker"]]), untouched, "{one:#}");
            assert!(one["stats"]["calls"].as_u64() > Some(0), "{one:#}");
        }
    }

    /// The end: none of the others' payments has failed, and the books are right.
    pub(crate) async fn end(mut self) {
        self.others_end().await;
        assert_eq!(self.get("/v1/ledger").await["balanced"], true);
    }
}

fn config(isolation: &str, is_watched: bool, villains: &str) -> String {
    let people = if villains.contains("[channels.hello]") { "" } else { PEOPLE };
    let config = CONFIG.replace("PEOPLE", people).replace("ISOLATION", isolation);
    format!("{}\n{villains}", config.replace("WATCHED", &is_watched.to_string()))
}

/// A built library, with this in the place of what its manifest says, and nothing else changed.
pub(crate) fn saying(programs: &Path, name: &str, said: &str, now: &str) -> Vec<u8> {
    let mut library = std::fs::read(programs.join(format!("lib{name}.so"))).unwrap();
    let (said, now) = (said.as_bytes(), now.as_bytes());
    assert_eq!(said.len(), now.len());
    let places: Vec<usize> =
        library.windows(said.len()).enumerate().filter(|(_, w)| *w == said).map(|(at, _)| at).collect();
    assert!(!places.is_empty(), "{name} says nothing of the kind");
    for at in places {
        library[at..at + now.len()].copy_from_slice(now);
    }
    library
}

/// The same in its next version.
pub(crate) fn next_version(programs: &Path, name: &str) -> Vec<u8> {
    saying(programs, name, "\"version\": \"1.0.0\"", "\"version\": \"1.1.0\"")
}

/// The state of a payment, and that of its last order.
fn became(paid: &Value) -> String {
    let attempts = paid["attempts"].as_array().map_or(&[][..], Vec::as_slice);
    let last = attempts.last().map_or("none", |attempt| attempt["state"].as_str().unwrap());
    format!("{} {last}", paid["state"].as_str().unwrap_or("nothing"))
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
