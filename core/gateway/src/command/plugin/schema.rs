//! `sportello plugin schema`.

use clap::Args;

use crate::cli::{Failed, Setting};
use crate::command::{say, say_json};

/// Print the contract as JSON Schemas: every method of both sides, with what goes in and what comes out.
#[derive(Debug, Args)]
pub struct Schema {}

impl Schema {
    /// Prints it.
    ///
    /// # Errors
    /// None.
    pub fn run(self, setting: &Setting) -> Result<(), Failed> {
        let schema = sportello_sdk::contract::schema();
        if setting.json {
            say_json(&schema);
        } else {
            say(serde_json::to_string_pretty(&schema).unwrap_or_default());
        }
        Ok(())
    }
}
