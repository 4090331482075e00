//! `sportello plugin list`.

use clap::Args;
use serde_json::{Value, json};
use sportello_host::{Declared, scan};

use crate::cli::{Failed, Setting};
use crate::client::Client;
use crate::command::{say, say_json, table};
use crate::config::Config;

/// List the plugins that were found, and why one cannot be used.
#[derive(Debug, Args)]
pub struct List {
    /// Ask the running gateway instead: how each instance is, and its counts.
    #[arg(long)]
    running: bool,
}

impl List {
    /// Lists them.
    ///
    /// # Errors
    /// When the configuration does not say where to look, or the gateway cannot be asked.
    pub fn run(self, setting: &Setting) -> Result<(), Failed> {
        if self.running { crate::command::asynchronously(running(setting)) } else { found(setting) }
    }
}

async fn running(setting: &Setting) -> Result<(), Failed> {
    let answer = Client::open(&setting.config)?.get("/v1/instances", &[]).await?;
    if setting.json {
        say_json(&answer);
        return Ok(());
    }
    let mut rows = table([
        "instance",
        "plugin",
        "state",
        "calls",
        "errors",
        "time-outs",
        "panics",
        "refused",
        "webhooks refused",
        "p99",
    ]);
    let instances = answer.get("instances").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for instance in instances {
        // An instance that is not open has no counts but those of its webhooks.
        let cell = |pointer: &str| match instance.pointer(pointer) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let p99_us = cell("/stats/latency_p99_us");
        rows.add_row([
            cell("/name"),
            cell("/plugin"),
            cell("/state"),
            cell("/stats/calls"),
            cell("/stats/errors"),
            cell("/stats/timeouts"),
            cell("/stats/panics"),
            cell("/stats/refused"),
            cell("/webhooks_refused"),
            if p99_us.is_empty() { p99_us } else { format!("{p99_us} µs") },
        ]);
    }
    if rows.is_empty() {
        say("The gateway runs no plugin.");
    } else {
        say(rows);
    }
    for instance in instances {
        let text = |key: &str| instance.get(key).and_then(Value::as_str);
        if let (Some(name), Some(why)) = (text("name"), text("because")) {
            say(format_args!("{name} is not open: {why}"));
        }
        let of_canary = |key: &str| instance.get("canary")?.get(key)?.as_str();
        if let (Some(name), Some(version), Some(share)) = (text("name"), of_canary("version"), of_canary("share")) {
            say(format_args!("{name}: the canary {version} is tried on {share}"));
        }
        let leaving = instance.get("leaving").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for version in leaving {
            let (open, of) = (version.get("orders_open"), version.get("version").and_then(Value::as_str));
            if let (Some(name), Some(version), Some(open)) = (text("name"), of, open) {
                say(format_args!("{name}: {version} is leaving; orders that are still open: {open}"));
            }
        }
        let returned = |key: &str| instance.get("returned")?.get(key)?.as_str();
        if let (Some(name), Some(version), Some(why)) = (text("name"), returned("version"), returned("because")) {
            say(format_args!("{name}: the canary {version} went back: {why}"));
        }
    }
    for resident in answer.get("residents").and_then(Value::as_array).map_or(&[][..], Vec::as_slice) {
        let text = |key: &str| resident.get(key).and_then(Value::as_str).unwrap_or_default();
        let bytes = resident.get("bytes").and_then(Value::as_u64).unwrap_or_default();
        say(format_args!(
            "{} {} stays in the gateway's own process until that ends: {}",
            text("plugin"),
            text("version"),
            megabytes(bytes)
        ));
    }
    let problems = answer.pointer("/last_reload/problems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if !problems.is_empty() {
        say("The last reload was refused, and changed nothing:");
    }
    for problem in problems {
        let text = |key: &str| problem.get(key).and_then(Value::as_str).unwrap_or_default();
        say(format_args!("  {}: {}; {}", text("key"), text("what"), text("remedy")));
    }
    Ok(())
}

/// So many bytes, for people.
pub(super) fn megabytes(bytes: u64) -> String {
    let tenths = bytes.div_ceil(100_000);
    format!("{}.{} MB", tenths / 10, tenths % 10)
}

fn found(setting: &Setting) -> Result<(), Failed> {
    // Mistakes elsewhere in the file do not matter for what lies in the folders.
    let config = Config::open(&setting.config).map_err(|problems| Failed::Asking(problems.to_string()))?.config;
    let found = scan(&config.gateway.plugins);
    let users = |declared: &Declared| -> Vec<&str> {
        let is_it = |plugin: &str, version: Option<&str>, beside: Option<&str>| {
            let picked = found.pick_version(plugin, version, beside);
            picked.is_ok_and(|picked| picked.fingerprint() == declared.fingerprint())
        };
        let uses = |instance: &&crate::config::Instance| {
            let canary = instance.canary.as_ref().map(|canary| canary.version.as_str());
            is_it(&instance.plugin, instance.version.as_deref(), canary)
                || canary.is_some_and(|canary| is_it(&instance.plugin, Some(canary), None))
        };
        config.instances.iter().filter(uses).map(|instance| instance.name.as_str()).collect()
    };
    // As it would be judged before it is loaded.
    let judged = |declared: &Declared| declared.clone().judge(&config.trust).map(|judged| judged.signer().cloned());
    if setting.json {
        let plugins: Vec<_> = found
            .all()
            .map(|declared| {
                let manifest = declared.manifest();
                let judged = judged(declared);
                let signer = judged.as_ref().ok().and_then(Option::as_ref);
                json!({
                    "name": manifest.name, "kind": manifest.kind, "version": manifest.version,
                    "contract": manifest.contract, "description": manifest.description,
                    "sha256": declared.fingerprint().to_string(), "path": declared.path().display().to_string(),
                    "signer": signer.map(|signer| &signer.key),
                    "key_id": signer.map(|signer| signer.id.to_string()),
                    "trusted_comment": signer.map(|signer| &signer.comment),
                    "distrusted": judged.as_ref().err().map(ToString::to_string),
                    "instances": users(declared),
                })
            })
            .collect();
        let unusable: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
        say_json(&json!({ "plugins": plugins, "unusable": unusable }));
        return Ok(());
    }
    let mut problems: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
    let mut rows = table(["plugin", "kind", "version", "contract", "sha256", "signed by", "used by", "description"]);
    for declared in found.all() {
        let manifest = declared.manifest();
        let kind = format!("{:?}", manifest.kind).to_lowercase();
        let hash: String = declared.fingerprint().to_string().chars().take(12).collect();
        let users = users(declared).join(", ");
        let signer = match judged(declared) {
            Ok(signer) => signer.map_or_else(|| "nobody".to_owned(), |signer| signer.key),
            Err(error) => {
                problems.push(error.to_string());
                "not trusted".to_owned()
            }
        };
        rows.add_row([
            &manifest.name,
            &kind,
            &manifest.version,
            &manifest.contract,
            &hash,
            &signer,
            &users,
            &manifest.description,
        ]);
    }
    if rows.is_empty() {
        say(
            "There is no library in the folders of gateway.plugins. Programs (exec) are in: sportello plugin list --running",
        );
    } else {
        say(rows);
    }
    for problem in problems {
        say(format_args!("cannot be used: {problem}"));
    }
    Ok(())
}
