//! The key from which one-time codes are derived: 32 bytes in hexadecimal notation, in a file.

use std::io::Write;
use std::path::Path;

use crate::config::{is_open_to_all, read_small};

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
#[error("the key for one-time codes, {file}: {what}")]
pub struct KeyError {
    file: String,
    what: String,
}

impl KeyError {
    /// What is wrong, without the file.
    pub fn what(&self) -> &str {
        &self.what
    }
}

/// Reads the key, and makes one where there is none yet, except in production: there two machines may share it, and one
/// that makes its own unseen would refuse the codes of the other.
///
/// # Errors
/// When there is no key, or it is not as it should be. The key itself is never told.
pub fn read_or_make(file: &Path, production: bool) -> Result<[u8; 32], KeyError> {
    let failed = |what: String| KeyError { file: file.display().to_string(), what };
    let text = match read_small(file) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !production => {
            return make(file).map_err(|error| failed(format!("it cannot be made: {error}")));
        }
        Err(error) => {
            let is_absent = error.kind() == std::io::ErrorKind::NotFound;
            // Another one would make all codes void that are out.
            let remedy = if is_absent { "make one: openssl rand -hex 32" } else { "let this user read it" };
            return Err(failed(format!("it cannot be read: {error}; {remedy}")));
        }
    };
    if production && is_open_to_all(file) {
        return Err(failed(format!("everybody may read it; chmod 600 {}", file.display())));
    }
    let mut key = [0u8; 32];
    hex::decode_to_slice(text.trim(), &mut key)
        .map_err(|_| failed("it is not 64 hexadecimal digits; make one: openssl rand -hex 32".to_owned()))?;
    Ok(key)
}

fn make(file: &Path) -> std::io::Result<[u8; 32]> {
    let mut key = [0u8; 32];
    getrandom::fill(&mut key).map_err(|error| std::io::Error::other(error.to_string()))?;
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut opened = options.open(file)?;
    writeln!(opened, "{}", hex::encode(key))?;
    opened.sync_all()?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep/er/key");
        assert!(read_or_make(&file, true).is_err());
        let made = read_or_make(&file, false).unwrap();
        assert_eq!(read_or_make(&file, false).unwrap(), made);
        assert_ne!(made, [0; 32]);
        // What was made is good enough for production.
        assert_eq!(read_or_make(&file, true).unwrap(), made);
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        for text in ["", "hunter2", &"g".repeat(64), &"a".repeat(62), &"a".repeat(66)] {
            std::fs::write(&file, text).unwrap();
            let error = read_or_make(&file, false).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
