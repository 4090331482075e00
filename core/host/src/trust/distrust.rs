//! Why a file does not run.

use std::fmt;
use std::path::PathBuf;

use sportello_sdk::Kind;

use super::KeyId;
use crate::declared::Fingerprint;

/// A file that does not run, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}; {}", self.what(), self.remedy())]
pub struct Distrusted {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub why: Distrust,
}

/// Why a file does not run, in the order in which it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Distrust {
    /// The operator took the file back.
    RevokedFile {
        /// Its hash.
        sha256: Fingerprint,
    },
    /// Nobody signed it, and somebody has to.
    Unsigned,
    /// What lies beside it is no signature of minisign.
    MalformedSignature {
        /// What is wrong with it.
        because: &'static str,
    },
    /// The operator took the key back that signed it.
    RevokedKey {
        /// The key.
        id: KeyId,
    },
    /// The operator does not know the key that signed it.
    UnknownKey {
        /// The key, as the signature has it.
        id: KeyId,
    },
    /// The signature does not fit: the file, the signature or its comment is not what the key signed.
    Tampered {
        /// The key, as the signature has it.
        id: KeyId,
    },
    /// The key may not sign plugins of this kind.
    NotItsKind {
        /// What the operator calls the key.
        key: String,
        /// What the plugin is.
        kind: Kind,
    },
    /// The key may not sign plugins of this name.
    NotItsName {
        /// What the operator calls the key.
        key: String,
        /// The plugin's name.
        name: String,
        /// The names that it may sign.
        may: Vec<String>,
    },
}

impl Distrusted {
    /// What is wrong, with the file and the key.
    pub fn what(&self) -> String {
        format!("{}: {}", self.path.display(), self.why)
    }

    /// What to do about it.
    pub fn remedy(&self) -> String {
        let signature = super::signature_path(&self.path);
        let (path, signature) = (self.path.display(), signature.display());
        match &self.why {
            Distrust::RevokedFile { .. } => "install another build of it".to_owned(),
            Distrust::Unsigned => format!(
                "install the {signature} that came with it; what you built yourself you sign: sportello plugin sign {path} \
                 --key YOUR.key"
            ),
            Distrust::MalformedSignature { .. } => format!("install {signature} again, or sign the file again"),
            Distrust::RevokedKey { .. } => "install a build that another key signed".to_owned(),
            Distrust::UnknownKey { .. } => {
                "if you know from its owner that this key is theirs, write it under `keys` in [trust]".to_owned()
            }
            Distrust::Tampered { .. } => {
                format!("install {path} and {signature} again, both of one build, from whom you trust")
            }
            Distrust::NotItsKind { .. } => {
                "if that is what you trust it with, write so under its `kinds` in [trust]".to_owned()
            }
            Distrust::NotItsName { .. } => {
                "if that is what you trust it with, write so under its `names` in [trust]".to_owned()
            }
        }
    }
}

impl Distrust {
    /// What to branch on.
    pub fn code(&self) -> &'static str {
        match self {
            Self::RevokedFile { .. } => "revoked_file",
            Self::Unsigned => "unsigned",
            Self::MalformedSignature { .. } => "malformed_signature",
            Self::RevokedKey { .. } => "revoked_key",
            Self::UnknownKey { .. } => "unknown_key",
            Self::Tampered { .. } => "tampered",
            Self::NotItsKind { .. } => "not_its_kind",
            Self::NotItsName { .. } => "not_its_name",
        }
    }
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RevokedFile { sha256 } => write!(f, "it is revoked: {sha256} stands in `revoked_files` of [trust]"),
            Self::Unsigned => f.write_str("it is not signed, and in production every plugin is"),
            Self::MalformedSignature { because } => {
                write!(f, "the signature beside it is none of minisign's: {because}")
            }
            Self::RevokedKey { id } => {
                write!(f, "it is signed by the key {id}, which `revoked_keys` of [trust] took back")
            }
            Self::UnknownKey { id } => write!(f, "it is signed by the key {id}, which [trust] does not know"),
            Self::Tampered { id } => {
                write!(f, "it is not what the key {id} signed: the file, the signature or its comment was changed")
            }
            Self::NotItsKind { key, kind } => {
                let kind = match kind {
                    Kind::Channel => "a channel",
                    Kind::Rail => "a rail",
                };
                write!(f, "it is signed by {key:?}, which is not trusted with {kind}")
            }
            Self::NotItsName { key, name, may } => {
                let may = may.join(", ");
                write!(f, "it is signed by {key:?}, which is trusted with {may} and not with {name:?}")
            }
        }
    }
}
