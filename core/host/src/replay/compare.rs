//! Where what a plugin does now is not what it did.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;

use crate::record::{Body, is_left_out};

/// How many differences of one frame are told.
const OF_ONE_FRAME_MAX: usize = 5;

/// How much of a value is told, in characters.
const VALUE_LEN_MAX: usize = 200;

/// How much is told of what two values begin with alike, in characters.
const ALIKE_LEN_MAX: usize = 60;

/// Something that the plugin does otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// It asks for something that it did not ask for.
    New {
        /// What.
        method: String,
        /// The frame of it.
        frame: Value,
    },
    /// It does not ask, or does not answer.
    Silent {
        /// The method.
        method: String,
        /// Where in the recording.
        at: String,
    },
    /// It says something else.
    Other {
        /// Where in the recording.
        what: String,
        /// Where in the frame, as a JSON Pointer (RFC 6901); `body` for the bytes beside it.
        at: String,
        /// What stood there, whole.
        recorded: String,
        /// What stands there, whole.
        now: String,
    },
}

impl Difference {
    /// The same, with `clean` of all that the plugin says now: it may hold secrets that it was given. Before it is told, which
    /// cuts long texts: half a secret is one that nobody finds.
    pub fn cleaned(self, clean: &dyn Fn(&str) -> String) -> Self {
        match self {
            Self::New { method, frame } => {
                let cleaned = clean(&frame.to_string());
                let frame = serde_json::from_str(&cleaned).unwrap_or(Value::String(cleaned));
                Self::New { method, frame }
            }
            Self::Silent { .. } => self,
            Self::Other { what, at, recorded, now } => Self::Other { what, at, recorded, now: clean(&now) },
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New { method, frame } => write!(f, "a new question `{method}`: {}", short(&frame.to_string())),
            Self::Silent { method, at } => write!(f, "{at}: `{method}` did not come"),
            Self::Other { what, at, recorded, now } => {
                let [recorded, now] = from_where_they_part([recorded, now]).map(|text| short(&text));
                write!(f, "{what}{}{at}: it was {recorded}, and is {now}", if at.is_empty() { "" } else { " at " })
            }
        }
    }
}

/// Where two frames differ.
pub(super) fn compare_frame(what: &str, recorded: &Value, now: &Bytes) -> Vec<Difference> {
    let now: Value = if now.is_empty() { Value::Null } else { serde_json::from_slice(now).unwrap_or(Value::Null) };
    let mut differences = Vec::new();
    walk(what, "", recorded, &now, &mut differences);
    differences
}

fn walk(what: &str, at: &str, recorded: &Value, now: &Value, differences: &mut Vec<Difference>) {
    if differences.len() >= OF_ONE_FRAME_MAX || recorded == now {
        return;
    }
    match (recorded, now) {
        (Value::String(text), _) if is_left_out(text) => {}
        (Value::Object(recorded), Value::Object(now)) => {
            // A key that was taken out is like whatever stands in its place.
            let is_open = recorded.keys().any(|key| is_left_out(key));
            let is_of_both = |key: &&String| !is_open || recorded.contains_key(*key) && !is_left_out(key);
            let keys: std::collections::BTreeSet<&String> =
                recorded.keys().chain(now.keys()).filter(is_of_both).collect();
            for key in keys {
                let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                let of = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
                walk(what, &at, &of(recorded), &of(now), differences);
            }
        }
        (Value::Array(recorded), Value::Array(now)) if recorded.len() == now.len() => {
            for (index, (recorded, now)) in recorded.iter().zip(now).enumerate() {
                walk(what, &format!("{at}/{index}"), recorded, now, differences);
            }
        }
        _ => differences.push(Difference::Other {
            what: what.to_owned(),
            at: at.to_owned(),
            recorded: recorded.to_string(),
            now: now.to_string(),
        }),
    }
}

/// Where the bytes beside two frames differ.
pub(super) fn compare_body(what: &str, recorded: &Body, now: &Bytes) -> Option<Difference> {
    let differ = |recorded: String, now: String| {
        Some(Difference::Other { what: what.to_owned(), at: "body".to_owned(), recorded, now })
    };
    match (recorded, body_as_noted(now)) {
        (recorded, now) if *recorded == now => None,
        (Body::Text(text), _) if is_left_out(text) => None,
        // As JSON they may still be the same.
        (Body::Text(recorded), Body::Text(now)) => {
            let json = |text: &str| serde_json::from_str::<Value>(text).ok();
            match (json(recorded), json(&now)) {
                (Some(recorded), Some(now)) => {
                    let mut differences = Vec::new();
                    walk(what, "body", &recorded, &now, &mut differences);
                    differences.into_iter().next()
                }
                _ => differ(recorded.clone(), now),
            }
        }
        (Body::LeftOut(len), _) if *len == now.len() => None,
        (Body::LeftOut(len), _) => differ(format!("{len} bytes"), format!("{} bytes", now.len())),
        (recorded, now) => differ(describe(recorded), describe(&now)),
    }
}

/// A body as a recording has it.
pub(super) fn body_as_noted(body: &Bytes) -> Body {
    if body.is_empty() {
        return Body::Empty;
    }
    match std::str::from_utf8(body) {
        Ok(text) => Body::Text(text.to_owned()),
        Err(_) => Body::Base64(STANDARD.encode(body)),
    }
}

fn describe(body: &Body) -> String {
    match body {
        Body::Empty => "nothing".to_owned(),
        Body::Text(text) | Body::Base64(text) => text.clone(),
        Body::LeftOut(len) => format!("{len} bytes"),
    }
}

/// Both texts from shortly before the place where they part: long ones begin alike.
fn from_where_they_part(both: [&str; 2]) -> [String; 2] {
    let same = both[0].chars().zip(both[1].chars()).take_while(|(one, other)| one == other).count();
    let skipped = same.saturating_sub(ALIKE_LEN_MAX);
    both.map(|text| match skipped {
        0 => text.to_owned(),
        _ => format!("…{}", text.chars().skip(skipped).collect::<String>()),
    })
}

fn short(text: &str) -> String {
    match text.char_indices().nth(VALUE_LEN_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn frames_differ_where_they_do() {
        let check = |recorded: Value, now: Value, expected: &[&str]| {
            let found: Vec<String> = compare_frame("w", &recorded, &now.to_string().into())
                .into_iter()
                .map(|difference| match difference {
                    Difference::Other { at, .. } => at,
                    other => other.to_string(),
                })
                .collect();
            assert_eq!(found, expected);
        };
        check(json!({"a": 1, "b": [1, 2]}), json!({"b": [1, 2], "a": 1}), &[]);
        check(json!({"a": 1}), json!({"a": 2}), &["/a"]);
        check(json!({"a": 1}), json!({}), &["/a"]);
        check(json!({}), json!({"a/b": 1}), &["/a~1b"]);
        check(json!({"a": null}), json!({}), &[]);
        check(json!({"b": [1, 2]}), json!({"b": [1, 3]}), &["/b/1"]);
        check(json!({"b": [1, 2]}), json!({"b": [1]}), &["/b"]);
        check(json!({"h": [["authorization", "<left out>"]]}), json!({"h": [["authorization", "Bearer x"]]}), &[]);
        check(json!({"[card]": 1, "a": 2}), json!({"4111111111111111": 1, "a": 3}), &["/a"]);
        check(json!("x"), json!({}), &[""]);
        check(json!([1, 2, 3, 4, 5, 6, 7]), json!([2, 3, 4, 5, 6, 7, 8]), &["/0", "/1", "/2", "/3", "/4"]);
    }

    #[test]
    fn long_values_are_told_from_where_they_part() {
        let check = |recorded: &str, now: &str, expected: &str| {
            let [recorded, now] = [recorded, now].map(str::to_owned);
            let difference = Difference::Other { what: "w".into(), at: "/a".into(), recorded, now };
            assert_eq!(difference.to_string(), format!("w at /a: {expected}"));
        };
        let [long, alike] = [500, ALIKE_LEN_MAX].map(|len| "é".repeat(len));
        check("a", "b", "it was a, and is b");
        check(&format!("{long}a"), &format!("{long}b"), &format!("it was …{alike}a, and is …{alike}b"));
        check(&long, &format!("{long}b"), &format!("it was …{alike}, and is …{alike}b"));
        let cut = "a".repeat(VALUE_LEN_MAX);
        check(&format!("{cut}a"), "b", &format!("it was {cut}…, and is b"));
    }

    #[test]
    fn what_is_told_of_now_is_cleaned_before_it_is_cut() {
        let check = |difference: Difference| {
            let clean = |text: &str| text.replace("s3cret", "[redacted]");
            let told = difference.cleaned(&clean).to_string();
            assert!(told.contains("[red") && !told.contains("s3c"), "{told}");
        };
        let long = |text: &str| format!("{}{text}", "a".repeat(VALUE_LEN_MAX - 6));
        check(Difference::New { method: "http".into(), frame: json!(["x", "s3cret"]) });
        check(Difference::New { method: "http".into(), frame: json!(long("s3cret")) });
        let other = |now: String| Difference::Other { what: "w".into(), at: "/a".into(), recorded: "x".into(), now };
        check(other("s3cret".into()));
        check(other(long("s3cret")));
    }

    #[test]
    fn bodies_differ_where_they_do() {
        let check = |recorded: Body, now: &'static [u8], differs: bool| {
            let found = compare_body("w", &recorded, &Bytes::from_static(now));
            assert_eq!(found.is_some(), differs, "{found:?}");
        };
        check(Body::Empty, b"", false);
        check(Body::Empty, b"x", true);
        check(Body::Text("x".into()), b"x", false);
        check(Body::Text("x".into()), b"y", true);
        check(Body::Text(r#"{"a": 1}"#.into()), br#"{"a":1}"#, false);
        check(Body::Text(r#"{"a": 1}"#.into()), br#"{"a":2}"#, true);
        check(Body::Text("a [card] b".into()), b"a 4111111111111111 b", false);
        check(Body::LeftOut(3), b"abc", false);
        check(Body::LeftOut(3), b"ab", true);
        check(Body::Base64("/w==".into()), b"\xff", false);
        check(Body::Base64("/w==".into()), b"\xfe", true);
    }
}
