//! One-time codes: derived when they are needed, stored nowhere.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sportello_model::{Handle, Payment, Person};
use subtle::ConstantTimeEq;

/// How many digits a code has.
const CODE_LEN: usize = 6;
/// How many bytes of an HMAC a link has: as many as nobody tries.
pub(crate) const LINK_LEN: usize = 16;
/// How many codes there are.
const CODES: u64 = 1_000_000;

/// The secret that codes are derived from.
#[derive(Clone)]
pub struct CodeKey(pub [u8; 32]);

impl std::fmt::Debug for CodeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CodeKey(…)")
    }
}

impl CodeKey {
    /// The code of a payment's challenge: bound to the payment, the payer, the payee with their account, and the amount.
    pub(crate) fn code(&self, payment: &Payment, challenge: u32) -> String {
        let intent = &payment.intent;
        self.digits(&[
            &payment.id.to_string(),
            &challenge.to_string(),
            intent.payer.handle.as_str(),
            account(&intent.payer),
            intent.payee.handle.as_str(),
            account(&intent.payee),
            &intent.amount.to_string(),
        ])
    }

    /// Whether `given` is that code, in constant time.
    pub(crate) fn matches(&self, payment: &Payment, challenge: u32, given: &str) -> bool {
        self.code(payment, challenge).as_bytes().ct_eq(given.as_bytes()).into()
    }

    /// The code by which a handle is proven: bound to the handle, and to which of its proofs it is. No payment's id is
    /// called `handle`.
    pub(crate) fn proof(&self, handle: &Handle, number: u32) -> String {
        self.digits(&["handle", handle.as_str(), &number.to_string()])
    }

    /// Whether `given` is that code, in constant time.
    pub(crate) fn proves(&self, handle: &Handle, number: u32, given: &str) -> bool {
        self.proof(handle, number).as_bytes().ct_eq(given.as_bytes()).into()
    }

    /// What shows that a link to give an account was made here: bound to the payment, whose people are frozen in it, to one
    /// of the two, and to its end. No payment's id is called `enrol`.
    pub(crate) fn link(&self, payment: &str, side: &str, expires_at_ms: u64) -> Option<[u8; LINK_LEN]> {
        let digest = self.digest(&["enrol", payment, side, &expires_at_ms.to_string()])?;
        digest.first_chunk().copied()
    }

    /// HOTP's way of taking digits from an HMAC (RFC 4226, section 5.3), over SHA-256 and what is confirmed.
    fn digits(&self, parts: &[&str]) -> String {
        let Some(digest) = self.digest(parts) else { return String::new() };
        let offset = digest.last().map_or(0, |byte| usize::from(byte & 0xf));
        let word = digest.iter().skip(offset).take(8).fold(0u64, |word, byte| word << 8 | u64::from(*byte));
        format!("{:0width$}", word % CODES, width = CODE_LEN)
    }

    /// HMAC-SHA-256 over the parts, each with a zero behind it.
    fn digest(&self, parts: &[&str]) -> Option<[u8; 32]> {
        // A key of any length is taken: this cannot fail.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        for part in parts {
            mac.update(part.as_bytes());
            mac.update(&[0]);
        }
        Some(mac.finalize().into_bytes().into())
    }
}

/// Whether this has the form of a code.
pub(crate) fn is_code(text: &str) -> bool {
    text.len() == CODE_LEN && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn account(person: &Person) -> &str {
    person.account.as_ref().map_or("", Handle::as_str)
}
