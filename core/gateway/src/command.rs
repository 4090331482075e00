//! What the command line can do, a file for each.

pub mod check;
pub mod parse;
pub mod pay;
pub mod payments;
pub mod plugin;
pub mod reload;
pub mod run;
pub mod show;
pub mod vault;

use std::future::Future;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use sportello_model::Money;

use crate::cli::Failed;
use crate::client::ClientError;
use crate::redact::escape_controls;

/// Runs a command that talks to somebody.
///
/// # Errors
/// Its own, or that the runtime cannot start.
pub fn asynchronously(command: impl Future<Output = Result<(), Failed>>) -> Result<(), Failed> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failed::Trying(format!("the runtime cannot start: {error}")))?
        .block_on(command)
}

/// Runs a command that is work, as a gateway runs: with a thread for each core.
///
/// # Errors
/// Those of the command.
pub fn on_all_cores(command: impl Future<Output = Result<(), Failed>>) -> Result<(), Failed> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failed::Trying(format!("the runtime cannot start: {error}")))?
        .block_on(command)
}

/// Writes a text and a line's end to standard output. Whoever closed it does not want to read: that is no error.
pub fn say(text: impl std::fmt::Display) {
    let written = writeln!(std::io::stdout().lock(), "{}", harmless(&text.to_string()));
    if written.is_err_and(|error| error.kind() != std::io::ErrorKind::BrokenPipe) {
        UNWRITTEN.store(true, Ordering::Relaxed);
    }
}

/// Whether something could not be written, as on a full disk.
static UNWRITTEN: AtomicBool = AtomicBool::new(false);

/// Whether something could not be written, which somebody wants to read.
pub fn is_unwritten() -> bool {
    UNWRITTEN.load(Ordering::Relaxed)
}

/// What strangers wrote is in a text, and a terminal must not obey them.
pub fn harmless(text: &str) -> String {
    text.split('\n').map(escape_controls).collect::<Vec<_>>().join("\n")
}

/// Writes a value as one line of JSON.
pub fn say_json(value: &impl Serialize) {
    say(serde_json::to_string(value).unwrap_or_default());
}

/// An amount as JSON has it, for people.
fn money(amount: Option<&serde_json::Value>) -> String {
    let money = amount.and_then(|amount| serde_json::from_value::<Money>(amount.clone()).ok());
    money.map_or_else(|| "?".to_owned(), |money| money.to_string())
}

/// A table for people.
pub fn table<const N: usize>(head: [&str; N]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_BORDERS_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(head.to_vec());
    table
}

impl From<ClientError> for Failed {
    fn from(error: ClientError) -> Self {
        match &error {
            ClientError::Config(_) | ClientError::NoKey(_) => Self::Asking(error.to_string()),
            ClientError::NoAnswer { .. } | ClientError::Unheard { .. } | ClientError::Refused { .. } => {
                Self::Trying(error.to_string())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_no_stranger() {
        let check = |text: &str, expected: &str| assert_eq!(harmless(text), expected);
        check("two\nlines, 20 € ✓", "two\nlines, 20 € ✓");
        check("memo \u{1b}[2J\u{9b}31m\r", "memo \\u001b[2J\\u009b31m\\u000d");
        check("\u{202e}txt", "\\u202etxt");
        let mut rows = table(["what"]);
        rows.add_row(["\u{1b}]0;pwn\u{7}"]);
        assert!(!harmless(&rows.to_string()).contains(['\u{1b}', '\u{7}']));
    }
}
