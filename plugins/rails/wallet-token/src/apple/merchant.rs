//! The merchant's keys, for which the wallet seals tokens.

use aes_gcm::aead::consts::U16;
use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::aes::{Aes128, Aes256};
use aes_gcm::{AesGcm, Nonce};
use p256::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePublicKey};
use rsa::pkcs1::DecodeRsaPrivateKey;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::Refusal;
use super::token::KeyMaterial;

/// Before the party's id in what the key is derived with: the length and name of the algorithm, and who derives.
const ALGORITHM_AND_PARTY_U: &[u8] = b"\x0Did-aes256-GCMApple";

enum Private {
    Ec(Box<p256::SecretKey>),
    Rsa(Box<rsa::PrivateKey>),
}

/// A key of the merchant's, and for which merchant id it was made. It is wiped when it is dropped, and never shown.
pub struct MerchantKey {
    private: Private,
    merchant_id_hash: [u8; 32],
    public_key_hash: [u8; 32],
}

/// SHA-256 of the merchant id, which the wallet writes into the merchant's certificate (extension
/// 1.2.840.113635.100.6.32) and derives keys with.
pub fn merchant_id_hash(merchant_id: &str) -> [u8; 32] {
    Sha256::digest(merchant_id.as_bytes()).into()
}

impl MerchantKey {
    /// A key in PEM: elliptic (P-256) for `EC_v1`, in PKCS#8 or SEC 1; RSA for `RSA_v1`, in PKCS#8 or PKCS#1. Nothing if
    /// it is none of these.
    pub fn from_pem(pem: &str, merchant_id_hash: [u8; 32]) -> Option<Self> {
        if let Ok(key) = p256::SecretKey::from_pkcs8_pem(pem).or_else(|_| p256::SecretKey::from_sec1_pem(pem)) {
            let public = key.public_key().to_public_key_der().ok()?;
            let public_key_hash = Sha256::digest(public.as_bytes()).into();
            return Some(Self { private: Private::Ec(Box::new(key)), merchant_id_hash, public_key_hash });
        }
        let key = rsa::PrivateKey::from_pkcs8_pem(pem).or_else(|_| rsa::PrivateKey::from_pkcs1_pem(pem).map_err(drop));
        let key = key.ok()?;
        let public = rsa::PublicKey::from(&key).to_public_key_der().ok()?;
        let public_key_hash = Sha256::digest(public.as_bytes()).into();
        Some(Self { private: Private::Rsa(Box::new(key)), merchant_id_hash, public_key_hash })
    }

    /// Whether a token that names this hash is sealed for this key.
    pub(crate) fn is(&self, public_key_hash: &[u8]) -> bool {
        self.public_key_hash == public_key_hash
    }

    /// What is sealed in `data`.
    pub(crate) fn open(&self, material: &KeyMaterial, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, Refusal> {
        // The number used once is zeros, since the key itself is used once; and it has 16 bytes.
        let nonce = Nonce::<U16>::default();
        let opened = match (&self.private, material) {
            (Private::Ec(own), KeyMaterial::Ephemeral(info)) => {
                let theirs = p256::PublicKey::from_public_key_der(info).map_err(|_| Refusal::KeyMaterial)?;
                let shared = p256::ecdh::diffie_hellman(own.to_nonzero_scalar(), theirs.as_affine());
                let key = self.derive(shared.raw_secret_bytes());
                let cipher = AesGcm::<Aes256, U16>::new_from_slice(&*key).map_err(|_| Refusal::KeyMaterial)?;
                cipher.decrypt(&nonce, data)
            }
            (Private::Rsa(own), KeyMaterial::Wrapped(wrapped)) => {
                let key = own.oaep_decrypt::<Sha256>(wrapped).map_err(|_| Refusal::KeyMaterial)?;
                let key = Zeroizing::new(key);
                let cipher = AesGcm::<Aes128, U16>::new_from_slice(&key).map_err(|_| Refusal::KeyMaterial)?;
                cipher.decrypt(&nonce, data)
            }
            (Private::Ec(_), KeyMaterial::Wrapped(_)) | (Private::Rsa(_), KeyMaterial::Ephemeral(_)) => {
                return Err(Refusal::Key);
            }
        };
        opened.map(Zeroizing::new).map_err(|_| Refusal::Sealed)
    }

    /// The content's key: the one round that 256 bits need of the concatenation KDF (NIST SP 800-56A, section 5.8.1).
    fn derive(&self, shared: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut hash = Sha256::new();
        hash.update(1_u32.to_be_bytes());
        hash.update(shared);
        hash.update(ALGORITHM_AND_PARTY_U);
        hash.update(self.merchant_id_hash);
        Zeroizing::new(hash.finalize().into())
    }
}
