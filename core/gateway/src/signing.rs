//! To sign plugins as minisign does: its key files, its signatures, its passwords. What verifies them is the host's
//! [`Trust`](sportello_host::Trust).

pub mod password;
pub mod secret;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use blake2::{Blake2b512, Digest};

pub use secret::{SecretKey, SecretKeyError};

/// A signature of `bytes` in minisign's four lines: of their hash, and with a comment that it covers.
///
/// A comment is one line: what would end it is left out.
pub fn sign(key: &SecretKey, bytes: &[u8], comment: &str) -> String {
    let comment: String = comment.chars().filter(|c| !matches!(c, '\n' | '\r' | '\0')).collect();
    let of_file = key.sign(&Blake2b512::digest(bytes));
    let of_comment = key.sign(&[of_file.as_slice(), comment.as_bytes()].concat());
    let id = key.public().id();
    let first = STANDARD.encode([b"ED".as_slice(), &id.0, &of_file].concat());
    let second = STANDARD.encode(of_comment);
    format!(
        "untrusted comment: signature by the key {id}, made by sportello\n{first}\ntrusted comment: {comment}\n{second}\n"
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use sportello_host::{Trust, TrustedKey};

    use super::*;

    #[test]
    fn what_is_signed_here_is_verified_by_the_host() {
        let key = SecretKey::generate().unwrap();
        let trusted =
            TrustedKey { name: "anna".to_owned(), key: key.public().clone(), kinds: Vec::new(), names: Vec::new() };
        let trust = Trust { keys: vec![trusted], required: true, ..Trust::default() };
        let check = |bytes: &[u8], comment: &str, expected: &str| {
            let signature = sign(&key, bytes, comment);
            let signer = trust.authenticate(Path::new("f"), bytes, Some(signature.as_bytes())).unwrap().unwrap();
            assert_eq!(signer.comment, expected);
        };
        check(b"", "", "");
        check(b"a plugin", "timestamp:1\tfile:a plugin", "timestamp:1\tfile:a plugin");
        check(b"a plugin", "two\r\nlines", "twolines");
        check(&[0; 100_000], "€", "€");
    }
}
