//! One table of the file, read key by key; what is wrong is noted and reading goes on.

use std::cell::RefCell;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};

use super::document::{Lines, joined};
use super::nearest::nearest;
use super::problem::{Problem, Wrong};

/// Where all mistakes of a file are noted.
pub(crate) struct Notes<'a> {
    file: &'a str,
    lines: &'a Lines,
    /// Noted across awaits as well, when plugins are asked.
    problems: Mutex<Vec<Problem>>,
}

impl<'a> Notes<'a> {
    pub(crate) fn new(file: &'a str, lines: &'a Lines) -> Self {
        Self { file, lines, problems: Mutex::default() }
    }

    pub(crate) fn add(&self, key: &str, wrong: Wrong) {
        self.add_at(self.lines.of(key), key, wrong);
    }

    pub(crate) fn add_at(&self, line: usize, key: &str, wrong: Wrong) {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).push(Problem {
            file: self.file.to_owned(),
            line,
            key: key.to_owned(),
            what: wrong.what,
            remedy: wrong.remedy,
        });
    }

    pub(crate) fn into_sorted(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner().unwrap_or_else(PoisonError::into_inner);
        problems.sort_by_key(|problem| problem.line);
        problems
    }
}

/// A table of the file.
pub(crate) struct Section<'a> {
    notes: &'a Notes<'a>,
    pub(crate) path: String,
    table: &'a Map<String, Value>,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Section<'a> {
    pub(crate) fn new(notes: &'a Notes<'a>, path: String, table: &'a Map<String, Value>) -> Self {
        Self { notes, path, table, known: RefCell::default() }
    }

    /// The path of a key in here.
    pub(crate) fn key(&self, key: &str) -> String {
        joined(&self.path, key)
    }

    /// Notes what is wrong with `key`.
    pub(crate) fn wrong(&self, key: &str, wrong: Wrong) {
        self.notes.add(&self.key(key), wrong);
    }

    /// Notes what is wrong with the table itself.
    pub(crate) fn wrong_here(&self, wrong: Wrong) {
        self.notes.add(&self.path, wrong);
    }

    /// Whether `key` is a list with nothing in it.
    pub(crate) fn is_empty_list(&self, key: &str) -> bool {
        matches!(self.table.get(key), Some(Value::Array(items)) if items.is_empty())
    }

    /// Whether `key` stands there at all, right or wrong.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The value as it stands, of whatever type.
    pub(crate) fn raw(&self, key: &'static str) -> Option<&'a Value> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
        self.table.get(key)
    }

    /// The value of `key` as `read` has it; nothing where it is absent or wrong.
    pub(crate) fn optional<T>(&self, key: &'static str, read: impl Fn(&Value) -> Result<T, Wrong>) -> Option<T> {
        match read(self.raw(key)?) {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.wrong(key, wrong);
                None
            }
        }
    }

    /// The same for a key that must be there; `example` is how it may be written.
    pub(crate) fn required<T>(
        &self,
        key: &'static str,
        example: &str,
        read: impl Fn(&Value) -> Result<T, Wrong>,
    ) -> Option<T> {
        if self.raw(key).is_none() {
            let remedy = format!("write it, as in: {key} = {example}");
            self.wrong(key, Wrong::new("this key is missing", remedy));
            return None;
        }
        self.optional(key, read)
    }

    /// The items of a list, without those that are wrong; each wrong one is noted for itself.
    pub(crate) fn list<T>(&self, key: &'static str, read: impl Fn(&Value) -> Result<T, Wrong>) -> Vec<T> {
        self.list_at(key, read).into_iter().map(|(_, item)| item).collect()
    }

    /// The same, each with its place in the list as it is written.
    pub(crate) fn list_at<T>(&self, key: &'static str, read: impl Fn(&Value) -> Result<T, Wrong>) -> Vec<(usize, T)> {
        let Some(items) = self.raw(key) else {
            return Vec::new();
        };
        let Value::Array(items) = items else {
            let remedy = format!("write it in brackets: {key} = […]");
            self.wrong(key, Wrong::new("this must be a list", remedy));
            return Vec::new();
        };
        let mut right = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            match read(item) {
                Ok(value) => right.push((at, value)),
                Err(wrong) => self.notes.add(&format!("{}[{at}]", self.key(key)), wrong),
            }
        }
        right
    }

    /// A table inside this one.
    pub(crate) fn table(&self, key: &'static str) -> Option<Section<'a>> {
        let path = self.key(key);
        match self.raw(key)? {
            Value::Object(table) => Some(Section::new(self.notes, path, table)),
            _ => {
                let remedy = format!("write [{path}] above its keys, or {key} = {{ … }}");
                self.wrong(key, Wrong::new("this must be a table", remedy));
                None
            }
        }
    }

    /// The tables of a `[[list]]`.
    pub(crate) fn tables(&self, key: &'static str) -> Vec<Section<'a>> {
        let Some(value) = self.raw(key) else {
            return Vec::new();
        };
        let path = self.key(key);
        let not_tables = || {
            let remedy = format!("write [[{path}]] above the keys of each");
            self.wrong(key, Wrong::new("this must be a list of tables", remedy));
            Vec::new()
        };
        let Value::Array(items) = value else {
            return not_tables();
        };
        let mut tables = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            let Value::Object(table) = item else {
                return not_tables();
            };
            tables.push(Section::new(self.notes, format!("{path}[{at}]"), table));
        }
        tables
    }

    /// The tables of a table, by their names.
    pub(crate) fn named(&self, key: &'static str) -> Vec<(&'a str, Section<'a>)> {
        let Some(outer) = self.table(key) else {
            return Vec::new();
        };
        let mut tables = Vec::with_capacity(outer.table.len());
        for (name, value) in outer.table {
            let path = joined(&outer.path, name);
            match value {
                Value::Object(table) => {
                    tables.push((name.as_str(), Section::new(self.notes, path, table)));
                }
                _ => {
                    let remedy = format!("write [{path}] above its keys");
                    outer.wrong(name, Wrong::new("this must be a table", remedy));
                }
            }
        }
        tables
    }

    /// Notes every key that nobody asked for.
    pub(crate) fn close(self) {
        let known = self.known.borrow();
        for key in self.table.keys() {
            if known.contains(&key.as_str()) {
                continue;
            }
            let remedy = match nearest(key, known.iter().copied()) {
                Some(meant) => format!("did you mean \"{meant}\"?"),
                None => format!("the keys here are {}", known.join(", ")),
            };
            self.wrong(key, Wrong::new("unknown key", remedy));
        }
    }
}
