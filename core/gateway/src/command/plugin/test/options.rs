//! What the kit has to know of a plugin of which there is only a file.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use sportello_host::Loaded;
use sportello_sdk::frames::plugin_method;
use sportello_sdk::kit::Options;
use sportello_sdk::testing::{ScriptedHost, block_on};

/// What the kit has to know, and where that is from.
pub(super) struct Read {
    pub(super) options: Options,
    /// The file, or that it was made up.
    pub(super) from: String,
}

/// Reads the file that is named, or looks for one.
pub(super) fn read(file: &Path, named: Option<&Path>, loaded: &Loaded) -> Result<Read, String> {
    let found = match named {
        Some(named) => Some(named.to_path_buf()),
        None => find(file, &loaded.manifest().name),
    };
    let Some(path) = found else {
        let options = Options::new(made_up(&schema(loaded)?));
        return Ok(Read { options, from: "made up from the schema".to_owned() });
    };
    let wrong = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let text = std::fs::read_to_string(&path).map_err(|error| wrong(&error))?;
    let is_toml = path.extension().is_some_and(|extension| extension == "toml");
    let value: Value = match is_toml {
        true => toml::from_str(&text).map_err(|error| wrong(&error))?,
        false => serde_json::from_str(&text).map_err(|error| wrong(&error))?,
    };
    let options = Options::from_value(value).map_err(|error| wrong(&error))?;
    Ok(Read { options, from: path.display().to_string() })
}

/// `NAME.kit.json` beside the file, or `kit.json` in the current folder where the manifest beside it is this plugin's.
fn find(file: &Path, name: &str) -> Option<PathBuf> {
    let beside = file.parent().unwrap_or(Path::new(""));
    let own = ["json", "toml"].map(|extension| beside.join(format!("{name}.kit.{extension}")));
    if let Some(found) = own.into_iter().find(|path| path.is_file()) {
        return Some(found);
    }
    let manifest: Value = serde_json::from_slice(&std::fs::read("manifest.json").ok()?).ok()?;
    if manifest.get("name").and_then(Value::as_str) != Some(name) {
        return None;
    }
    ["kit.json", "kit.toml"].map(PathBuf::from).into_iter().find(|path| path.is_file())
}

fn schema(loaded: &Loaded) -> Result<Value, String> {
    let host = ScriptedHost::new();
    let frame = serde_json::to_vec(&host.frame(())).map_err(|error| error.to_string())?;
    let plugin = loaded.connect(host.into_peer());
    let reply = block_on(plugin.call(0, plugin_method::SCHEMA, frame.into(), Default::default()));
    if !reply.ok {
        return Err(format!("it does not say what its settings are: {}", String::from_utf8_lossy(&reply.frame)));
    }
    serde_json::from_slice(&reply.frame).map_err(|error| format!("the schema of its settings is no JSON: {error}"))
}

/// Settings that may do: what the schema gives as an example or takes where nothing is written, for each that is needed.
fn made_up(schema: &Value) -> Value {
    let properties = schema.get("properties").and_then(Value::as_object);
    let required = schema.get("required").and_then(Value::as_array);
    let required = required.into_iter().flatten().filter_map(Value::as_str);
    let settings: Map<String, Value> =
        required.filter_map(|key| Some((key.to_owned(), example(properties?.get(key)?, key, schema, 0)))).collect();
    settings.into()
}

/// How deep a schema is followed, which may lead back to itself.
const DEPTH_MAX: usize = 8;

fn example(property: &Value, key: &str, schema: &Value, depth: usize) -> Value {
    if depth > DEPTH_MAX {
        return Value::Null;
    }
    let first = |name: &str| property.get(name).and_then(Value::as_array).and_then(|all| all.first()).cloned();
    if let Some(found) = first("examples").or_else(|| property.get("default").cloned()).or_else(|| first("enum")) {
        return found;
    }
    if let Some(constant) = property.get("const") {
        return constant.clone();
    }
    if let Some(name) = property.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#')) {
        return schema.pointer(name).map_or(Value::Null, |found| example(found, key, schema, depth + 1));
    }
    for list in ["anyOf", "oneOf", "allOf"] {
        if let Some(one) = first(list) {
            return example(&one, key, schema, depth + 1);
        }
    }
    let kind = property.get("type").map(|kind| match kind {
        Value::Array(kinds) => kinds.first().cloned().unwrap_or_default(),
        kind => kind.clone(),
    });
    match kind.as_ref().and_then(Value::as_str) {
        Some("string") if key.contains("url") || key.contains("address") => "https://provider.example".into(),
        Some("string") => "kit".into(),
        Some("integer" | "number") => property.get("minimum").cloned().unwrap_or_else(|| 1.into()),
        Some("boolean") => false.into(),
        Some("array") => match property.get("items") {
            Some(items) => json!([example(items, key, schema, depth + 1)]),
            None => json!([]),
        },
        Some("object") => {
            let properties = property.get("properties").and_then(Value::as_object);
            let required = property.get("required").and_then(Value::as_array);
            let required = required.into_iter().flatten().filter_map(Value::as_str);
            let table: Map<String, Value> = required
                .filter_map(|key| Some((key.to_owned(), example(properties?.get(key)?, key, schema, depth + 1))))
                .collect();
            table.into()
        }
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_made_up_from_their_schema() {
        let schema = json!({
            "type": "object",
            "required": ["base_url", "name", "port", "mode", "bank", "on", "list", "given"],
            "properties": {
                "base_url": { "type": "string" }, "name": { "type": "string" }, "on": { "type": "boolean" },
                "port": { "type": "integer", "minimum": 1024 }, "mode": { "enum": ["fast", "slow"] },
                "bank": { "$ref": "#/$defs/Bank" }, "list": { "type": "array", "items": { "type": "integer" } },
                "given": { "type": "string", "examples": ["IT60"] }, "not_needed": { "type": "string" },
            },
            "$defs": { "Bank": { "type": "object", "required": ["bic"], "properties": { "bic": { "type": ["string", "null"] } } } },
        });
        let expected = json!({
            "base_url": "https://provider.example", "name": "kit", "port": 1024, "mode": "fast",
            "bank": { "bic": "kit" }, "on": false, "list": [1], "given": "IT60",
        });
        assert_eq!(made_up(&schema), expected);
        let endless = json!({ "required": ["a"], "properties": { "a": { "$ref": "#/properties/a" } } });
        assert_eq!(made_up(&endless), json!({ "a": null }));
    }
}
