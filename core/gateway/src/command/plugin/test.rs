//! `sportello plugin test`: the conformance kit against a built plugin, of which there is no source.
//!
//! The kit runs in a process of its own, which tells line by line where it is, and has each of the plugin's instances in
//! another one, as a gateway has them: so a plugin that takes its process along, or hangs, fails the check that it did that
//! in, and has nothing that it could write its own card with. Where a system cannot confine a process the plugin is loaded
//! by the kit's, which then ends with it, at that check.

mod child;
mod options;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use clap::Args;
use serde::{Deserialize, Serialize};
use sportello_sdk::kit::{self, Check};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::cli::{Failed, Setting};
use crate::command::{on_all_cores, say, say_json};
use crate::scorecard::{CALLS_PROVING, Scorecard, scorecard_path};

/// How long one check may take before its process is ended.
const PATIENCE: Duration = Duration::from_secs(600);

/// Run the conformance kit against a built plugin, and print its scorecard.
///
/// What the kit has to know (good settings, how the provider answers) stands in a kit.json or kit.toml: that of
/// --settings, else NAME.kit.json beside the file, else kit.json in the current folder, if it is this plugin's. Without
/// one, settings are made up from the schema, and no provider is in reach.
#[derive(Debug, Args)]
pub struct Test {
    /// The library, or a program; or a command, as `exec` has it: -- python3 rail.py
    #[arg(required = true)]
    plugin: Vec<String>,
    /// What a program may read besides what its language brings along, as `reads` has it. May come again.
    #[arg(long, value_name = "PATH")]
    reads: Vec<PathBuf>,
    /// What the kit has to know, as kit.json or kit.toml has it.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// How many calls are made to see whether memory grows. Where scorecards are required, no card of fewer is taken.
    #[arg(long, default_value_t = CALLS_PROVING)]
    calls: usize,
    /// Write the scorecard beside the file, as FILE.scorecard.json.
    #[arg(long)]
    save: bool,
    #[arg(long, hide = true)]
    in_child: bool,
}

/// What the child tells, a line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Told {
    /// What is tried: before all else.
    Plugin { file: PathBuf, sha256: String, name: String, version: String, contract: String, settings: String },
    /// A check begins.
    Begins(String),
    /// A check has ended.
    Ended(Check),
    /// There is nothing to try.
    Impossible(String),
}

impl Test {
    /// Tries it.
    ///
    /// # Errors
    /// When a check failed, and when there was nothing to try.
    pub fn run(self, setting: &Setting) -> Result<(), Failed> {
        if self.in_child {
            // It ends with whoever wants to know.
            #[cfg(target_os = "linux")]
            let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
            return child::run(&self.plugin, &self.reads, self.settings.as_deref(), self.calls);
        }
        on_all_cores(self.judge(setting))
    }

    async fn judge(self, setting: &Setting) -> Result<(), Failed> {
        let card = self.ask(setting).await?;
        if self.save {
            let path = scorecard_path(Path::new(&card.file));
            let json = serde_json::to_string_pretty(&card).unwrap_or_default();
            std::fs::write(&path, json + "\n")
                .map_err(|error| Failed::Trying(format!("{}: {error}", path.display())))?;
        }
        if setting.json {
            say_json(&card);
        } else {
            say(&card);
        }
        // The card says it all.
        if card.passed { Ok(()) } else { Err(Failed::Trying(String::new())) }
    }

    fn child(&self) -> std::io::Result<Child> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["plugin", "test", "--in-child", "--calls", &self.calls.to_string()]);
        if let Some(settings) = &self.settings {
            command.arg("--settings").arg(settings);
        }
        for path in &self.reads {
            command.arg("--reads").arg(path);
        }
        // What is in our environment is none of the plugin's, but for where programs are.
        let command = command.arg("--").args(&self.plugin).env_clear().kill_on_drop(true);
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn()
    }

    async fn ask(&self, setting: &Setting) -> Result<Scorecard, Failed> {
        let failed = |error: std::io::Error| Failed::Trying(format!("the kit's process: {error}"));
        let mut child = self.child().map_err(failed)?;
        let mut card = Scorecard { calls: self.calls, ..Scorecard::default() };
        let mut under_way = None;
        let mut lines = child.stdout.take().map(|stdout| BufReader::new(stdout).lines());
        let why = loop {
            let Some(lines) = lines.as_mut() else { break "it has no output".to_owned() };
            let line = match tokio::time::timeout(PATIENCE, lines.next_line()).await {
                Ok(Ok(Some(line))) => line,
                Ok(Ok(None)) => break ended(&mut child).await,
                Ok(Err(error)) => break error.to_string(),
                Err(_) => {
                    let _ = child.start_kill();
                    break format!("it did not come to an end within {} minutes", PATIENCE.as_secs() / 60);
                }
            };
            match serde_json::from_str(&line) {
                Ok(Told::Plugin { file, sha256, name, version, contract, settings }) => {
                    let file = file.display().to_string();
                    card = Scorecard { file, sha256, plugin: name, version, contract, settings, ..card };
                }
                Ok(Told::Begins(id)) => {
                    progress(setting, &format!("{}/{} {id}", card.checks.len() + 1, kit::all().count()));
                    under_way = Some(id);
                }
                Ok(Told::Ended(check)) => {
                    under_way = None;
                    card.checks.push(check);
                }
                Ok(Told::Impossible(why)) => return Err(Failed::Asking(why)),
                // Whatever a plugin writes there is nobody's business.
                Err(_) => {}
            }
        };
        progress(setting, "");
        if card.sha256.is_empty() {
            return Err(Failed::Trying(format!("{}: the kit's process ended: {why}", self.plugin.join(" "))));
        }
        card.close(under_way.as_deref(), &why);
        Ok(card)
    }
}

async fn ended(child: &mut Child) -> String {
    match child.wait().await {
        Ok(status) => format!("its process ended: {status}"),
        Err(error) => error.to_string(),
    }
}

/// One line that moves, for whoever waits at a terminal: what is under way.
fn progress(setting: &Setting, line: &str) {
    use std::io::{IsTerminal, Write};
    let mut terminal = std::io::stderr().lock();
    if !setting.json && terminal.is_terminal() {
        // Whoever closed it does not want to read.
        let _ = write!(terminal, "\r\u{1b}[K{line}").and_then(|()| terminal.flush());
    }
}
