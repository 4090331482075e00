//! One signature, by a key of any kind that the wallets' certificates have.

use aws_lc_rs::rsa::PublicEncryptingKey;
use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode, Encode};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use crate::point::{self, Curve, EC_PUBLIC_KEY};

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const SHA256_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const SHA384_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const SHA512_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ECDSA_WITH_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");

/// A key that verifies, found to be one: a point on its curve, or of RSA with 2048 bits or more (NIST SP 800-131A).
#[derive(Clone)]
pub(crate) struct PublicKey {
    kind: Kind,
    /// The point, or the whole SubjectPublicKeyInfo of RSA.
    bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    P256,
    P384,
    Rsa,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Ecdsa,
    Rsa,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// How something was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Algorithm {
    family: Family,
    hash: Hash,
}

impl Algorithm {
    /// ECDSA over SHA-256.
    pub(crate) const ECDSA_SHA256: Self = Self { family: Family::Ecdsa, hash: Hash::Sha256 };

    /// By its identifier in a certificate (RFC 5758, RFC 8017).
    pub(crate) fn of_certificate(identifier: &AlgorithmIdentifierOwned) -> Option<Self> {
        let (family, hash) = match identifier.oid {
            ECDSA_WITH_SHA256 => (Family::Ecdsa, Hash::Sha256),
            ECDSA_WITH_SHA384 => (Family::Ecdsa, Hash::Sha384),
            ECDSA_WITH_SHA512 => (Family::Ecdsa, Hash::Sha512),
            SHA256_WITH_RSA => (Family::Rsa, Hash::Sha256),
            SHA384_WITH_RSA => (Family::Rsa, Hash::Sha384),
            SHA512_WITH_RSA => (Family::Rsa, Hash::Sha512),
            _ => return None,
        };
        Some(Self { family, hash })
    }

    /// By its identifier in a CMS signer whose digest is SHA-256: an RSA signer may name the key's kind alone
    /// (RFC 3370, section 3.2).
    pub(crate) fn of_sha256_signer(identifier: &AlgorithmIdentifierOwned) -> Option<Self> {
        match identifier.oid {
            ECDSA_WITH_SHA256 => Some(Self::ECDSA_SHA256),
            RSA_ENCRYPTION | SHA256_WITH_RSA => Some(Self { family: Family::Rsa, hash: Hash::Sha256 }),
            _ => None,
        }
    }
}

impl PublicKey {
    /// The key of a certificate, if it is of a kind that is trusted.
    pub(crate) fn of(info: &SubjectPublicKeyInfoOwned) -> Option<Self> {
        match info.algorithm.oid {
            EC_PUBLIC_KEY => {
                let (curve, point) = point::of(info)?;
                let kind = match curve {
                    Curve::P256 => Kind::P256,
                    Curve::P384 => Kind::P384,
                };
                UnparsedPublicKey::new(kind.scheme(Hash::Sha256), point).parse().ok()?;
                Some(Self { kind, bytes: point.to_vec() })
            }
            RSA_ENCRYPTION => {
                let bytes = info.to_der().ok()?;
                PublicEncryptingKey::from_der(&bytes).ok()?;
                Some(Self { kind: Kind::Rsa, bytes })
            }
            _ => None,
        }
    }

    /// The key of P-256 in a SubjectPublicKeyInfo, in DER.
    pub(crate) fn of_p256(der: &[u8]) -> Option<Self> {
        let info = SubjectPublicKeyInfoOwned::from_der(der).ok()?;
        Self::of(&info).filter(|key| key.kind == Kind::P256)
    }

    /// Whether `signature` is this key's over `message`. One of ECDSA is in DER and nothing else; which of the two that
    /// are right (of S and its negative) does not matter, for the wallets make either.
    pub(crate) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(self.kind.scheme(algorithm.hash), &self.bytes);
        self.kind.family() == algorithm.family && key.verify(message, signature).is_ok()
    }
}

impl Kind {
    fn family(self) -> Family {
        match self {
            Self::P256 | Self::P384 => Family::Ecdsa,
            Self::Rsa => Family::Rsa,
        }
    }

    fn scheme(self, hash: Hash) -> &'static dyn VerificationAlgorithm {
        match (self, hash) {
            (Self::P256, Hash::Sha256) => &signature::ECDSA_P256_SHA256_ASN1,
            (Self::P256, Hash::Sha384) => &signature::ECDSA_P256_SHA384_ASN1,
            (Self::P256, Hash::Sha512) => &signature::ECDSA_P256_SHA512_ASN1,
            (Self::P384, Hash::Sha256) => &signature::ECDSA_P384_SHA256_ASN1,
            (Self::P384, Hash::Sha384) => &signature::ECDSA_P384_SHA384_ASN1,
            (Self::P384, Hash::Sha512) => &signature::ECDSA_P384_SHA512_ASN1,
            (Self::Rsa, Hash::Sha256) => &signature::RSA_PKCS1_2048_8192_SHA256,
            (Self::Rsa, Hash::Sha384) => &signature::RSA_PKCS1_2048_8192_SHA384,
            (Self::Rsa, Hash::Sha512) => &signature::RSA_PKCS1_2048_8192_SHA512,
        }
    }
}

#[cfg(test)]
mod tests;
