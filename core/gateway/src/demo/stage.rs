//! The programs of a demo, and what can be asked of them.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::client::Client;

/// Where the sandbox's providers are, as it names them, and as `gateway.toml` has them.
const PLACES: [(&str, &str); 9] = [
    ("x", "127.0.0.1:7001"),
    ("bank", "127.0.0.1:7002"),
    ("smsc", "127.0.0.1:2775"),
    ("phones", "127.0.0.1:7003"),
    ("messenger", "127.0.0.1:7004"),
    ("acquirer", "127.0.0.1:8583"),
    ("cards", "127.0.0.1:7005"),
    ("threeds", "127.0.0.1:7006"),
    ("wallets", "127.0.0.1:7007"),
];

/// Where the gateway is, as `gateway.toml` has it.
const GATEWAY: &str = "127.0.0.1:8080";

/// What the gateway is called on the channels.
const OURS: [&str; 3] = ["sportello", "40404", "page"];

/// Where people read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    X,
    Phone,
    Messenger,
}

/// How long anything may take that a story waits for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A sandbox and a gateway that know each other.
pub(super) struct Stage {
    pub(super) x: String,
    pub(super) bank: String,
    pub(super) phones: String,
    pub(super) messenger: String,
    pub(super) cards: String,
    pub(super) wallets: String,
    pub(super) gateway: String,
    pub(super) program: PathBuf,
    pub(super) config: PathBuf,
    client: Client,
    http: reqwest::Client,
    gateway_process: Child,
    // Ends when its standard input closes: with this.
    _sandbox: Child,
    // The last to go: a program that still runs would write into it.
    _folder: Folder,
}

/// What the demo keeps while it lasts.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Stage {
    /// Starts both. `apart` is on free ports, beside whatever else runs.
    pub(super) async fn set(config: &Path, apart: bool) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|e| e.to_string())?;
        let beside = program.parent().unwrap_or(Path::new(".")).to_path_buf();
        let folder = Folder(beside.join(format!("demo-{}", std::process::id())));
        std::fs::create_dir_all(&folder.0).map_err(|e| format!("{}: {e}", folder.0.display()))?;

        let gateway = if apart { free_address()? } else { GATEWAY.to_owned() };
        let mut sandbox = Command::new(beside.join(format!("sandbox{}", std::env::consts::EXE_SUFFIX)));
        for (place, usual) in PLACES {
            sandbox.arg(format!("--{place}")).arg(if apart { "127.0.0.1:0" } else { usual });
        }
        sandbox.arg("--until-stdin-closes").stdin(Stdio::piped());
        let (sandbox, said) = started(&mut sandbox, "x").await?;
        let mut written = std::fs::read_to_string(config).map_err(|e| format!("{}: {e}", config.display()))?;
        for (place, usual) in PLACES {
            let there = text(&said, place);
            written = written.replace(usual, there.trim_start_matches("http://"));
        }
        written = written.replace(GATEWAY, &gateway);
        let [x, bank, _, phones, messenger, _, cards, _, wallets] = PLACES.map(|(place, _)| text(&said, place));
        let written = adapted(&written, config, &beside, &gateway)?;
        let config = folder.0.join("gateway.toml");
        std::fs::write(&config, written).map_err(|e| e.to_string())?;
        let mut run = Command::new(&program);
        run.arg("--config").arg(&config).args(["--json", "run"]).stdin(Stdio::null());
        let (gateway_process, said) = started(&mut run, "listening").await?;
        let gateway = text(&said, "listening");

        let client = Client::open(&config).map_err(|e| e.to_string())?;
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().map_err(|e| e.to_string())?;
        let stage = Self {
            x,
            bank,
            phones,
            messenger,
            cards,
            wallets,
            gateway,
            program,
            config,
            client,
            http,
            gateway_process,
            _sandbox: sandbox,
            _folder: folder,
        };
        for (channel, provider) in [("twitter", &stage.x), ("messenger", &stage.messenger)] {
            let webhook = json!({ "url": format!("{}/in/{channel}", stage.gateway) });
            stage.post(&format!("{provider}/sandbox/webhook"), &webhook).await?;
            stage
                .until("the gateway's answer to the challenge of its webhook", async || {
                    let deliveries = stage.get(&format!("{provider}/sandbox/deliveries")).await.ok()?;
                    deliveries.pointer("/webhook/verified")?.as_bool()?.then_some(())
                })
                .await?;
        }
        stage
            .until("the gateway to bind to the SMSC", async || {
                let smsc = stage.get(&format!("{}/sandbox/smsc", stage.phones)).await.ok()?;
                smsc.pointer("/links/0/bound")?.as_str().map(drop)
            })
            .await?;
        Ok(stage)
    }

    /// Ends both. The gateway is asked to, and must end well.
    pub(super) async fn end(mut self) -> Result<(), String> {
        if let Some(id) = self.gateway_process.id() {
            // If it is gone by now, its status says how.
            let _ = Command::new("kill").args(["-TERM", &id.to_string()]).stderr(Stdio::null()).status().await;
        }
        let status = tokio::time::timeout(PATIENCE, self.gateway_process.wait()).await;
        match status {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(format!("the gateway ended with {status}")),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the gateway did not end".to_owned()),
        }
    }

    /// Waits until there is something.
    pub(super) async fn until<T>(&self, what: &str, look: impl AsyncFn() -> Option<T>) -> Result<T, String> {
        let begun = Instant::now();
        loop {
            if let Some(found) = look().await {
                return Ok(found);
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("waited in vain for {what}"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(super) async fn get(&self, url: &str) -> Result<Value, String> {
        let response = self.http.get(url).send().await.map_err(|e| e.to_string())?;
        response.json().await.map_err(|e| e.to_string())
    }

    pub(super) async fn post(&self, url: &str, body: &Value) -> Result<Value, String> {
        let response = self.http.post(url).json(body).send().await.map_err(|e| e.to_string())?;
        let status = response.status();
        let answer = response.text().await.map_err(|e| e.to_string())?;
        if !status.is_success() {
            return Err(format!("{url}: {status}: {answer}"));
        }
        Ok(serde_json::from_str(&answer).unwrap_or_default())
    }

    /// What the gateway's own interface says.
    pub(super) async fn ask(&self, path: &str) -> Result<Value, String> {
        self.client.get(path, &[]).await.map_err(|e| e.to_string())
    }

    /// Somebody posts on X. Answers the post's id.
    pub(super) async fn posts(&self, who: &str, what: &str) -> Result<String, String> {
        let posted = self.post(&format!("{}/sandbox/posts", self.x), &json!({ "as": who, "text": what })).await?;
        Ok(text(&posted, "id"))
    }

    /// Somebody writes to the gateway in private.
    pub(super) async fn writes(&self, who: &str, what: &str) -> Result<(), String> {
        self.post(&format!("{}/sandbox/dms", self.x), &json!({ "as": who, "text": what })).await.map(drop)
    }

    /// What the gateway wrote to somebody in private there, the oldest first.
    pub(super) async fn heard(&self, on: On, who: &str) -> Vec<String> {
        let (thread, key) = match on {
            On::X => (format!("{}/sandbox/people/{who}/dms", self.x), "dms"),
            On::Phone => (format!("{}/sandbox/phones/{who}", self.phones), "texts"),
            On::Messenger => (format!("{}/sandbox/people/{who}/thread", self.messenger), "messages"),
        };
        let thread = self.get(&thread).await.unwrap_or_default();
        let messages = thread.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
        messages.iter().filter(|m| OURS.contains(&text(m, "from").as_str())).map(|m| text(m, "text")).collect()
    }

    /// Somebody sends an SMS to the gateway.
    pub(super) async fn texts(&self, who: &str, what: &str) -> Result<(), String> {
        self.post(&format!("{}/sandbox/sms", self.phones), &json!({ "as": who, "text": what })).await.map(drop)
    }

    /// Somebody writes to the page on Messenger.
    pub(super) async fn chats(&self, who: &str, what: &str) -> Result<(), String> {
        let message = json!({ "as": who, "text": what });
        self.post(&format!("{}/sandbox/messages", self.messenger), &message).await.map(drop)
    }

    /// Somebody taps a button under the newest message on Messenger.
    pub(super) async fn taps(&self, who: &str, title: &str) -> Result<(), String> {
        self.post(&format!("{}/sandbox/taps", self.messenger), &json!({ "as": who, "title": title })).await.map(drop)
    }

    /// What stands on somebody's account, in cents; `total` over all accounts for nobody.
    pub(super) async fn balance(&self, who: Option<&str>) -> Result<i64, String> {
        let books = self.get(&format!("{}/sandbox/accounts", self.bank)).await?;
        let Some(who) = who else { return books.get("total").and_then(Value::as_i64).ok_or("no total".to_owned()) };
        let accounts = books.get("accounts").and_then(Value::as_array).cloned().unwrap_or_default();
        let of = accounts.iter().find(|a| text(a, "owner") == who).and_then(|a| a.get("balance")?.as_i64());
        of.ok_or_else(|| format!("{who} has no account"))
    }

    /// What was charged to a card in all, in cents, by the acquirer's books; nothing may be held on it.
    pub(super) async fn taken(&self, last4: &str) -> Result<i64, String> {
        let card = self.get(&format!("{}/control/cards/{last4}", self.cards)).await?;
        let minor = |part: &str| card.pointer(&format!("/{part}/EUR")).and_then(Value::as_i64).unwrap_or(0);
        match minor("held_minor") {
            0 => Ok(minor("taken_minor")),
            held => Err(format!("{held} cents are held on the card")),
        }
    }

    /// Every payment that the gateway knows, the latest first.
    pub(super) async fn payments(&self) -> Result<Vec<Value>, String> {
        let list = self.ask("/v1/payments").await?;
        Ok(list.get("payments").and_then(Value::as_array).cloned().unwrap_or_default())
    }
}

/// A text in a JSON object; empty where there is none.
pub(super) fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The configuration as the demo runs it: at its own address, with its own store, and with the plugins that were built
/// beside this program in place of those of the usual build. All else is as the file has it.
fn adapted(written: &str, file: &Path, beside: &Path, listen: &str) -> Result<String, String> {
    let wrong = |what: &dyn std::fmt::Display| format!("{}: {what}; see: sportello check", file.display());
    let mut config: toml::Table = written.parse().map_err(|e: toml::de::Error| wrong(&e.message()))?;
    let gateway = config.get_mut("gateway").and_then(toml::Value::as_table_mut);
    let gateway = gateway.ok_or_else(|| wrong(&"there is no [gateway]"))?;
    let folders = gateway.get("plugins").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let around = std::path::absolute(file).map_err(|e| wrong(&e))?;
    let around = around.parent().unwrap_or(Path::new("/"));
    let plugins = folders.iter().filter_map(toml::Value::as_str).map(|folder| match folder {
        "target/debug" => beside.to_path_buf(),
        other => around.join(other),
    });
    let plugins: toml::value::Array = plugins.map(|folder| folder.display().to_string().into()).collect();
    gateway.insert("plugins".to_owned(), plugins.into());
    gateway.insert("listen".to_owned(), listen.into());
    gateway.insert("store".to_owned(), "sqlite:sportello.db".into());
    gateway.insert("key".to_owned(), toml::Table::from_iter([("file".to_owned(), "sportello.key".into())]).into());
    if let Some(vault) = config.get_mut("vault").and_then(toml::Value::as_table_mut) {
        vault.insert("key".to_owned(), toml::Table::from_iter([("file".to_owned(), "vault.key".into())]).into());
    }
    for table in ["channels", "rails"] {
        config.get_mut(table).into_iter().for_each(|table| find_files(table, around));
    }
    Ok(config.to_string())
}

/// Secrets that stand in files are looked for where the configuration came from.
fn find_files(value: &mut toml::Value, around: &Path) {
    let Some(table) = value.as_table_mut() else { return };
    for (name, value) in table.iter_mut() {
        match value {
            toml::Value::String(file) if name == "file" => *file = around.join(&*file).display().to_string(),
            value => find_files(value, around),
        }
    }
}

/// Starts a program, and waits for the line of JSON that has `key`.
async fn started(command: &mut Command, key: &str) -> Result<(Child, Value), String> {
    let name = format!("{:?}", command.as_std().get_program());
    let mut child = command
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        // Ctrl-C in a terminal is for us alone: the gateway is then told once, and not twice.
        .process_group(0)
        .spawn()
        .map_err(|e| format!("{name}: {e}; build everything with: cargo xtask demo"))?;
    let stdout = child.stdout.take().ok_or("no standard output")?;
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await.map_err(|e| e.to_string())? {
        let said: Value = serde_json::from_str(&line).unwrap_or_default();
        if let Some(why) = said.get("error").and_then(Value::as_str) {
            return Err(format!("{name} did not start:\n{why}"));
        }
        if said.get(key).is_some() {
            // A full pipe would stop it.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok((child, said));
        }
    }
    Err(format!("{name} did not start"))
}

/// An address on this machine that nobody listens on.
fn free_address() -> Result<String, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
    listener.local_addr().map(|address| address.to_string()).map_err(|e| e.to_string())
}
