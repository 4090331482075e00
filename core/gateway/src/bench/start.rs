//! Programs under measurement: how they are started, and what a start costs.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::{Figure, Folder};

/// Where plugins run.
#[derive(Debug, Clone, Copy)]
pub(super) enum Isolation {
    InProcess,
    Process,
}

impl Isolation {
    pub(super) const ALL: [Self; 2] = [Self::InProcess, Self::Process];

    /// As a configuration has it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::InProcess => "in-process",
            Self::Process => "process",
        }
    }

    /// As the names of figures end.
    pub(super) const fn suffix(self) -> &'static str {
        match self {
            Self::InProcess => "in-process",
            Self::Process => "isolated",
        }
    }
}

/// A program that listens. It ends when dropped.
pub(super) struct Server {
    child: Child,
    pub(super) address: String,
    pub(super) ready_after: Duration,
}

impl Server {
    /// Starts this very program with `arguments`, and waits until it says where it listens.
    pub(super) async fn start(program: &Path, arguments: &[&str]) -> Result<Self, String> {
        let begun = Instant::now();
        let mut child = Command::new(program)
            .args(arguments)
            .env("SPORTELLO_BENCH_SECRET", "bench-secret-that-guards-nothing-at-all")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| e.to_string())?;
        let stdout = child.stdout.take().ok_or("no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        while let Some(line) = lines.next_line().await.map_err(|e| e.to_string())? {
            let said: Option<serde_json::Value> = serde_json::from_str(&line).ok();
            if let Some(address) = said.as_ref().and_then(|v| v.get("listening")).and_then(|v| v.as_str()) {
                let address = address.trim_start_matches("http://").to_owned();
                // Nothing more is expected there, and a full pipe would stop it.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok(Self { child, address, ready_after: begun.elapsed() });
            }
        }
        Err(format!("{} {} did not start", program.display(), arguments.join(" ")))
    }

    /// Its process id; nothing once it has ended.
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Resident memory, in megabytes (10⁶ bytes).
    pub(super) fn resident_mb(&self) -> Result<f64, String> {
        resident_mb(&self.child.id().ok_or("it has ended")?.to_string())
    }
}

/// Resident memory of a process, by its number or as `self`, in megabytes (10⁶ bytes).
pub(super) fn resident_mb(process: &str) -> Result<f64, String> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).map_err(|e| e.to_string())?;
    let kb =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?.trim().parse().ok());
    kb.map(|kb: f64| kb * 1024.0 / 1e6).ok_or_else(|| "the system does not say".to_owned())
}

/// A configuration with an instant rail and a silent channel.
pub(super) fn instant(here: &Folder, store: &str, isolation: Isolation) -> Result<String, String> {
    let text = format!(
        r#"[gateway]
listen = "127.0.0.1:0"
store = "sqlite:{store}.db"
plugins = ["{plugins}"]
key = {{ file = "{store}.key" }}
isolation = "{isolation}"
log = {{ level = "warn" }}

[[keys]]
name = "bench"
secret = "bench-secret-that-guards-nothing-at-all"
scopes = ["payments:read", "payments:write", "payments:confirmed"]

[[profiles]]
name = "Paolo Bianchi"
handles = ["hello:1"]
account = "iban:IT60X0542811101000000123456"

[[profiles]]
name = "Anna Rossi"
handles = ["hello:2"]
account = "iban:FR1420041010050500013M02606"

[channels.silent]
plugin = "hello-channel"
limits = {{ in_flight = 2000 }}
[channels.silent.settings]
webhook_secret = "webhook-secret-that-guards-nothing"

[rails.instant]
plugin = "hello-rail"
limits = {{ in_flight = 2000 }}
[rails.instant.settings]

[[routes]]
name = "instant"
transfer = ["instant"]
"#,
        plugins = here.plugins.display(),
        isolation = isolation.name(),
    );
    write(here, store, &text)
}

/// A configuration with the two plugins of the first channel and rail: open, and with nothing to reach.
fn both_plugins(here: &Folder) -> Result<String, String> {
    let text = format!(
        r#"[gateway]
listen = "127.0.0.1:0"
store = "sqlite:idle.db"
plugins = ["{plugins}"]
key = {{ file = "idle.key" }}
log = {{ level = "error" }}

[channels.x]
plugin = "twitter"
grants = ["http://127.0.0.1:9"]
[channels.x.settings]
handle = "sportello"
user_id = "9000"
api = "http://127.0.0.1:9"
consumer_key = "k"
consumer_secret = "s"
access_token = "t"
access_token_secret = "u"

[rails.bank]
plugin = "bank-transfer"
grants = ["http://127.0.0.1:9"]
[rails.bank.settings]
base_url = "http://127.0.0.1:9"
access_token = "t"
psu_ip_address = "127.0.0.1"

[[routes]]
name = "euro"
transfer = ["bank"]
"#,
        plugins = here.plugins.display()
    );
    write(here, "idle", &text)
}

pub(super) fn write(here: &Folder, name: &str, text: &str) -> Result<String, String> {
    let file = here.path.join(format!("{name}.toml"));
    std::fs::write(&file, text).map_err(|e| e.to_string())?;
    Ok(file.display().to_string())
}

/// The median start, and the memory that is resident a second later.
pub(super) async fn measure(here: &Folder) -> Result<Vec<Figure>, String> {
    const STARTS: usize = 5;
    let config = both_plugins(here)?;
    let mut starts = Vec::with_capacity(STARTS);
    let mut resident = 0.0f64;
    for _ in 0..STARTS {
        let server = Server::start(&here.program, &["--config", &config, "--json", "run"]).await?;
        starts.push(server.ready_after.as_secs_f64() * 1e3);
        tokio::time::sleep(Duration::from_secs(1)).await;
        resident = resident.max(server.resident_mb()?);
    }
    starts.sort_by(f64::total_cmp);
    let median = starts.get(STARTS / 2).copied().unwrap_or(f64::MAX);
    Ok(vec![
        Figure::at_most("start-to-ready", median, "ms", 150.0, None),
        Figure::at_most("resident-idle", resident, "MB", 50.0, None),
    ])
}
