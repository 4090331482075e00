//! Secrets: from the environment, from a file, or (never in production) as they stand.

use std::path::{Path, PathBuf};

use serde_json::Value;
use sportello_host::read_bounded;
use sportello_sdk::Secret;

use super::problem::Wrong;

/// What a configuration is read against: its folder, and the environment.
pub(crate) struct Surroundings<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) production: bool,
    pub(crate) variable: &'a (dyn Fn(&str) -> Option<String> + Sync),
}

impl Surroundings<'_> {
    /// The path as seen from the file's folder.
    pub(crate) fn path(&self, written: &str) -> PathBuf {
        self.folder.join(written)
    }

    /// The secret that `value` stands for. What is wrong never tells the value.
    pub(crate) fn secret(&self, value: &Value) -> Result<Secret, Wrong> {
        match value {
            Value::String(literal) => self.literal(literal),
            Value::Object(table) if table.len() == 1 => match (table.get("env"), table.get("file")) {
                (Some(Value::String(name)), _) => self.of_variable(name),
                (_, Some(Value::String(path))) => self.of_file(path),
                _ => Err(not_a_secret()),
            },
            _ => Err(not_a_secret()),
        }
    }

    fn literal(&self, literal: &str) -> Result<Secret, Wrong> {
        if literal.is_empty() {
            return Err(Wrong::new("this secret is empty", HOW));
        }
        if self.production {
            let what = "a secret must not stand in the file in production";
            return Err(Wrong::new(what, HOW));
        }
        Ok(Secret::new(literal))
    }

    fn of_variable(&self, name: &str) -> Result<Secret, Wrong> {
        match (self.variable)(name) {
            Some(value) if !value.is_empty() => Ok(Secret::new(value)),
            Some(_) => Err(Wrong::new(format!("the environment variable {name} is empty"), "put the secret in it")),
            None => Err(Wrong::new(
                format!("the environment variable {name} is not set"),
                format!("set it before the start: {name}=… sportello run"),
            )),
        }
    }

    fn of_file(&self, written: &str) -> Result<Secret, Wrong> {
        let path = self.path(written);
        let bytes = read_small(&path).map_err(|error| {
            Wrong::new(
                format!("the file {} cannot be read: {error}", path.display()),
                "write the secret into it, and let this user read it",
            )
        })?;
        if self.production && is_open_to_all(&path) {
            return Err(Wrong::new(
                format!("everybody may read the file {}", path.display()),
                format!("chmod 600 {}", path.display()),
            ));
        }
        let value = String::from_utf8(bytes).map_err(|_| {
            let what = format!("the file {} is no text", path.display());
            Wrong::new(what, "write the secret into it as UTF-8")
        })?;
        let value = value.trim_end_matches(['\r', '\n']);
        if value.is_empty() {
            let what = format!("the file {} is empty", path.display());
            return Err(Wrong::new(what, "write the secret into it"));
        }
        Ok(Secret::new(value))
    }
}

/// The longest file that is read for a secret or certificates, in bytes.
const SMALL_LEN_MAX: u64 = 1 << 20;

/// The content of a regular file of at most 1 MiB: whoever reads a pipe waits for its other end, and a device has none.
pub(crate) fn read_small(path: &Path) -> std::io::Result<Vec<u8>> {
    read_bounded(path, SMALL_LEN_MAX)?.ok_or_else(|| std::io::Error::other("it has more than 1 MiB"))
}

const HOW: &str = "write { env = \"NAME\" } or { file = \"path\" }";

fn not_a_secret() -> Wrong {
    Wrong::new("this must be a secret", HOW)
}

/// Whether users other than the owner and the group may read the file.
#[cfg(unix)]
pub(crate) fn is_open_to_all(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).is_ok_and(|facts| facts.mode() & 0o004 != 0)
}

/// Permissions of this kind are unknown here.
#[cfg(not(unix))]
pub(crate) fn is_open_to_all(_path: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_small_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("small"), "s3cret").unwrap();
        assert_eq!(read_small(&at("small")).unwrap(), b"s3cret");
        let pipe = std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap();
        assert!(pipe.success());
        std::fs::File::create(at("large")).unwrap().set_len(SMALL_LEN_MAX + 1).unwrap();
        for (path, why) in [(at("pipe"), "regular"), ("/dev/zero".into(), "regular"), (at("large"), "1 MiB")] {
            assert!(read_small(&path).unwrap_err().to_string().contains(why), "{path:?}");
        }
    }
}
