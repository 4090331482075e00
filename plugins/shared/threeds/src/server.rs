//! The 3DS server's HTTP interface, with the names of EMV 3-D Secure 2.2 (protocol and core functions, annex A).

use serde::Deserialize;
use sportello_sdk::{Card, Failure, Host, HttpRequest, HttpResponse, Order};

use crate::Merchant;
use crate::browser::Browser;
use crate::date::purchase_date;
use crate::evidence::Proof;

/// The secret's name.
pub(crate) const KEY: &str = "three_ds_key";

/// The 3DS server, and who we are to it.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) merchant: Merchant,
}

/// What the directory knows of a card's range.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Versioning {
    #[serde(rename = "threeDSServerTransID")]
    pub(crate) transaction: String,
    pub(crate) message_version: String,
    #[serde(default, rename = "threeDSMethodURL")]
    pub(crate) method_url: Option<String>,
}

/// A status of a transaction (`transStatus`). What is not one of these says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// Y, A: the payer was authenticated, or that was attempted, and the issuer answers for it.
    Proven,
    /// N.
    NotAuthenticated,
    /// R.
    Rejected,
    /// C.
    Challenge,
    /// U, I, and whatever else.
    Unavailable,
}

impl Status {
    fn read(text: &str) -> Self {
        match text {
            "Y" | "A" => Self::Proven,
            "N" => Self::NotAuthenticated,
            "R" => Self::Rejected,
            "C" => Self::Challenge,
            _ => Self::Unavailable,
        }
    }
}

/// An `Erro`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refused {
    error_code: String,
}

/// What an ARes or an RReq said.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answered {
    trans_status: String,
    #[serde(default)]
    eci: Option<String>,
    #[serde(default)]
    authentication_value: Option<String>,
    #[serde(default, rename = "dsTransID")]
    ds_transaction: Option<String>,
    #[serde(default, rename = "acsTransID")]
    acs_transaction: Option<String>,
    #[serde(default, rename = "acsURL")]
    acs_url: Option<String>,
    #[serde(default)]
    challenge_cancel: Option<String>,
}

/// The same, read.
pub(crate) struct Said {
    pub(crate) status: Status,
    pub(crate) proof: Proof,
    pub(crate) acs_transaction: Option<String>,
    pub(crate) acs_url: Option<String>,
    /// Whether the payer gave up.
    pub(crate) is_cancelled: bool,
}

impl From<Answered> for Said {
    fn from(answered: Answered) -> Self {
        let Answered {
            trans_status,
            eci,
            authentication_value,
            ds_transaction,
            acs_transaction,
            acs_url,
            challenge_cancel,
        } = answered;
        Self {
            status: Status::read(&trans_status),
            proof: Proof { eci, authentication_value, ds_transaction },
            acs_transaction,
            acs_url,
            is_cancelled: challenge_cancel.is_some(),
        }
    }
}

/// What an authentication is about.
pub(crate) struct Asking<'a> {
    pub(crate) order: &'a Order,
    pub(crate) card: &'a Card,
    pub(crate) transaction: &'a str,
    /// Whether the issuer has asked for it.
    pub(crate) is_mandated: bool,
    /// `threeDSCompInd`: Y, N or U.
    pub(crate) method: &'static str,
    pub(crate) notification_url: String,
    pub(crate) browser: &'a Browser,
}

impl Server {
    /// Whether the card's range is enrolled, and how it is asked; nothing where the directory says that it is not. That a
    /// page is not there says nothing about a card: it may be the wrong address.
    ///
    /// # Errors
    /// When the 3DS server gives no answer that can be read.
    pub(crate) async fn versioning(&self, card: &Card, host: &Host) -> Result<Option<Versioning>, Failure> {
        let asked = serde_json::json!({ "acctNumber": card.pan });
        let response = self.post("/3ds/versioning", &asked, host).await?;
        match response.status() {
            404 if is_not_enrolled(&response.body) => Ok(None),
            _ => read(&response).map(Some),
        }
    }

    /// Sends the AReq.
    ///
    /// # Errors
    /// When the 3DS server gives no answer that can be read.
    pub(crate) async fn authenticate(&self, asking: &Asking<'_>, host: &Host) -> Result<Said, Failure> {
        let Asking { order, card, transaction, is_mandated, method, notification_url, browser } = asking;
        let currency = order.amount.currency();
        let numeric = iso_currency::Currency::from_code(currency.code()).map_or(0, |currency| currency.numeric());
        let mut asked = serde_json::json!({
            "threeDSServerTransID": transaction,
            "acctNumber": card.pan,
            "cardExpiryDate": format!("{:02}{:02}", card.expiry_year % 100, card.expiry_month),
            "purchaseAmount": order.amount.minor().to_string(),
            "purchaseCurrency": format!("{numeric:03}"),
            "purchaseExponent": currency.exponent().to_string(),
            "purchaseDate": purchase_date(host.now_ms()),
            "messageCategory": "01",
            "deviceChannel": "02",
            "threeDSRequestorAuthenticationInd": "01",
            // A challenge that the issuer has mandated; or no preference: it judges the risk.
            "threeDSRequestorChallengeInd": if *is_mandated { "04" } else { "01" },
            "threeDSCompInd": method,
            "merchantName": self.merchant.name,
            "mcc": self.merchant.mcc,
            "acquirerBIN": self.merchant.acquirer_id,
            "acquirerMerchantID": self.merchant.merchant_id,
            "notificationURL": notification_url,
        });
        if let (Some(asked), Ok(serde_json::Value::Object(browser))) =
            (asked.as_object_mut(), serde_json::to_value(browser))
        {
            asked.extend(browser);
        }
        let response = self.post("/3ds/authentication", &asked, host).await?;
        read::<Answered>(&response).map(Into::into)
    }

    /// What the RReq said, once it came. This is what is believed; what the browser brings never is.
    ///
    /// # Errors
    /// When the 3DS server gives no answer that can be read.
    pub(crate) async fn result(&self, transaction: &str, host: &Host) -> Result<Option<Said>, Failure> {
        let url = format!("{}/3ds/results/{transaction}", self.url);
        let request = HttpRequest::new("GET", url).header("authorization", bearer(host).await?);
        let response = host.http(request).await?;
        match response.status() {
            404 => Ok(None),
            _ => read::<Answered>(&response).map(|answered| Some(answered.into())),
        }
    }

    async fn post(&self, path: &str, asked: &serde_json::Value, host: &Host) -> Result<HttpResponse, Failure> {
        let request = HttpRequest::new("POST", format!("{}{path}", self.url))
            .header("authorization", bearer(host).await?)
            .body("application/json", asked.to_string());
        host.http(request).await
    }
}

/// Whether this is an `Erro` that says that the card's range is in no directory (`errorCode` 305).
fn is_not_enrolled(body: &[u8]) -> bool {
    serde_json::from_slice(body).is_ok_and(|said: Refused| said.error_code == "305")
}

async fn bearer(host: &Host) -> Result<String, Failure> {
    Ok(format!("Bearer {}", host.secret(KEY).await?.reveal()))
}

fn read<T: serde::de::DeserializeOwned>(response: &HttpResponse) -> Result<T, Failure> {
    let bad = |what: String| Failure::provider("bad_answer", what).retry_after(1_000);
    if response.status() != 200 {
        return Err(bad(format!("the 3DS server answered with {}", response.status())));
    }
    // What serde would say of it could quote a cryptogram.
    serde_json::from_slice(&response.body).map_err(|_| bad("the 3DS server's answer cannot be read".to_owned()))
}
