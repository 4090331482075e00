//! An instance's settings against the plugin's own schema: every error at once, and no secret among them.

use std::collections::BTreeMap;
use std::fmt;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;
use sportello_sdk::{Manifest, Secret};

/// One thing that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    /// Where, as a JSON Pointer (RFC 6901) into the settings; empty for the whole.
    pub pointer: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// All that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SettingsErrors(pub Vec<SettingsError>);

impl fmt::Display for SettingsErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, SettingsError { pointer, message }) in self.0.iter().enumerate() {
            let gap = if index == 0 { "" } else { "; " };
            let place = pointer.trim_start_matches('/').replace('/', ".");
            match place.as_str() {
                "" => write!(f, "{gap}{message}")?,
                place => write!(f, "{gap}`{place}`: {message}")?,
            }
        }
        Ok(())
    }
}

/// Takes the settings that the manifest names as secrets out of `settings`. What is no text stays, so that the schema's
/// check complains of it.
pub fn take_secrets(settings: &mut Value, manifest: &Manifest) -> BTreeMap<String, Secret> {
    let Some(table) = settings.as_object_mut() else {
        return BTreeMap::new();
    };
    let mut secrets = BTreeMap::new();
    for name in &manifest.secrets {
        if table.get(name).is_some_and(Value::is_string)
            && let Some(Value::String(value)) = table.remove(name)
        {
            secrets.insert(name.clone(), Secret::new(value));
        }
    }
    secrets
}

/// Checks the settings, secrets taken out, against the plugin's schema.
///
/// # Errors
/// Everything that is wrong.
pub fn check(schema: &Value, settings: &Value) -> Result<(), SettingsErrors> {
    let validator = jsonschema::validator_for(schema).map_err(|error| {
        SettingsErrors(vec![SettingsError {
            pointer: String::new(),
            message: format!("the plugin's own schema of its settings is broken, install another build of it: {error}"),
        }])
    })?;
    let errors: Vec<_> = validator.iter_errors(settings).flat_map(|error| told(&error)).collect();
    if errors.is_empty() { Ok(()) } else { Err(SettingsErrors(errors)) }
}

/// What an error of the validator's says, each mistake at its own key. What may be left out is its own kind or null in a
/// schema (`anyOf`): nobody writes null, so what is wrong is what is wrong with the other.
fn told(error: &ValidationError<'_>) -> Vec<SettingsError> {
    if let ValidationErrorKind::AnyOf { context } = error.kind() {
        let mut meant = context.iter().filter(|branch| !branch.iter().all(wants_null));
        if let (Some(branch), None) = (meant.next(), meant.next()) {
            return branch.iter().flat_map(told).collect();
        }
    }
    vec![SettingsError { pointer: error.instance_path().to_string(), message: error.to_string() }]
}

fn wants_null(error: &ValidationError<'_>) -> bool {
    matches!(error.kind(), ValidationErrorKind::Type { kind: TypeKind::Single(JsonType::Null) })
}

/// The secrets without which the host cannot verify this plugin's webhooks, and which are not set.
pub(crate) fn missing_secrets(manifest: &Manifest, secrets: &BTreeMap<String, Secret>) -> Vec<SettingsError> {
    let wanted = manifest.webhook.as_ref().map(crate::webhook::secrets_of).unwrap_or_default();
    let is_missing = |name: &&str| secrets.get(*name).is_none_or(|secret| secret.reveal().is_empty());
    wanted
        .into_iter()
        .filter(is_missing)
        .map(|name| SettingsError {
            pointer: format!("/{name}"),
            message: "this secret is not set, and webhooks are verified with it: set it as `{ env = \"…\" }` or \
                      `{ file = \"…\" }`"
                .to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_errors_at_once() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "additionalProperties": false,
            "required": ["handle", "api"],
            "properties": {
                "handle": { "type": "string" },
                "api": { "type": "string" },
                "retries": { "type": "integer", "minimum": 0 },
                "nested": { "type": "object", "properties": { "on": { "type": "boolean" } } },
                "perhaps": { "anyOf": [{ "$ref": "#/$defs/Perhaps" }, { "type": "null" }] },
                "either": { "anyOf": [{ "type": "integer" }, { "type": "boolean" }] },
            },
            "$defs": { "Perhaps": {
                "type": "object",
                "additionalProperties": false,
                "required": ["url"],
                "properties": {
                    "url": { "type": "string" },
                    "inner": { "anyOf": [{ "type": "object", "properties": { "on": { "type": "boolean" } } },
                        { "type": "null" }] },
                },
            } },
        });
        let check = |settings: Value, expected: &[&str]| {
            let got = check(&schema, &settings).err().map(|errors| errors.0).unwrap_or_default();
            let mut pointers: Vec<_> = got.iter().map(|error| error.pointer.as_str()).collect();
            pointers.sort_unstable();
            assert_eq!(pointers, expected, "{got:?}");
        };
        check(json!({ "handle": "sportello", "api": "x" }), &[]);
        check(json!({}), &["", ""]);
        check(json!([]), &[""]);
        check(
            json!({ "handle": 7, "api": "x", "retries": -1, "nested": { "on": "yes" }, "wrong": 1 }),
            &["", "/handle", "/nested/on", "/retries"],
        );
        // What may be left out, and is wrong: at its own key.
        let good = |more: &str, value: Value| json!({ "handle": "sportello", "api": "x", more: value });
        check(good("perhaps", json!({ "url": "x", "inner": { "on": true } })), &[]);
        check(good("perhaps", Value::Null), &[]);
        check(good("perhaps", json!({ "url": 7, "inner": { "on": 1 } })), &["/perhaps/inner/on", "/perhaps/url"]);
        check(good("perhaps", json!({ "ulr": "x" })), &["/perhaps", "/perhaps"]);
        check(good("perhaps", json!(7)), &["/perhaps"]);
        check(good("either", json!("x")), &["/either"]);
    }

    #[test]
    fn secrets_are_taken_out() {
        let manifest: Manifest = serde_json::from_value(json!({
            "name": "x", "kind": "channel", "version": "1.0.0", "contract": "1.0", "secrets": ["token", "key", "other"],
        }))
        .unwrap();
        let mut settings = json!({ "handle": "sportello", "token": "s3cret", "key": 7 });
        let secrets = take_secrets(&mut settings, &manifest);
        assert_eq!(settings, json!({ "handle": "sportello", "key": 7 }));
        assert_eq!(secrets.keys().collect::<Vec<_>>(), ["token"]);
    }
}
