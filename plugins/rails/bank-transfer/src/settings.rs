//! What the operator writes under `[rails.NAME.settings]`.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sportello_sdk::Failure;

use crate::account::is_bic;
use crate::calendar::end_of_business_day_after;
use crate::url::{Base, is_page};

/// The settings of the rail. Its secret is `access_token`, the OAuth 2 bearer token that the bank issued.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "sportello_sdk::schemars")]
pub struct Settings {
    /// Where the bank's NextGenPSD2 interface begins, without the `/v1`: `https://bank.example/psd2`. Plain `http` only
    /// to 127.0.0.1.
    pub base_url: String,
    /// The payer's IP address, which the bank must be told (header `PSU-IP-Address`). An order does not carry one: this is
    /// the address under which the gateway's people are known to the bank.
    pub psu_ip_address: String,
    /// Instant (SCT Inst, ten seconds, any hour) or not (SCT, the next business day).
    #[serde(default)]
    pub product: Product,
    /// The BIC of the bank at `base_url`, if it wants to read it in the order. Without it the order says `NOTPROVIDED`.
    #[serde(default)]
    pub bic: Option<String>,
    /// Where the bank sends the payer's browser after the authorisation (header `TPP-Redirect-URI`).
    #[serde(default)]
    pub tpp_redirect_uri: Option<String>,
    /// How many minutes the bank gives the payer to authorise a payment on its page.
    #[serde(default = "authorisation_minutes")]
    #[schemars(range(min = 1, max = 1440))]
    pub authorisation_minutes: u32,
    /// The consent to read the accounts (header `Consent-ID`), where the access token alone does not carry it. Without
    /// the right to read transactions, a payment whose answer was lost stays unknown until an operator ends it.
    #[serde(default)]
    pub consent_id: Option<String>,
    /// The bank's own id of the account that is debited. Without it the account is looked up by its IBAN.
    #[serde(default)]
    pub account_id: Option<String>,
    /// How to ask for a payment's status. XML carries the reason of a rejection, JSON does not. What the bank then
    /// answers is read by its content type.
    #[serde(default)]
    pub status_format: StatusFormat,
    /// How to ask for an account's transactions. What the bank then answers is read by its content type.
    #[serde(default)]
    pub report_format: ReportFormat,
    /// After how many minutes a payment that was posted with no answer, and that a complete reading of the account does not
    /// show, is proven not to exist. Without it: when the fourth TARGET business day after the posting is over. An order
    /// that comes after the bank's hour counts as received on the next business day, and must be executed by the end of the
    /// one after (directive 2015/2366, articles 78 and 83); the other two are for holidays of the bank's own country that
    /// TARGET does not have, of which two can follow each other. An instant one in doubt is settled between the banks no
    /// later. Too short a time pays twice.
    #[serde(default)]
    #[schemars(range(min = 1, max = 525_600))]
    pub absence_proven_after_minutes: Option<u32>,
}

/// After how many TARGET business days an order has been executed or never will be (see
/// [`Settings::absence_proven_after_minutes`]).
const BUSINESS_DAYS: u32 = 4;

fn authorisation_minutes() -> u32 {
    15
}

/// Which SEPA scheme carries the money.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(crate = "sportello_sdk::schemars")]
pub enum Product {
    /// SEPA Instant Credit Transfer.
    #[default]
    Instant,
    /// SEPA Credit Transfer.
    CreditTransfer,
}

/// The form of a status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(crate = "sportello_sdk::schemars")]
pub enum StatusFormat {
    /// pain.002.
    #[default]
    Xml,
    /// `{"transactionStatus": …}`.
    Json,
}

/// The form of an account's transactions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(crate = "sportello_sdk::schemars")]
pub enum ReportFormat {
    /// `{"transactions": {"booked": [], "pending": []}}`, in pages.
    #[default]
    Json,
    /// camt.052, camt.053 or camt.054.
    Camt,
}

impl Product {
    /// The payment product in the path (NextGenPSD2 1.3.11, `payment-product`).
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Instant => "pain.001-instant-sepa-credit-transfers",
            Self::CreditTransfer => "pain.001-sepa-credit-transfers",
        }
    }

    /// Not before how many milliseconds a new status can be expected.
    pub(crate) fn ask_after_ms(self) -> u64 {
        match self {
            Self::Instant => 2_000,
            Self::CreditTransfer => 60_000,
        }
    }
}

impl Settings {
    /// Checks what a schema cannot say.
    ///
    /// # Errors
    /// All mistakes in one failure.
    pub(crate) fn check(&self) -> Result<Base, Failure> {
        let mut mistakes = Vec::new();
        let base = Base::parse(&self.base_url);
        if base.is_none() {
            mistakes.push("`base_url` must be https (or http to 127.0.0.1), with neither query nor fragment");
        }
        if self.psu_ip_address.parse::<IpAddr>().is_err() {
            mistakes.push("`psu_ip_address` must be an IPv4 or IPv6 address");
        }
        if self.bic.as_deref().is_some_and(|bic| !is_bic(bic)) {
            mistakes.push("`bic` must be a BIC of 8 or 11 characters, in capitals");
        }
        if self.tpp_redirect_uri.as_deref().is_some_and(|uri| !is_page(uri)) {
            mistakes.push("`tpp_redirect_uri` must be an https URL");
        }
        if self.authorisation_minutes == 0 || self.absence_proven_after_minutes == Some(0) {
            mistakes.push("`authorisation_minutes` and `absence_proven_after_minutes` begin at 1");
        }
        if [&self.consent_id, &self.account_id]
            .into_iter()
            .flatten()
            .any(|id| id.is_empty() || !id.bytes().all(|b| b.is_ascii_graphic()))
        {
            mistakes.push("`consent_id` and `account_id` are visible ASCII");
        }
        match base {
            Some(base) if mistakes.is_empty() => Ok(base),
            _ => Err(Failure::settings("bad_settings", mistakes.join("; "))),
        }
    }

    /// From when on a payment posted at `posted_at_ms` and not seen since does not exist.
    pub(crate) fn absence_proven_at_ms(&self, posted_at_ms: u64) -> u64 {
        match self.absence_proven_after_minutes {
            Some(minutes) => posted_at_ms.saturating_add(u64::from(minutes) * 60_000),
            None => end_of_business_day_after(posted_at_ms, BUSINESS_DAYS),
        }
    }
}
