//! Sealing: AES-256-GCM (NIST SP 800-38D) with a nonce of its own for each, under a key that has a name.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use sportello_engine::store::Sealed;
use zeroize::Zeroizing;

/// The bytes of a nonce (SP 800-38D, section 8.2.2: drawn at random, so no more than 2³² sealings under one key).
const NONCE_LEN: usize = 12;

/// A key to the vault.
pub(super) struct Key {
    id: [u8; 8],
    cipher: Aes256Gcm,
}

/// The keys to the vault: all open, and the first one seals.
pub struct KeyRing {
    current: Key,
    old: Vec<Key>,
}

/// Why something is not opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The key is not among those that the configuration names.
    #[error("it is sealed under the key {0}, which is not here: name it under vault.old_keys")]
    UnknownKey(String),
    /// It is not what was sealed, or not under this name.
    #[error("what is stored is not what was sealed")]
    Broken,
    /// The operating system has no randomness.
    #[error("there is no randomness")]
    NoRandomness,
}

impl Key {
    /// What is known of a key: what seals and what names it are derived from it, so that neither tells of the other
    /// (RFC 5869, section 2.3, for one block).
    fn new(secret: &[u8; 32]) -> Self {
        let derived = |purpose: &[u8]| {
            // HMAC takes keys of any length, so there is no error to have.
            let mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(secret);
            let bytes = mac.map(|mac| mac.chain_update(purpose).chain_update([1]).finalize().into_bytes());
            Zeroizing::new(bytes.map(<[u8; 32]>::from).unwrap_or_default())
        };
        let mut id = [0; 8];
        id.iter_mut().zip(derived(b"sportello vault id").iter()).for_each(|(to, from)| *to = *from);
        let sealing = derived(b"sportello vault seal");
        Self { id, cipher: Aes256Gcm::new((&*sealing).into()) }
    }
}

impl KeyRing {
    /// The key that seals, and those that only open.
    pub fn new(current: &[u8; 32], old: &[Zeroizing<[u8; 32]>]) -> Self {
        Self { current: Key::new(current), old: old.iter().map(|key| Key::new(key)).collect() }
    }

    /// The name of the key that seals.
    pub fn current_id(&self) -> &[u8] {
        &self.current.id
    }

    /// Whether it has the key of this name.
    pub fn has(&self, id: &[u8]) -> bool {
        self.key(id).is_some()
    }

    fn key(&self, id: &[u8]) -> Option<&Key> {
        std::iter::once(&self.current).chain(&self.old).find(|key| key.id == id)
    }

    /// Seals `content` under the name that it is to be found by until `until_ms`: it opens by no other name, and no longer.
    ///
    /// # Errors
    /// Where the operating system has no randomness.
    pub fn seal(&self, name: &str, until_ms: Option<u64>, content: &[u8]) -> Result<Sealed, OpenError> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| OpenError::NoRandomness)?;
        let associated = associated(name, &self.current.id, until_ms);
        let payload = Payload { msg: content, aad: &associated };
        // No content comes near the 64 GB that would be too long.
        let sealed = self.current.cipher.encrypt(&Nonce::from(nonce), payload).map_err(|_| OpenError::Broken)?;
        let key_id = self.current.id.to_vec();
        Ok(Sealed { name: name.to_owned(), key_id, nonce: nonce.to_vec(), sealed, until_ms })
    }

    /// What was sealed.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(&self, row: &Sealed) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let key = self.key(&row.key_id).ok_or_else(|| OpenError::UnknownKey(hex::encode(&row.key_id)))?;
        let nonce: [u8; NONCE_LEN] = row.nonce.as_slice().try_into().map_err(|_| OpenError::Broken)?;
        let associated = associated(&row.name, &key.id, row.until_ms);
        let payload = Payload { msg: &row.sealed, aad: &associated };
        let content = key.cipher.decrypt(&Nonce::from(nonce), payload).map_err(|_| OpenError::Broken)?;
        Ok(Zeroizing::new(content))
    }
}

/// What a sealing is bound to, beside its content: a record that is moved to another name, given more time or said to be
/// of another key opens no more.
fn associated(name: &str, key_id: &[u8], until_ms: Option<u64>) -> Vec<u8> {
    let mut bytes = b"sportello vault 1\0".to_vec();
    bytes.extend_from_slice(key_id);
    bytes.extend_from_slice(&until_ms.unwrap_or(u64::MAX).to_be_bytes());
    bytes.extend_from_slice(name.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_as_it_was_and_in_no_other_way() {
        let ring = KeyRing::new(&[7; 32], &[]);
        let row = ring.seal("card:1", Some(9), b"4111111111111111").unwrap();
        assert_eq!(ring.open(&row).unwrap().as_slice(), b"4111111111111111");
        assert!(!row.sealed.windows(4).any(|window| window == b"4111"));
        let altered = |alter: fn(&mut Sealed)| {
            let mut row = row.clone();
            alter(&mut row);
            ring.open(&row).unwrap_err()
        };
        let unknown = altered(|row| row.key_id[0] ^= 1);
        assert!(matches!(unknown, OpenError::UnknownKey(_)), "{unknown}");
        for alter in [
            (|row| row.name = "card:2".to_owned()) as fn(&mut Sealed),
            |row| row.until_ms = Some(10),
            |row| row.until_ms = None,
            |row| row.nonce[0] ^= 1,
            |row| row.nonce.truncate(11),
            |row| row.sealed[0] ^= 1,
            |row| row.sealed.truncate(7),
            |row| row.sealed.clear(),
        ] {
            assert_eq!(altered(alter), OpenError::Broken);
        }
    }

    #[test]
    fn no_two_sealings_are_alike_and_old_keys_only_open() {
        let old = KeyRing::new(&[1; 32], &[]);
        let ring = KeyRing::new(&[2; 32], &[Zeroizing::new([1; 32])]);
        let row = old.seal("a", None, b"x").unwrap();
        assert_eq!(ring.open(&row).unwrap().as_slice(), b"x");
        assert!(ring.has(&row.key_id) && row.key_id != ring.current_id());
        let [first, second] = [ring.seal("a", None, b"x").unwrap(), ring.seal("a", None, b"x").unwrap()];
        assert_ne!((&first.nonce, &first.sealed), (&second.nonce, &second.sealed));
        assert_eq!(first.key_id, ring.current_id());
        assert!(matches!(old.open(&first), Err(OpenError::UnknownKey(_))));
    }
}
