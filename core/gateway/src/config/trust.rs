//! `[trust]`: the keys that sign plugins, what each may sign, and what was taken back.

use std::path::Path;

use serde_json::Value;
use sportello_host::{Fingerprint, KeyError, KeyId, PublicKey, RevokedKey, Trust, TrustedKey};
use sportello_sdk::Kind;

use super::problem::Wrong;
use super::secret::Surroundings;
use super::section::Section;
use super::value::{one_of, plain_name, text};

/// The largest file with a public key that is read, in bytes: minisign's have a line of comment and the key.
const KEY_FILE_LEN_MAX: u64 = 4 << 10;

const KEY: &str = "write what `minisign -G` or `sportello plugin keygen` told, \"RWQ…\", or { file = \"acme.pub\" }";

/// Whom the operator trusts. In production nobody who is not named here.
pub(super) fn trust(section: Option<Section<'_>>, around: &Surroundings<'_>) -> Trust {
    let mut trust = Trust { required: around.production, ..Trust::default() };
    let Some(section) = section else {
        return trust;
    };
    for key in section.tables("keys") {
        let name = key.required("name", "\"acme\"", plain_name);
        let public = key.required("key", "\"RWQ…\"", |value| public_key(value, around));
        let kinds = [("channel", Kind::Channel), ("rail", Kind::Rail)];
        let kinds = key.list("kinds", one_of(&kinds));
        let names = key.list("names", pattern);
        for list in ["kinds", "names"] {
            if key.is_empty_list(list) {
                let what = "this key may sign nothing";
                key.wrong(list, Wrong::new(what, "name something, or take the line out for anything"));
            }
        }
        let is_wrong = key.has("kinds") && kinds.is_empty() || key.has("names") && names.is_empty();
        if let (Some(name), Some(public)) = (name, public) {
            if trust.keys.iter().any(|other| other.name == name) {
                let what = format!("another key is called {name:?} too");
                key.wrong("name", Wrong::new(what, "give each key a name of its own"));
            }
            if let Some(other) = trust.keys.iter().find(|other| is_same(&other.key, &public)) {
                let what = format!("this key stands above already, as {:?}", other.name);
                key.wrong("key", Wrong::new(what, "write each key once, with all that it may sign"));
            }
            // What is wrong here would be left out, and what is left out may be anything.
            if !is_wrong {
                trust.keys.push(TrustedKey { name, key: public, kinds, names });
            }
        }
        key.close();
    }
    trust.revoked_keys = section.list("revoked_keys", |value| revoked_key(value, around));
    trust.revoked_files = section.list("revoked_files", sha256);
    section.close();
    trust
}

/// Whether there would be no telling the two apart: signatures name a key by its id.
fn is_same(one: &PublicKey, other: &PublicKey) -> bool {
    one.id() == other.id() || one.is_same_point(other)
}

/// A public key, as it stands or in a file.
pub(super) fn public_key(value: &Value, around: &Surroundings<'_>) -> Result<PublicKey, Wrong> {
    let wrong = |error: KeyError| Wrong::new(error.to_string(), KEY);
    match value {
        Value::String(written) => written.parse().map_err(wrong),
        Value::Object(table) if table.len() == 1 => {
            let Some(Value::String(written)) = table.get("file") else { return Err(Wrong::new("this is no key", KEY)) };
            let path = around.path(written);
            let read = read_key(&path).map_err(|error| {
                let what = format!("the file {} cannot be read: {error}", path.display());
                Wrong::new(what, "copy the .pub file of whoever signs there")
            })?;
            read.parse().map_err(|error| Wrong::new(format!("the file {}: {error}", path.display()), KEY))
        }
        _ => Err(Wrong::new("this is no key", KEY)),
    }
}

/// The text of a file with a key in it.
pub(crate) fn read_key(path: &Path) -> std::io::Result<String> {
    use std::io::Read;
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is no regular file"));
    }
    let mut text = String::new();
    std::fs::File::open(path)?.take(KEY_FILE_LEN_MAX).read_to_string(&mut text)?;
    Ok(text)
}

fn revoked_key(value: &Value, around: &Surroundings<'_>) -> Result<RevokedKey, Wrong> {
    if let Value::String(written) = value
        && let Ok(id) = written.parse::<KeyId>()
    {
        return Ok(RevokedKey::Id(id));
    }
    public_key(value, around).map(RevokedKey::Key).map_err(|wrong| {
        let remedy = "write the key's id as minisign shows it, \"E7620F1842B4E81F\", or the key itself, \"RWQ…\"";
        Wrong::new(wrong.what, remedy)
    })
}

fn sha256(value: &Value) -> Result<Fingerprint, Wrong> {
    let written = text(value)?;
    let mut hash = [0; 32];
    hex::decode_to_slice(&written, &mut hash).map(|()| Fingerprint(hash)).map_err(|_| {
        let what = format!("{written:?} is no SHA-256");
        Wrong::new(what, "write 64 hexadecimal digits, as `sportello plugin list --json` and sha256sum show them")
    })
}

/// A plugin's name, with `*` in it for whatever may stand there.
fn pattern(value: &Value) -> Result<String, Wrong> {
    let written = text(value)?;
    let is_known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'*';
    if written.len() <= 64 && written.bytes().all(is_known) {
        return Ok(written);
    }
    let what = format!("{written:?} is no plugin's name");
    Err(Wrong::new(what, "use small letters, digits and hyphens, and * for whatever may stand there"))
}
