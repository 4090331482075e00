//! Wallets of the tests' own: they mint tokens under roots of their own, right ones and wrong ones.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly, and so may its mint")]

pub(crate) mod apple;
pub(crate) mod google;

/// The time of all tests: 2026-11-24T12:00:00Z, in milliseconds since 1970.
pub(crate) const NOW_MS: u64 = 1_795_521_600_000;

/// A network token that stands for a card of the sandbox's.
pub(crate) const APPLE_PAN: &str = "4895370012003478";
pub(crate) const GOOGLE_PAN: &str = "5204240250197840";
/// Twenty bytes, as networks' cryptograms are.
pub(crate) const CRYPTOGRAM: &str = "AgAAAAAAAIR8CQrXcIhbQAAAAAA=";

/// A key of a test: the same every time.
pub(crate) fn key(seed: u8) -> p256::SecretKey {
    p256::SecretKey::from_slice(&[seed; 32]).unwrap()
}

/// A private key in PEM, as an operator configures it.
pub(crate) fn pem(key: &p256::SecretKey) -> String {
    use p256::pkcs8::EncodePrivateKey as _;
    key.to_pkcs8_pem(p256::pkcs8::LineEnding::LF).unwrap().to_string()
}
