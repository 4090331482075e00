//! Google Pay tokens, `ECv2` (Google Pay API, "Payment data cryptography for merchants").
//!
//! ```text
//! verify   a root key signed the intermediate key, and that the message for our recipient id  ──▶ Verified
//! open     whichever of our keys: ECDH, HKDF; the code, then AES-CTR   ──▶ Payment: id, number, authentication
//! ```
//! Nothing is decrypted that was not verified, and each step is a type that the one before gives.

mod merchant;
mod payment;
mod refusal;
mod root;
mod token;

pub use merchant::MerchantKey;
pub use payment::{Authentication, Payment};
pub use refusal::Refusal;
pub use root::RootKey;

const PROTOCOL: &str = "ECv2";
/// Who signs and seals.
const SENDER: &str = "Google";

/// A merchant that takes Google Pay, or a gateway that takes it for one.
pub struct Google {
    roots: root::Roots,
    keys: Vec<MerchantKey>,
    recipient_id: String,
    gateway_merchant_id: Option<String>,
}

/// A token that the wallet signed for us, and which arrived in time.
pub struct Verified<'a> {
    google: &'a Google,
    token: token::Token,
    received_ms: u64,
}

impl Google {
    /// A recipient (`merchant:…` or `gateway:…`) with these keys, of which any may have been used, who believes these
    /// roots. As a gateway it takes tokens for this merchant of its own alone.
    pub fn new(
        roots: Vec<RootKey>,
        keys: Vec<MerchantKey>,
        recipient_id: String,
        gateway_merchant_id: Option<String>,
    ) -> Self {
        Self { roots: root::Roots::new(roots), keys, recipient_id, gateway_merchant_id }
    }

    /// Verifies a token that was durably received at `received_ms`, in milliseconds since 1970.
    pub fn verify(&self, json: &[u8], received_ms: u64) -> Result<Verified<'_>, Refusal> {
        let token = token::Token::read(json)?;
        self.roots.verify(&token, &self.recipient_id, received_ms)?;
        Ok(Verified { google: self, token, received_ms })
    }
}

impl Verified<'_> {
    /// Opens it with the key that it was sealed for.
    pub fn open(&self) -> Result<Payment, Refusal> {
        let json = merchant::open(&self.token.sealed()?, &self.google.keys)?;
        Payment::read(&json, self.google.gateway_merchant_id.as_deref(), self.received_ms)
    }
}
