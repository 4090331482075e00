//! A minisign public key, and the id that it is called by.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What signatures are made with, as minisign's files have it: Ed25519 (RFC 8032).
const ALGORITHM: [u8; 2] = *b"Ed";

/// What minisign calls a key by: 64 bits at random. An id is a name that anybody can give to a key of their own: it says
/// which key to try, and proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub [u8; 8]);

impl fmt::Display for KeyId {
    /// As minisign shows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", u64::from_le_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is no key or no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is no public key of minisign.
    #[error("this is no public key of minisign: those have 56 characters and begin with RW")]
    NotAKey,
    /// It is a secret key.
    #[error("this is a secret key, which belongs to whoever signs and to nobody else")]
    Secret,
    /// It is no key's id.
    #[error("this is no key's id: those have up to 16 hexadecimal digits")]
    NotAnId,
}

impl FromStr for KeyId {
    type Err = KeyError;

    fn from_str(written: &str) -> Result<Self, KeyError> {
        let is_id = (1..=16).contains(&written.len()) && written.bytes().all(|b| b.is_ascii_hexdigit());
        let number = u64::from_str_radix(written, 16).ok().filter(|_| is_id).ok_or(KeyError::NotAnId)?;
        Ok(Self(number.to_le_bytes()))
    }
}

/// A key that verifies signatures of minisign.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    id: KeyId,
    point: [u8; 32],
}

impl PublicKey {
    /// The key of these parts; `point` is Ed25519's public key.
    pub fn new(id: KeyId, point: [u8; 32]) -> Self {
        Self { id, point }
    }

    /// What it is called by.
    pub fn id(&self) -> KeyId {
        self.id
    }

    pub(super) fn point(&self) -> &[u8; 32] {
        &self.point
    }

    /// Whether it verifies the same signatures, by whatever id.
    pub fn is_same_point(&self, other: &Self) -> bool {
        self.point == other.point
    }

    /// What minisign keeps it in: a comment, and the key.
    pub fn to_file(&self) -> String {
        format!("untrusted comment: minisign public key {}\n{self}\n", self.id)
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    /// Reads the key as it stands, or the whole of minisign's file.
    fn from_str(written: &str) -> Result<Self, KeyError> {
        let mut lines = written.lines().map(str::trim).filter(|line| !line.is_empty());
        let first = lines.next().ok_or(KeyError::NotAKey)?;
        let key = if first.starts_with("untrusted comment:") { lines.next().ok_or(KeyError::NotAKey)? } else { first };
        let bytes = STANDARD.decode(key).map_err(|_| KeyError::NotAKey)?;
        let Some((&algorithm, rest)) = bytes.split_first_chunk() else { return Err(KeyError::NotAKey) };
        if algorithm != ALGORITHM || lines.next().is_some() {
            return Err(KeyError::NotAKey);
        }
        // A secret key begins with the same two letters.
        if bytes.len() == 158 {
            return Err(KeyError::Secret);
        }
        let Some((&id, rest)) = rest.split_first_chunk() else { return Err(KeyError::NotAKey) };
        let point = rest.try_into().map_err(|_| KeyError::NotAKey)?;
        Ok(Self { id: KeyId(id), point })
    }
}

impl fmt::Display for PublicKey {
    /// As minisign writes it: 56 characters of Base64.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode([&ALGORITHM[..], &self.id.0, &self.point].concat()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The key that minisign's own documentation signs with.
    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

    #[test]
    fn keys_are_read_as_minisign_writes_them() {
        let check = |written: &str, expected: Result<&str, KeyError>| {
            let read = written.parse::<PublicKey>().map(|key| key.id().to_string());
            assert_eq!(read.as_deref(), expected.as_ref().map(|id| *id), "{written:?}");
        };
        check(KEY, Ok("E7620F1842B4E81F"));
        check(&format!("untrusted comment: minisign public key E7620F1842B4E81F\r\n{KEY}\r\n"), Ok("E7620F1842B4E81F"));
        check("", Err(KeyError::NotAKey));
        check("untrusted comment: alone", Err(KeyError::NotAKey));
        check(&KEY[..55], Err(KeyError::NotAKey));
        check(&format!("{KEY}A"), Err(KeyError::NotAKey));
        check(&format!("{KEY}\n{KEY}"), Err(KeyError::NotAKey));
        check(&KEY.replacen("RW", "RU", 1), Err(KeyError::NotAKey));
        check(&STANDARD.encode([&b"EdScB2"[..], &[0; 152]].concat()), Err(KeyError::Secret));
        let key: PublicKey = KEY.parse().unwrap();
        assert_eq!(key.to_string(), KEY);
        assert_eq!(key.to_file().parse(), Ok(key));
    }

    #[test]
    fn ids_are_read_as_minisign_shows_them() {
        let check = |written: &str, expected: Result<[u8; 8], KeyError>| {
            assert_eq!(written.parse::<KeyId>().map(|id| id.0), expected, "{written}");
        };
        check("E7620F1842B4E81F", Ok([0x1f, 0xe8, 0xb4, 0x42, 0x18, 0x0f, 0x62, 0xe7]));
        check("e7620f1842b4e81f", Ok([0x1f, 0xe8, 0xb4, 0x42, 0x18, 0x0f, 0x62, 0xe7]));
        check("1", Ok([1, 0, 0, 0, 0, 0, 0, 0]));
        check("", Err(KeyError::NotAnId));
        check("+1", Err(KeyError::NotAnId));
        check("E7620F1842B4E81F0", Err(KeyError::NotAnId));
    }
}
