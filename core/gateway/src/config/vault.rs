//! `[vault]` and `[house]`: what keeps card numbers, and who pays out what was collected.

use std::path::PathBuf;

use serde_json::Value;
use sportello_model::Party;

use super::problem::Wrong;
use super::secret::Surroundings;
use super::section::Section;
use super::value::{account, country, text};
use crate::vault::key::KeySource;

/// `[vault]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vault {
    /// The key that seals.
    pub key: KeySource,
    /// The keys before it, which only open.
    pub old_keys: Vec<KeySource>,
}

const HOW: &str = "write { file = \"path\" }, { env = \"NAME\" } or { command = [\"program\", \"argument\"] }";

/// The vault; none where nobody asks for one. `is_wanted`: whether some rail is granted card numbers.
pub(super) fn vault(section: Option<Section<'_>>, is_wanted: bool, around: &Surroundings<'_>) -> Option<Vault> {
    let mut vault = Vault { key: KeySource::File(around.path("var/vault.key")), old_keys: Vec::new() };
    let Some(section) = section else {
        // In production it is named: a gateway that makes one unseen has nobody who keeps a copy.
        return is_wanted.then_some(vault);
    };
    if let Some(key) = section.optional("key", |value| source(value, around)) {
        vault.key = key;
    }
    vault.old_keys = section.list("old_keys", |value| source(value, around));
    if around.production
        && let Some(file) = file_of(&vault.key).filter(|file| !file.is_file())
    {
        let what = format!("the file {} is not there", file.display());
        section.wrong("key", Wrong::new(what, "make one: openssl rand -hex 32, and chmod 600; and keep a copy of it"));
    }
    section.close();
    Some(vault)
}

fn file_of(source: &KeySource) -> Option<&PathBuf> {
    match source {
        KeySource::File(file) => Some(file),
        KeySource::Given(_) | KeySource::Command(_) => None,
    }
}

fn source(value: &Value, around: &Surroundings<'_>) -> Result<KeySource, Wrong> {
    let not_a_key = || Wrong::new("this must be a key to the vault", HOW);
    let Value::Object(table) = value else { return Err(not_a_key()) };
    match (table.len(), table.get("file"), table.get("env"), table.get("command")) {
        (1, Some(Value::String(file)), ..) if !file.is_empty() => Ok(KeySource::File(around.path(file))),
        (1, _, Some(Value::String(_)), _) => {
            let given = around.secret(value)?;
            let is_key = given.reveal().len() == 64 && given.reveal().bytes().all(|b| b.is_ascii_hexdigit());
            let what = "the variable does not hold 64 hexadecimal digits";
            if is_key { Ok(KeySource::Given(given)) } else { Err(Wrong::new(what, "make one: openssl rand -hex 32")) }
        }
        (1, _, _, Some(Value::Array(words))) if !words.is_empty() => {
            let words: Result<Vec<String>, Wrong> = words.iter().map(text).collect();
            words.map(KeySource::Command).map_err(|_| not_a_key())
        }
        _ => Err(not_a_key()),
    }
}

/// Our own name, and the account from which what was collected is paid out.
pub(super) fn house(section: Option<Section<'_>>) -> Option<Party> {
    let section = section?;
    let name = section.required("name", "\"Sportello Srl\"", text);
    let account = section.required("account", "\"iban:FR1420041010050500013M02606\"", account);
    let country = section.optional("country", country);
    section.close();
    Some(Party { name: name?, account: account?, country })
}
