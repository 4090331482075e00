//! The merchant's private keys, as an operator writes them, and the one thing that each kind is for.
//!
//! The library wipes keys and shared secrets when it lets go of them; what is copied out of it is wiped here.

use aws_lc_rs::agreement::{self, ECDH_P256, UnparsedPublicKey};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use x509_cert::der::asn1::AnyRef;
use x509_cert::der::{Decode, pem};
use zeroize::Zeroizing;

use crate::point::Curve;

const PKCS8: &str = "PRIVATE KEY";
const SEC1: &str = "EC PRIVATE KEY";
const PKCS1: &str = "RSA PRIVATE KEY";

/// What is in a PEM block, with its label.
fn block(text: &str) -> Option<(&str, Zeroizing<Vec<u8>>)> {
    let (label, der) = pem::decode_vec(text.as_bytes()).ok()?;
    Some((label, Zeroizing::new(der)))
}

/// Whether this is one element of DER and nothing after it, which the library does not look at.
fn is_whole(der: &[u8]) -> bool {
    AnyRef::from_der(der).is_ok()
}

/// A key of P-256, to agree on secrets with.
pub(crate) struct EcKey(agreement::PrivateKey);

impl EcKey {
    /// A key in PEM, in PKCS#8 or SEC 1. Nothing if it is none of P-256.
    pub(crate) fn from_pem(text: &str) -> Option<Self> {
        let (label, der) = block(text)?;
        if [PKCS8, SEC1].contains(&label) { Self::from_der(&der) } else { None }
    }

    /// The same in DER.
    pub(crate) fn from_der(der: &[u8]) -> Option<Self> {
        if !is_whole(der) {
            return None;
        }
        agreement::PrivateKey::from_private_key_der(&ECDH_P256, der).ok().map(Self)
    }

    /// The public key: the uncompressed point.
    pub(crate) fn public_point(&self) -> Option<Vec<u8>> {
        Some(self.0.compute_public_key().ok()?.as_ref().to_vec())
    }

    /// The public key as a SubjectPublicKeyInfo, in DER.
    pub(crate) fn public_info(&self) -> Option<Vec<u8>> {
        let info: PublicKeyX509Der<'_> = self.0.compute_public_key().ok()?.as_der().ok()?;
        Some(info.as_ref().to_vec())
    }

    /// What `derive` makes of the secret that this key and the owner of the point `theirs` share. Nothing if that is no
    /// point of P-256.
    pub(crate) fn agree<T>(&self, theirs: &[u8], derive: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let theirs = UnparsedPublicKey::new(&ECDH_P256, Curve::P256.point(theirs)?);
        agreement::agree(&self.0, theirs, (), |shared| Ok(derive(shared))).ok()
    }
}

/// An RSA key of 2048 bits or more, to unwrap keys with.
pub(crate) struct RsaKey {
    key: OaepPrivateDecryptingKey,
    public_info: Vec<u8>,
}

impl RsaKey {
    /// A key in PEM, in PKCS#8 or PKCS#1. Nothing if it is none, or too short.
    pub(crate) fn from_pem(text: &str) -> Option<Self> {
        let (label, der) = block(text)?;
        if !is_whole(&der) {
            return None;
        }
        let key = match label {
            PKCS8 => PrivateDecryptingKey::from_pkcs8(&der).ok()?,
            PKCS1 => {
                let pkcs8: Pkcs8V1Der<'_> = KeyPair::from_der(&der).ok()?.as_der().ok()?;
                PrivateDecryptingKey::from_pkcs8(pkcs8.as_ref()).ok()?
            }
            _ => return None,
        };
        let public_info: PublicKeyX509Der<'_> = key.public_key().as_der().ok()?;
        Some(Self { public_info: public_info.as_ref().to_vec(), key: OaepPrivateDecryptingKey::new(key).ok()? })
    }

    /// The public key as a SubjectPublicKeyInfo, in DER.
    pub(crate) fn public_info(&self) -> &[u8] {
        &self.public_info
    }

    /// What was wrapped with OAEP (RFC 8017, section 7.1) under SHA-256 without a label. Nothing, for whichever reason, if
    /// it does not unwrap.
    pub(crate) fn unwrap(&self, wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut content = Zeroizing::new(vec![0; self.key.min_output_size()]);
        let length = self.key.decrypt(&OAEP_SHA256_MGF1SHA256, wrapped, &mut content, None).ok()?.len();
        content.truncate(length);
        Some(content)
    }
}

#[cfg(test)]
mod tests;
