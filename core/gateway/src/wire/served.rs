//! What a version is served with: as every instance is, but that its secrets are taken out of what it says, and that it keeps
//! no more in the store than it may. So from its first call on, and to its last one, whoever else has its seat.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use sportello_host::Services;
use sportello_sdk::frames::StorePutDone;
use sportello_sdk::{Accepted, Failure, InstrumentFacts, Message, Receipt, Report};

use super::Wire;
use super::words::clean_outcome;
use crate::redact::Redactor;

/// The services of one version.
pub(super) struct Served {
    pub(super) wire: Arc<Wire>,
    /// Keeps its secrets out of what it says.
    pub(super) redactor: Arc<Redactor>,
    /// How many bytes it may keep in the store.
    pub(super) room_max: u64,
}

#[async_trait]
impl Services for Served {
    fn now_ms(&self) -> u64 {
        self.wire.now_ms()
    }

    fn random(&self) -> u64 {
        self.wire.random()
    }

    async fn message(&self, instance: &str, message: Message) -> Result<Accepted, Failure> {
        self.wire.message(instance, message).await
    }

    async fn report(&self, instance: &str, mut report: Report) -> Result<(), Failure> {
        report.outcome = clean_outcome(&self.redactor, report.outcome);
        self.wire.report(instance, report).await
    }

    async fn receipt(&self, instance: &str, mut receipt: Receipt) -> Result<(), Failure> {
        receipt.detail = receipt.detail.map(|detail| self.redactor.clean(&detail));
        self.wire.receipt(instance, receipt).await
    }

    async fn store_get(&self, instance: &str, name: &str) -> Result<(u64, Bytes), Failure> {
        self.wire.store_get(instance, name).await
    }

    async fn store_put(
        &self,
        instance: &str,
        name: &str,
        expected: u64,
        value: Bytes,
    ) -> Result<StorePutDone, Failure> {
        self.wire.store_put_within(self.room_max, instance, name, expected, value).await
    }

    async fn instrument(
        &self,
        instance: &str,
        about: u128,
        account: &str,
    ) -> Result<(InstrumentFacts, Bytes), Failure> {
        self.wire.instrument(instance, about, account).await
    }

    async fn vault_put(&self, instance: &str, name: &str, until_ms: u64, secret: Bytes) -> Result<(), Failure> {
        self.wire.vault_put(instance, name, until_ms, secret).await
    }

    async fn vault_get(&self, instance: &str, about: u128, name: &str) -> Result<Option<Bytes>, Failure> {
        self.wire.vault_get(instance, about, name).await
    }

    async fn vault_remove(&self, instance: &str, name: &str) -> Result<(), Failure> {
        self.wire.vault_remove(instance, name).await
    }

    async fn page_link(&self, instance: &str, order: &str, until_ms: u64) -> Result<String, Failure> {
        self.wire.page_link(instance, order, until_ms).await
    }
}
