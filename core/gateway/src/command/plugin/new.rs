//! `sportello plugin new`.

mod name;
mod template;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::cli::{Failed, Setting};
use crate::command::{say, say_json};
use name::Name;
use template::{Place, files};

/// Make a plugin: a folder that builds, passes the conformance kit, and moves a payment in the sandbox as it is.
#[derive(Debug, Args)]
pub struct New {
    /// What it is to be.
    kind: NewKind,
    /// What it is called: small letters, digits and dashes.
    name: Name,
    /// The language.
    #[arg(long, value_enum, default_value = "rust")]
    lang: Language,
    /// The folder to make. Unless written: called like the plugin, in the current one.
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    /// The folder of `sportello-sdk`, for Rust. Unless written: that of the checkout around the current folder or this
    /// program, else from the repository.
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

/// What a new plugin is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum NewKind {
    /// How money moves.
    Rail,
    /// Where people speak.
    Channel,
}

/// What a new plugin is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    /// A library.
    Rust,
    /// A program: one file, for Python 3 and its standard library.
    Python,
}

impl NewKind {
    /// The file that is the plugin, in Python.
    fn script(self) -> &'static str {
        match self {
            Self::Rail => "rail.py",
            Self::Channel => "channel.py",
        }
    }
}

impl New {
    /// Writes it. Nothing that is there is overwritten.
    ///
    /// # Errors
    /// When an option is none of this language's, and when the folder is there already, or cannot be written.
    pub fn run(self, setting: &Setting) -> Result<(), Failed> {
        if self.lang != Language::Rust && self.sdk.is_some() {
            return Err(Failed::Asking("--sdk is for Rust: in another language a plugin needs none".to_owned()));
        }
        let folder = self.path.unwrap_or_else(|| PathBuf::from(self.name.as_str()));
        let is_free = match std::fs::read_dir(&folder) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        };
        if !is_free {
            return Err(Failed::Asking(format!("{} is there already: choose another --path", folder.display())));
        }
        let place = Place::find(self.sdk.as_deref()).map_err(Failed::Asking)?;
        let written = write(&folder, files(self.kind, self.lang, &self.name, &place))
            .map_err(|error| Failed::Trying(format!("{} cannot be written: {error}", folder.display())))?;
        let script = self.kind.script();
        let (made_of, made, proof) = match self.lang {
            Language::Rust => ("library", json!(place.library(&self.name)), "cargo test".to_owned()),
            Language::Python => {
                ("command", json!(["python3", script]), format!("sportello plugin test -- python3 {script}"))
            }
        };
        if setting.json {
            say_json(&json!({ "path": folder.display().to_string(), "files": written, made_of: made }));
            return Ok(());
        }
        say(format_args!("{} is written. Its README.md says how it is built, proven and tried:", folder.display()));
        say(format_args!("  cd {}", folder.display()));
        say(format_args!("  {proof}"));
        if matches!(self.kind, NewKind::Channel) && !place.is_here() {
            say(
                "Its gateway.toml pays by a rail of Sportello's repository, which is not here: write there where that lies.",
            );
        }
        Ok(())
    }
}

fn write(folder: &Path, files: Vec<(String, String)>) -> std::io::Result<Vec<String>> {
    let mut written = Vec::with_capacity(files.len());
    for (name, text) in files {
        let path = folder.join(&name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, text)?;
        written.push(name);
    }
    Ok(written)
}
