//! One signature, by a key of any kind that the wallets' certificates have.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::pkcs1v15;
use rsa::traits::PublicKeyParts;
use sha2::{Digest, Sha256, Sha384, Sha512};
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const SHA256_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const SHA384_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const SHA512_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ECDSA_WITH_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// RSA keys shorter than this many bytes are not trusted (NIST SP 800-131A).
const RSA_BYTES_MIN: usize = 2048 / 8;

/// A key that verifies.
#[derive(Clone)]
pub(crate) enum PublicKey {
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    Rsa(Box<rsa::PublicKey>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
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
    kind: Kind,
    hash: Hash,
}

impl Algorithm {
    /// By its identifier in a certificate (RFC 5758, RFC 8017).
    pub(crate) fn of_certificate(identifier: &AlgorithmIdentifierOwned) -> Option<Self> {
        let (kind, hash) = match identifier.oid {
            ECDSA_WITH_SHA256 => (Kind::Ecdsa, Hash::Sha256),
            ECDSA_WITH_SHA384 => (Kind::Ecdsa, Hash::Sha384),
            ECDSA_WITH_SHA512 => (Kind::Ecdsa, Hash::Sha512),
            SHA256_WITH_RSA => (Kind::Rsa, Hash::Sha256),
            SHA384_WITH_RSA => (Kind::Rsa, Hash::Sha384),
            SHA512_WITH_RSA => (Kind::Rsa, Hash::Sha512),
            _ => return None,
        };
        Some(Self { kind, hash })
    }

    /// By its identifier in a CMS signer whose digest is SHA-256: an RSA signer may name the key's kind alone
    /// (RFC 3370, section 3.2).
    pub(crate) fn of_sha256_signer(identifier: &AlgorithmIdentifierOwned) -> Option<Self> {
        match identifier.oid {
            ECDSA_WITH_SHA256 => Some(Self { kind: Kind::Ecdsa, hash: Hash::Sha256 }),
            RSA_ENCRYPTION | SHA256_WITH_RSA => Some(Self { kind: Kind::Rsa, hash: Hash::Sha256 }),
            _ => None,
        }
    }
}

impl PublicKey {
    /// The key of a certificate, if it is of a kind that is trusted.
    pub(crate) fn of(info: &SubjectPublicKeyInfoOwned) -> Option<Self> {
        let bytes = info.subject_public_key.as_bytes()?;
        match info.algorithm.oid {
            EC_PUBLIC_KEY => {
                let curve: ObjectIdentifier = info.algorithm.parameters.as_ref()?.decode_as().ok()?;
                match curve {
                    P256 => p256::ecdsa::VerifyingKey::from_sec1_bytes(bytes).ok().map(Self::P256),
                    P384 => p384::ecdsa::VerifyingKey::from_sec1_bytes(bytes).ok().map(Self::P384),
                    _ => None,
                }
            }
            RSA_ENCRYPTION => {
                use rsa::pkcs1::DecodeRsaPublicKey as _;
                let key = rsa::PublicKey::from_pkcs1_der(bytes).ok()?;
                (key.size() >= RSA_BYTES_MIN).then(|| Self::Rsa(Box::new(key)))
            }
            _ => None,
        }
    }

    /// Whether `signature` is this key's over `message`.
    pub(crate) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let hash = match algorithm.hash {
            Hash::Sha256 => Sha256::digest(message).to_vec(),
            Hash::Sha384 => Sha384::digest(message).to_vec(),
            Hash::Sha512 => Sha512::digest(message).to_vec(),
        };
        match (self, algorithm.kind) {
            (Self::P256(key), Kind::Ecdsa) => p256::ecdsa::Signature::from_der(signature)
                .is_ok_and(|signature| key.verify_prehash(&hash, &signature).is_ok()),
            (Self::P384(key), Kind::Ecdsa) => p384::ecdsa::Signature::from_der(signature)
                .is_ok_and(|signature| key.verify_prehash(&hash, &signature).is_ok()),
            (Self::Rsa(key), Kind::Rsa) => {
                let scheme = match algorithm.hash {
                    Hash::Sha256 => pkcs1v15::Pkcs1v15Sign::new::<Sha256>(),
                    Hash::Sha384 => pkcs1v15::Pkcs1v15Sign::new::<Sha384>(),
                    Hash::Sha512 => pkcs1v15::Pkcs1v15Sign::new::<Sha512>(),
                };
                key.verify(scheme, &hash, signature).is_ok()
            }
            (Self::P256(_) | Self::P384(_), Kind::Rsa) | (Self::Rsa(_), Kind::Ecdsa) => false,
        }
    }
}
