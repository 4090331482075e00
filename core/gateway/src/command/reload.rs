//! `sportello reload`.

use serde_json::Value;

use super::{say, say_json};
use crate::cli::{Failed, Setting};
use crate::client::Client;
use crate::config::Scope;

/// Has the running gateway read its configuration again, and tells what has changed.
///
/// # Errors
/// Everything that is wrong with it; then nothing has changed.
pub async fn reload(setting: &Setting) -> Result<(), Failed> {
    let answer = Client::open(&setting.config)?.post("/v1/reload", &Value::Null, None, &[Scope::Operate]).await?;
    if setting.json {
        say_json(&answer);
        return Ok(());
    }
    let changed = answer.get("changed").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if changed.is_empty() {
        say("The configuration was read again; no instance has changed.");
    }
    for change in changed {
        say(sentence(change));
    }
    Ok(())
}

/// What has changed about an instance, for people.
pub(super) fn sentence(changed: &Value) -> String {
    let text = |key: &str| changed.get(key).and_then(Value::as_str);
    let name = text("instance").unwrap_or("?");
    let now = match (text("from"), text("to")) {
        (None, Some(to)) => format!("{name}: {to} is there"),
        (Some(from), None) => format!("{name}: {from} takes nothing new, and finishes what it has"),
        (Some(from), Some(to)) if from == to => format!("{name}: {to} goes on"),
        (Some(from), Some(to)) => format!("{name}: {to} is in the place of {from}, which finishes what it has"),
        (None, None) => format!("{name}: nothing is there"),
    };
    match text("canary") {
        Some(canary) => format!("{now}; {canary} is tried beside it"),
        None => now,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changes_are_told_in_a_sentence() {
        let check = |from: Option<&str>, to: Option<&str>, canary: Option<&str>, expected: &str| {
            let changed = json!({"instance": "bank", "from": from, "to": to, "canary": canary});
            assert_eq!(sentence(&changed), expected);
        };
        check(None, Some("1.0.0"), None, "bank: 1.0.0 is there");
        check(Some("1.0.0"), None, None, "bank: 1.0.0 takes nothing new, and finishes what it has");
        check(Some("1.0.0"), Some("1.0.0"), Some("1.1.0"), "bank: 1.0.0 goes on; 1.1.0 is tried beside it");
        check(Some("1.0.0"), Some("1.1.0"), None, "bank: 1.1.0 is in the place of 1.0.0, which finishes what it has");
    }
}
