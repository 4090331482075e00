//! What the issuer says for the payer: in the vault for a day at the most, and destroyed once it was sent.

use serde::{Deserialize, Serialize};
use sportello_sdk::{Failure, Host, Source};

/// How long evidence is kept at the most, in milliseconds: a day.
const EVIDENCE_MS: u64 = 86_400_000;

/// What shows that a payer was authenticated, or that it was attempted and the issuer answers for it. None of it shows in
/// `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Evidence {
    eci: String,
    authentication_value: Option<String>,
    ds_transaction: Option<String>,
}

impl Evidence {
    /// The electronic commerce indicator: one or two digits.
    pub fn eci(&self) -> &str {
        &self.eci
    }

    /// The authentication value (CAVV, AAV): 4 to 64 characters of base64.
    pub fn authentication_value(&self) -> Option<&str> {
        self.authentication_value.as_deref()
    }

    /// The directory server's id of the transaction: 36 characters (RFC 9562).
    pub fn ds_transaction(&self) -> Option<&str> {
        self.ds_transaction.as_deref()
    }
}

impl std::fmt::Debug for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Evidence(…)")
    }
}

/// The same as the 3DS server wrote it.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Proof {
    #[serde(default)]
    pub(crate) eci: Option<String>,
    #[serde(default)]
    pub(crate) authentication_value: Option<String>,
    #[serde(default)]
    pub(crate) ds_transaction: Option<String>,
}

impl Proof {
    /// What it proves; `None` where that is nothing, or could not stand in a message.
    pub(crate) fn evidence(&self) -> Option<Evidence> {
        let digits = |eci: &str| (1..=2).contains(&eci.len()) && eci.bytes().all(|byte| byte.is_ascii_digit());
        let base64 = |text: &str| {
            let is_of_it = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
            (4..=64).contains(&text.len()) && text.bytes().all(is_of_it)
        };
        let eci = self.eci.clone().filter(|eci| digits(eci))?;
        let fits =
            self.authentication_value.as_deref().is_none_or(base64) && self.ds_transaction.as_deref().is_none_or(is_id);
        fits.then(|| Evidence {
            eci,
            authentication_value: self.authentication_value.clone(),
            ds_transaction: self.ds_transaction.clone(),
        })
    }

    /// Keeps it for the order.
    ///
    /// # Errors
    /// When it is not durable.
    pub(crate) async fn put(&self, order_key: &str, host: &Host) -> Result<(), Failure> {
        let bad = |error: serde_json::Error| Failure::new(Source::Plugin, "bad_record", error.to_string());
        let value = serde_json::to_vec(self).map_err(bad)?;
        host.vault_put(&name(order_key), host.now_ms() + EVIDENCE_MS, value).await
    }

    /// That of an order, while it is kept.
    ///
    /// # Errors
    /// When the vault cannot be asked.
    pub(crate) async fn get(order_key: &str, host: &Host) -> Result<Option<Evidence>, Failure> {
        let found = host.vault_get(&name(order_key)).await?;
        Ok(found.and_then(|value| serde_json::from_slice::<Self>(&value).ok()).and_then(|proof| proof.evidence()))
    }

    /// Destroys it: it has served.
    pub(crate) async fn remove(order_key: &str, host: &Host) {
        // It has an end of its own.
        let _ = host.vault_remove(&name(order_key)).await;
    }
}

/// Whether this is an id as the 3DS server and the directory give them: a UUID, which may stand in a path.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

fn name(order_key: &str) -> String {
    format!("3ds/{order_key}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_stand_in_a_message_is_no_evidence() {
        let ds = "f38e6948-5388-41a6-bca4-b49723c19437";
        let check = |eci: Option<&str>, value: Option<&str>, id: Option<&str>, expected: bool| {
            let [eci, authentication_value, ds_transaction] = [eci, value, id].map(|text| text.map(str::to_owned));
            let evidence = Proof { eci, authentication_value, ds_transaction }.evidence();
            assert_eq!(evidence.is_some(), expected, "{:?} {value:?} {id:?}", evidence.map(|e| e.eci));
        };
        check(Some("05"), Some("AAABBBCCCDDD"), Some(ds), true);
        check(Some("5"), None, None, true);
        check(None, Some("AAABBBCCCDDD"), Some(ds), false);
        check(Some(""), None, None, false);
        check(Some("005"), None, None, false);
        check(Some("0x"), None, None, false);
        check(Some("05"), Some("A-_B"), None, false);
        check(Some("05"), Some(&"A".repeat(65)), None, false);
        check(Some("05"), None, Some("f38e6948"), false);
    }
}
