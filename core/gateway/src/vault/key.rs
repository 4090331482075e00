//! Where the keys to the vault come from: a file, the environment, or a command that asks a key management system.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use sportello_sdk::Secret;
use tokio::io::AsyncReadExt;
use zeroize::Zeroizing;

use super::KeyRing;
use crate::key::read_or_make;

/// How long a command may take to say the key.
const SAID_WITHIN: Duration = Duration::from_secs(30);

/// The longest that it may say, in bytes.
const SAID_LEN_MAX: u64 = 1024;

/// Where a key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A file that holds it in hexadecimal notation.
    File(PathBuf),
    /// It was read with the configuration, in hexadecimal notation.
    Given(Secret),
    /// A program and its arguments, run once at the start, whose standard output is the key.
    Command(Vec<String>),
}

/// Why there is no key. The key itself is never told.
#[derive(Debug, thiserror::Error)]
#[error("the key to the vault, {of}: {what}")]
pub struct KeyError {
    of: String,
    what: String,
}

/// The keys that the configuration names.
///
/// # Errors
/// The first that there is not.
pub async fn ring(current: &KeySource, old: &[KeySource], production: bool) -> Result<KeyRing, KeyError> {
    let current = current.read(production).await?;
    let mut others = Vec::with_capacity(old.len());
    for source in old {
        // One that is made now has never sealed anything.
        others.push(source.read(true).await?);
    }
    Ok(KeyRing::new(&current, &others))
}

impl KeySource {
    /// Whether there is something to be read: a file that is not there may be made.
    pub fn is_there(&self) -> bool {
        match self {
            Self::File(file) => file.exists(),
            Self::Given(_) | Self::Command(_) => true,
        }
    }

    /// The key; a file that is not there is made, except in production.
    ///
    /// # Errors
    /// When there is none.
    pub async fn read(&self, production: bool) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        match self {
            Self::File(file) => {
                let failed = |error: crate::key::KeyError| KeyError {
                    of: file.display().to_string(),
                    what: error.what().to_owned(),
                };
                read_or_make(file, production).map(Zeroizing::new).map_err(failed)
            }
            Self::Given(secret) => of_text(secret.reveal().as_bytes()).ok_or_else(|| not_a_key("from the environment")),
            Self::Command(command) => of_command(command).await,
        }
    }
}

fn not_a_key(of: &str) -> KeyError {
    KeyError { of: of.to_owned(), what: "it is not 64 hexadecimal digits; make one: openssl rand -hex 32".to_owned() }
}

fn of_text(text: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.trim_ascii(), key.as_mut_slice()).ok()?;
    Some(key)
}

/// Runs it without a shell. What it says on standard error is for the operator, and goes where ours goes.
async fn of_command(command: &[String]) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let of = || format!("from {:?}", command.first().map(String::as_str).unwrap_or_default());
    let failed = |what: String| KeyError { of: of(), what };
    let (program, arguments) = command.split_first().ok_or_else(|| failed("no command is named".to_owned()))?;
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(format!("it cannot be run: {error}")))?;
    let said = async {
        let mut said = Zeroizing::new(Vec::with_capacity(usize::try_from(SAID_LEN_MAX).unwrap_or(0) + 1));
        if let Some(output) = child.stdout.take() {
            output.take(SAID_LEN_MAX + 1).read_to_end(&mut said).await?;
        }
        Ok::<_, std::io::Error>((child.wait().await?, said))
    };
    let (status, said) = tokio::time::timeout(SAID_WITHIN, said)
        .await
        .map_err(|_| failed(format!("it said nothing within {} seconds", SAID_WITHIN.as_secs())))?
        .map_err(|error| failed(format!("it cannot be heard: {error}")))?;
    if !status.success() {
        return Err(failed(format!("it failed: {status}")));
    }
    // A key management system may say the bytes themselves.
    let raw = <[u8; 32]>::try_from(said.as_slice()).ok().map(Zeroizing::new);
    raw.or_else(|| of_text(&said)).ok_or_else(|| not_a_key(&of()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn where_keys_come_from() {
        let folder = tempfile::tempdir().unwrap();
        let check = async |source: KeySource, expected: Result<u8, &str>| match (source.read(true).await, expected) {
            (Ok(key), Ok(byte)) => assert_eq!(*key, [byte; 32]),
            (Err(error), Err(expected)) => {
                let said = error.to_string();
                assert!(said.contains(expected) && !said.contains("hunter2"), "{said}");
            }
            (got, expected) => panic!("{:?} {expected:?}", got.map(|_| ())),
        };
        let hex = "07".repeat(32);
        let command = |script: &str| KeySource::Command(vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()]);
        check(KeySource::Given(Secret::new(hex.clone())), Ok(7)).await;
        check(KeySource::Given(Secret::new("hunter2")), Err("64 hexadecimal digits")).await;
        check(command(&format!("echo {hex}")), Ok(7)).await;
        check(command(r"printf '\007%.0s' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32"), Ok(7))
            .await;
        check(command("echo hunter2"), Err("64 hexadecimal digits")).await;
        check(command("echo hunter2; exit 3"), Err("exit status: 3")).await;
        check(command("yes hunter2 | head -c 100000"), Err("from \"sh\"")).await;
        check(KeySource::Command(vec!["/no/such/program".to_owned()]), Err("cannot be run")).await;
        check(KeySource::Command(Vec::new()), Err("no command")).await;
        let file = folder.path().join("key");
        check(KeySource::File(file.clone()), Err("cannot be read")).await;
        std::fs::write(&file, hex).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        check(KeySource::File(file), Ok(7)).await;
    }
}
