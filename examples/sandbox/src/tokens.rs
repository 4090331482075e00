//! What the wallets minted, so that the acquirer can tell a network token that was really handed over.

use std::{
    collections::{HashMap, HashSet},
    sync::Mutex,
};

use crate::lock::lock;

/// The cryptograms that were minted and are not spent, by device account number.
#[derive(Default)]
pub(crate) struct Minted(Mutex<HashMap<String, HashSet<String>>>);

impl Minted {
    /// A wallet hands out `cryptogram_base64` for a payment with `dpan`.
    pub(crate) fn mint(&self, dpan: &str, cryptogram_base64: &str) {
        lock(&self.0).entry(dpan.to_owned()).or_default().insert(cryptogram_base64.to_owned());
    }

    /// Takes a cryptogram; whether it was minted for `dpan` and never spent.
    pub(crate) fn spend(&self, dpan: &str, cryptogram_base64: &str) -> bool {
        lock(&self.0).get_mut(dpan).is_some_and(|unspent| unspent.remove(cryptogram_base64))
    }
}

impl std::fmt::Debug for Minted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Minted").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cryptogram_is_spent_once_and_only_with_its_own_number() {
        let minted = Minted::default();
        minted.mint("4895370012003478", "AAAA");
        assert!(!minted.spend("5204240250197840", "AAAA"));
        assert!(minted.spend("4895370012003478", "AAAA"));
        assert!(!minted.spend("4895370012003478", "AAAA"));
    }
}
