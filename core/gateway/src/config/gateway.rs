//! `[gateway]`, `[policy]` and `[[keys]]`: the program itself, and who may use it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderName;
use sportello_model::Money;
use sportello_sdk::Secret;

use super::instances::isolation;
use super::problem::Wrong;
use super::secret::Surroundings;
use super::section::Section;
use super::value::{address, duration, header_name, money, number, one_of, plain_name, public_url, text, truth};

/// `[gateway]`.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// Where to listen; port 0 for any free one.
    pub listen: SocketAddr,
    /// The file of the embedded store.
    pub store: PathBuf,
    /// The folders with plugins.
    pub plugins: Vec<PathBuf>,
    /// Whether the rules of production hold.
    pub production: bool,
    /// How long what is in flight may take to end when the program is told to stop.
    pub drain: Duration,
    /// How long a version of a plugin that was replaced may take to end what it was given.
    pub drain_versions: Duration,
    /// Whether the program looks by itself whether the file or a plugin has changed.
    pub watch: bool,
    /// How many megabytes of libraries a reload may leave in this process, where they stay until it ends.
    pub resident_libraries_mb: u32,
    /// How to log.
    pub log: Log,
    /// The file with the key from which one-time codes are derived.
    pub key: PathBuf,
    /// Where people's browsers reach this program, without a slash at its end; nothing where they do not.
    pub public_url: Option<String>,
    /// The header in which a proxy in front of this program says whom it speaks for.
    pub client_ip_header: Option<HeaderName>,
    /// Whether plugins run in processes of their own, where their tables say nothing else.
    pub is_isolated: bool,
    /// The instances that may share this program's memory in production.
    pub in_process: Vec<String>,
    /// Whether a plugin is loaded only with a scorecard of the conformance kit that it passed.
    pub scorecards_required: bool,
}

/// How to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// Lines for people, or JSON for machines.
    pub format: LogFormat,
    /// The least serious line that is written.
    pub level: LogLevel,
}

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// How serious a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Somebody must look.
    Error,
    /// Somebody may want to look.
    Warn,
    /// The normal course of things.
    Info,
    /// For whoever debugs.
    Debug,
    /// Everything.
    Trace,
}

/// `[policy]`.
#[derive(Debug, Clone)]
pub struct Policy {
    /// One amount per currency: at or below it no one-time code is asked for, on channels whose senders are strong.
    pub exempt: Vec<Money>,
    /// How long a one-time code holds.
    pub code_lifetime: Duration,
    /// How many wrong codes end a challenge.
    pub code_tries: u32,
    /// How many orders a leg of a payment has had when no rail is tried again.
    pub attempts_max: u32,
    /// How long the same payer, payee and amount may be the same wish.
    pub repeat_window: Duration,
    /// How long a handle that changes hands counts as proven.
    pub verified_for: Duration,
    /// How many codes one person may be asked for at a time by messages whose sender can be forged.
    pub challenges_max: u32,
    /// Whether people who have no account are asked for one, by a link.
    pub enrolment: bool,
    /// How long they have to give it.
    pub enrolment_lifetime: Duration,
}

/// `[[keys]]`: a key to the HTTP interface.
#[derive(Debug, Clone)]
pub struct Key {
    /// What the key is called in logs and journals.
    pub name: String,
    /// What stands behind `Authorization: Bearer`.
    pub secret: Secret,
    /// What it may do.
    pub scopes: Vec<Scope>,
}

/// What an API key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// See payments, the ledger and the instances.
    PaymentsRead,
    /// Make payments, which their payers then confirm.
    PaymentsWrite,
    /// Make payments that count as confirmed by the payer.
    PaymentsConfirmed,
    /// Have the configuration read again, and switch instances and their versions.
    Operate,
}

impl Scope {
    /// As `gateway.toml` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PaymentsRead => "payments:read",
            Self::PaymentsWrite => "payments:write",
            Self::PaymentsConfirmed => "payments:confirmed",
            Self::Operate => "operate",
        }
    }
}

/// An API key of fewer characters can be guessed: 32 hexadecimal digits hold 128 bits.
const KEY_LEN_MIN: usize = 32;

pub(super) fn gateway(section: Option<Section<'_>>, around: &Surroundings<'_>) -> Gateway {
    let mut gateway = Gateway {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
        store: around.path("var/sportello.db"),
        plugins: Vec::new(),
        production: around.production,
        drain: Duration::from_secs(20),
        drain_versions: Duration::from_secs(120),
        watch: false,
        resident_libraries_mb: 512,
        log: Log { format: LogFormat::Text, level: LogLevel::Info },
        key: around.path("var/sportello.key"),
        public_url: None,
        client_ip_header: None,
        // A system without processes that can be confined has none.
        is_isolated: cfg!(target_os = "linux"),
        in_process: Vec::new(),
        scorecards_required: false,
    };
    let Some(section) = section else {
        return gateway;
    };
    // Read once already, before all else, because it decides about the rest.
    section.optional("production", truth);
    if let Some(listen) = section.optional("listen", address) {
        gateway.listen = listen;
    }
    if let Some(path) = section.optional("store", store) {
        gateway.store = around.path(&path);
    }
    gateway.plugins = section.list("plugins", text).iter().map(|folder| around.path(folder)).collect();
    if let Some(drain) = section.optional("drain", duration) {
        gateway.drain = drain;
    }
    if let Some(drain) = section.optional("drain_versions", duration) {
        gateway.drain_versions = drain;
    }
    gateway.watch = section.optional("watch", truth).unwrap_or(gateway.watch);
    if let Some(mb) = section.optional("resident_libraries_mb", number(1, 1_000_000)) {
        gateway.resident_libraries_mb = mb;
    }
    gateway.public_url = section.optional("public_url", |value| public_url(value, around.production));
    gateway.client_ip_header = section.optional("client_ip_header", header_name);
    if let Some(is_isolated) = section.optional("isolation", isolation) {
        gateway.is_isolated = is_isolated;
    }
    gateway.in_process = section.list("in_process", plain_name);
    let scorecards = [("required", true), ("optional", false)];
    gateway.scorecards_required = section.optional("scorecards", one_of(&scorecards)).unwrap_or_default();
    if let Some(log) = section.table("log") {
        let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        if let Some(format) = log.optional("format", one_of(&formats)) {
            gateway.log.format = format;
        }
        let levels = [
            ("error", LogLevel::Error),
            ("warn", LogLevel::Warn),
            ("info", LogLevel::Info),
            ("debug", LogLevel::Debug),
            ("trace", LogLevel::Trace),
        ];
        if let Some(level) = log.optional("level", one_of(&levels)) {
            gateway.log.level = level;
        }
        log.close();
    }
    if let Some(key) = section.table("key") {
        if let Some(file) = key.required("file", "\"var/sportello.key\"", text) {
            gateway.key = around.path(&file);
        }
        key.close();
    }
    if gateway.production && !gateway.key.is_file() {
        let what = format!("the file {} is not there", gateway.key.display());
        section.wrong("key", Wrong::new(what, "make one: openssl rand -hex 32, and chmod 600"));
    }
    section.close();
    gateway
}

fn store(value: &serde_json::Value) -> Result<String, Wrong> {
    let written = text(value)?;
    let remedy = "write \"sqlite:\" and the file's path, as \"sqlite:var/sportello.db\"";
    if written.starts_with("postgres:") || written.starts_with("postgresql:") {
        let what = "this build has SQLite alone, and cannot open PostgreSQL";
        return Err(Wrong::new(what, remedy));
    }
    match written.strip_prefix("sqlite:") {
        Some(path) if !path.is_empty() => Ok(path.to_owned()),
        _ => Err(Wrong::new(format!("{written:?} is no store"), remedy)),
    }
}

pub(super) fn policy(section: Option<Section<'_>>) -> Policy {
    let mut policy = Policy {
        exempt: Vec::new(),
        code_lifetime: Duration::from_secs(600),
        code_tries: 3,
        attempts_max: 4,
        repeat_window: Duration::from_secs(3_600),
        verified_for: Duration::from_secs(180 * 86_400),
        challenges_max: 20,
        enrolment: false,
        enrolment_lifetime: Duration::from_secs(1_800),
    };
    let Some(section) = section else {
        return policy;
    };
    policy.exempt = section.list("exempt", money);
    for (at, limit) in policy.exempt.iter().enumerate() {
        let twice = |other: &&Money| other.currency() == limit.currency();
        if policy.exempt.iter().take(at).any(|other| twice(&other)) {
            let what = format!("there are two limits for {}", limit.currency());
            section.wrong("exempt", Wrong::new(what, "keep one of them"));
        }
    }
    if let Some(lifetime) = section.optional("code_lifetime", duration) {
        policy.code_lifetime = lifetime;
    }
    // More than ten guesses at six digits is more than one in 100,000.
    if let Some(tries) = section.optional("code_tries", number(1, 10)) {
        policy.code_tries = tries;
    }
    if let Some(attempts) = section.optional("attempts_max", number(1, 20)) {
        policy.attempts_max = attempts;
    }
    if let Some(window) = section.optional("repeat_window", duration) {
        policy.repeat_window = window;
    }
    if let Some(verified_for) = section.optional("verified_for", duration) {
        policy.verified_for = verified_for;
    }
    if let Some(challenges) = section.optional("challenges_max", number(1, 1_000_000)) {
        policy.challenges_max = challenges;
    }
    if let Some(enrolment) = section.optional("enrolment", truth) {
        policy.enrolment = enrolment;
    }
    if let Some(lifetime) = section.optional("enrolment_lifetime", duration) {
        policy.enrolment_lifetime = lifetime;
    }
    section.close();
    policy
}

pub(super) fn keys(sections: Vec<Section<'_>>, around: &Surroundings<'_>) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::with_capacity(sections.len());
    for section in sections {
        let name = section.required("name", "\"shop\"", plain_name);
        let example = "{ env = \"SPORTELLO_API_KEY\" }";
        let secret = section.required("secret", example, |value| around.secret(value));
        if !section.has("scopes") {
            let remedy = "write what it may do, as in: scopes = [\"payments:read\"]";
            section.wrong("scopes", Wrong::new("this key is missing", remedy));
        }
        let all = [Scope::PaymentsRead, Scope::PaymentsWrite, Scope::PaymentsConfirmed, Scope::Operate]
            .map(|scope| (scope.as_str(), scope));
        let scopes = section.list("scopes", one_of(&all));
        if let Some(name) = &name
            && keys.iter().any(|other| other.name == *name)
        {
            let what = format!("another key is called {name:?} too");
            section.wrong("name", Wrong::new(what, "give each key a name of its own"));
        }
        if let Some(secret) = &secret {
            check_secret(&section, secret, &keys, around.production);
        }
        section.close();
        if let (Some(name), Some(secret)) = (name, secret) {
            keys.push(Key { name, secret, scopes });
        }
    }
    keys
}

fn check_secret(section: &Section<'_>, secret: &Secret, keys: &[Key], production: bool) {
    let value = secret.reveal();
    if production && value.chars().count() < KEY_LEN_MIN {
        let what = format!("a key has at least {KEY_LEN_MIN} characters in production");
        section.wrong("secret", Wrong::new(what, "make one: openssl rand -hex 32"));
    }
    if !value.bytes().all(|b| b.is_ascii_graphic()) {
        let what = "a key has no spaces, and nothing but ASCII";
        section.wrong("secret", Wrong::new(what, "make one: openssl rand -hex 32"));
    }
    if keys.iter().any(|other| other.secret == *secret) {
        let what = "another key has the same secret";
        section.wrong("secret", Wrong::new(what, "make one: openssl rand -hex 32"));
    }
}
