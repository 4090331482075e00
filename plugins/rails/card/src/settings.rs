//! What the operator writes.

use serde::Deserialize;
use sportello_iso8583::desk::DeskSettings;
use sportello_sdk::JsonSchema;
use sportello_threeds::ThreeDs;

/// `[rails.NAME.settings]`. Beside these stands the secret `three_ds_key`, where there is a `three_ds`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "sportello_sdk::schemars")]
pub struct Settings {
    /// Where the acquirer is, and who we are to it.
    pub acquirer: DeskSettings,
    /// The 3DS server. Without one no payer is authenticated, and an issuer that asks for it declines.
    #[serde(default)]
    pub three_ds: Option<ThreeDs>,
}
