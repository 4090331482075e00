//! What is kept of a token: its number and its end, never its cryptogram, for as long as a reversal or a refund can need
//! them. They stand in the vault, under the key of the order that they were charged for.

use serde::{Deserialize, Serialize};
use sportello_iso8583::desk::{Expiry, Pan};
use sportello_sdk::{Failure, Host, Level, Source};
use zeroize::Zeroizing;

use crate::wallet::Agreed;

const DAY_MS: u64 = 86_400_000;

/// A number in the vault.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Number {
    pan: Zeroizing<String>,
    expiry_year: u16,
    expiry_month: u8,
}

impl Number {
    pub(crate) fn of(agreed: &Agreed) -> Self {
        Self {
            pan: Zeroizing::new(agreed.pan.reveal().to_owned()),
            expiry_year: agreed.expiry.year(),
            expiry_month: agreed.expiry.month(),
        }
    }

    pub(crate) fn pan(&self) -> Option<Pan> {
        Pan::new(&self.pan)
    }

    pub(crate) fn expiry(&self) -> Option<Expiry> {
        Expiry::new(self.expiry_year, self.expiry_month)
    }

    /// Keeps it for the order with this key, for so many days.
    ///
    /// # Errors
    /// When it is not durable: then nothing may be sent, for it could not be reversed.
    pub(crate) async fn keep(&self, order: &str, days: u32, host: &Host) -> Result<(), Failure> {
        let until_ms = host.now_ms().saturating_add(u64::from(days) * DAY_MS);
        let number = serde_json::to_vec(self)
            .map_err(|_| Failure::new(Source::Plugin, "bad_number", "a number could not be written"))?;
        host.vault_put(&name(order), until_ms, number).await
    }

    /// What is kept for the order with this key.
    ///
    /// # Errors
    /// When the vault cannot be reached.
    pub(crate) async fn kept(order: &str, host: &Host) -> Result<Option<Self>, Failure> {
        let found = host.vault_get(&name(order)).await?;
        // What cannot be read is as good as gone: whoever needs it says so.
        Ok(found.and_then(|number| serde_json::from_slice(&number).ok()))
    }
}

/// Destroys what is kept for the order with this key, which nothing can need any more. It ends by itself where that fails.
pub(crate) async fn forget(order: &str, host: &Host) {
    if let Err(failure) = host.vault_remove(&name(order)).await {
        host.log(Level::Warn, format!("a number that is not needed stays in the vault until its end: {failure}"));
    }
}

fn name(order: &str) -> String {
    format!("number/{order}")
}
