//! One-time codes: derived when they are needed, stored nowhere.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sportello_model::{Handle, Payment};
use subtle::ConstantTimeEq;

/// How many digits a code has.
const CODE_LEN: usize = 6;
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
            intent.payer.account.as_str(),
            intent.payee.handle.as_str(),
            intent.payee.account.as_str(),
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

    /// HOTP's way of taking digits from an HMAC (RFC 4226, section 5.3), over SHA-256 and what is confirmed.
    fn digits(&self, parts: &[&str]) -> String {
        // A key of any length is taken: this cannot fail.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        for part in parts {
            mac.update(part.as_bytes());
            mac.update(&[0]);
        }
        let digest = mac.finalize().into_bytes();
        let offset = digest.last().map_or(0, |byte| usize::from(byte & 0xf));
        let word = digest.iter().skip(offset).take(8).fold(0u64, |word, byte| word << 8 | u64::from(*byte));
        format!("{:0width$}", word % CODES, width = CODE_LEN)
    }
}

/// Whether this has the form of a code.
pub(crate) fn is_code(text: &str) -> bool {
    text.len() == CODE_LEN && text.bytes().all(|byte| byte.is_ascii_digit())
}
