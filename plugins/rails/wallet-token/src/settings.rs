//! What the operator writes under `[rails.NAME.settings]`.

use schemars::JsonSchema;
use serde::Deserialize;
use sportello_iso8583::desk::DeskSettings;
use sportello_sdk::Failure;
use sportello_threeds::{ThreeDs, When};
use x509_cert::Certificate;

use crate::apple::roots_from_pem;
use crate::google::RootKey;
use crate::origin::OriginPattern;

/// The secret that holds the keys that Apple Pay tokens are sealed for: PEM, one after the other, old and new.
pub(crate) const APPLE_KEYS: &str = "apple_keys";
/// The same for Google Pay.
pub(crate) const GOOGLE_KEYS: &str = "google_keys";

/// The settings of the rail. Its secrets are `apple_keys` and `google_keys`: the private keys of the merchant, in PEM
/// (PKCS#8), one after the other, so that a new one can be used before the old one is out of use; and `three_ds_key`. Each
/// wallet is taken where its table is there.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "sportello_sdk::schemars")]
pub struct Settings {
    /// The acquirer who charges what is in the tokens.
    pub acquirer: DeskSettings,
    /// Who asks for the money, as it stands on the wallets' sheets.
    pub display_name: String,
    /// Apple Pay.
    #[serde(default)]
    pub apple: Option<AppleSettings>,
    /// Google Pay.
    #[serde(default)]
    pub google: Option<GoogleSettings>,
    /// The 3DS server. Without one a number without a cryptogram (`PAN_ONLY`) is not charged, and not asked for. With one
    /// its payer is always authenticated first, but for low values: `when` is `always` here.
    #[serde(default)]
    pub three_ds: Option<ThreeDs>,
    /// The networks whose cards are taken, by the wallets' names for them in small letters: `visa`, `mastercard`, `amex`,
    /// `discover`, `jcb`.
    #[serde(default = "networks")]
    pub networks: Vec<String>,
    /// The country where payments are processed, as `IT` (ISO 3166-1).
    pub country: String,
    /// For how many days a number is kept after it was charged, so that the charge can be refunded.
    #[serde(default = "refundable_days")]
    #[schemars(range(min = 1, max = 730))]
    pub refundable_days: u32,
    /// Whether the page also takes a token that is pasted into it: for a sandbox and for tests, where there is no wallet.
    #[serde(default)]
    pub manual_handover: bool,
}

/// `[rails.NAME.settings.apple]`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "sportello_sdk::schemars", extend("x-sportello-secrets" = ["apple_keys"]))]
pub struct AppleSettings {
    /// The merchant id, as `merchant.com.example`.
    pub merchant_id: String,
    /// The certificates of the roots that tokens are believed from, in PEM: Apple Root CA - G3.
    pub roots: String,
    /// Where the merchant may be validated, by origin; a `*` stands for a part of one label. The grants must name them too.
    #[serde(default = "validation_origins")]
    pub validation_origins: Vec<String>,
    /// Whether a token must say which payment it is for (`applicationData`), as those from this rail's own page do.
    #[serde(default)]
    pub binding_required: bool,
}

/// `[rails.NAME.settings.google]`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "sportello_sdk::schemars", extend("x-sportello-secrets" = ["google_keys"]))]
pub struct GoogleSettings {
    /// Whom tokens are for: `merchant:12345678901234567890`, or `gateway:NAME`.
    pub recipient_id: String,
    /// The merchant of the gateway's whom tokens are for. Required where `recipient_id` is a gateway's.
    #[serde(default)]
    pub gateway_merchant_id: Option<String>,
    /// The merchant's id at Google, for the sheet in production.
    #[serde(default)]
    pub merchant_id: Option<String>,
    /// The root keys, as the JSON that Google publishes them in.
    pub root_keys: String,
    /// `PRODUCTION`, or `TEST` for sheets that charge nothing.
    #[serde(default)]
    pub environment: GoogleEnvironment,
}

/// Which Google Pay a page speaks to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(crate = "sportello_sdk::schemars")]
pub enum GoogleEnvironment {
    /// Real cards.
    #[default]
    Production,
    /// Made-up cards.
    Test,
}

/// What the settings amount to.
pub(crate) struct Checked {
    pub(crate) apple_roots: Vec<Certificate>,
    pub(crate) validation_origins: Vec<OriginPattern>,
    pub(crate) google_roots: Vec<RootKey>,
}

impl Settings {
    /// Checks what a schema cannot say.
    ///
    /// # Errors
    /// All mistakes in one failure.
    pub(crate) fn check(&self) -> Result<Checked, Failure> {
        let mut mistakes = Vec::new();
        let mut checked = Checked { apple_roots: Vec::new(), validation_origins: Vec::new(), google_roots: Vec::new() };
        if !(1..=64).contains(&self.display_name.chars().count()) {
            mistakes.push("`display_name` is 1 to 64 characters".to_owned());
        }
        if self.country.len() != 2 || !self.country.bytes().all(|b| b.is_ascii_uppercase()) {
            mistakes.push("`country` is a country's code, as `IT`".to_owned());
        }
        if self.networks.is_empty()
            || !self.networks.iter().all(|name| NETWORKS.iter().any(|(known, _, _)| known == name))
        {
            let known: Vec<&str> = NETWORKS.iter().map(|(name, _, _)| *name).collect();
            mistakes.push(format!("`networks` are some of {}", known.join(", ")));
        }
        if !(1..=730).contains(&self.refundable_days) {
            mistakes.push("`refundable_days` is 1 to 730".to_owned());
        }
        if self.apple.is_none() && self.google.is_none() {
            mistakes.push("neither `apple` nor `google` is there".to_owned());
        }
        if let Some(apple) = &self.apple {
            if apple.merchant_id.is_empty() {
                mistakes.push("`apple.merchant_id` is empty".to_owned());
            }
            match roots_from_pem(&apple.roots) {
                Some(roots) => checked.apple_roots = roots,
                None => mistakes.push("`apple.roots` are no certificates in PEM".to_owned()),
            }
            for origin in &apple.validation_origins {
                match OriginPattern::parse(origin) {
                    Some(pattern) => checked.validation_origins.push(pattern),
                    None => mistakes.push(format!("`apple.validation_origins`: `{origin}` is no origin")),
                }
            }
        }
        if let Some(google) = &self.google {
            match google.recipient_id.split_once(':') {
                Some(("merchant", id)) if !id.is_empty() => {}
                Some(("gateway", id)) if !id.is_empty() => {
                    if google.gateway_merchant_id.is_none() {
                        mistakes
                            .push("`google.gateway_merchant_id` is missing: `recipient_id` is a gateway's".to_owned());
                    }
                }
                _ => mistakes.push("`google.recipient_id` is `merchant:…` or `gateway:…`".to_owned()),
            }
            match RootKey::all_from_json(&google.root_keys) {
                Some(keys) => checked.google_roots = keys,
                None => mistakes.push("`google.root_keys` is not the JSON of root keys for ECv2".to_owned()),
            }
        }
        // No wallet has vouched for its owner: nobody but the card's bank can.
        if self.three_ds.as_ref().is_some_and(|three_ds| three_ds.when != When::Always) {
            let what = "`three_ds.when` is `always` for a wallet's numbers without a cryptogram: leave it out";
            mistakes.push(what.to_owned());
        }
        if mistakes.is_empty() { Ok(checked) } else { Err(Failure::settings("bad_settings", mistakes.join("; "))) }
    }
}

/// The networks: by the settings, for Apple Pay (`supportedNetworks`), and for Google Pay (`allowedCardNetworks`).
#[rustfmt::skip]
pub(crate) const NETWORKS: &[(&str, &str, &str)] = &[
    ("visa", "visa", "VISA"),
    ("mastercard", "masterCard", "MASTERCARD"),
    ("amex", "amex", "AMEX"),
    ("discover", "discover", "DISCOVER"),
    ("jcb", "jcb", "JCB"),
];

fn networks() -> Vec<String> {
    ["visa", "mastercard"].map(str::to_owned).into()
}

fn refundable_days() -> u32 {
    180
}

fn validation_origins() -> Vec<String> {
    ["https://apple-pay-gateway*.apple.com", "https://cn-apple-pay-gateway*.apple.com"].map(str::to_owned).into()
}
