//! `sportello plugin record`.

use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::switch::plain;
use crate::cli::{Failed, Setting};
use crate::client::Client;
use crate::command::{asynchronously, say, say_json};
use crate::config::Scope;

/// Record what passes between the running gateway and one instance, for `sportello plugin replay`.
///
/// A new copy of the instance takes its place, and is recorded from its first call on; afterwards another one follows it.
/// Secrets and card numbers are left out; names, accounts and memos are not: guard the file as you guard the store.
#[derive(Debug, Args)]
pub struct Record {
    /// The instance's name in the configuration.
    name: String,
    /// How long, in seconds. Without it, until this is interrupted.
    #[arg(long = "for", value_name = "SECONDS")]
    seconds: Option<u64>,
}

impl Record {
    /// Records it.
    ///
    /// # Errors
    /// When the gateway cannot be asked, or does not do it.
    pub fn run(self, setting: &Setting) -> Result<(), Failed> {
        asynchronously(self.record(setting))
    }

    async fn record(self, setting: &Setting) -> Result<(), Failed> {
        let name = plain(&self.name)?;
        let client = Client::open(&setting.config)?;
        let path = |what: &str| format!("/v1/instances/{name}/{what}");
        let begun = client.post(&path("record"), &Value::Null, None, &[Scope::Operate]).await?;
        let file = begun.get("file").and_then(Value::as_str).unwrap_or_default().to_owned();
        if !setting.json {
            say(format_args!("{name} is recorded into {file}"));
        }
        let interrupted = async { drop(tokio::signal::ctrl_c().await) };
        match self.seconds {
            Some(seconds) => tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
                () = interrupted => {}
            },
            None => interrupted.await,
        }
        let ended = client.post(&path("record-end"), &Value::Null, None, &[Scope::Operate]).await?;
        if setting.json {
            say_json(&ended);
        } else if ended.get("is_broken") == Some(&Value::Bool(true)) {
            say("The recording has ended early: it was too long, or the disk was full. What there is can be played.");
        } else {
            say(format_args!("Play it with: sportello plugin replay {file} --against LIBRARY"));
        }
        Ok(())
    }
}
