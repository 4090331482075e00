//! JSON objects whose fields are read one by one, so that what is wrong in one of them spoils nothing around it.

use std::collections::BTreeMap;

use sportello_sdk::serde_json::{self, value::RawValue};

/// An object's fields, each still as it was written. Nothing inside them has been looked at: however deep that goes, it
/// costs no stack. `null` is as good as no field.
pub(crate) struct Fields<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Fields<'a> {
    /// The fields of what should be an object.
    pub(crate) fn read(json: &'a str) -> Option<Self> {
        serde_json::from_str(json).map(Self).ok()
    }

    /// The same of bytes.
    ///
    /// # Errors
    /// What is wrong and where. The error's own text may quote what people wrote.
    pub(crate) fn of_bytes(json: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json).map(Self)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).map(|raw| raw.get()).filter(|json| *json != "null")
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// A text; a whole number counts as its digits, for Meta writes ids and times in both ways.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let json = self.get(name)?;
        match json.bytes().all(|b| b.is_ascii_digit()) {
            true => Some(json.to_owned()),
            false => serde_json::from_str(json).ok(),
        }
    }

    /// A whole number that is not negative, written as one or as a text.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    pub(crate) fn object(&self, name: &str) -> Option<Self> {
        Self::read(self.get(name)?)
    }

    /// The elements of a list, each still as it was written.
    pub(crate) fn list(&self, name: &str) -> Option<Vec<&'a RawValue>> {
        serde_json::from_str(self.get(name)?).ok()
    }

    /// All that are lists.
    pub(crate) fn lists(&self) -> impl Iterator<Item = Vec<&'a RawValue>> {
        self.0.values().filter_map(|raw| serde_json::from_str(raw.get()).ok())
    }
}
