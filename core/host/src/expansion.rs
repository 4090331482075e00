//! How much a schema comes to once its references are followed: a few lines of JSON Schema can be more than any program
//! walks through in a lifetime, and a plugin writes its own.

use std::collections::HashMap;

use serde_json::Value;

/// The most that a schema of settings comes to, in parts. Ours have some hundred.
const PARTS_MAX: u64 = 50_000;

/// How deep it goes, references followed.
const DEPTH_MAX: usize = 200;

/// What holds for the same value as the schema in which it stands, and not for a part of it (JSON Schema 2020-12, core, 10.2).
const IN_PLACE: [&str; 8] = ["$ref", "allOf", "anyOf", "oneOf", "not", "if", "then", "else"];

/// Whether the schema can be walked through.
///
/// # Errors
/// Why it cannot.
pub(crate) fn check(schema: &Value) -> Result<(), String> {
    let mut walk = Walk { root: schema, known: HashMap::new(), open: HashMap::new() };
    match walk.parts(schema, 0, 0)? {
        0..=PARTS_MAX => Ok(()),
        _ => Err(format!("it comes to more than {PARTS_MAX} parts, once its references are followed")),
    }
}

struct Walk<'a> {
    root: &'a Value,
    /// What a part comes to, by its address.
    known: HashMap<*const Value, u64>,
    /// The parts that are being walked through, each with how often a part of the value was gone into on the way to it.
    open: HashMap<*const Value, usize>,
}

impl<'a> Walk<'a> {
    fn parts(&mut self, schema: &'a Value, depth: usize, into: usize) -> Result<u64, String> {
        let place = std::ptr::from_ref(schema);
        if let Some(known) = self.known.get(&place) {
            return Ok(*known);
        }
        match self.open.get(&place) {
            Some(before) if *before == into => return Err("it refers to itself without end".to_owned()),
            // It ends where the value does.
            Some(_) => return Ok(1),
            None => {}
        }
        if depth > DEPTH_MAX {
            return Err(format!("it goes more than {DEPTH_MAX} parts deep"));
        }
        self.open.insert(place, into);
        let mut parts = 1_u64;
        match schema {
            Value::Object(all) => {
                for (name, part) in all {
                    let into = if IN_PLACE.contains(&name.as_str()) { into } else { into + 1 };
                    let target = part.as_str().filter(|_| name == "$ref").and_then(|to| to.strip_prefix('#'));
                    let target = target.and_then(|to| self.root.pointer(to));
                    parts = parts.saturating_add(self.parts(target.unwrap_or(part), depth + 1, into)?);
                }
            }
            Value::Array(all) => {
                for part in all {
                    parts = parts.saturating_add(self.parts(part, depth + 1, into)?);
                }
            }
            _ => {}
        }
        self.open.remove(&place);
        self.known.insert(place, parts);
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_schema_comes_to() {
        let check = |schema: Value, expected: Result<(), &str>| {
            let checked = check(&schema);
            match expected {
                Ok(()) => assert_eq!(checked, Ok(())),
                Err(why) => assert!(checked.as_ref().is_err_and(|error| error.contains(why)), "{checked:?}"),
            }
        };
        let doubled = |levels: usize, last: Value| {
            let mut defs = serde_json::Map::new();
            for level in 0..levels {
                let next = json!({ "$ref": format!("#/$defs/{}", level + 1) });
                defs.insert(level.to_string(), json!({ "allOf": [next, next] }));
            }
            defs.insert(levels.to_string(), last);
            json!({ "$defs": defs, "$ref": "#/$defs/0" })
        };
        check(json!(true), Ok(()));
        check(doubled(8, json!({ "type": "object" })), Ok(()));
        check(doubled(40, json!({ "type": "object" })), Err("more than 50000 parts"));
        check(doubled(2, json!({ "$ref": "#/$defs/0" })), Err("refers to itself"));
        check(json!({ "$ref": "#" }), Err("refers to itself"));
        // As one describes a tree.
        check(json!({ "properties": { "left": { "$ref": "#" }, "right": { "$ref": "#" } } }), Ok(()));
        check(json!({ "type": "array", "items": { "anyOf": [{ "$ref": "#" }, { "type": "null" }] } }), Ok(()));
        // What leads nowhere is a matter of whoever reads it.
        check(json!({ "$ref": "#/nowhere" }), Ok(()));
        let deep = (0..=DEPTH_MAX).fold(json!(true), |deep, _| json!({ "not": deep }));
        check(deep, Err("parts deep"));
    }
}
