//! `exec` and `reads`: a plugin in any language, in place of a library.

use serde_json::Value;

use super::problem::Wrong;
use super::section::Section;
use super::value::{plain_name, text};

/// A program that is a plugin, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec {
    /// The program and its arguments. The one of these that is a file is the plugin.
    pub command: Vec<String>,
    /// What it may read, beside itself and what its program needs to start.
    pub reads: Vec<String>,
}

/// What an instance is made of: the name of its plugin, and the program where it is one.
pub(super) fn plugin(section: &Section<'_>) -> (Option<String>, Option<Exec>) {
    if !section.has("exec") {
        if section.has("reads") {
            let what = "a library reads no files: only a program that is named by `exec` does";
            section.wrong("reads", Wrong::new(what, "take it out"));
        }
        let _ = (section.raw("exec"), section.raw("reads"));
        return (section.required("plugin", "\"name-of-the-plugin\"", plain_name), None);
    }
    if section.raw("plugin").is_some() {
        let what = "a plugin is a library or a program, and not both";
        section.wrong("plugin", Wrong::new(what, "take this out, or `exec`"));
    }
    if section.raw("isolation").is_some_and(|written| written.as_str() == Some("in-process")) {
        let what = "a program always has a process of its own";
        section.wrong("isolation", Wrong::new(what, "take it out"));
    }
    for key in ["version", "canary"].into_iter().filter(|key| section.has(key)) {
        let what = "a program is the version that its file is";
        section.wrong(key, Wrong::new(what, "take it out"));
    }
    let command = section.list("exec", word);
    let reads = section.list("reads", word);
    if section.is_empty_list("exec") {
        let remedy = "write it as in: exec = [\"python3\", \"rail.py\"]";
        section.wrong("exec", Wrong::new("it names no program", remedy));
    }
    if command.is_empty() {
        return (None, None);
    }
    (Some(command.join(" ")), Some(Exec { command, reads }))
}

/// A word of a command line.
fn word(value: &Value) -> Result<String, Wrong> {
    let written = text(value)?;
    if written.is_empty() || written.contains('\0') {
        return Err(Wrong::new("this is no argument of a program", "write some text, or take it out"));
    }
    Ok(written)
}
