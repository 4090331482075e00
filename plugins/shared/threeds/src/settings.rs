//! What the operator writes.

use std::collections::BTreeMap;

use serde::Deserialize;
use sportello_sdk::{Currency, Failure, JsonSchema, Money};

/// `[rails.NAME.settings.three_ds]`: EMV 3-D Secure 2, through a 3DS server. Beside it stands the secret `three_ds_key`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "sportello_sdk::schemars", extend("x-sportello-secrets" = ["three_ds_key"]))]
pub struct ThreeDs {
    /// The 3DS server's address, without a slash at its end.
    pub url: String,
    /// When payers are authenticated: `always`, `when-asked` by the issuer, or `never`.
    #[serde(default)]
    pub when: When,
    /// What to do where nobody can tell who the payer is (status U): `decline`, or `attempt` without evidence.
    #[serde(default)]
    pub unavailable: Unavailable,
    /// Up to which amounts the issuer is asked for the exemption of low values, and the payer is not authenticated first,
    /// in minor units by currency: `{ EUR = 3000 }` (Delegated Regulation (EU) 2018/389, article 16).
    #[serde(default)]
    pub low_value: BTreeMap<String, u64>,
    /// How long a payer has to open the link, in minutes, 1 to 1440.
    #[serde(default = "link_minutes_default")]
    pub link_minutes: u32,
}

/// When payers are authenticated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(crate = "sportello_sdk::schemars")]
pub enum When {
    /// Before each order, but for low values.
    #[default]
    Always,
    /// When the issuer declines for want of it.
    WhenAsked,
    /// Never: the issuer's wish is a decline.
    Never,
}

/// What to do where nobody can tell who the payer is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(crate = "sportello_sdk::schemars")]
pub enum Unavailable {
    /// Decline.
    #[default]
    Decline,
    /// Send the order without evidence: the issuer decides, and a fraud is the merchant's loss.
    Attempt,
}

fn link_minutes_default() -> u32 {
    15
}

impl ThreeDs {
    /// Checks what a schema cannot say.
    ///
    /// # Errors
    /// All mistakes in one failure.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let mut mistakes = Vec::new();
        let is_address = url::Url::parse(&self.url).is_ok_and(|url| is_reachable(&url)) && !self.url.ends_with('/');
        if !is_address {
            mistakes.push("`url` is https (or http to 127.0.0.1), without a slash at its end".to_owned());
        }
        if !(1..=1440).contains(&self.link_minutes) {
            mistakes.push("`link_minutes` is 1 to 1440".to_owned());
        }
        for code in self.low_value.keys().filter(|code| code.parse::<Currency>().is_err()) {
            mistakes.push(format!("`low_value` has `{code}`, which is no currency"));
        }
        if mistakes.is_empty() {
            return Ok(());
        }
        Err(Failure::settings("bad_settings", format!("`three_ds`: {}", mistakes.join("; "))))
    }

    /// Whether the issuer is asked for the exemption of low values.
    pub(crate) fn is_low(&self, amount: Money) -> bool {
        self.low_value.get(amount.currency().code()).is_some_and(|most| amount.minor() <= *most)
    }
}

/// Whether a page or a server may be there: encrypted, or on this machine.
pub(crate) fn is_reachable(url: &url::Url) -> bool {
    let is_here = matches!(url.host_str(), Some("127.0.0.1" | "localhost"));
    url.scheme() == "https" || (url.scheme() == "http" && is_here)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_told_at_once() {
        let check = |three_ds: &str, expected: &[&str]| {
            let three_ds: ThreeDs = serde_json::from_str(three_ds).unwrap();
            let message = three_ds.check().err().map(|failure| failure.message).unwrap_or_default();
            let told = ["`url`", "`link_minutes`", "`low_value`"].into_iter().filter(|key| message.contains(key));
            assert_eq!(told.collect::<Vec<_>>(), expected, "{message}");
        };
        check(r#"{"url": "https://3ds.example"}"#, &[]);
        check(r#"{"url": "http://127.0.0.1:7006", "low_value": {"EUR": 3000}}"#, &[]);
        check(r#"{"url": "http://3ds.example"}"#, &["`url`"]);
        check(r#"{"url": "https://3ds.example/"}"#, &["`url`"]);
        check(
            r#"{"url": "3ds", "link_minutes": 0, "low_value": {"euro": 1}}"#,
            &["`url`", "`link_minutes`", "`low_value`"],
        );
    }
}
