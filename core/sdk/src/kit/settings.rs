//! The settings and their schema.

use serde_json::{Map, Value, json};

use super::bench::{Bench, Instance};
use super::deed::is_fallen;
use super::{BenchCheck, Verdict, held, tried};
use crate::frames::plugin_method;
use crate::{Source, marks};

pub(super) const CHECKS: &[BenchCheck] = &[
    ("settings-schema", "the settings have a schema before `open`", schema_is_there),
    ("settings-no-secrets", "secrets do not stand among the settings", secrets_are_apart),
    ("settings-marks", "what the schema marks can be read", marks_are_read),
    ("settings-good", "good settings open the plugin", good_settings_open),
    ("settings-unknown", "an unknown setting is refused by its name", unknown_is_refused),
    ("settings-wrong-type", "a setting of the wrong type is refused by its name", wrong_type_is_refused),
    ("settings-missing", "a missing setting is refused by its name", missing_is_refused),
];

fn schema(bench: &Bench<'_>) -> Result<Value, String> {
    let instance = bench.instance(&bench.host());
    instance.tell::<Value>(plugin_method::SCHEMA, &()).map_err(|failure| failure.to_string())
}

fn properties(schema: &Value) -> Map<String, Value> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.cloned().unwrap_or_default()
}

fn schema_is_there(bench: &Bench<'_>) -> Verdict {
    let schema = schema(bench)?;
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        return Err(format!("it is not of an object: {schema}"));
    }
    let properties = properties(&schema);
    let facts = bench.manifest.channel.as_ref();
    let named = [
        ("own_name_setting", facts.and_then(|facts| facts.own_name_setting.as_ref())),
        ("scope_setting", facts.and_then(|facts| facts.scope_setting.as_ref())),
    ];
    for (fact, key) in named {
        if let Some(key) = key.filter(|key| !properties.contains_key(*key)) {
            return Err(format!("`{fact}` is `{key}`, which is no setting"));
        }
    }
    // Without a scope nobody could say whose handles are this instance's.
    if let Some(key) = facts.and_then(|facts| facts.scope_setting.as_ref()) {
        let scope = bench.options.settings.get(key).and_then(Value::as_str).unwrap_or_default();
        if scope.is_empty() {
            return Err(format!("`scope_setting` is `{key}`, and good settings have no text there"));
        }
    }
    held(format!("{} settings", properties.len()))
}

fn secrets_are_apart(bench: &Bench<'_>) -> Verdict {
    let properties = properties(&schema(bench)?);
    let among = |name: &&String| properties.contains_key(name.as_str());
    match bench.manifest.secrets.iter().find(among) {
        Some(name) => {
            Err(format!("`{name}` is a secret, asked for by `Host::secret`; among the settings it never comes"))
        }
        None => held(""),
    }
}

fn marks_are_read(bench: &Bench<'_>) -> Verdict {
    let marks = marks::read(&schema(bench)?, &bench.options.settings);
    if let Some(defect) = marks.defects.first() {
        return Err(defect.clone());
    }
    match marks.conditional.iter().find(|name| !bench.manifest.secrets.contains(name)) {
        Some(name) => Err(format!("`{name}` is marked as a secret, and is none in the manifest")),
        None => held(format!("{} values are exclusive", marks.held.len())),
    }
}

fn good_settings_open(bench: &Bench<'_>) -> Verdict {
    bench.opened(&bench.host())?;
    held("")
}

/// Opens with bad settings, and wants a failure that names `key`.
fn refused(bench: &Bench<'_>, settings: &Value, key: &str) -> Result<(), String> {
    let instance: Instance = bench.instance(&bench.host());
    match instance.open(settings) {
        Ok(()) => Err(format!("`{key}`: {settings} was taken")),
        Err(failure) if is_fallen(&failure) => Err(failure.message),
        Err(failure) if failure.source != Source::Settings => {
            Err(format!("`{key}`: the fault is not said to be that of the settings: {failure}"))
        }
        Err(failure) if !failure.message.contains(key) => Err(format!("`{key}` is not named: {failure}")),
        Err(_) => Ok(()),
    }
}

fn unknown_is_refused(bench: &Bench<'_>) -> Verdict {
    let key = "a_setting_that_is_none";
    let mut settings = bench.options.settings.clone();
    if let Some(settings) = settings.as_object_mut() {
        settings.insert(key.to_owned(), json!(1));
    }
    refused(bench, &settings, key)?;
    held("")
}

fn wrong_type_is_refused(bench: &Bench<'_>) -> Verdict {
    let properties = properties(&schema(bench)?);
    let mut count = 0;
    for (key, property) in &properties {
        // Only what is plainly a number, a text or a switch: what else a list of something could be is not known here.
        let plain = match property.get("type") {
            Some(Value::String(kind)) => is_plain(kind),
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).all(is_plain),
            _ => false,
        };
        if !plain {
            continue;
        }
        let mut settings = bench.options.settings.clone();
        if let Some(settings) = settings.as_object_mut() {
            settings.insert(key.clone(), json!([{ "not": "this" }]));
        }
        refused(bench, &settings, key)?;
        count += 1;
    }
    tried(count, "settings")
}

fn is_plain(kind: &str) -> bool {
    matches!(kind, "string" | "integer" | "number" | "boolean" | "null")
}

fn missing_is_refused(bench: &Bench<'_>) -> Verdict {
    let schema = schema(bench)?;
    let required = schema.get("required").and_then(Value::as_array);
    let required: Vec<&str> = required.into_iter().flatten().filter_map(Value::as_str).collect();
    for key in &required {
        let mut settings = bench.options.settings.clone();
        if let Some(settings) = settings.as_object_mut() {
            settings.remove(*key);
        }
        refused(bench, &settings, key)?;
    }
    tried(required.len(), "required settings")
}
