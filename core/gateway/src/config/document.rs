//! The file as plain data, and on which line each key of it stands.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};
use toml::de::{DeTable, DeValue};

/// On which line each key path stands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lines(BTreeMap<String, usize>);

impl Lines {
    /// The line of `path`, or of the nearest table around it where the key itself is missing; the first line where even
    /// that is.
    pub(crate) fn of(&self, path: &str) -> usize {
        let mut path = path;
        loop {
            if let Some(line) = self.0.get(path) {
                return *line;
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = path.get(..end).unwrap_or_default(),
                None => return 1,
            }
        }
    }
}

/// A TOML document.
pub(crate) struct Document {
    pub(crate) root: Map<String, Value>,
    pub(crate) lines: Lines,
    /// Where it is no TOML: line, and what the parser says.
    pub(crate) broken: Vec<(usize, String)>,
}

impl Document {
    pub(crate) fn parse(text: &str) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        let line_starts: Vec<usize> =
            std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let mut walk = Walk { line_starts, lines: Lines::default(), numbers: Vec::new() };
        let mut broken: Vec<(usize, String)> = errors
            .iter()
            .map(|error| {
                let span = error.span().unwrap_or_default();
                let mut what = error.message().lines().collect::<Vec<_>>().join(", ");
                if what == "duplicate key"
                    && let Some(key) = text.get(span.clone())
                {
                    what = format!("the key {key} stands here a second time");
                }
                (walk.line_of(span.start), what)
            })
            .collect();
        let root = walk.table("", table.get_ref());
        broken.extend(walk.numbers);
        Self { root, lines: walk.lines, broken }
    }
}

struct Walk {
    line_starts: Vec<usize>,
    lines: Lines,
    /// Numbers that cannot be held: line, and what is wrong.
    numbers: Vec<(usize, String)>,
}

impl Walk {
    fn number(&mut self, path: &str, written: &str, value: Option<Value>) -> Value {
        value.unwrap_or_else(|| {
            let what =
                format!("{path}: {written} is no number that can be held: an integer has 64 bits, and a float an end");
            self.numbers.push((self.lines.of(path), what));
            Value::Null
        })
    }

    fn line_of(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }

    fn table(&mut self, path: &str, table: &DeTable<'_>) -> Map<String, Value> {
        let mut plain = Map::new();
        for (key, value) in table {
            let path = joined(path, key.get_ref());
            let line = self.line_of(key.span().start);
            self.lines.0.insert(path.clone(), line);
            let value = self.value(&path, value.get_ref());
            plain.insert(key.get_ref().to_string(), value);
        }
        plain
    }

    fn value(&mut self, path: &str, value: &DeValue<'_>) -> Value {
        match value {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Boolean(yes) => Value::Bool(*yes),
            DeValue::Integer(number) => {
                let value = i64::from_str_radix(&number.as_str().replace('_', ""), number.radix());
                self.number(path, number.as_str(), value.ok().map(Value::from))
            }
            DeValue::Float(number) => {
                let value = number.as_str().replace('_', "").parse().ok().and_then(Number::from_f64);
                self.number(path, number.as_str(), value.map(Value::Number))
            }
            DeValue::Datetime(time) => Value::String(time.to_string()),
            DeValue::Array(items) => Value::Array(
                items
                    .iter()
                    .enumerate()
                    .map(|(at, item)| {
                        let path = format!("{path}[{at}]");
                        let line = self.line_of(item.span().start);
                        self.lines.0.insert(path.clone(), line);
                        self.value(&path, item.get_ref())
                    })
                    .collect(),
            ),
            DeValue::Table(table) => Value::Object(self.table(path, table)),
        }
    }
}

/// `path.key`, the key in quotes where it is not bare (TOML 1.1, section "Keys").
pub(crate) fn joined(path: &str, key: &str) -> String {
    let is_bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let dot = if path.is_empty() { "" } else { "." };
    if is_bare { format!("{path}{dot}{key}") } else { format!("{path}{dot}{key:?}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_is_held_or_told_of() {
        let text = "a = 1_000\nb = 99999999999999999999\n[c]\nd = [0x10, nan]\ne = 1_000.5\nf = inf\n";
        let Document { root, broken, .. } = Document::parse(text);
        let expected = json!({ "a": 1000, "b": null, "c": { "d": [16, null], "e": 1000.5, "f": null } });
        assert_eq!(Value::Object(root), expected);
        let told: Vec<_> = broken.iter().map(|(line, what)| (*line, what.split(' ').next().unwrap())).collect();
        assert_eq!(told, [(2, "b:"), (4, "c.d[1]:"), (6, "c.f:")]);
    }
}
