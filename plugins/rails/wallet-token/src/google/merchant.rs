//! The merchant's keys, for which the wallet seals tokens (ECIES-KEM with HKDF, AES-CTR and HMAC).

use aes_gcm::aes::Aes256;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::token::Sealed;
use super::{Refusal, SENDER};
use crate::private_key::EcKey;

/// A key of the merchant's. It is wiped when it is dropped, and never shown.
pub struct MerchantKey {
    private: EcKey,
    public_point: Vec<u8>,
}

impl MerchantKey {
    /// An elliptic key (P-256) in PEM, in PKCS#8 or SEC 1. Nothing if it is none.
    pub fn from_pem(pem: &str) -> Option<Self> {
        EcKey::from_pem(pem).and_then(Self::new)
    }

    /// A key in base64 of its PKCS#8, which is how the wallet's documentation makes it.
    pub fn from_base64(text: &str) -> Option<Self> {
        let der = Zeroizing::new(super::token::base64(text.trim()).ok()?);
        EcKey::from_der(&der).and_then(Self::new)
    }

    fn new(private: EcKey) -> Option<Self> {
        Some(Self { public_point: private.public_point()?, private })
    }

    /// The public key, as a page tells the wallet whom to seal for: the uncompressed point, in base64.
    pub fn public_key(&self) -> String {
        BASE64_STANDARD.encode(&self.public_point)
    }
}

/// What is sealed, opened with whichever of `keys` it is for. Its code is checked before anything is decrypted, and in
/// constant time.
pub(crate) fn open(sealed: &Sealed, keys: &[MerchantKey]) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    for key in keys {
        let material = |shared: &[u8]| Zeroizing::new([sealed.ephemeral.as_slice(), shared].concat());
        let material = key.private.agree(&sealed.ephemeral, material).ok_or(Refusal::KeyMaterial)?;
        let mut derived = Zeroizing::new([0_u8; 64]);
        let hkdf = Hkdf::<Sha256>::new(None, &material);
        hkdf.expand(SENDER.as_bytes(), &mut *derived).map_err(|_| Refusal::KeyMaterial)?;
        let (cipher_key, code_key) = derived.split_at(32);
        let mut code = Hmac::<Sha256>::new_from_slice(code_key).map_err(|_| Refusal::KeyMaterial)?;
        code.update(&sealed.encrypted);
        if code.verify_slice(&sealed.tag).is_err() {
            continue;
        }
        let mut content = Zeroizing::new(sealed.encrypted.clone());
        // The counter begins at zero, since the key itself is used once.
        let mut cipher = Ctr128BE::<Aes256>::new_from_slices(cipher_key, &[0; 16]).map_err(|_| Refusal::KeyMaterial)?;
        cipher.apply_keystream(&mut content);
        return Ok(content);
    }
    Err(Refusal::Sealed)
}
