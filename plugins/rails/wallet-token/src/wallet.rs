//! Both wallets as one: from what a payer handed over to what is charged.

use serde_json::Value;
use sha2::{Digest, Sha256};
use sportello_sdk::Money;

use crate::apple::{self, Apple, Binding};
use crate::card::{Cryptogram, Eci, Expiry, Pan};
use crate::google::{self, Google};

/// What a payer is told of every token that is not taken, whatever the reason.
pub(crate) const FOR_THE_PAYER: &str = "the wallet's payment was not accepted";

/// Which wallet a token is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Brand {
    Apple,
    Google,
}

impl Brand {
    /// The wallet's name for people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Apple => "Apple Pay",
            Self::Google => "Google Pay",
        }
    }

    /// Which wallet this is a token of, by the member that tells: whatever is in neither is in none.
    pub(crate) fn of(token: &[u8]) -> Option<Self> {
        let token: Value = serde_json::from_slice(token).ok()?;
        let has = |member: &str| token.get(member).is_some_and(Value::is_string);
        match (has("version"), has("protocolVersion")) {
            (true, false) => Some(Self::Apple),
            (false, true) => Some(Self::Google),
            _ => None,
        }
    }
}

/// The wallets that are taken.
pub(crate) struct Wallets {
    pub(crate) apple: Option<Apple>,
    pub(crate) google: Option<Google>,
    /// Whether an Apple Pay token must name its payment.
    pub(crate) binding_required: bool,
}

/// What a payer agreed to, verified.
pub(crate) struct Agreed {
    /// A name for the wallet's own id of it, which is the same for every copy and says nothing of it.
    pub(crate) seen: String,
    pub(crate) pan: Pan,
    pub(crate) expiry: Expiry,
    /// The proof of the payer's device; none where the wallet gave the card's own number.
    pub(crate) proof: Option<Proof>,
}

/// The proof that the payer's device was there.
pub(crate) struct Proof {
    pub(crate) cryptogram: Cryptogram,
    pub(crate) eci: Option<Eci>,
}

/// Why a token is not taken. Nothing of the token is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A token of no wallet, or of one that is not configured.
    NoWallet,
    Apple(apple::Refusal),
    Google(google::Refusal),
}

impl Refusal {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::NoWallet => "no_wallet",
            Self::Apple(why) => why.code(),
            Self::Google(why) => why.code(),
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoWallet => f.write_str("this is a token of no wallet that is configured"),
            Self::Apple(why) => why.fmt(f),
            Self::Google(why) => why.fmt(f),
        }
    }
}

impl Wallets {
    /// Judges a token that was received at `received_ms`, for a payment of this name over this amount.
    pub(crate) fn judge(
        &self,
        token: &[u8],
        received_ms: u64,
        payment: &str,
        amount: Money,
    ) -> Result<(Brand, Agreed), Refusal> {
        let brand = Brand::of(token).ok_or(Refusal::NoWallet)?;
        let agreed = match brand {
            Brand::Apple => {
                let apple = self.apple.as_ref().ok_or(Refusal::NoWallet)?;
                self.judge_apple(apple, token, received_ms, payment, amount).map_err(Refusal::Apple)
            }
            Brand::Google => {
                let google = self.google.as_ref().ok_or(Refusal::NoWallet)?;
                judge_google(google, token, received_ms).map_err(Refusal::Google)
            }
        }?;
        Ok((brand, agreed))
    }

    fn judge_apple(
        &self,
        apple: &Apple,
        token: &[u8],
        received_ms: u64,
        payment: &str,
        amount: Money,
    ) -> Result<Agreed, apple::Refusal> {
        let payment = payment.as_bytes();
        let binding = if self.binding_required { Binding::Required(payment) } else { Binding::WherePresent(payment) };
        let verified = apple.verify(token, received_ms, binding)?;
        let paid = verified.open()?;
        let currency = iso_currency::Currency::from_code(amount.currency().code()).ok_or(apple::Refusal::Currency)?;
        paid.is_for(amount.minor(), currency.numeric())?;
        Ok(Agreed {
            seen: seen("apple", verified.transaction_id()),
            pan: paid.pan,
            expiry: paid.expiry,
            proof: Some(Proof { cryptogram: paid.cryptogram, eci: paid.eci }),
        })
    }
}

fn judge_google(google: &Google, token: &[u8], received_ms: u64) -> Result<Agreed, google::Refusal> {
    let paid = google.verify(token, received_ms)?.open()?;
    let proof = match paid.authentication {
        google::Authentication::PanOnly => None,
        google::Authentication::Cryptogram { cryptogram, eci } => Some(Proof { cryptogram, eci }),
    };
    Ok(Agreed { seen: seen("google", &paid.message_id), pan: paid.pan, expiry: paid.expiry, proof })
}

/// A name in the store for an id of any length.
fn seen(wallet: &str, id: &str) -> String {
    format!("seen/{wallet}/{}", hex::encode(Sha256::digest(id)))
}
