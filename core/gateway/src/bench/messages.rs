//! Messages over a link of SMPP: from `deliver_sm` to a durable intent and its acknowledgement, and notes to `submit_sm`.
//! At the other end is the sandbox's SMSC, a program of its own that shares no code with the plugin.

use std::fmt::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sportello_host::{Declared, Limits, Running, Spec};
use sportello_model::Note;
use sportello_sdk::Secret;
use sportello_sdk::frames::plugin_method;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use super::link::Link;
use super::start::Server;
use super::{Figure, Folder};
use crate::wire::Wire;

/// How many people write.
const PEOPLE: u32 = 1_000;
/// How many messages may be unacknowledged, and how many notes.
const WINDOW: u32 = 100;
/// How often each is measured, in turns.
const ROUNDS: usize = 3;
/// How many messages a round has.
const MESSAGES: u32 = 60_000;
/// The memory is looked at so often.
const LOOKS: u32 = 10;
/// How long anything may take to come about.
const PATIENCE: Duration = Duration::from_secs(20);

/// An account at the sandbox's SMSC.
pub(super) struct Account {
    pub(super) smsc: String,
    pub(super) system_id: &'static str,
    pub(super) password: &'static str,
}

/// The sandbox, and what is asked of it. It ends when dropped.
struct Sandbox {
    account: Account,
    phones: String,
    http: reqwest::Client,
    _child: Child,
}

impl Sandbox {
    async fn start(here: &Folder) -> Result<Self, String> {
        let program = here.plugins.join(format!("sandbox{}", std::env::consts::EXE_SUFFIX));
        let free = "127.0.0.1:0";
        let mut child = Command::new(&program)
            .args(["--x", free, "--bank", free, "--smsc", free, "--phones", free, "--messenger", free])
            .args(["--wallets", free])
            .args(["--acquirer", free, "--cards", free, "--threeds", free])
            .arg("--until-stdin-closes")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| format!("{}: {e}", program.display()))?;
        let stdout = child.stdout.take().ok_or("no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let said = lines.next_line().await.map_err(|e| e.to_string())?.ok_or("the sandbox did not start")?;
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let said: Value = serde_json::from_str(&said).map_err(|e| e.to_string())?;
        let text = |key: &str| said.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let account = Account { smsc: text("smsc"), system_id: "sportello", password: "smsc-pw" };
        // Refused only where somebody was first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // A load of a million messages takes its time: there is no time-out.
        let http = reqwest::Client::builder().no_proxy().build().map_err(|e| e.to_string())?;
        Ok(Self { account, phones: text("phones"), http, _child: child })
    }

    /// Lets so many messages be delivered. Answers how many a second were acknowledged as durable.
    async fn load(&self, messages: u32, text: &str) -> Result<f64, String> {
        let wanted = json!({ "messages": messages, "window": WINDOW, "from": PEOPLE, "texts": [text] });
        let sent = self.http.post(format!("{}/sandbox/load", self.phones)).json(&wanted).send();
        let response = sent.await.map_err(|e| e.to_string())?;
        let brought: Value = response.json().await.map_err(|e| e.to_string())?;
        let number = |key: &str| brought.get(key).and_then(Value::as_f64);
        match (number("per_second"), number("rejected")) {
            (Some(per_second), Some(0.0)) => Ok(per_second),
            _ => Err(format!("a load went wrong: {brought}")),
        }
    }

    /// Waits until somebody is bound.
    async fn bound(&self) -> Result<(), String> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let state = self.http.get(format!("{}/sandbox/smsc", self.phones)).send().await;
            let state: Value = state.map_err(|e| e.to_string())?.json().await.map_err(|e| e.to_string())?;
            let links = state.get("links").and_then(Value::as_array);
            if links.is_some_and(|links| links.iter().any(|link| link.get("bound").is_some_and(Value::is_string))) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err("nobody binds to the SMSC".to_owned())
    }
}

/// Every message another payment: each amount comes once.
const TEXT: &str = "pay +33612345678 {n}.01 EUR for the pizza";

/// Messages a second that became durable intents and were acknowledged, over one link.
pub(super) async fn received(here: &Folder) -> Result<Figure, String> {
    let (mut gateway, mut bare) = (0.0f64, 0.0f64);
    for round in 0..ROUNDS {
        let sandbox = Sandbox::start(here).await?;
        let _server = serve(here, &format!("messages-{round}"), &sandbox, "10m").await?;
        sandbox.load(MESSAGES / 20, TEXT).await?;
        gateway = gateway.max(sandbox.load(MESSAGES, TEXT).await?);
        let sandbox = Sandbox::start(here).await?;
        let link = tokio::spawn(Link::bind(&sandbox.account).await?.acknowledge());
        bare = bare.max(sandbox.load(MESSAGES, TEXT).await?);
        link.abort();
    }
    Ok(Figure::at_least("messages-per-second", gateway, "/s", 10_000.0, Some(bare)))
}

/// Notes a second that the SMSC took, over one link.
pub(super) async fn sent(here: &Folder, seconds: u64) -> Result<Figure, String> {
    let lasting = Duration::from_secs(seconds);
    let text = "Done: Anna Rossi has your 20.00 EUR (the pizza).";
    let (mut plugin, mut bare) = (0.0f64, 0.0f64);
    for _ in 0..ROUNDS {
        let sandbox = Sandbox::start(here).await?;
        let running = open(here, &sandbox).await?;
        plugin = plugin.max(send(&running, lasting, text).await?);
        running.drain(Duration::from_secs(5)).await.close().await.map_err(|e| e.to_string())?;
        let sandbox = Sandbox::start(here).await?;
        bare = bare.max(Link::bind(&sandbox.account).await?.submit(WINDOW, lasting, text).await?);
    }
    Ok(Figure::at_least("notes-per-second", plugin, "/s", 10_000.0, Some(bare)))
}

/// By how much the gateway's memory grows while so many messages come, from the second of ten looks on.
pub(super) async fn memory(here: &Folder, messages: u32) -> Result<Figure, String> {
    let sandbox = Sandbox::start(here).await?;
    // What nobody confirms ends after a few seconds: else every message would be remembered, as it should be.
    let server = serve(here, "memory", &sandbox, "3s").await?;
    let mut looks = Vec::new();
    for look in 0..LOOKS {
        sandbox.load(messages / LOOKS, TEXT).await?;
        looks.push(server.resident_mb()?);
        tracing::info!(look, resident_mb = looks.last(), "memory");
    }
    let early = looks.get(1).copied().unwrap_or(f64::MAX);
    let late = looks.last().copied().unwrap_or(f64::MAX);
    Ok(Figure::at_most("memory-growth", 100.0 * (late - early) / early, "%", 10.0, None))
}

async fn serve(here: &Folder, name: &str, sandbox: &Sandbox, code_lifetime: &str) -> Result<Server, String> {
    let config = config(here, name, sandbox, code_lifetime)?;
    let server = Server::start(&here.program, &["--config", &config, "--json", "run"]).await?;
    sandbox.bound().await?;
    Ok(server)
}

fn config(here: &Folder, name: &str, sandbox: &Sandbox, code_lifetime: &str) -> Result<String, String> {
    let Account { smsc, system_id, password } = &sandbox.account;
    let today = crate::instant::written(
        u64::try_from(
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_millis(),
        )
        .unwrap_or_default(),
    );
    let today = today.get(..10).unwrap_or_default();
    let mut text = format!(
        r#"[gateway]
listen = "127.0.0.1:0"
store = "sqlite:{name}.db"
plugins = ["{plugins}"]
key = {{ file = "{name}.key" }}
log = {{ level = "error" }}

[policy]
code_lifetime = "{code_lifetime}"
challenges_max = 1000000

[channels.sms]
plugin = "sms"
grants = ["tcp://{smsc}"]
limits = {{ in_flight = 2000 }}
[channels.sms.settings]
addresses = ["tcp://{smsc}"]
system_id = "{system_id}"
password = "{password}"
sender = "40404"
window = {WINDOW}
receipts = false

[rails.instant]
plugin = "hello-rail"
[rails.instant.settings]

[[routes]]
name = "instant"
transfer = ["instant"]

[[profiles]]
name = "Anna Rossi"
handles = ["tel:+33612345678"]
account = "iban:FR1420041010050500013M02606"
"#,
        plugins = here.plugins.display()
    );
    for person in 0..PEOPLE {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n[[profiles]]\nname = \"Person {person}\"\nhandles = [\"tel:+39333{person:07}\"]\nverified = \"{today}\"\n\
             account = \"hello:{person}\"\n"
        );
    }
    super::start::write(here, name, &text)
}

/// The plugin by itself, bound to the SMSC.
async fn open(here: &Folder, sandbox: &Sandbox) -> Result<Running, String> {
    let library = Folder::library(&here.plugins, "sportello-sms");
    let loaded = Declared::read(&library).and_then(Declared::load).map_err(|e| e.to_string())?;
    let Account { smsc, system_id, password } = &sandbox.account;
    let mut spec = Spec::new("bench", Wire::unconnected());
    spec.settings = json!({
        "addresses": [format!("tcp://{smsc}")], "system_id": system_id, "sender": "40404", "window": WINDOW,
        "receipts": false,
    });
    spec.secrets.insert("password".to_owned(), Secret::new(*password));
    spec.grants = vec![format!("tcp://{smsc}")];
    spec.limits = Limits { in_flight: 2_000, ..Limits::default() };
    let running = loaded.open(spec).await.map_err(|e| e.to_string())?;
    running.start();
    sandbox.bound().await?;
    Ok(running)
}

/// Notes as fast as they are taken, so many at a time as fill the window twice.
async fn send(running: &Running, lasting: Duration, text: &str) -> Result<f64, String> {
    let to = "tel:+393330000000".parse().map_err(|e: sportello_model::HandleError| e.to_string())?;
    let note = Note {
        key: "019ab2c3d4e57f008000000000000001-1".to_owned(),
        to,
        private: true,
        text: text.to_owned(),
        reply_to: None,
        fallback: None,
        choices: Vec::new(),
    };
    let begun = Instant::now();
    let mut senders = JoinSet::new();
    for _ in 0..2 * WINDOW {
        let (running, note) = (running.clone(), note.clone());
        senders.spawn(async move {
            let mut taken = 0u32;
            while begun.elapsed() < lasting {
                running.call(plugin_method::SEND, &note).await.map_err(|e| e.to_string())?;
                taken += 1;
            }
            Ok::<_, String>(taken)
        });
    }
    let mut taken = 0u32;
    while let Some(sent) = senders.join_next().await {
        taken += sent.map_err(|e| e.to_string())??;
    }
    Ok(f64::from(taken) / begun.elapsed().as_secs_f64())
}
