//! What plugins are served with, from the engine.

use async_trait::async_trait;
use bytes::Bytes;
use sportello_engine::{Clock, Entropy, SystemClock};
use sportello_host::Services;
use sportello_sdk::frames::StorePutDone;
use sportello_sdk::{Accepted, Failure, Message, Receipt, Report, Source};

use super::{SystemEntropy, Wire};

#[async_trait]
impl Services for Wire {
    fn now_ms(&self) -> u64 {
        SystemClock.now_ms()
    }

    fn random(&self) -> u64 {
        SystemEntropy.random()
    }

    async fn message(&self, instance: &str, message: Message) -> Result<Accepted, Failure> {
        self.engine()?.message(instance, message).await
    }

    async fn report(&self, instance: &str, report: Report) -> Result<(), Failure> {
        self.engine()?.report(instance, report).await
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
        let put = self.engine()?.store().put(instance, name, expected, value.into()).await;
        let (stored, version) = put.map_err(failed)?;
        Ok(StorePutDone { stored, version })
    }
}

fn failed(error: sportello_engine::store::StoreError) -> Failure {
    Failure::new(Source::Host, "store", error.to_string()).retry_after(1_000)
}
