//! A minisign secret key, and the file that it is kept in:
//!
//! ```text
//! untrusted comment: what anybody may have written
//! BASE64("Ed", "Sc" or 0 0, "B2", salt, operations, memory, [key id, Ed25519 seed and public key, BLAKE2b-256 of all that])
//! ```
//!
//! What stands in brackets is veiled with a stream that scrypt makes of a password, salt and costs, where it is `Sc`.
//! <https://jedisct1.github.io/minisign/#secret-key-format>

use std::io::{self, Read, Write};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use blake2::{Blake2b256, Digest};
use ring::signature::{Ed25519KeyPair, KeyPair};
use sportello_host::{KeyId, PublicKey};
use zeroize::Zeroizing;

use crate::config::is_open_to_all;

const ALGORITHM: &[u8; 2] = b"Ed";
const CHECKSUM: &[u8; 2] = b"B2";
const BY_SCRYPT: [u8; 2] = *b"Sc";
const BY_NOTHING: [u8; 2] = [0; 2];

/// Key id, seed, public key and checksum.
type Inside = Zeroizing<[u8; 104]>;

/// What a new key's password costs whoever guesses: 128 MB and 0.3 s, as OWASP has it (scrypt with N = 2¹⁷, r = 8,
/// p = 1). In libsodium's units, from which the parameters are computed.
const OPERATIONS: u64 = 1 << 22;
const MEMORY: u64 = 1 << 27;

/// The most that is paid for a key that is read: a file is not to take the machine's memory. minisign asks for this much.
const OPERATIONS_MAX: u64 = 1 << 25;
const MEMORY_MAX: u64 = 1 << 30;

/// All of a key, in bytes.
const KEY_LEN: usize = 158;

/// The largest file that is read, in bytes.
const FILE_LEN_MAX: u64 = 4 << 10;

/// What signs. Has no `Debug`.
pub struct SecretKey {
    pair: Ed25519KeyPair,
    seed: Zeroizing<[u8; 32]>,
    public: PublicKey,
}

/// Why there is no key. Nothing of it is ever told.
#[derive(Debug, thiserror::Error)]
pub enum SecretKeyError {
    /// The file cannot be read or made.
    #[error("{0}")]
    File(#[from] io::Error),
    /// Others may read the file.
    #[error("everybody may read it")]
    Open,
    /// It is no secret key of minisign.
    #[error("it is no secret key of minisign")]
    NotAKey,
    /// It asks for more than a key may cost.
    #[error("its password costs more memory or time than minisign asks for")]
    TooCostly,
    /// The password does not fit, or the file was changed.
    #[error("the password does not fit")]
    WrongPassword,
    /// The operating system has no random bytes.
    #[error("the system gives no random bytes")]
    NoRandomness,
}

impl SecretKey {
    /// A new key.
    ///
    /// # Errors
    /// [`SecretKeyError::NoRandomness`].
    pub fn generate() -> Result<Self, SecretKeyError> {
        let mut random = Zeroizing::new([0; 40]);
        getrandom::fill(random.as_mut_slice()).map_err(|_| SecretKeyError::NoRandomness)?;
        let Some((&id, seed)) = random.split_first_chunk() else { return Err(SecretKeyError::NoRandomness) };
        let seed = Zeroizing::new(seed.try_into().map_err(|_| SecretKeyError::NoRandomness)?);
        Self::of_seed(KeyId(id), seed, None)
    }

    /// `point`: the public key that it must have.
    fn of_seed(id: KeyId, seed: Zeroizing<[u8; 32]>, point: Option<&[u8]>) -> Result<Self, SecretKeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(|_| SecretKeyError::NotAKey)?;
        let made: [u8; 32] = pair.public_key().as_ref().try_into().map_err(|_| SecretKeyError::NotAKey)?;
        // With another one, signatures would give the seed away.
        if point.is_some_and(|point| point != made) {
            return Err(SecretKeyError::NotAKey);
        }
        Ok(Self { pair, seed, public: PublicKey::new(id, made) })
    }

    /// What everybody may know of it.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Ed25519's signature of a message (RFC 8032).
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }

    /// Reads a key; `password` is asked for only where there is one.
    ///
    /// # Errors
    /// As [`SecretKeyError`] has it; one that others than its user and group may read is refused.
    pub fn read(
        file: &Path,
        password: impl FnOnce() -> Result<Zeroizing<String>, SecretKeyError>,
    ) -> Result<Self, SecretKeyError> {
        let mut text = Zeroizing::new(String::with_capacity(usize::try_from(FILE_LEN_MAX).unwrap_or(0)));
        if !std::fs::metadata(file)?.is_file() {
            return Err(io::Error::other("it is no regular file").into());
        }
        std::fs::File::open(file)?.take(FILE_LEN_MAX).read_to_string(&mut text)?;
        let key = decoded(&text)?;
        if is_open_to_all(file) {
            return Err(SecretKeyError::Open);
        }
        Self::open(&key, password)
    }

    fn open(
        key: &[u8],
        password: impl FnOnce() -> Result<Zeroizing<String>, SecretKeyError>,
    ) -> Result<Self, SecretKeyError> {
        let mut rest = key;
        if taken::<2>(&mut rest)? != *ALGORITHM {
            return Err(SecretKeyError::NotAKey);
        }
        let kdf = taken::<2>(&mut rest)?;
        if taken::<2>(&mut rest)? != *CHECKSUM {
            return Err(SecretKeyError::NotAKey);
        }
        let salt = taken::<32>(&mut rest)?;
        let (operations, memory) = (u64::from_le_bytes(taken(&mut rest)?), u64::from_le_bytes(taken(&mut rest)?));
        let mut inside: Inside = Zeroizing::new(taken(&mut rest)?);
        let unfit = match kdf {
            BY_NOTHING => SecretKeyError::NotAKey,
            BY_SCRYPT => {
                if operations > OPERATIONS_MAX || memory > MEMORY_MAX {
                    return Err(SecretKeyError::TooCostly);
                }
                veil(&mut inside, &password()?, &salt, operations, memory)?;
                SecretKeyError::WrongPassword
            }
            _ => return Err(SecretKeyError::NotAKey),
        };
        let mut parts = inside.as_slice();
        let id = KeyId(taken(&mut parts)?);
        let seed = Zeroizing::new(taken::<32>(&mut parts)?);
        let point = taken::<32>(&mut parts)?;
        // minisign writes no checksum where there is no password; that seed and point fit is looked at below.
        let has_none = kdf == BY_NOTHING && parts.iter().all(|byte| *byte == 0);
        if !has_none && parts != checksum(id, &seed, &point).as_slice() {
            return Err(unfit);
        }
        Self::of_seed(id, seed, Some(&point))
    }

    /// Writes the key to a new file that its user alone may read; without a password where there is none.
    ///
    /// # Errors
    /// [`SecretKeyError::File`]; a file that is there is not written over.
    pub fn write(&self, file: &Path, password: Option<&str>) -> Result<(), SecretKeyError> {
        let text = self.to_file(password)?;
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut opened = options.open(file)?;
        opened.write_all(text.as_bytes())?;
        Ok(opened.sync_all()?)
    }

    fn to_file(&self, password: Option<&str>) -> Result<Zeroizing<String>, SecretKeyError> {
        let (id, point) = (self.public.id(), self.pair.public_key().as_ref());
        let checksum = checksum(id, &self.seed, point);
        let mut inside: Inside = Zeroizing::new([0; 104]);
        let parts = id.0.iter().chain(self.seed.iter()).chain(point).chain(&checksum);
        for (to, from) in inside.iter_mut().zip(parts) {
            *to = *from;
        }
        let mut salt = [0; 32];
        let (kdf, operations, memory) = match password {
            None => (BY_NOTHING, 0, 0),
            Some(password) => {
                getrandom::fill(&mut salt).map_err(|_| SecretKeyError::NoRandomness)?;
                veil(&mut inside, password, &salt, OPERATIONS, MEMORY)?;
                (BY_SCRYPT, OPERATIONS, MEMORY)
            }
        };
        let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_LEN));
        for part in [&ALGORITHM[..], &kdf, CHECKSUM, salt.as_slice(), &operations.to_le_bytes(), &memory.to_le_bytes()]
        {
            bytes.extend_from_slice(part);
        }
        bytes.extend_from_slice(inside.as_slice());
        let what = if password.is_some() { "encrypted secret key" } else { "secret key, not encrypted" };
        let encoded = Zeroizing::new(STANDARD.encode(bytes.as_slice()));
        Ok(Zeroizing::new(format!("untrusted comment: minisign {what}\n{}\n", encoded.as_str())))
    }
}

/// The bytes in a key's file.
fn decoded(text: &str) -> Result<Zeroizing<Vec<u8>>, SecretKeyError> {
    let key = text.lines().nth(1).ok_or(SecretKeyError::NotAKey)?;
    let bytes = Zeroizing::new(STANDARD.decode(key.trim()).map_err(|_| SecretKeyError::NotAKey)?);
    if bytes.len() == KEY_LEN { Ok(bytes) } else { Err(SecretKeyError::NotAKey) }
}

/// The next bytes of a key.
fn taken<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], SecretKeyError> {
    let (first, after) = rest.split_first_chunk().ok_or(SecretKeyError::NotAKey)?;
    *rest = after;
    Ok(*first)
}

fn checksum(id: KeyId, seed: &[u8; 32], point: &[u8]) -> [u8; 32] {
    Blake2b256::new()
        .chain_update(ALGORITHM)
        .chain_update(id.0)
        .chain_update(seed)
        .chain_update(point)
        .finalize()
        .into()
}

/// Veils what is inside, or unveils it.
fn veil(
    inside: &mut Inside,
    password: &str,
    salt: &[u8; 32],
    operations: u64,
    memory: u64,
) -> Result<(), SecretKeyError> {
    let (log_n, p) = costs(operations, memory);
    let costs = scrypt::Params::new(log_n, BLOCK, p).map_err(|_| SecretKeyError::TooCostly)?;
    let mut stream = Zeroizing::new([0; 104]);
    scrypt::scrypt(password.as_bytes(), salt, &costs, stream.as_mut_slice()).map_err(|_| SecretKeyError::TooCostly)?;
    for (byte, veil) in inside.iter_mut().zip(stream.iter()) {
        *byte ^= veil;
    }
    Ok(())
}

/// scrypt's `r`, which libsodium never changes.
const BLOCK: u32 = 8;

/// scrypt's log₂ N and `p`, as libsodium computes them (`pickparams` of `crypto_pwhash_scryptsalsa208sha256`).
fn costs(operations: u64, memory: u64) -> (u8, u32) {
    let operations = operations.max(32_768);
    let log_of = |n_max: u64| (1..63).find(|log_n| 1 << log_n > n_max / 2).unwrap_or(63);
    if operations < memory / 32 {
        return (log_of(operations / (u64::from(BLOCK) * 4)), 1);
    }
    let log_n = log_of(memory / (u64::from(BLOCK) * 128));
    let r_times_p = (operations / 4) >> log_n;
    (log_n, u32::try_from(r_times_p.min(0x3fff_ffff)).unwrap_or(u32::MAX) / BLOCK)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn password(word: &'static str) -> impl FnOnce() -> Result<Zeroizing<String>, SecretKeyError> {
        move || Ok(Zeroizing::new(word.to_owned()))
    }

    fn nobody() -> Result<Zeroizing<String>, SecretKeyError> {
        Err(io::Error::other("nobody is there to ask").into())
    }

    #[test]
    fn costs_are_those_of_libsodium() {
        let check = |operations, memory, expected| assert_eq!(costs(operations, memory), expected);
        // Interactive and sensitive, as libsodium has them, and ours.
        check(524_288, 16_777_216, (14, 1));
        check(33_554_432, 1_073_741_824, (20, 1));
        check(OPERATIONS, MEMORY, (17, 1));
        check(0, 0, (1, 512));
        check(u64::MAX, 1 << 20, (10, 0x3fff_ffff / 8));
    }

    #[test]
    fn a_key_is_read_as_it_was_written_and_is_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let key = SecretKey::generate().unwrap();
        for (name, word) in [("open", None), ("locked", Some("correct horse"))] {
            let file = folder.path().join(name);
            key.write(&file, word).unwrap();
            let mode = std::fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            assert!(matches!(key.write(&file, word), Err(SecretKeyError::File(_))), "it is not written over");
            let read = SecretKey::read(&file, password("correct horse")).unwrap();
            assert_eq!((read.public(), read.seed.as_slice()), (key.public(), key.seed.as_slice()));
            std::fs::set_permissions(&file, PermissionsExt::from_mode(0o604)).unwrap();
            assert!(matches!(SecretKey::read(&file, nobody), Err(SecretKeyError::Open)));
        }
        let locked = std::fs::read_to_string(folder.path().join("locked")).unwrap();
        let locked = decoded(&locked).unwrap();
        assert!(matches!(SecretKey::open(&locked, nobody), Err(SecretKeyError::File(_))));
        assert!(matches!(SecretKey::open(&locked, password("wrong")), Err(SecretKeyError::WrongPassword)));
        assert_ne!(SecretKey::generate().unwrap().public(), key.public());
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let key = SecretKey::generate().unwrap();
        let good = key.to_file(None).unwrap();
        let bytes = STANDARD.decode(good.lines().nth(1).unwrap()).unwrap();
        let parse = |bytes: &[u8]| {
            let key = decoded(&format!("-\n{}\n", STANDARD.encode(bytes)))?;
            SecretKey::open(&key, nobody).map(|_| ())
        };
        assert!(parse(&bytes).is_ok());
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            // Salt and costs mean nothing without a password.
            assert_eq!(parse(&changed).is_ok(), (6..54).contains(&at), "{at}");
        }
        for len in 0..bytes.len() {
            assert!(parse(&bytes[..len]).is_err(), "{len}");
        }
        assert!(parse(&[bytes.as_slice(), &[0]].concat()).is_err());
        // As minisign writes it without a password: no checksum, and then a seed of another point is noticed all the same.
        let mut bare = bytes.clone();
        bare[126..].fill(0);
        assert!(parse(&bare).is_ok());
        bare[62] ^= 1;
        assert!(parse(&bare).is_err());
        for text in ["", "one line", "two\nlines"] {
            assert!(matches!(decoded(text), Err(SecretKeyError::NotAKey)), "{text}");
        }
        let costly = |at: usize| {
            let mut costly = bytes.clone();
            costly[2..4].copy_from_slice(b"Sc");
            costly[at] = 0x80;
            parse(&costly)
        };
        for at in [41, 45, 49, 53] {
            assert!(matches!(costly(at), Err(SecretKeyError::TooCostly)), "{at}");
        }
    }
}
