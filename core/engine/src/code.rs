//! One-time codes: derived when they are needed, stored nowhere.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sportello_model::Payment;
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
    ///
    /// HOTP's way of taking digits from an HMAC (RFC 4226, section 5.3), over SHA-256 and what is confirmed.
    pub(crate) fn code(&self, payment: &Payment, challenge: u32) -> String {
        // A key of any length is taken: this cannot fail.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        let intent = &payment.intent;
        let parts = [
            payment.id.to_string(),
            challenge.to_string(),
            intent.payer.handle.to_string(),
            intent.payer.account.to_string(),
            intent.payee.handle.to_string(),
            intent.payee.account.to_string(),
            intent.amount.to_string(),
        ];
        for part in parts {
            mac.update(part.as_bytes());
            mac.update(&[0]);
        }
        let digest = mac.finalize().into_bytes();
        let offset = digest.last().map_or(0, |byte| usize::from(byte & 0xf));
        let word = digest.iter().skip(offset).take(8).fold(0u64, |word, byte| word << 8 | u64::from(*byte));
        format!("{:0width$}", word % CODES, width = CODE_LEN)
    }

    /// Whether `given` is that code, in constant time.
    pub(crate) fn matches(&self, payment: &Payment, challenge: u32, given: &str) -> bool {
        self.code(payment, challenge).as_bytes().ct_eq(given.as_bytes()).into()
    }
}
