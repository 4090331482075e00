//! What the command line can do, a file for each.

pub mod check;
pub mod parse;
pub mod pay;
pub mod payments;
pub mod plugin;
pub mod run;
pub mod show;

use std::future::Future;
use std::io::Write;

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

/// Writes a text and a line's end to standard output. Whoever closed it does not want to read: that is no error. What
/// strangers wrote is in it, and a terminal must not obey them.
pub fn say(text: impl std::fmt::Display) {
    let text = text.to_string();
    let mut out = std::io::stdout().lock();
    for (at, line) in text.split('\n').enumerate() {
        let end = if at == 0 { "" } else { "\n" };
        let _ = write!(out, "{end}{}", escape_controls(line));
    }
    let _ = writeln!(out);
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
