//! `sportello plugin replay`.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use sportello_host::{DIFFERENCES_MAX, Difference, Recording, Replayed};

use super::subject::Subject;
use crate::cli::{Failed, Setting};
use crate::command::{on_all_cores, say, say_json};
use crate::redact::{Redactor, hide_cards};

/// Play a recording to another version of its plugin, offline, and say where that one does otherwise.
///
/// Nothing goes out: whatever the plugin asks for is answered from the recording, and it runs in a process of its own, behind
/// the walls that it has in a gateway, where the system can confine one. The exit code is 0 where it does the same, and 1
/// where it does not.
#[derive(Debug, Args)]
pub struct Replay {
    /// What `sportello plugin record` wrote.
    recording: PathBuf,
    /// The library to try.
    #[arg(long, value_name = "LIBRARY", required_unless_present = "command", conflicts_with = "command")]
    against: Option<String>,
    /// Or a command, as `exec` has it: -- python3 rail.py
    #[arg(last = true)]
    command: Vec<String>,
    /// What a program may read besides what its language brings along, as `reads` has it. May come again.
    #[arg(long, value_name = "PATH")]
    reads: Vec<PathBuf>,
    /// A secret, for a plugin that can do nothing with a made-up one: the recording has none.
    #[arg(long = "secret", value_name = "NAME=VALUE", value_parser = secret)]
    secrets: Vec<(String, String)>,
    /// How long to wait for what the recording says comes next, in milliseconds.
    #[arg(long, default_value_t = 1000)]
    patience_ms: u64,
}

fn secret(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Replay {
    /// Plays it.
    ///
    /// # Errors
    /// Where the version does otherwise, and where there is nothing to play.
    pub fn run(self, setting: &Setting) -> Result<(), Failed> {
        on_all_cores(self.play(setting))
    }

    async fn play(self, setting: &Setting) -> Result<(), Failed> {
        let path = self.recording.display();
        let file = File::open(&self.recording).map_err(|error| Failed::Asking(format!("{path}: {error}")))?;
        let recording = Recording::read(file).map_err(|error| Failed::Asking(format!("{path}: {error}")))?;
        let command = self.against.map_or(self.command, |library| vec![library]);
        let Subject { loaded, .. } = Subject::read(&command, &self.reads).await.map_err(Failed::Asking)?;
        let [name, version] = recording.plugin();
        let facts = loaded.manifest();
        if facts.name != name {
            let message = format!("{path} is of the plugin {name:?}, and {} is {:?}", command.join(" "), facts.name);
            return Err(Failed::Asking(message));
        }
        let now = facts.version.clone();
        let secrets: BTreeMap<String, String> = self.secrets.into_iter().collect();
        let replay = sportello_host::Replay { patience: Duration::from_millis(self.patience_ms), secrets };
        let mut replayed = replay.play(&recording, &loaded).await;
        // What the plugin says now, it may say with the secrets that it was given.
        let redactor = Redactor::new(replay.secrets.values().map(String::as_str));
        let clean = |text: &str| hide_cards(&redactor.without_secrets(text)).into_owned();
        replayed.differences = replayed.differences.into_iter().map(|one| one.cleaned(&clean)).collect();
        if replayed.calls == 0 {
            return Err(Failed::Trying(format!(
                "{path}: there is no call in it that was answered, and nothing to compare"
            )));
        }
        tell(&replayed, [name, version, &now], &recording, setting.json);
        // The differences have been told.
        if replayed.differences.is_empty() { Ok(()) } else { Err(Failed::Trying(String::new())) }
    }
}

fn tell(replayed: &Replayed, [name, version, now]: [&str; 3], recording: &Recording, as_json: bool) {
    let Replayed { calls, questions, left_out, differences } = replayed;
    if as_json {
        let differences: Vec<String> = differences.iter().map(Difference::to_string).collect();
        say_json(&json!({
            "plugin": name, "recorded_version": version, "version": now, "recording_is_whole": recording.is_whole(),
            "recording_ended_because": recording.ended_because(),
            "calls": calls, "questions": questions, "left_out": left_out, "differences": differences,
        }));
        return;
    }
    say(format_args!("{name} {now} against what {version} did: {calls} calls and {questions} questions were played."));
    if let Some(because) = recording.ended_because() {
        say(format_args!("The recording ended since {because}."));
    }
    if !recording.is_whole() {
        say("The recording ended early; what there is of it was played.");
    }
    if *left_out > 0 {
        say(format_args!("{left_out} steps could not be played, since what they got is not in the recording."));
    }
    for difference in differences {
        say(format_args!("  {difference}"));
    }
    match differences.len() {
        0 => say("It does the same."),
        DIFFERENCES_MAX.. => say("The rest was not played."),
        n => say(format_args!("{n} differences.")),
    }
}
