//! From a file to what it declares: read once, hashed, vetted, its manifest understood. Nothing of it has run.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use object::{Object, ObjectSection};
use sha2::{Digest, Sha256};
use sportello_sdk::Manifest;
use sportello_sdk::frames::{CONTRACT, Version};

use crate::grants::{Pattern, PatternError};
use crate::trust::{Distrusted, Signer, read_signature};
use crate::vet::{Unfit, vet};

/// The largest library that is read, in bytes. A debug build with its symbols has some tens of megabytes.
pub const LIBRARY_LEN_MAX: u64 = 256 << 20;

/// The largest manifest that is read, in bytes.
pub const MANIFEST_LEN_MAX: usize = 64 << 10;

/// Where the manifest stands, in ELF and in Mach-O (whose names are shorter).
const SECTIONS: [&[u8]; 2] = [b"sportello.manifest", b"sportello"];

/// The SHA-256 of a library's bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A library that was read, vetted and understood, and of which nothing has run.
///
/// It holds the bytes: what is loaded later is what was checked now, whatever becomes of the file.
#[derive(Clone)]
pub struct Declared {
    pub(crate) path: PathBuf,
    pub(crate) bytes: Bytes,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) manifest: Manifest,
    /// What lay beside the file, not judged.
    pub(crate) signature: Option<Bytes>,
    pub(crate) signer: Option<Signer>,
}

impl fmt::Debug for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Declared")
            .field("path", &self.path)
            .field("fingerprint", &self.fingerprint)
            .field("name", &self.manifest.name)
            .field("version", &self.manifest.version)
            .finish_non_exhaustive()
    }
}

/// Why a file does not become a loaded plugin.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is larger than [`LIBRARY_LEN_MAX`].
    #[error("{}: has more than {} MB, which no plugin has", path.display(), LIBRARY_LEN_MAX >> 20)]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The library was refused before anything of it ran.
    #[error("{}: is refused: {unfit}", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// Why.
        unfit: Unfit,
    },
    /// There is no manifest in it.
    #[error(
        "{}: is no plugin of this gateway: it has no section `sportello.manifest`; a plugin is a cdylib that calls \
         `export_channel!` or `export_rail!`", path.display()
    )]
    NotAPlugin {
        /// The file.
        path: PathBuf,
    },
    /// The manifest cannot be understood.
    #[error("{}: its manifest is wrong: {because}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        because: String,
    },
    /// It was built for a contract that this host does not serve.
    #[error(
        "{}: the plugin `{name}` was built for contract {theirs}, and this gateway speaks {ours}: {}", path.display(),
        if theirs.major > ours.major || (theirs.major == ours.major && theirs.minor > ours.minor) {
            "install a newer gateway, or an older build of the plugin"
        } else {
            "install a newer build of the plugin"
        }
    )]
    Contract {
        /// The file.
        path: PathBuf,
        /// The plugin's name.
        name: String,
        /// What the plugin was built for.
        theirs: Version,
        /// What this host speaks.
        ours: Version,
    },
    /// The operator's [`Trust`](crate::Trust) does not let it run.
    #[error(transparent)]
    Distrusted(Distrusted),
    /// The operating system or the ABI check refused it.
    #[error("{}: cannot be loaded: {because}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why.
        because: String,
    },
}

impl LoadError {
    /// Whether the file is simply something else than a plugin, as most files in a build folder are.
    pub fn is_no_plugin(&self) -> bool {
        matches!(self, Self::NotAPlugin { .. })
    }

    /// Whether the file is no library of a plugin at all: a program or a script, perhaps of a plugin that is none.
    pub fn is_other_file(&self) -> bool {
        let is_no_library = matches!(self, Self::Unfit { unfit: Unfit::NotElf(_) | Unfit::NotShared, .. });
        is_no_library || self.is_no_plugin()
    }
}

impl Declared {
    /// Reads the file at `path`, and the signature beside it, each once.
    ///
    /// # Errors
    /// As [`LoadError`] has it, in its order.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, LoadError> {
        let path = path.as_ref();
        let declared = Self::read_bytes(path, read_file(path)?)?;
        Ok(Self { signature: read_signature(path)?, ..declared })
    }

    /// Understands the bytes of a library; `path` is only a name for it.
    ///
    /// # Errors
    /// As [`LoadError`] has it, in its order.
    pub fn read_bytes(path: impl AsRef<Path>, bytes: Bytes) -> Result<Self, LoadError> {
        let path = path.as_ref().to_owned();
        let json = match manifest_of(&bytes) {
            Ok(Some(json)) => json,
            // Something else altogether is better told so than what is unusual about it.
            Ok(None) => {
                return Err(match vet(&bytes) {
                    Err(unfit @ (Unfit::NotElf(_) | Unfit::NotShared)) => LoadError::Unfit { path, unfit },
                    _ => LoadError::NotAPlugin { path },
                });
            }
            Err(because) => return Err(LoadError::Manifest { path, because }),
        };
        let manifest = understand_manifest(&path, json)?;
        if cfg!(target_os = "linux")
            && let Err(unfit) = vet(&bytes)
        {
            return Err(LoadError::Unfit { path, unfit });
        }
        let fingerprint = Fingerprint(Sha256::digest(&bytes).into());
        Ok(Self { path, bytes, fingerprint, manifest, signature: None, signer: None })
    }

    /// What the plugin says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The same as it stands in the library, with whatever this program does not know.
    pub fn manifest_json(&self) -> String {
        let json = manifest_of(&self.bytes).ok().flatten().map(|json| String::from_utf8_lossy(json).into_owned());
        json.or_else(|| serde_json::to_string(&self.manifest).ok()).unwrap_or_default()
    }

    /// The SHA-256 of the bytes.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Where it was read.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// What a plugin is made of: a file of at most [`LIBRARY_LEN_MAX`] bytes.
pub(crate) fn read_file(path: &Path) -> Result<Bytes, LoadError> {
    read_whole(path, LIBRARY_LEN_MAX)?.ok_or_else(|| LoadError::TooLarge { path: path.to_owned() })
}

/// The same as [`read_bounded`].
pub(crate) fn read_whole(path: &Path, len_max: u64) -> Result<Option<Bytes>, LoadError> {
    let unreadable = |error| LoadError::Unreadable { path: path.to_owned(), error };
    Ok(read_bounded(path, len_max).map_err(unreadable)?.map(Bytes::from))
}

/// The content of the regular file at `path`; nothing where it has more than `len_max` bytes.
///
/// # Errors
/// Why it cannot be read; that it is no regular file, too.
pub fn read_bounded(path: &Path, len_max: u64) -> std::io::Result<Option<Vec<u8>>> {
    // Whoever opens a pipe waits for its other end, which may never come.
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is no regular file"));
    }
    let file = std::fs::File::open(path)?;
    let expected = file.metadata()?.len();
    if expected > len_max {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    if bytes.try_reserve_exact(usize::try_from(expected + 1).unwrap_or(0)).is_err() {
        return Ok(None);
    }
    // The length above may be a lie by now: what counts is what is read.
    file.take(len_max + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= len_max).then_some(bytes))
}

/// What every manifest of every contract has.
#[derive(serde::Deserialize)]
struct Head {
    name: String,
    contract: String,
}

/// The manifest's JSON, if there is a section for it.
fn manifest_of(library: &[u8]) -> Result<Option<&[u8]>, String> {
    let Ok(file) = object::File::parse(library) else {
        return Ok(None);
    };
    let mut found = None;
    for section in file.sections() {
        let Ok(name) = section.name_bytes() else {
            continue;
        };
        if !SECTIONS.contains(&name) {
            continue;
        }
        let data = section.data().map_err(|_| "its section is not inside the file".to_owned())?;
        if found.replace(data).is_some() {
            return Err("there are two, and it is not clear which is meant".to_owned());
        }
    }
    match found {
        Some(data) if data.len() > MANIFEST_LEN_MAX => Err(format!("it has more than {} kB", MANIFEST_LEN_MAX >> 10)),
        found => Ok(found),
    }
}

/// The manifest of the plugin in `path`, where this host serves it.
pub(crate) fn understand_manifest(path: &Path, json: &[u8]) -> Result<Manifest, LoadError> {
    let wrong = |because| LoadError::Manifest { path: path.to_owned(), because };
    let broken = |error: serde_json::Error| wrong(format!("it is not as the contract has it: {error}"));
    // Another contract's manifest may be anything but these two: so the contract is looked at first.
    check_contract(path, &serde_json::from_slice(json).map_err(broken)?)?;
    let manifest: Manifest = serde_json::from_slice(json).map_err(broken)?;
    check(&manifest).map_err(wrong)?;
    Ok(manifest)
}

/// Whether the manifest is sound: by the contract's own rules, and by what this host takes for an origin. All that is
/// wrong is told at once.
fn check(manifest: &Manifest) -> Result<(), String> {
    let mut defects = manifest.defects();
    if defects.is_empty() {
        let patterns = manifest.endpoints.iter().map(|endpoint| endpoint.parse::<Pattern>());
        defects.extend(patterns.filter_map(Result::err).map(|error: PatternError| format!("endpoints: {error}")));
    }
    if defects.is_empty() { Ok(()) } else { Err(defects.join("; ")) }
}

/// Whether this host serves the plugin's contract: the same major, and a minor not above ours.
fn check_contract(path: &Path, head: &Head) -> Result<(), LoadError> {
    let theirs: Version = head.contract.parse().map_err(|_| LoadError::Manifest {
        path: path.to_owned(),
        because: "`contract` must be `major.minor`".to_owned(),
    })?;
    if CONTRACT.serves(theirs) {
        return Ok(());
    }
    Err(LoadError::Contract {
        path: path.to_owned(),
        name: head.name.chars().take(Manifest::NAME_LEN_MAX).collect(),
        theirs,
        ours: CONTRACT,
    })
}
