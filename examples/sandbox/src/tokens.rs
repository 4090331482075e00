//! The cryptograms that wallets minted, each good for one authorization: the wallets enter them, the issuer spends them.

use std::{collections::HashSet, fmt, sync::Mutex};

use crate::lock::lock;

/// What was minted and not spent yet.
#[derive(Default)]
pub(crate) struct Minted(Mutex<HashSet<(String, String)>>);

impl Minted {
    /// Enters a cryptogram, in base64, that was minted for `dpan`.
    pub(crate) fn mint(&self, dpan: &str, cryptogram_base64: &str) {
        lock(&self.0).insert((dpan.to_owned(), cryptogram_base64.to_owned()));
    }

    /// Spends it; whether it was there to be spent. Only once it is.
    #[allow(dead_code, reason = "the issuer's side asks, which a sandbox of wallets alone has not")]
    pub(crate) fn spend(&self, dpan: &str, cryptogram_base64: &str) -> bool {
        lock(&self.0).remove(&(dpan.to_owned(), cryptogram_base64.to_owned()))
    }
}

/// How many, and none of them.
impl fmt::Debug for Minted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Minted").field(&lock(&self.0).len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cryptogram_is_spent_once_and_for_its_own_number_alone() {
        let minted = Minted::default();
        minted.mint("4895370012003478", "AAAA");
        assert!(!minted.spend("5204240250197840", "AAAA"));
        assert!(!minted.spend("4895370012003478", "BBBB"));
        assert!(minted.spend("4895370012003478", "AAAA"));
        assert!(!minted.spend("4895370012003478", "AAAA"));
        assert_eq!(format!("{minted:?}"), "Minted(0)");
    }
}
