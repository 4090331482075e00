//! The vault: card numbers, and what payers hand over. It is the one place that keeps them, and keeps them sealed.
//!
//! | name in the store | holds | is given to |
//! |---|---|---|
//! | `of/card:<id>` | a card that a person typed in | any rail that may see card numbers |
//! | `of/<scheme>:<id>` | what was handed over on a rail's page | that rail, for that payment |
//! | `by/<instance>/<name>` | what a rail put there | that rail |

pub mod key;
mod seal;

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sportello_engine::store::{Sealed, StoreError};
use sportello_engine::{Clock, Store};
use sportello_model::{Handle, PaymentId};
use sportello_sdk::{Card, InstrumentFacts};
use zeroize::Zeroizing;

pub use seal::{KeyRing, OpenError};

/// The scheme of cards that were typed in.
pub const CARD: &str = "card";

/// How long what was handed over for one payment waits for its rail, in milliseconds: the rail says how long what it still
/// needs of it afterwards is kept.
const HANDED_OVER_FOR_MS: u64 = 7 * 86_400_000;

/// How long a card that is not to be kept is, in milliseconds: for as long as its payment may be undone or paid back.
const ONCE_FOR_MS: u64 = 180 * 86_400_000;

/// How often what is past its end is looked for, in milliseconds.
const SWEEP_EVERY_MS: u64 = 3_600_000;

/// How many records are sealed anew between two looks.
const ROTATED_AT_ONCE: u32 = 100;

/// Keeps secrets, sealed under the current key. Cheap to clone.
#[derive(Clone)]
pub struct Vault {
    store: Store,
    ring: Arc<KeyRing>,
}

/// What is known of what a payer pays with, and what it is.
pub struct Held {
    /// What is known of it.
    pub facts: InstrumentFacts,
    /// What it is. Wiped from memory when the last of it is dropped.
    pub secret: Bytes,
}

/// What stands before a secret, sealed with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    #[serde(default)]
    label: String,
    #[serde(default)]
    received_at_ms: u64,
    /// Whose it is.
    #[serde(default)]
    owner: Option<Handle>,
    /// The payment that it is for, where it is for one.
    #[serde(default)]
    payment: Option<PaymentId>,
    /// The rail that it was handed to, where it was handed to one.
    #[serde(default)]
    instance: Option<String>,
}

/// Who hands over what, for which payment, on whose page.
pub struct HandedOver<'a> {
    /// The scheme of the account that it becomes.
    pub scheme: &'a str,
    /// The rail on whose page it was.
    pub instance: &'a str,
    /// The payment that it is for.
    pub payment: PaymentId,
    /// Who handed it over.
    pub owner: &'a Handle,
    /// How a person recognises it.
    pub label: &'a str,
    /// What it is.
    pub secret: Bytes,
}

/// How far a change of keys has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rotation {
    /// How many records have been sealed anew.
    pub resealed: u64,
    /// How many are still sealed under another key.
    pub left: u64,
}

/// Why the vault did not do it.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It cannot be opened or sealed.
    #[error("the vault: {0}")]
    Seal(#[from] OpenError),
    /// Somebody else's.
    #[error("this is not for this rail, or not for this payment")]
    NotYours,
}

impl Vault {
    /// A vault in this store.
    ///
    /// # Errors
    /// Where something is sealed under a key that is not on the ring; or the store fails.
    pub async fn open(store: Store, ring: KeyRing) -> Result<Self, VaultError> {
        for (key_id, _) in store.sealed_by_key().await? {
            if !ring.has(&key_id) {
                return Err(OpenError::UnknownKey(hex::encode(key_id)).into());
            }
        }
        Ok(Self { store, ring: Arc::new(ring) })
    }

    /// Keeps a card, and answers with its account: until somebody says otherwise, or for one payment. Durable when this
    /// returns.
    ///
    /// # Errors
    /// When it is not.
    pub async fn keep_card(
        &self,
        owner: &Handle,
        card: &Card,
        once: Option<PaymentId>,
        now_ms: u64,
    ) -> Result<Handle, VaultError> {
        let head = Head {
            label: crate::pan::label(&card.pan),
            received_at_ms: now_ms,
            owner: Some(owner.clone()),
            payment: once,
            instance: None,
        };
        let secret = Zeroizing::new(serde_json::to_vec(card).unwrap_or_default());
        self.keep(CARD, &head, &secret, once.map(|_| now_ms.saturating_add(ONCE_FOR_MS))).await
    }

    /// Keeps what was handed over for one payment, and answers with its account. Durable when this returns.
    ///
    /// # Errors
    /// When it is not.
    pub async fn keep_handed_over(&self, what: HandedOver<'_>, now_ms: u64) -> Result<Handle, VaultError> {
        let head = Head {
            label: what.label.to_owned(),
            received_at_ms: now_ms,
            owner: Some(what.owner.clone()),
            payment: Some(what.payment),
            instance: Some(what.instance.to_owned()),
        };
        self.keep(what.scheme, &head, &what.secret, Some(now_ms.saturating_add(HANDED_OVER_FOR_MS))).await
    }

    async fn keep(
        &self,
        scheme: &str,
        head: &Head,
        secret: &[u8],
        until_ms: Option<u64>,
    ) -> Result<Handle, VaultError> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|_| OpenError::NoRandomness)?;
        let account = Handle::new(scheme, &hex::encode(id)).map_err(|_| OpenError::Broken)?;
        self.put(&instrument_name(account.as_str()), until_ms, head, secret).await?;
        Ok(account)
    }

    /// Destroys an instrument: one that came to nothing.
    ///
    /// # Errors
    /// When it is not destroyed.
    pub async fn forget(&self, account: &Handle) -> Result<(), VaultError> {
        self.store.unseal(&instrument_name(account.as_str())).await?;
        Ok(())
    }

    /// What is held at an account, for a call of `instance` about the payment `about`; nothing where there is none, or its
    /// time is over.
    ///
    /// # Errors
    /// [`VaultError::NotYours`] where it was handed to another rail or for another payment.
    pub async fn instrument(
        &self,
        account: &str,
        instance: &str,
        about: PaymentId,
        now_ms: u64,
    ) -> Result<Option<Held>, VaultError> {
        let Some((head, secret)) = self.get(&instrument_name(account), now_ms).await? else { return Ok(None) };
        if head.instance.as_deref().is_some_and(|of| of != instance) || head.payment.is_some_and(|of| of != about) {
            return Err(VaultError::NotYours);
        }
        let Head { label, received_at_ms, payment, .. } = head;
        Ok(Some(Held { facts: InstrumentFacts { label, received_at_ms, payment }, secret }))
    }

    /// Keeps something for a rail, under a name of its own or in place of what was handed to it. Durable when this returns.
    ///
    /// # Errors
    /// When it is not.
    pub async fn put_for(
        &self,
        instance: &str,
        name: &str,
        until_ms: u64,
        secret: &[u8],
        now_ms: u64,
    ) -> Result<(), VaultError> {
        let (name, head) = self.name_for(instance, name, now_ms).await?;
        self.put(&name, Some(until_ms), &head, secret).await
    }

    /// What is kept for a rail.
    ///
    /// # Errors
    /// [`VaultError::NotYours`] where it was handed over for another payment.
    pub async fn get_for(
        &self,
        instance: &str,
        about: PaymentId,
        name: &str,
        now_ms: u64,
    ) -> Result<Option<Bytes>, VaultError> {
        let (name, head) = self.name_for(instance, name, now_ms).await?;
        if head.payment.is_some_and(|of| of != about) {
            return Err(VaultError::NotYours);
        }
        Ok(self.get(&name, now_ms).await?.map(|(_, secret)| secret))
    }

    /// Destroys what is kept for a rail.
    ///
    /// # Errors
    /// When it is not destroyed.
    pub async fn remove_for(&self, instance: &str, name: &str, now_ms: u64) -> Result<(), VaultError> {
        let (name, _) = self.name_for(instance, name, now_ms).await?;
        self.store.unseal(&name).await?;
        Ok(())
    }

    /// What a rail means by a name: what was handed to it at that account, or else something of its own.
    async fn name_for(&self, instance: &str, name: &str, now_ms: u64) -> Result<(String, Head), VaultError> {
        let instrument = instrument_name(name);
        if name.parse::<Handle>().is_ok()
            && let Some((head, _)) = self.get(&instrument, now_ms).await?
            && head.instance.as_deref() == Some(instance)
        {
            return Ok((instrument, head));
        }
        Ok((format!("by/{instance}/{name}"), Head::default()))
    }

    async fn put(&self, name: &str, until_ms: Option<u64>, head: &Head, secret: &[u8]) -> Result<(), VaultError> {
        let content = together(head, secret);
        let row = self.ring.seal(name, until_ms, &content)?;
        Ok(self.store.seal(row).await?)
    }

    async fn get(&self, name: &str, now_ms: u64) -> Result<Option<(Head, Bytes)>, VaultError> {
        let Some(row) = self.store.sealed(name).await? else { return Ok(None) };
        if row.until_ms.is_some_and(|until_ms| until_ms <= now_ms) {
            return Ok(None);
        }
        let content = self.ring.open(&row)?;
        self.renew(&row, &content).await?;
        Ok(Some(apart(content).ok_or(OpenError::Broken)?))
    }

    /// Seals under the current key what was found under an old one: says whether there was anything to do.
    async fn renew(&self, row: &Sealed, content: &[u8]) -> Result<bool, VaultError> {
        if row.key_id == self.ring.current_id() {
            return Ok(false);
        }
        let anew = self.ring.seal(&row.name, row.until_ms, content)?;
        Ok(self.store.reseal(anew, row.nonce.clone()).await?)
    }

    /// Seals everything under the current key.
    ///
    /// # Errors
    /// When the store fails. What cannot be opened stays as it is, and is counted among what is left.
    pub async fn rotate(&self) -> Result<Rotation, VaultError> {
        let mut rotation = Rotation::default();
        let mut after = String::new();
        loop {
            let rows = self.store.sealed_otherwise(self.ring.current_id(), &after, ROTATED_AT_ONCE).await?;
            let Some(last) = rows.last() else { break };
            after = last.name.clone();
            for row in rows {
                let Ok(content) = self.ring.open(&row) else { continue };
                rotation.resealed += u64::from(self.renew(&row, &content).await?);
            }
        }
        for (key_id, count) in self.store.sealed_by_key().await? {
            rotation.left += if key_id == self.ring.current_id() { 0 } else { count };
        }
        Ok(rotation)
    }
}

/// Destroys what is past its end: now, and every hour.
pub async fn sweep_for_ever(store: Store, clock: Arc<dyn Clock>) {
    loop {
        match store.sweep(clock.now_ms()).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "what was past its end in the vault is destroyed"),
            Err(StoreError::Closed) => return,
            Err(error) => tracing::error!(%error, "what is past its end in the vault is not destroyed yet"),
        }
        clock.sleep_until(clock.now_ms().saturating_add(SWEEP_EVERY_MS)).await;
    }
}

fn instrument_name(account: &str) -> String {
    format!("of/{account}")
}

/// Head and secret in one piece: the head's length in four bytes, the head as JSON, the secret.
fn together(head: &Head, secret: &[u8]) -> Zeroizing<Vec<u8>> {
    let head = serde_json::to_vec(head).unwrap_or_default();
    let mut content = Zeroizing::new(Vec::with_capacity(4 + head.len() + secret.len()));
    content.extend_from_slice(&u32::try_from(head.len()).unwrap_or(u32::MAX).to_be_bytes());
    content.extend_from_slice(&head);
    content.extend_from_slice(secret);
    content
}

fn apart(content: Zeroizing<Vec<u8>>) -> Option<(Head, Bytes)> {
    let (len, rest) = content.split_first_chunk::<4>()?;
    let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
    let head = serde_json::from_slice(rest.get(..len)?).ok()?;
    let whole = Bytes::from_owner(content);
    (4 + len <= whole.len()).then(|| (head, whole.slice(4 + len..)))
}

#[cfg(test)]
mod tests;
