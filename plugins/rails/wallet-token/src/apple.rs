//! Apple Pay tokens, `EC_v1` and `RSA_v1` (Apple, "Payment token format reference").
//!
//! ```text
//! verify   the signature over the token: chain, attributes, time      ──▶ Verified: who made it, when, and its id
//! open     our key by its hash; ECDH and KDF, or RSA-OAEP; AES-GCM    ──▶ Payment: number, cryptogram, amount
//! is_for   amount and currency are the payment's
//! ```
//! Nothing is decrypted that was not verified, and each step is a type that the one before gives.

mod chain;
mod cms;
mod merchant;
mod payment;
mod refusal;
mod token;

use sha2::{Digest, Sha256};
use x509_cert::Certificate;

pub use merchant::{MerchantKey, merchant_id_hash};
pub use payment::Payment;
pub use refusal::Refusal;

use token::Token;

/// A token must arrive within five minutes of its signature …
const AGE_MS_MAX: u64 = 5 * 60 * 1000;
/// … which may lie a second ahead, for clocks differ.
const AHEAD_MS_MAX: u64 = 1000;

/// What the merchant may have asked the wallet to bind a token to (`applicationData`, of which the token carries the hash).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding<'a> {
    /// A token that carries none is taken too.
    WherePresent(&'a [u8]),
    /// Every token must carry it.
    Required(&'a [u8]),
}

/// A merchant that takes Apple Pay.
pub struct Apple {
    chains: chain::Chains,
    keys: Vec<MerchantKey>,
}

/// A token that the wallet signed, and which arrived in time.
pub struct Verified<'a> {
    keys: &'a [MerchantKey],
    token: Token,
    received_ms: u64,
}

/// The certificates in `pem`, or nothing if any of it is none.
pub fn roots_from_pem(pem: &str) -> Option<Vec<Certificate>> {
    Certificate::load_pem_chain(pem.as_bytes()).ok().filter(|roots| !roots.is_empty())
}

impl Apple {
    /// A merchant with these keys, of which a token names one, who believes these roots.
    pub fn new(keys: Vec<MerchantKey>, roots: Vec<Certificate>) -> Self {
        Self { chains: chain::Chains::new(roots), keys }
    }

    /// Verifies a token (the JSON of `paymentData`) that was durably received at `received_ms`, in milliseconds since 1970.
    pub fn verify(&self, json: &[u8], received_ms: u64, binding: Binding<'_>) -> Result<Verified<'_>, Refusal> {
        let token = Token::read(json)?;
        let signed = cms::Signed::read(&token.signature)?;
        let (leaf, key) = self.chains.verify(&signed.certificates, received_ms)?;
        if !signed.is_by(leaf) {
            return Err(Refusal::Signer);
        }
        let signed_ms = signed.verify(&token.signed(), &key)?.saturating_mul(1000);
        if signed_ms.saturating_add(AGE_MS_MAX) < received_ms {
            return Err(Refusal::Stale);
        }
        if signed_ms > received_ms.saturating_add(AHEAD_MS_MAX) {
            return Err(Refusal::Future);
        }
        if !is_bound(token.application_data.as_deref(), binding) {
            return Err(Refusal::ApplicationData);
        }
        Ok(Verified { keys: &self.keys, token, received_ms })
    }
}

fn is_bound(hash: Option<&[u8]>, binding: Binding<'_>) -> bool {
    match (hash, binding) {
        (None, Binding::WherePresent(_)) => true,
        (None, Binding::Required(_)) => false,
        (Some(hash), Binding::WherePresent(data) | Binding::Required(data)) => hash == Sha256::digest(data).as_slice(),
    }
}

impl Verified<'_> {
    /// The wallet's own id of this payment, in lower-case hexadecimal. A token whose id was seen before is a copy.
    pub fn transaction_id(&self) -> &str {
        &self.token.transaction_id
    }

    /// Opens it with the key that it was sealed for.
    pub fn open(&self) -> Result<Payment, Refusal> {
        let key = self.keys.iter().find(|key| key.is(&self.token.public_key_hash)).ok_or(Refusal::Key)?;
        let json = key.open(&self.token.key_material, &self.token.data)?;
        Payment::read(&json, self.received_ms)
    }
}
