//! A signature as minisign writes it, four lines:
//!
//! ```text
//! untrusted comment: what anybody may have written
//! BASE64(algorithm, key id, Ed25519 of the file or of its BLAKE2b-512)
//! trusted comment: what the signer says of the file
//! BASE64(Ed25519 of the signature above and the comment above)
//! ```
//!
//! <https://jedisct1.github.io/minisign/#signature-format>. It is read narrowly: what has another reading is refused.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use blake2::{Blake2b512, Digest};
use ring::signature::{ED25519, UnparsedPublicKey};

use super::key::{KeyId, PublicKey};

/// A signature that was read, and fits nothing yet.
pub(super) struct Signature {
    pub(super) key: KeyId,
    /// What the signer says of the file: to be believed once the signature [fits](Self::fits).
    pub(super) comment: String,
    /// Whether the file's hash is what was signed, as minisign does it since 0.9; before it was the file itself.
    is_of_hash: bool,
    of_file: [u8; 64],
    of_comment: [u8; 64],
}

impl Signature {
    /// Reads the whole of a `.minisig` file.
    pub(super) fn parse(text: &[u8]) -> Result<Self, &'static str> {
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let mut lines = text.split(|b| *b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let mut line = || lines.next().ok_or("it has less than four lines");
        let (untrusted, signature, trusted, global) = (line()?, line()?, line()?, line()?);
        if lines.next().is_some() {
            return Err("it has more than four lines");
        }
        if !untrusted.starts_with(b"untrusted comment: ") {
            return Err("it does not begin with `untrusted comment: `");
        }
        let signature: [u8; 74] = decoded(signature).ok_or("its second line is no signature in Base64")?;
        let comment = trusted.strip_prefix(b"trusted comment: ").ok_or("its third line is no `trusted comment: `")?;
        let comment = str::from_utf8(comment).map_err(|_| "its trusted comment is no UTF-8")?;
        let of_comment = decoded(global).ok_or("its fourth line is no signature in Base64")?;
        let [a, b, rest @ ..] = signature;
        let is_of_hash = match [a, b] {
            [b'E', b'D'] => true,
            [b'E', b'd'] => false,
            _ => return Err("it was not made by Ed25519"),
        };
        let (mut id, mut of_file) = ([0; 8], [0; 64]);
        for (to, from) in id.iter_mut().chain(&mut of_file).zip(rest) {
            *to = from;
        }
        Ok(Self { key: KeyId(id), comment: comment.to_owned(), is_of_hash, of_file, of_comment })
    }

    /// Whether `key` made it, of these bytes and with this comment.
    pub(super) fn fits(&self, key: &PublicKey, bytes: &[u8]) -> bool {
        let is_by = |message: &[u8], signature: &[u8]| {
            UnparsedPublicKey::new(&ED25519, key.point()).verify(message, signature).is_ok()
        };
        let is_of_file = match self.is_of_hash {
            true => is_by(&Blake2b512::digest(bytes), &self.of_file),
            false => is_by(bytes, &self.of_file),
        };
        is_of_file && is_by(&[&self.of_file, self.comment.as_bytes()].concat(), &self.of_comment)
    }
}

fn decoded<const N: usize>(base64: &[u8]) -> Option<[u8; N]> {
    STANDARD.decode(base64).ok()?.try_into().ok()
}
