//! What a token holds.

use serde::Deserialize;
use zeroize::Zeroizing;

use super::Refusal;
use crate::card::{Cryptogram, Eci, Expiry, Pan};

/// A payment that the payer agreed to on their device.
pub struct Payment {
    /// The number that stands for the payer's card.
    pub pan: Pan,
    /// Its end.
    pub expiry: Expiry,
    /// The proof that the device was there.
    pub cryptogram: Cryptogram,
    /// How the network wants it named, where it does.
    pub eci: Option<Eci>,
    currency: u16,
    amount_minor: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    application_primary_account_number: Zeroizing<String>,
    application_expiration_date: Zeroizing<String>,
    currency_code: String,
    transaction_amount: u64,
    payment_data_type: String,
    payment_data: PaymentData,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PaymentData {
    #[serde(default)]
    online_payment_cryptogram: Option<Zeroizing<String>>,
    #[serde(default)]
    eci_indicator: Option<String>,
}

impl Payment {
    /// Reads what was sealed, and checks that its number is one that is good at `at_ms`.
    pub(crate) fn read(json: &[u8], at_ms: u64) -> Result<Self, Refusal> {
        let wire: Wire = serde_json::from_slice(json).map_err(|_| Refusal::Payload)?;
        let currency = numeric(&wire.currency_code).ok_or(Refusal::Payload)?;
        let data = wire.payment_data;
        let cryptogram = match (wire.payment_data_type.as_str(), data.online_payment_cryptogram) {
            ("3DSecure", Some(text)) => Cryptogram::new(text).ok_or(Refusal::Payload)?,
            ("EMV", _) => return Err(Refusal::PaymentData),
            _ => return Err(Refusal::Payload),
        };
        let eci = match data.eci_indicator {
            // Some networks have none, and the wallet then writes it empty.
            Some(text) if !text.is_empty() => Some(Eci::new(&text).ok_or(Refusal::Payload)?),
            _ => None,
        };
        let expiry = Expiry::from_yymmdd(&wire.application_expiration_date).ok_or(Refusal::Payload)?;
        let pan = Pan::new(wire.application_primary_account_number).ok_or(Refusal::Pan)?;
        if expiry.is_past(at_ms) {
            return Err(Refusal::Expired);
        }
        Ok(Self { pan, expiry, cryptogram, eci, currency, amount_minor: wire.transaction_amount })
    }

    /// Whether the payer agreed to this amount, in minor units, of this currency, by its number (ISO 4217).
    pub fn is_for(&self, amount_minor: u64, currency: u16) -> Result<(), Refusal> {
        if self.currency != currency {
            return Err(Refusal::Currency);
        }
        if self.amount_minor != amount_minor {
            return Err(Refusal::Amount);
        }
        Ok(())
    }
}

fn numeric(code: &str) -> Option<u16> {
    let is_code = code.len() == 3 && code.bytes().all(|b| b.is_ascii_digit());
    is_code.then(|| code.parse().ok()).flatten()
}
