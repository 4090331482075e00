//! How much a schema comes to once its references are followed: a few lines of JSON Schema can be more than any program
//! walks through in a lifetime, and a plugin writes its own.

use std::collections::HashMap;

use serde_json::Value;

use crate::record::unescaped;

/// The most that a schema of settings comes to, in parts. Ours have some hundred.
const PARTS_MAX: u64 = 50_000;

/// The most that holds for one and the same value.
const IN_PLACE_MAX: u64 = 1_000;

/// How deep it goes, references followed.
const DEPTH_MAX: usize = 200;

/// Keywords behind which stands what holds for the same value as the schema that they are in, and not for a part of it (JSON
/// Schema 2020-12, core, 10.2): a schema, a list of them, or some by name.
const IN_PLACE: [&str; 10] =
    ["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies", "extends"];

/// Keywords behind which a reference stands.
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// Keywords behind which no schema stands, whatever it looks like.
const DATA: [&str; 4] = ["const", "default", "enum", "examples"];

/// Whether the schema can be walked through.
///
/// # Errors
/// Why it cannot.
pub(crate) fn check(schema: &Value) -> Result<(), String> {
    let mut walk = Walk { root: schema, in_place: HashMap::new(), parts: HashMap::new() };
    match walk.parts(schema, 0)? {
        0..=PARTS_MAX => Ok(()),
        _ => Err(format!("it comes to more than {PARTS_MAX} parts, once its references are followed")),
    }
}

/// What a part comes to, by its address; nothing while that is being found out.
type Known = HashMap<*const Value, Option<u64>>;

struct Walk<'a> {
    root: &'a Value,
    in_place: Known,
    parts: Known,
}

impl<'a> Walk<'a> {
    /// What a reference leads to.
    fn target(&self, reference: &str) -> Result<&'a Value, String> {
        let pointer = reference.strip_prefix('#').filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let target = pointer.and_then(|pointer| {
            // It is a part of a URL.
            self.root.pointer(&unescaped(pointer))
        });
        target.ok_or_else(|| format!("the reference {reference:?} leads to no part of it"))
    }

    /// What stands behind a keyword in a schema.
    fn behind(&self, keyword: &str, part: &'a Value) -> Result<&'a Value, String> {
        match part {
            Value::String(reference) if REFERENCES.contains(&keyword) => self.target(reference),
            part => Ok(part),
        }
    }

    /// How many parts hold for the value that `schema` holds for.
    fn in_place(&mut self, schema: &'a Value, depth: usize) -> Result<u64, String> {
        let place = std::ptr::from_ref(schema);
        match self.in_place.get(&place) {
            Some(Some(known)) => return Ok(*known),
            Some(None) => return Err("it refers to itself without end".to_owned()),
            None if depth > DEPTH_MAX => return Err(too_deep()),
            None => self.in_place.insert(place, None),
        };
        let mut parts = 1_u64;
        for (keyword, part) in schema.as_object().into_iter().flatten() {
            let is_reference = REFERENCES.contains(&keyword.as_str()) && part.is_string();
            if !is_reference && !IN_PLACE.contains(&keyword.as_str()) {
                continue;
            }
            let part = self.behind(keyword, part)?;
            let some: Vec<&Value> = match part {
                Value::Array(all) => all.iter().collect(),
                Value::Object(all) if keyword.starts_with("depend") => all.values().collect(),
                part => vec![part],
            };
            for part in some {
                parts = parts.saturating_add(self.in_place(part, depth + 1)?);
            }
        }
        if parts > IN_PLACE_MAX {
            return Err(format!("more than {IN_PLACE_MAX} parts of it hold for one and the same value"));
        }
        self.in_place.insert(place, Some(parts));
        Ok(parts)
    }

    /// How many parts it has, what they refer to included.
    fn parts(&mut self, schema: &'a Value, depth: usize) -> Result<u64, String> {
        let place = std::ptr::from_ref(schema);
        match self.parts.get(&place) {
            Some(Some(known)) => return Ok(*known),
            // As in a tree: it ends where the value does.
            Some(None) => return Ok(1),
            None if depth > DEPTH_MAX => return Err(too_deep()),
            None => self.parts.insert(place, None),
        };
        self.in_place(schema, 0)?;
        let mut parts = 1_u64;
        match schema {
            Value::Object(all) => {
                for (keyword, part) in all.iter().filter(|(keyword, _)| !DATA.contains(&keyword.as_str())) {
                    let part = self.behind(keyword, part)?;
                    parts = parts.saturating_add(self.parts(part, depth + 1)?);
                }
            }
            Value::Array(all) => {
                for part in all {
                    parts = parts.saturating_add(self.parts(part, depth + 1)?);
                }
            }
            _ => {}
        }
        self.parts.insert(place, Some(parts));
        Ok(parts)
    }
}

fn too_deep() -> String {
    format!("it goes more than {DEPTH_MAX} parts deep")
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
                Ok(()) => assert_eq!(checked, Ok(()), "{schema}"),
                Err(why) => assert!(checked.as_ref().is_err_and(|error| error.contains(why)), "{checked:?}: {schema}"),
            }
        };
        // Each level refers twice to the next one.
        let doubled = |levels: usize, keyword: &str, last: Value| {
            let mut defs = serde_json::Map::new();
            for level in 0..levels {
                let next = json!({ "$ref": format!("#/%24defs/{}", level + 1) });
                let twice = if keyword == "allOf" { json!([next, next]) } else { json!({ "a": next, "b": next }) };
                defs.insert(level.to_string(), json!({ keyword: twice }));
            }
            defs.insert(levels.to_string(), last);
            json!({ "$defs": defs, "$ref": "#/$defs/0" })
        };
        let table = json!({ "type": "object" });
        check(json!(true), Ok(()));
        check(doubled(7, "allOf", table.clone()), Ok(()));
        check(doubled(40, "allOf", table.clone()), Err("hold for one and the same value"));
        check(doubled(7, "properties", table.clone()), Ok(()));
        check(doubled(40, "properties", table), Err("more than 50000 parts"));
        check(doubled(2, "allOf", json!({ "$ref": "#/$defs/0" })), Err("refers to itself"));
        check(json!({ "$ref": "#" }), Err("refers to itself"));
        // Through its root, from a part that is looked at before.
        let eight = vec![json!({ "$ref": "#" }); 8];
        check(json!({ "$defs": { "a": { "allOf": eight } }, "$ref": "#/$defs/a" }), Err("refers to itself"));
        check(json!({ "dependentSchemas": { "a": { "not": { "$ref": "#" } } } }), Err("refers to itself"));
        // As one describes a tree.
        check(json!({ "properties": { "left": { "$ref": "#" }, "right": { "$ref": "#" } } }), Ok(()));
        check(json!({ "type": "array", "items": { "anyOf": [{ "$ref": "#" }, { "type": "null" }] } }), Ok(()));
        for nowhere in ["#/nowhere", "#anchor", "https://schemas.example/a"] {
            check(json!({ "$ref": nowhere }), Err("leads to no part of it"));
        }
        check(json!({ "default": { "$ref": "a word of somebody's" } }), Ok(()));
        check(json!({ "properties": { "$ref": { "type": "string" } } }), Ok(()));
        let deep = (0..=DEPTH_MAX).fold(json!(true), |deep, _| json!({ "not": deep }));
        check(deep, Err("parts deep"));
    }
}
