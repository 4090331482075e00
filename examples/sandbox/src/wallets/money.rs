//! The currencies that the wallets know, by both of their names (ISO 4217).

use crate::control::{Refusal, refused};

/// The largest amount that every reader of JSON keeps exactly.
const AMOUNT_MAX: u64 = 1 << 53;

/// The numeric code of `currency`.
fn numeric(currency: &str) -> Option<&'static str> {
    Some(match currency {
        "CHF" => "756",
        "CZK" => "203",
        "DKK" => "208",
        "EUR" => "978",
        "GBP" => "826",
        "JPY" => "392",
        "KWD" => "414",
        "NOK" => "578",
        "PLN" => "985",
        "SEK" => "752",
        "USD" => "840",
        _ => return None,
    })
}

/// An amount that can be paid, with its currency as the networks write it.
pub(crate) fn checked(amount_minor: u64, currency: &str) -> Result<(u64, &'static str), Refusal> {
    let numeric = numeric(currency).ok_or_else(|| refused(format!("currency: `{currency}` is not known")))?;
    if !(1..AMOUNT_MAX).contains(&amount_minor) {
        return Err(refused("amount_minor: must lie between 1 and 2^53"));
    }
    Ok((amount_minor, numeric))
}
