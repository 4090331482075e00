//! What the conformance kit says of one file, and whether that is enough for production.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sportello_sdk::kit::{self, Check};

/// The largest scorecard that is read, in bytes.
const LEN_MAX: u64 = 256 << 10;

/// How many calls are made to see whether memory grows, unless others are asked for; and at least by how many it must
/// have been tried where a scorecard is required. With fewer, what a call leaves behind may be too little to be seen.
pub const CALLS_PROVING: usize = 100_000;

/// What came of the kit, for the very bytes that were tried.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scorecard {
    /// The file, as it was named.
    pub file: String,
    /// The SHA-256 of what was tried.
    pub sha256: String,
    /// The plugin's name.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// The contract that it was built for.
    pub contract: String,
    /// Where the settings, and all else that the kit has to know, came from.
    #[serde(default)]
    pub settings: String,
    /// How many calls were made to see whether memory grows.
    #[serde(default)]
    pub calls: usize,
    /// One entry for each check.
    pub checks: Vec<Check>,
    /// Whether each of them passed.
    pub passed: bool,
}

/// Why a scorecard is not enough.
#[derive(Debug, thiserror::Error)]
pub enum Unproven {
    /// There is none.
    #[error("there is no {}: make it with `sportello plugin test --save`", path.display())]
    Missing {
        /// Where it would be.
        path: PathBuf,
    },
    /// It cannot be read.
    #[error("{}: {because}", path.display())]
    Unreadable {
        /// Where it is.
        path: PathBuf,
        /// Why.
        because: String,
    },
    /// It is of other bytes.
    #[error("{} is of another build (SHA-256 {theirs}): make it anew", path.display())]
    Other {
        /// Where it is.
        path: PathBuf,
        /// Of which bytes it is.
        theirs: String,
    },
    /// The plugin did not pass.
    #[error("{} says that it failed: {}", path.display(), failed.join(", "))]
    Failed {
        /// Where it is.
        path: PathBuf,
        /// Which checks it did not pass, or was not tried by.
        failed: Vec<String>,
    },
    /// It was not tried for long enough to say that memory does not grow.
    #[error(
        "{} was made with {calls} calls, which are too few to see whether memory grows: make it anew with `sportello \
         plugin test --save`, without --calls or with {} and more",
        path.display(),
        CALLS_PROVING
    )]
    Few {
        /// Where it is.
        path: PathBuf,
        /// With how many calls it was made.
        calls: usize,
    },
}

/// Where a file's scorecard is.
pub fn scorecard_path(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".scorecard.json");
    name.into()
}

/// Whether there is a scorecard for these very bytes, on which every check of this program's kit passed, or had nothing
/// that it could be tried on, and which was made with [`CALLS_PROVING`] calls. Who made it is not judged here: that is
/// what its signature is for. Gives its bytes, for that to be looked at.
///
/// # Errors
/// As [`Unproven`] has it, in its order.
pub fn judge(file: &Path, sha256: &str) -> Result<Vec<u8>, Unproven> {
    use std::io::Read;
    let path = scorecard_path(file);
    let unreadable = |because: String| Unproven::Unreadable { path: path.clone(), because };
    match std::fs::metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(Unproven::Missing { path }),
        Err(error) => return Err(unreadable(error.to_string())),
        Ok(facts) if !facts.is_file() || facts.len() > LEN_MAX => {
            return Err(unreadable("it is no scorecard".to_owned()));
        }
        Ok(_) => {}
    }
    let mut bytes = Vec::new();
    let read = std::fs::File::open(&path).and_then(|file| file.take(LEN_MAX).read_to_end(&mut bytes));
    read.map_err(|error| unreadable(error.to_string()))?;
    let card: Scorecard = serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
    if card.sha256 != sha256 {
        return Err(Unproven::Other { path, theirs: card.sha256 });
    }
    // An earlier kit knew less: what it did not try is not proven.
    let is_proven = |id: &str| card.checks.iter().any(|check| check.id == id && check.passed);
    let failed: Vec<String> = kit::all().map(|(id, _, _)| id).filter(|id| !is_proven(id)).map(str::to_owned).collect();
    if !failed.is_empty() || !card.passed {
        return Err(Unproven::Failed { path, failed });
    }
    if card.calls < CALLS_PROVING {
        return Err(Unproven::Few { path, calls: card.calls });
    }
    Ok(bytes)
}

impl Scorecard {
    /// Closes the card: what the kit was at when it ended has failed, and so has what it never came to.
    pub fn close(&mut self, under_way: Option<&str>, why: &str) {
        for (id, group, check) in kit::all() {
            if self.checks.iter().any(|known| known.id == id) {
                continue;
            }
            let why = if under_way == Some(id) { why.to_owned() } else { "not tried: the kit had ended".to_owned() };
            let (id, group, check) = (id.to_owned(), group.to_owned(), check.to_owned());
            self.checks.push(Check { id, group, check, passed: false, applies: true, why });
        }
        self.passed = self.checks.iter().all(|check| check.passed);
    }
}

impl fmt::Display for Scorecard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, sha256, plugin, version, contract, settings, calls, checks, passed } = self;
        writeln!(f, "{plugin} {version}, contract {contract}\n{file}\nsha256    {sha256}\nsettings  {settings}")?;
        writeln!(f, "calls     {calls}, to see whether memory grows\n")?;
        writeln!(f, "{}", kit::Scorecard { checks: checks.clone() })?;
        f.write_str(if *passed { "It passes." } else { "It does not pass." })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(sha256: &str) -> Scorecard {
        let mut card = Scorecard { sha256: sha256.to_owned(), calls: CALLS_PROVING, ..Scorecard::default() };
        card.close(None, "");
        for check in &mut card.checks {
            check.passed = true;
        }
        card.passed = true;
        card
    }

    #[test]
    fn only_a_whole_card_of_these_very_bytes_is_enough() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("libx.so");
        let check = |written: Option<Scorecard>, expected: &str| {
            if let Some(card) = written {
                std::fs::write(scorecard_path(&file), serde_json::to_vec(&card).unwrap()).unwrap();
            }
            let judged = judge(&file, "aa").map(|_| ()).map_err(|error| error.to_string());
            let said = judged.err().unwrap_or_default();
            assert!(said.contains(expected) && said.is_empty() == expected.is_empty(), "{said:?}, not {expected:?}");
        };
        check(None, "there is no");
        check(Some(card("aa")), "");
        check(Some(card("bb")), "another build");
        let mut failed = card("aa");
        failed.checks[3].passed = false;
        check(Some(failed), "failed: manifest-doubt");
        let mut earlier = card("aa");
        earlier.checks.pop();
        check(Some(earlier), "close-in-flight");
        let mut lying = card("aa");
        lying.passed = false;
        check(Some(lying), "failed");
        let few = Scorecard { calls: 99_999, ..card("aa") };
        check(Some(few), "was made with 99999 calls");
        std::fs::write(scorecard_path(&file), "{").unwrap();
        check(None, "EOF");
    }

    #[test]
    fn what_the_kit_was_at_when_it_ended_has_failed() {
        let mut card = Scorecard::default();
        card.close(Some("order-twice"), "its process ended: signal 11");
        let found = card.checks.iter().find(|check| check.id == "order-twice").unwrap();
        assert_eq!((found.passed, found.why.as_str()), (false, "its process ended: signal 11"));
        assert!(!card.passed && card.checks.len() == kit::all().count());
    }
}
