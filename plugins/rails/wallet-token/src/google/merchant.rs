//! The merchant's keys, for which the wallet seals tokens (ECIES-KEM with HKDF, AES-CTR and HMAC).

use aes_gcm::aes::Aes256;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::pkcs8::DecodePrivateKey;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::token::Sealed;
use super::{Refusal, SENDER};

/// A key of the merchant's. It is wiped when it is dropped, and never shown.
pub struct MerchantKey(p256::SecretKey);

impl MerchantKey {
    /// An elliptic key (P-256) in PEM, in PKCS#8 or SEC 1. Nothing if it is none.
    pub fn from_pem(pem: &str) -> Option<Self> {
        p256::SecretKey::from_pkcs8_pem(pem).or_else(|_| p256::SecretKey::from_sec1_pem(pem)).ok().map(Self)
    }

    /// The public key, as a page tells the wallet whom to seal for: the uncompressed point, in base64.
    pub fn public_key(&self) -> String {
        BASE64_STANDARD.encode(self.0.public_key().to_sec1_point(false).as_bytes())
    }

    /// A key in base64 of its PKCS#8, which is how the wallet's documentation makes it.
    pub fn from_base64(text: &str) -> Option<Self> {
        let der = Zeroizing::new(super::token::base64(text.trim()).ok()?);
        p256::SecretKey::from_pkcs8_der(&der).ok().map(Self)
    }
}

/// What is sealed, opened with whichever of `keys` it is for. Its code is checked before anything is decrypted, and in
/// constant time.
pub(crate) fn open(sealed: &Sealed, keys: &[MerchantKey]) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let theirs = p256::PublicKey::from_sec1_bytes(&sealed.ephemeral).map_err(|_| Refusal::KeyMaterial)?;
    for key in keys {
        let shared = p256::ecdh::diffie_hellman(key.0.to_nonzero_scalar(), theirs.as_affine());
        let material = Zeroizing::new([sealed.ephemeral.as_slice(), shared.raw_secret_bytes()].concat());
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
