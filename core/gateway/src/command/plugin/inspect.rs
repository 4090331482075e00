//! `sportello plugin inspect`.

use clap::Args;
use serde_json::Value;

use super::list::megabytes;
use super::switch::plain;
use crate::cli::{Failed, Setting};
use crate::client::Client;
use crate::command::{asynchronously, say, say_json, table};

/// Show all that the running gateway knows of one instance.
#[derive(Debug, Args)]
pub struct Inspect {
    /// The instance's name in the configuration.
    name: String,
}

/// What is shown, and where it stands in the answer.
const ROWS: [(&str, &str); 31] = [
    ("kind", "/kind"),
    ("plugin", "/plugin"),
    ("version", "/version"),
    ("contract", "/contract"),
    ("sha256", "/sha256"),
    ("signed by", "/signer"),
    ("isolation", "/isolation"),
    ("asks for", "/endpoints_asked"),
    ("is granted", "/grants"),
    ("sees card numbers", "/sees_pan"),
    ("secrets", "/secrets"),
    ("state", "/state"),
    ("because", "/because"),
    ("process", "/process"),
    ("memory", "/resident_bytes"),
    ("restarts", "/restarts"),
    ("restarts of run", "/stats/restarts"),
    ("calls", "/stats/calls"),
    ("errors", "/stats/errors"),
    ("time-outs", "/stats/timeouts"),
    ("panics", "/stats/panics"),
    ("refused", "/stats/refused"),
    ("denied", "/stats/denied"),
    ("log lines lost", "/stats/log_lines_lost"),
    ("in flight", "/stats/in_flight"),
    ("breaker", "/stats/breaker"),
    ("latency p50, µs", "/stats/latency_p50_us"),
    ("latency p90, µs", "/stats/latency_p90_us"),
    ("latency p99, µs", "/stats/latency_p99_us"),
    ("webhooks refused", "/webhooks_refused"),
    ("canary", "/canary/version"),
];

impl Inspect {
    /// Shows it.
    ///
    /// # Errors
    /// When the gateway cannot be asked, or has no such instance.
    pub fn run(self, setting: &Setting) -> Result<(), Failed> {
        asynchronously(self.show(setting))
    }

    async fn show(self, setting: &Setting) -> Result<(), Failed> {
        let name = plain(&self.name)?;
        let answer = Client::open(&setting.config)?.get("/v1/instances", &[]).await?;
        let instances = answer.get("instances").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let found = instances.iter().find(|instance| instance.get("name").and_then(Value::as_str) == Some(name));
        let Some(instance) = found else {
            return Err(Failed::Trying(format!("no instance is called {name:?}")));
        };
        if setting.json {
            say_json(instance);
            return Ok(());
        }
        let mut rows = table([name, ""]);
        for (title, pointer) in ROWS {
            let value = match (pointer, instance.pointer(pointer)) {
                ("/resident_bytes", Some(Value::Number(bytes))) => bytes.as_u64().map(megabytes).unwrap_or_default(),
                (_, value) => value.map(text).unwrap_or_default(),
            };
            if !value.is_empty() {
                rows.add_row([title.to_owned(), value]);
            }
        }
        say(rows);
        Ok(())
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(text).collect::<Vec<_>>().join("\n"),
        other => other.to_string(),
    }
}
