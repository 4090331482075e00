//! `sportello plugin record`.

use std::time::Duration;

use clap::Args;
use serde_json::Value;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::switch::plain;
use crate::cli::{Failed, Setting};
use crate::client::{Client, ClientError};
use crate::command::{asynchronously, say, say_json};
use crate::config::Scope;

/// How often is looked whether a recording has ended by itself.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Record what passes between the running gateway and one instance, for `sportello plugin replay`.
///
/// A new copy of the instance takes its place, and is recorded from its first call on; afterwards another one follows it.
/// The recording ends early, and says why, where something else takes that copy's place: another version, other settings.
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
        // Before it begins: whoever is told to end from here on ends it as well.
        let (mut interrupted, mut terminated) = (heard(SignalKind::interrupt())?, heard(SignalKind::terminate())?);
        let begun = client.post(&path("record"), &Value::Null, None, &[Scope::Operate]).await?;
        let file = begun.get("file").and_then(Value::as_str).unwrap_or_default().to_owned();
        if !setting.json {
            say(format_args!("{name} is recorded into {file}"));
        }
        let over = async {
            match self.seconds {
                Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = over => {}
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
            () = until_ended(&client, name) => {}
        }
        let ended = client.post(&path("record-end"), &Value::Null, None, &[Scope::Operate]).await?;
        if setting.json {
            say_json(&ended);
        } else if ended.get("is_broken") == Some(&Value::Bool(true)) {
            say("The recording has ended early: it was too long, or the disk was full. What there is can be played.");
        } else if let Some(because) = ended.get("ended").and_then(Value::as_str) {
            say(format_args!("The recording has ended: {because}. What there is can be played."));
        }
        if !setting.json {
            say(format_args!("Play it with: sportello plugin replay {file} --against LIBRARY, or -- COMMAND"));
        }
        Ok(())
    }
}

fn heard(kind: SignalKind) -> Result<Signal, Failed> {
    signal(kind).map_err(|error| Failed::Trying(format!("signals cannot be caught: {error}")))
}

/// Returns once the recording of this instance has ended by itself; never, where no key may look.
async fn until_ended(client: &Client, name: &str) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        match client.get("/v1/instances", &[]).await {
            Ok(shown) if !is_recorded(&shown, name) => return,
            Err(ClientError::NoAnswer { .. }) => return,
            Err(ClientError::NoKey(_)) => std::future::pending().await,
            Ok(_) | Err(_) => {}
        }
    }
}

fn is_recorded(shown: &Value, name: &str) -> bool {
    let instances = shown.get("instances").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let instance = instances.iter().find(|instance| instance.get("name").and_then(Value::as_str) == Some(name));
    let recording = instance.and_then(|instance| instance.get("recording")).filter(|recording| recording.is_object());
    recording.is_some_and(|recording| {
        recording.get("ended") == Some(&Value::Null) && recording.get("is_broken") == Some(&Value::Bool(false))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_recording_that_has_ended_is_seen_to_have() {
        let check = |recording: Value, expected: bool| {
            let shown = json!({ "instances": [{ "name": "other" }, { "name": "bank", "recording": recording }] });
            assert_eq!(is_recorded(&shown, "bank"), expected, "{shown}");
        };
        check(json!({ "file": "f", "is_broken": false, "ended": null }), true);
        check(json!({ "file": "f", "is_broken": true, "ended": null }), false);
        check(json!({ "file": "f", "is_broken": false, "ended": "version 2 …" }), false);
        check(Value::Null, false);
        assert!(!is_recorded(&json!({ "instances": [] }), "bank"));
    }
}
