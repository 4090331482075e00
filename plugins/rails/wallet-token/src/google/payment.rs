//! What a token holds.

use serde::Deserialize;
use zeroize::Zeroizing;

use super::Refusal;
use super::token::time_ms;
use crate::card::{Cryptogram, Eci, Expiry, Pan};

/// How the payer was authenticated.
pub enum Authentication {
    /// By nobody: the number is the card's own, and the payment needs 3-D Secure.
    PanOnly,
    /// By their device, which proves it.
    Cryptogram {
        /// The proof.
        cryptogram: Cryptogram,
        /// How the network wants it named, where it does.
        eci: Option<Eci>,
    },
}

/// A payment that the payer agreed to in their wallet. It has no amount: what keeps a token to one payment is that it is
/// taken once.
pub struct Payment {
    /// The wallet's own id of this message. A token whose id was seen before is a copy.
    pub message_id: String,
    /// The card's number, or the one that stands for it.
    pub pan: Pan,
    /// Its end.
    pub expiry: Expiry,
    /// How the payer was authenticated.
    pub authentication: Authentication,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    message_expiration: String,
    message_id: String,
    payment_method: String,
    payment_method_details: Details,
    #[serde(default)]
    gateway_merchant_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    pan: Zeroizing<String>,
    expiration_month: u8,
    expiration_year: u16,
    auth_method: String,
    #[serde(default)]
    cryptogram: Option<Zeroizing<String>>,
    #[serde(default)]
    eci_indicator: Option<String>,
}

impl Payment {
    /// Reads what was sealed, and checks that it is for this merchant of the gateway's and good at `at_ms`.
    pub(crate) fn read(json: &[u8], gateway_merchant_id: Option<&str>, at_ms: u64) -> Result<Self, Refusal> {
        let wire: Wire = serde_json::from_slice(json).map_err(|_| Refusal::Payload)?;
        let until_ms = time_ms(&wire.message_expiration).ok_or(Refusal::Payload)?;
        if !(1..=512).contains(&wire.message_id.len()) {
            return Err(Refusal::Payload);
        }
        if at_ms >= until_ms {
            return Err(Refusal::MessageExpired);
        }
        if gateway_merchant_id.is_some_and(|ours| wire.gateway_merchant_id.as_deref() != Some(ours)) {
            return Err(Refusal::GatewayMerchant);
        }
        if wire.payment_method != "CARD" {
            return Err(Refusal::PaymentMethod);
        }
        let details = wire.payment_method_details;
        let authentication = match details.auth_method.as_str() {
            "PAN_ONLY" => Authentication::PanOnly,
            "CRYPTOGRAM_3DS" => {
                let cryptogram = details.cryptogram.and_then(Cryptogram::new).ok_or(Refusal::Cryptogram)?;
                let eci = match details.eci_indicator {
                    // Some networks have none, and the wallet then writes it empty.
                    Some(text) if !text.is_empty() => Some(Eci::new(&text).ok_or(Refusal::Payload)?),
                    _ => None,
                };
                Authentication::Cryptogram { cryptogram, eci }
            }
            _ => return Err(Refusal::AuthMethod),
        };
        let expiry = Expiry::new(details.expiration_year, details.expiration_month).ok_or(Refusal::Payload)?;
        let pan = Pan::new(details.pan).ok_or(Refusal::Pan)?;
        if expiry.is_past(at_ms) {
            return Err(Refusal::Expired);
        }
        Ok(Self { message_id: wire.message_id, pan, expiry, authentication })
    }
}
