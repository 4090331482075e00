//! Accounts that people gave before, kept for their later payments.
//!
//! One is kept for the handle by which it was given. A handle that changes hands may be somebody else's by now: so there it
//! is good only as long as the handle is proven, and for whoever has proven it without a break.

use serde::{Deserialize, Serialize};
use sportello_model::payment::Side;
use sportello_model::{Handle, PaymentId, Person};

use crate::engine::{Engine, written};
use crate::store::{Key, Link, StoreError};

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    account: Handle,
    /// How a person recognises it.
    label: String,
    /// Which of the handle's owners gave it.
    #[serde(default)]
    owner: u32,
}

/// Stands where an account was kept and is no more.
const FORGOTTEN: &[u8] = b"";

fn scope(side: Side) -> &'static str {
    match side {
        Side::Payer => "kept:payer",
        Side::Payee => "kept:payee",
    }
}

impl Engine {
    /// The account that somebody gave before, by whichever of their handles.
    pub(crate) async fn kept(&self, handle: &Handle, side: Side) -> Result<Option<Handle>, StoreError> {
        for handle in self.1.directory.handles(handle) {
            let found = self.0.store.key(scope(side), handle.as_str()).await?;
            let Some((_, stored)) = found.filter(|(_, stored)| *stored != FORGOTTEN) else { continue };
            let kept: Kept = serde_json::from_slice(&stored)
                .map_err(|error| StoreError::Unreadable(format!("an account that was kept: {error}")))?;
            if self.is_proven(&handle).await? && self.owner_of(&handle).await? == kept.owner {
                return Ok(Some(kept.account));
            }
        }
        Ok(None)
    }

    /// What forgets the accounts that somebody gave before.
    pub(crate) async fn to_forget(&self, handle: &Handle) -> Result<Vec<Link>, StoreError> {
        let mut links = Vec::new();
        for handle in self.1.directory.handles(handle) {
            for side in [Side::Payer, Side::Payee] {
                let before = self.0.store.key(scope(side), handle.as_str()).await?;
                if before.as_ref().is_some_and(|(_, stored)| *stored != FORGOTTEN) {
                    let (scope, key, fingerprint) = (scope(side).into(), handle.as_str().into(), FORGOTTEN.to_vec());
                    links.push(Link { key: Key { scope, key, payment: PaymentId(0), fingerprint }, before });
                }
            }
        }
        Ok(links)
    }

    /// What keeps an account for somebody; nothing for those whose account the operator has written down.
    pub(super) async fn to_keep(
        &self,
        person: &Person,
        side: Side,
        account: &Handle,
        label: &str,
    ) -> Result<Option<Link>, StoreError> {
        let handle = &person.handle;
        if self.1.directory.profile(handle).is_some_and(|profile| profile.account.is_some()) {
            return Ok(None);
        }
        let before = self.0.store.key(scope(side), handle.as_str()).await?;
        let owner = self.owner_of(handle).await?;
        let fingerprint = written(&Kept { account: account.clone(), label: label.to_owned(), owner })?;
        let key = Key { scope: scope(side).into(), key: handle.as_str().into(), payment: PaymentId(0), fingerprint };
        Ok(Some(Link { key, before }))
    }
}
