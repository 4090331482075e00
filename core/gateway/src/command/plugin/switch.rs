//! `sportello plugin enable`, `disable`, `drain`, `promote` and `rollback`: one instance of the running gateway.

use clap::Args;
use serde_json::Value;

use crate::cli::{Failed, Setting};
use crate::client::Client;
use crate::command::{asynchronously, reload, say, say_json};
use crate::config::Scope;

/// Which instance.
#[derive(Debug, Args)]
pub struct Switch {
    /// The instance's name in the configuration.
    name: String,
}

impl Switch {
    /// Has the running gateway do this with the instance.
    ///
    /// # Errors
    /// When it cannot be asked, or does not do it.
    pub fn run(self, setting: &Setting, what: &str) -> Result<(), Failed> {
        asynchronously(self.ask(setting, what))
    }

    async fn ask(self, setting: &Setting, what: &str) -> Result<(), Failed> {
        let path = format!("/v1/instances/{}/{what}", plain(&self.name)?);
        let answer = Client::open(&setting.config)?.post(&path, &Value::Null, None, &[Scope::Operate]).await?;
        if setting.json {
            say_json(&answer);
            return Ok(());
        }
        match answer.get("changed").filter(|changed| !changed.is_null()) {
            Some(changed) => say(reload::sentence(changed)),
            None => say(format_args!("{}: it was so already", self.name)),
        }
        if let Some(write) = answer.get("write").and_then(Value::as_str) {
            say(format_args!("Until gateway.toml says so itself, the gateway remembers it. Write there: {write}"));
        }
        if let Some(beware) = answer.get("beware").and_then(Value::as_str) {
            say(format_args!("Beware: {beware}"));
        }
        Ok(())
    }
}

/// The name of an instance. One that is none must not be read as a path.
pub(super) fn plain(name: &str) -> Result<&str, Failed> {
    match !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        true => Ok(name),
        false => Err(Failed::Asking(format!("{name:?} is no instance's name"))),
    }
}
