//! The merchant's keys, for which the wallet seals tokens.

use aes_gcm::aead::consts::U16;
use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::aes::{Aes128, Aes256};
use aes_gcm::{AesGcm, Nonce};
use sha2::{Digest, Sha256};
use x509_cert::der::Decode;
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use zeroize::Zeroizing;

use super::Refusal;
use super::token::KeyMaterial;
use crate::point::{self, Curve};
use crate::private_key::{EcKey, RsaKey};

/// Before the party's id in what the key is derived with: the length and name of the algorithm, and who derives.
const ALGORITHM_AND_PARTY_U: &[u8] = b"\x0Did-aes256-GCMApple";

enum Private {
    Ec(EcKey),
    Rsa(RsaKey),
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
        let (private, public) = match EcKey::from_pem(pem) {
            Some(key) => {
                let public = key.public_info()?;
                (Private::Ec(key), Sha256::digest(public))
            }
            None => {
                let key = RsaKey::from_pem(pem)?;
                let public = Sha256::digest(key.public_info());
                (Private::Rsa(key), public)
            }
        };
        Some(Self { private, merchant_id_hash, public_key_hash: public.into() })
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
                let info = SubjectPublicKeyInfoOwned::from_der(info).map_err(|_| Refusal::KeyMaterial)?;
                let Some((Curve::P256, theirs)) = point::of(&info) else { return Err(Refusal::KeyMaterial) };
                let key = own.agree(theirs, |shared| self.derive(shared)).ok_or(Refusal::KeyMaterial)?;
                let cipher = AesGcm::<Aes256, U16>::new_from_slice(&*key).map_err(|_| Refusal::KeyMaterial)?;
                cipher.decrypt(&nonce, data)
            }
            (Private::Rsa(own), KeyMaterial::Wrapped(wrapped)) => {
                let key = own.unwrap(wrapped).ok_or(Refusal::KeyMaterial)?;
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
