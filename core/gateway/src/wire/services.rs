//! What plugins are served with, from the engine.

use std::borrow::Cow;

use async_trait::async_trait;
use bytes::Bytes;
use sportello_engine::store::StoreError;
use sportello_engine::{Clock, Entropy, SystemClock};
use sportello_host::Services;
use sportello_model::PaymentId;
use sportello_sdk::frames::StorePutDone;
use sportello_sdk::{Accepted, Failure, InstrumentFacts, Message, Receipt, Report, Source};

use super::ports::is_settled;
use super::{SystemEntropy, Wire};
use crate::config::STORED_MB;
use crate::pages::Act;
use crate::redact::hide_cards;
use crate::vault::{Held, Vault, VaultError};

#[async_trait]
impl Services for Wire {
    fn now_ms(&self) -> u64 {
        SystemClock.now_ms()
    }

    fn random(&self) -> u64 {
        SystemEntropy.random()
    }

    /// The one place where messages come in: a card number in one goes no further.
    async fn message(&self, instance: &str, mut message: Message) -> Result<Accepted, Failure> {
        if let Cow::Owned(hidden) = hide_cards(&message.text) {
            message.text = hidden;
        }
        self.engine()?.message(instance, message).await
    }

    async fn report(&self, instance: &str, report: Report) -> Result<(), Failure> {
        let (key, is_end, is_done) = (report.key.clone(), report.outcome.is_final(), is_settled(&report.outcome));
        self.engine()?.report(instance, report).await?;
        if let Some(slot) = self.slot(instance).filter(|_| is_end) {
            slot.over(&key, is_done);
        }
        Ok(())
    }

    async fn receipt(&self, instance: &str, receipt: Receipt) -> Result<(), Failure> {
        self.engine()?.receipt(instance, receipt).await
    }

    async fn store_get(&self, instance: &str, name: &str) -> Result<(u64, Bytes), Failure> {
        let (version, value) = self.engine()?.store().get(instance, name).await.map_err(failed)?;
        Ok((version, value.into()))
    }

    async fn store_put(
        &self,
        instance: &str,
        name: &str,
        expected: u64,
        value: Bytes,
    ) -> Result<StorePutDone, Failure> {
        self.store_put_within(u64::from(STORED_MB) << 20, instance, name, expected, value).await
    }

    async fn instrument(
        &self,
        instance: &str,
        about: u128,
        account: &str,
    ) -> Result<(InstrumentFacts, Bytes), Failure> {
        let held =
            self.vault()?.instrument(account, instance, PaymentId(about), self.now_ms()).await.map_err(closed)?;
        let none = || Failure::new(Source::Host, "no_such_instrument", "the vault holds nothing at this account");
        held.map(|Held { facts, secret }| (facts, secret)).ok_or_else(none)
    }

    async fn vault_put(&self, instance: &str, name: &str, until_ms: u64, secret: Bytes) -> Result<(), Failure> {
        self.vault()?.put_for(instance, name, until_ms, &secret, self.now_ms()).await.map_err(closed)
    }

    async fn vault_get(&self, instance: &str, about: u128, name: &str) -> Result<Option<Bytes>, Failure> {
        self.vault()?.get_for(instance, PaymentId(about), name, self.now_ms()).await.map_err(closed)
    }

    async fn vault_remove(&self, instance: &str, name: &str) -> Result<(), Failure> {
        self.vault()?.remove_for(instance, name, self.now_ms()).await.map_err(closed)
    }

    async fn page_link(&self, instance: &str, order: &str, until_ms: u64) -> Result<String, Failure> {
        let links = self.of_counter(|counter| counter.links.clone())?.ok_or_else(|| {
            let message = "people's browsers do not reach this gateway: set gateway.public_url";
            Failure::settings("no_public_url", message)
        })?;
        let act = Act { instance: instance.to_owned(), order: order.to_owned(), until_ms };
        links.make(&act).ok_or_else(|| Failure::new(Source::Plugin, "bad_frame", "the order's key is too long"))
    }
}

impl Wire {
    pub(super) async fn store_put_within(
        &self,
        room_max: u64,
        instance: &str,
        name: &str,
        expected: u64,
        value: Bytes,
    ) -> Result<StorePutDone, Failure> {
        let put = self.engine()?.store().put_within(room_max, instance, name, expected, value.into()).await;
        let (stored, version) = put.map_err(failed)?;
        Ok(StorePutDone { stored, version })
    }

    fn vault(&self) -> Result<Vault, Failure> {
        self.of_counter(|counter| counter.vault.clone())?
            .ok_or_else(|| Failure::settings("no_vault", "this gateway has no vault: write [vault] in gateway.toml"))
    }
}

/// Why the vault does not do it.
fn closed(error: VaultError) -> Failure {
    match error {
        VaultError::Store(error) => failed(error),
        VaultError::NotYours => Failure::new(Source::Host, "no_such_instrument", error.to_string()),
        VaultError::Seal(_) => Failure::new(Source::Host, "vault", error.to_string()),
    }
}

fn failed(error: StoreError) -> Failure {
    match error {
        StoreError::Full { .. } => {
            Failure::new(Source::Plugin, "store_full", format!("{error} (limits.stored_mb in gateway.toml)"))
        }
        error => Failure::new(Source::Host, "store", error.to_string()).retry_after(1_000),
    }
}
