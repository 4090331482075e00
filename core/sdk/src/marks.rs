//! What the schema of a plugin's settings says of them beside their shape, in keywords of its own (since contract 1.2; who
//! does not know them passes over them, as JSON Schema 2020-12 wants it: core, section 6.5).
//!
//! - `"x-sportello-exclusive": {"what": "terminal id", "within": ["acquirer_id"]}` at a setting: its value, or each value of
//!   its list, belongs to one instance alone. Two instances, of whatever plugins, must not have one value of the same `what`,
//!   where the settings that `within` names have the same values too: these stand beside the setting. Without `within` it is
//!   exclusive everywhere.
//! - `"x-sportello-secrets": ["three_ds_key"]` at a table of settings: these secrets, which the manifest lists, are needed
//!   where that table is there, and only there. A secret that no schema names so is needed in any case.
//!
//! ```
//! use sportello_sdk::{JsonSchema, serde::Deserialize};
//!
//! #[derive(Deserialize, JsonSchema)]
//! # #[serde(crate = "sportello_sdk::serde")]
//! # #[schemars(crate = "sportello_sdk::schemars")]
//! pub struct Acquirer {
//!     /// The acquirer's own id.
//!     pub acquirer_id: String,
//!     /// The terminal ids that it gave us.
//!     #[schemars(extend("x-sportello-exclusive" = { "what": "terminal id", "within": ["acquirer_id"] }))]
//!     pub terminals: Vec<String>,
//! }
//! ```

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};

/// The keyword at what belongs to one instance alone.
pub const EXCLUSIVE: &str = "x-sportello-exclusive";

/// The keyword at a table that needs secrets.
pub const SECRETS: &str = "x-sportello-secrets";

/// How far references are followed, and tables in tables: further than any settings go, and not for ever.
const DEPTH_MAX: usize = 64;

/// A value that belongs to one instance alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// What it is, for people, as `terminal id`.
    pub what: String,
    /// The settings within whose values it is exclusive, in the schema's order.
    pub within: Vec<(String, Value)>,
    /// The value.
    pub value: Value,
    /// Where it stands in the settings (RFC 6901).
    pub pointer: String,
}

impl Held {
    /// Whether two instances must not have both.
    pub fn clashes_with(&self, other: &Self) -> bool {
        let values = |held: &Self| held.within.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>();
        self.what == other.what && self.value == other.value && values(self) == values(other)
    }
}

/// What a schema says of these settings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Marks {
    /// Everything that belongs to this instance alone.
    pub held: Vec<Held>,
    /// The secrets that are needed for some settings alone.
    pub conditional: BTreeSet<String>,
    /// Those of them that are needed for these.
    pub needed: BTreeSet<String>,
    /// What cannot be read of the marks: the plugin's own mistakes.
    pub defects: Vec<String>,
}

/// Reads the marks of a schema, for these settings.
pub fn read(schema: &Value, settings: &Value) -> Marks {
    let mut walk = Walk { root: schema, marks: Marks::default() };
    walk.conditional(schema, 0);
    walk.at(schema, settings, None, "", 0);
    walk.marks
}

#[derive(Deserialize)]
struct Exclusive {
    what: String,
    #[serde(default)]
    within: Vec<String>,
}

/// The table in which a setting stands: its schema, and its settings.
type Beside<'a> = Option<(&'a Map<String, Value>, &'a Map<String, Value>)>;

struct Walk<'a> {
    root: &'a Value,
    marks: Marks,
}

impl<'a> Walk<'a> {
    /// Every secret that stands under the keyword anywhere.
    fn conditional(&mut self, schema: &Value, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        match schema {
            Value::Object(parts) => {
                if let Some(mark) = parts.get(SECRETS) {
                    let names = self.names(mark);
                    self.marks.conditional.extend(names);
                }
                parts.values().for_each(|part| self.conditional(part, depth + 1));
            }
            Value::Array(parts) => parts.iter().for_each(|part| self.conditional(part, depth + 1)),
            _ => {}
        }
    }

    fn at(&mut self, schema: &'a Value, value: &'a Value, beside: Beside<'a>, pointer: &str, depth: usize) {
        let Some(parts) = schema.as_object().filter(|_| depth <= DEPTH_MAX) else { return };
        let referred = parts.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix('#'));
        if let Some(target) = referred.and_then(|to| self.root.pointer(to)) {
            self.at(target, value, beside, pointer, depth + 1);
        }
        for choice in ["allOf", "anyOf", "oneOf"] {
            for part in parts.get(choice).and_then(Value::as_array).into_iter().flatten() {
                self.at(part, value, beside, pointer, depth + 1);
            }
        }
        if let Some(mark) = parts.get(EXCLUSIVE) {
            self.exclusive(mark, value, beside, pointer);
        }
        if let Some(mark) = parts.get(SECRETS).filter(|_| !value.is_null()) {
            let names = self.names(mark);
            self.marks.needed.extend(names);
        }
        match value {
            Value::Object(settings) => {
                let properties = parts.get("properties").and_then(Value::as_object);
                for (key, value) in settings {
                    let known = properties.and_then(|properties| properties.get(key));
                    let Some(part) = known.or_else(|| parts.get("additionalProperties")) else { continue };
                    let beside = properties.map(|properties| (properties, settings));
                    self.at(part, value, beside, &format!("{pointer}/{}", escaped(key)), depth + 1);
                }
            }
            Value::Array(items) => {
                let Some(part) = parts.get("items") else { return };
                for (at, item) in items.iter().enumerate() {
                    self.at(part, item, beside, &format!("{pointer}/{at}"), depth + 1);
                }
            }
            _ => {}
        }
    }

    fn exclusive(&mut self, mark: &Value, value: &Value, beside: Beside<'a>, pointer: &str) {
        let Ok(Exclusive { what, within }) = Exclusive::deserialize(mark) else {
            return self.defect(format!("`{EXCLUSIVE}` says `what` it is, and perhaps `within` what: {mark}"));
        };
        let mut settings = Vec::with_capacity(within.len());
        for name in within {
            let Some(property) = beside.and_then(|(properties, _)| properties.get(&name)) else {
                return self.defect(format!("`{EXCLUSIVE}` names `{name}`, which is no setting beside it"));
            };
            let written = beside.and_then(|(_, settings)| settings.get(&name)).or_else(|| property.get("default"));
            settings.push((name, written.cloned().unwrap_or_default()));
        }
        let single = std::slice::from_ref(value);
        let values = value.as_array().map_or(single, Vec::as_slice).iter().enumerate();
        for (at, one) in values.filter(|(_, one)| one.is_string() || one.is_number() || one.is_boolean()) {
            let pointer = if value.is_array() { format!("{pointer}/{at}") } else { pointer.to_owned() };
            let held = Held { what: what.clone(), within: settings.clone(), value: one.clone(), pointer };
            // A mark that two parts of a schema share is met twice.
            if !self.marks.held.contains(&held) {
                self.marks.held.push(held);
            }
        }
    }

    fn names(&mut self, mark: &Value) -> Vec<String> {
        let names = Vec::<String>::deserialize(mark);
        if names.is_err() {
            self.defect(format!("`{SECRETS}` is a list of secrets' names: {mark}"));
        }
        names.unwrap_or_default()
    }

    fn defect(&mut self, what: String) {
        if !self.marks.defects.contains(&what) {
            self.marks.defects.push(what);
        }
    }
}

/// A key as a JSON Pointer has it (RFC 6901, section 3).
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema(mark: &Value) -> Value {
        json!({
            "type": "object",
            "properties": {
                "acquirer": { "$ref": "#/$defs/Acquirer" },
                "asks": { "anyOf": [{ "$ref": "#/$defs/Asks" }, { "type": "null" }] },
            },
            "$defs": {
                "Acquirer": {
                    "type": "object",
                    "properties": {
                        "id": { "type": "string", "default": "7" },
                        "terminals": { "type": "array", "items": { "type": "string" }, EXCLUSIVE: mark },
                    },
                },
                "Asks": { "type": "object", "properties": { "again": { "$ref": "#/$defs/Asks" } }, SECRETS: ["key"] },
            },
        })
    }

    #[test]
    fn what_is_exclusive_and_within_what() {
        let check = |mark: Value, settings: Value, expected: &[&str]| {
            let marks = read(&schema(&mark), &settings);
            assert!(marks.defects.is_empty(), "{:?}", marks.defects);
            let told = marks.held.iter().map(|held| {
                let within: Vec<String> = held.within.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!("{} {} {} [{}]", held.pointer, held.what, held.value, within.join(","))
            });
            assert_eq!(told.collect::<Vec<_>>(), expected, "{settings}");
        };
        let within = json!({ "what": "terminal", "within": ["id"] });
        check(
            within.clone(),
            json!({ "acquirer": { "id": "9", "terminals": ["A", "B"] } }),
            &["/acquirer/terminals/0 terminal \"A\" [id=\"9\"]", "/acquirer/terminals/1 terminal \"B\" [id=\"9\"]"],
        );
        // What is not written is what the schema says; what is no value is none.
        check(
            within.clone(),
            json!({ "acquirer": { "terminals": [7, null, {}] } }),
            &["/acquirer/terminals/0 terminal 7 [id=\"7\"]"],
        );
        check(
            within.clone(),
            json!({ "acquirer": { "terminals": "A" } }),
            &["/acquirer/terminals terminal \"A\" [id=\"7\"]"],
        );
        check(within, json!({ "acquirer": {} }), &[]);
        check(
            json!({ "what": "port", "later": 1 }),
            json!({ "acquirer": { "terminals": ["A"] } }),
            &["/acquirer/terminals/0 port \"A\" []"],
        );
    }

    #[test]
    fn two_clash_by_what_they_are_and_not_by_whose() {
        let held = |what: &str, name: &str, id: &str, value: &str| Held {
            what: what.to_owned(),
            within: vec![(name.to_owned(), json!(id))],
            value: json!(value),
            pointer: format!("/{value}"),
        };
        let one = held("terminal", "id", "7", "A");
        assert!(one.clashes_with(&held("terminal", "acquirer", "7", "A")));
        assert!(!one.clashes_with(&held("terminal", "id", "8", "A")));
        assert!(!one.clashes_with(&held("terminal", "id", "7", "B")));
        assert!(!one.clashes_with(&held("port", "id", "7", "A")));
    }

    #[test]
    fn a_secret_is_needed_where_its_table_is() {
        let check = |settings: Value, expected: &[&str]| {
            let marks = read(&schema(&json!({ "what": "x" })), &settings);
            assert_eq!(marks.conditional.iter().collect::<Vec<_>>(), ["key"]);
            assert_eq!(marks.needed.iter().map(String::as_str).collect::<Vec<_>>(), expected, "{settings}");
        };
        check(json!({}), &[]);
        check(json!({ "asks": null }), &[]);
        check(json!({ "asks": {} }), &["key"]);
        check(json!({ "asks": { "again": {} } }), &["key"]);
    }

    #[test]
    fn a_mark_that_cannot_be_read_is_a_defect_and_a_schema_in_circles_an_end() {
        let check = |mark: Value, expected: &str| {
            let marks = read(&schema(&mark), &json!({ "acquirer": { "terminals": ["A"] } }));
            assert!(marks.held.is_empty());
            assert!(marks.defects.iter().any(|defect| defect.contains(expected)), "{mark}: {:?}", marks.defects);
        };
        check(json!("terminal"), "what");
        check(json!({ "within": [] }), "what");
        check(json!({ "what": "x", "within": ["place"] }), "`place`");
        let marks = read(&json!({ "$ref": "#", SECRETS: "key", EXCLUSIVE: { "what": "x" } }), &json!("A"));
        assert_eq!((marks.defects.len(), marks.held.len()), (1, 1));
    }
}
