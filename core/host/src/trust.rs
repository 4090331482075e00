//! Whose plugins may run: keys, what each of them may sign, and what was taken back.
//!
//! A signature is minisign's, and lies beside its file: `libfoo.so.minisig`. What is judged are bytes that were read once,
//! and these very bytes are what runs: nobody looks at the file again. Whatever else executes what somebody wrote, a script
//! as well as a library, asks the same [`Trust`].

mod distrust;
mod key;
mod signature;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use sportello_sdk::Kind;

use crate::declared::{Declared, Fingerprint, LoadError, read_file, read_whole};

pub use distrust::{Distrust, Distrusted};
pub use key::{KeyError, KeyId, PublicKey};

use signature::Signature;

/// The largest signature that is read, in bytes. minisign's comments have 9 kB at most, both together.
pub const SIGNATURE_LEN_MAX: u64 = 16 << 10;

/// Whom an operator trusts with what.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// The keys, each with what it may sign.
    pub keys: Vec<TrustedKey>,
    /// Keys that sign nothing any more, whether or not they stand above.
    pub revoked_keys: Vec<RevokedKey>,
    /// Files that do not run any more, whoever signed them.
    pub revoked_files: Vec<Fingerprint>,
    /// Whether what nobody signed is refused, as in production. All else that is wrong is refused always.
    pub required: bool,
}

/// A key, and what it may sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKey {
    /// What the operator calls it.
    pub name: String,
    /// The key.
    pub key: PublicKey,
    /// The kinds of plugins that it may sign; empty for any.
    pub kinds: Vec<Kind>,
    /// The names of plugins that it may sign, `*` in them for whatever may stand there; empty for any.
    pub names: Vec<String>,
}

/// A key that was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevokedKey {
    /// Whatever says that it was signed by this id.
    Id(KeyId),
    /// The same, and besides whatever fits the key under another id: an id is no part of what is signed.
    Key(PublicKey),
}

/// Who signed a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// What the operator calls the key.
    pub key: String,
    /// The key's id.
    pub id: KeyId,
    /// What the signer said of the file, which the signature covers too.
    pub comment: String,
}

impl Trust {
    /// Who signed `bytes`, which are `path`'s content, of a plugin of this kind and name; `signature` is what lay beside it.
    /// Nothing where nobody did, and nobody has to.
    ///
    /// # Errors
    /// As [`Distrust`] has it, in its order. What was taken back, and a signature that is there and does not fit, are
    /// refused always.
    pub fn judge(
        &self,
        path: &Path,
        bytes: &[u8],
        kind: Kind,
        name: &str,
        signature: Option<&[u8]>,
    ) -> Result<Option<Signer>, Distrusted> {
        let Some((key, signer)) = self.find(path, bytes, signature)? else { return Ok(None) };
        let refused = |why| Err(Distrusted { path: path.to_owned(), why });
        let signed_by = signer.key.clone();
        if !key.kinds.is_empty() && !key.kinds.contains(&kind) {
            return refused(Distrust::NotItsKind { key: signed_by, kind });
        }
        if !key.names.is_empty() && !key.names.iter().any(|pattern| matches(pattern, name)) {
            return refused(Distrust::NotItsName { key: signed_by, name: name.to_owned(), may: key.names.clone() });
        }
        Ok(Some(signer))
    }

    /// The same for a file of which it is not known what it is: whether its key may sign such a thing is not judged.
    ///
    /// # Errors
    /// As for [`Trust::judge`].
    pub fn authenticate(
        &self,
        path: &Path,
        bytes: &[u8],
        signature: Option<&[u8]>,
    ) -> Result<Option<Signer>, Distrusted> {
        Ok(self.find(path, bytes, signature)?.map(|(_, signer)| signer))
    }

    fn find(
        &self,
        path: &Path,
        bytes: &[u8],
        signature: Option<&[u8]>,
    ) -> Result<Option<(&TrustedKey, Signer)>, Distrusted> {
        let refused = |why| Err(Distrusted { path: path.to_owned(), why });
        if let Some(sha256) = self.revoked(bytes) {
            return refused(Distrust::RevokedFile { sha256 });
        }
        let Some(signature) = signature else {
            return if self.required { refused(Distrust::Unsigned) } else { Ok(None) };
        };
        let signature = match Signature::parse(signature) {
            Ok(signature) => signature,
            Err(because) => return refused(Distrust::MalformedSignature { because }),
        };
        let id = signature.key;
        if self.revoked_keys.iter().any(|revoked| revoked.is_id(id)) {
            return refused(Distrust::RevokedKey { id });
        }
        // Who names no key and needs none has not asked whose it is.
        if self.keys.is_empty() && !self.required {
            return Ok(None);
        }
        let of_id = || self.keys.iter().filter(|trusted| trusted.key.id() == id);
        if of_id().next().is_none() {
            return refused(Distrust::UnknownKey { id });
        }
        if of_id().any(|trusted| self.revoked_keys.iter().any(|revoked| revoked.is_key(&trusted.key))) {
            return refused(Distrust::RevokedKey { id });
        }
        match of_id().find(|trusted| signature.fits(&trusted.key, bytes)) {
            Some(key) => Ok(Some((key, Signer { key: key.name.clone(), id, comment: signature.comment }))),
            None => refused(Distrust::Tampered { id }),
        }
    }

    /// The hash of `bytes`, where it was taken back.
    fn revoked(&self, bytes: &[u8]) -> Option<Fingerprint> {
        // The path of everybody who has taken nothing back need not hash.
        let sha256 = (!self.revoked_files.is_empty()).then(|| Fingerprint(Sha256::digest(bytes).into()))?;
        self.revoked_files.contains(&sha256).then_some(sha256)
    }
}

impl RevokedKey {
    fn is_id(&self, id: KeyId) -> bool {
        match self {
            Self::Id(revoked) => *revoked == id,
            Self::Key(revoked) => revoked.id() == id,
        }
    }

    fn is_key(&self, key: &PublicKey) -> bool {
        matches!(self, Self::Key(revoked) if revoked.is_same_point(key))
    }
}

impl Declared {
    /// Judges what was read, and keeps who signed it.
    ///
    /// # Errors
    /// [`LoadError::Distrusted`].
    pub fn judge(mut self, trust: &Trust) -> Result<Self, LoadError> {
        let signature = self.signature.as_deref();
        let judged = trust.judge(&self.path, &self.bytes, self.manifest.kind, &self.manifest.name, signature);
        self.signer = judged.map_err(LoadError::Distrusted)?;
        Ok(self)
    }

    /// Who signed it, once it was [judged](Self::judge).
    pub fn signer(&self) -> Option<&Signer> {
        self.signer.as_ref()
    }
}

/// Where the signature of the file at `path` lies.
pub fn signature_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".minisig");
    name.into()
}

/// The bytes of a file of any kind and the signature beside it, not judged, each read once.
///
/// # Errors
/// [`LoadError::Unreadable`] and [`LoadError::TooLarge`].
pub fn read_signed(path: &Path) -> Result<(Bytes, Option<Bytes>), LoadError> {
    Ok((read_file(path)?, read_signature(path)?))
}

/// The signature beside the file at `path`, not judged; nothing where there is none.
///
/// # Errors
/// [`LoadError::Unreadable`]: one that is there and cannot be read is not the same as none.
pub fn read_signature(path: &Path) -> Result<Option<Bytes>, LoadError> {
    let path = signature_path(path);
    match std::fs::symlink_metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        _ => match read_whole(&path, SIGNATURE_LEN_MAX)? {
            Some(signature) => Ok(Some(signature)),
            None => {
                let what = format!("it has more than {} kB, which no signature has", SIGNATURE_LEN_MAX >> 10);
                Err(LoadError::Unreadable { path, error: std::io::Error::other(what) })
            }
        },
    }
}

/// Whether a name is as `pattern` has it, in which `*` stands for any characters and for none.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(name) = name.strip_prefix(first) else { return false };
    // Between two stars the first place that fits leaves the most for what follows.
    let (middle, last) = rest.rsplit_once('*').map_or(("", rest), |(middle, last)| (middle, last));
    let Some(mut name) = name.strip_suffix(last) else { return false };
    for part in middle.split('*') {
        let Some(at) = name.find(part) else { return false };
        name = name.get(at + part.len()..).unwrap_or_default();
    }
    true
}
