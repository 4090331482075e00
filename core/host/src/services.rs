//! What the program around the host does for plugins: time, randomness, and everything durable.

use async_trait::async_trait;
use bytes::Bytes;
use sportello_sdk::frames::{StorePutDone, host_method};
use sportello_sdk::{Accepted, Failure, InstrumentFacts, Message, Receipt, Report};

/// What the host cannot do by itself. One is shared by all instances, which are told apart by their name.
///
/// Whoever waits here may be dropped at any time: the plugin's call can be given up. What was begun must then be
/// finished or undone, and never half done.
#[async_trait]
pub trait Services: Send + Sync + 'static {
    /// The time, in milliseconds since 1970.
    fn now_ms(&self) -> u64;

    /// A random number, for seeds and for jitter. Asked for once a call: it must be cheap.
    fn random(&self) -> u64;

    /// Takes a person's message. Durable when this returns.
    ///
    /// # Errors
    /// When it is not: the provider is told to deliver it again.
    async fn message(&self, instance: &str, message: Message) -> Result<Accepted, Failure>;

    /// Takes an outcome that arrived by itself. Durable when this returns.
    ///
    /// # Errors
    /// When it is not: the plugin reports it again.
    async fn report(&self, instance: &str, report: Report) -> Result<(), Failure>;

    /// Takes what became of a note. Durable when this returns.
    ///
    /// # Errors
    /// `unknown_note` where the instance sent no such note; else it is not durable, and the plugin tells it again.
    async fn receipt(&self, instance: &str, receipt: Receipt) -> Result<(), Failure>;

    /// The instance's value of this name, with its version; version 0 and no bytes where there is none.
    ///
    /// # Errors
    /// When the store cannot be reached.
    async fn store_get(&self, instance: &str, name: &str) -> Result<(u64, Bytes), Failure>;

    /// Stores a value durably if the version there is still `expected`.
    ///
    /// # Errors
    /// When the store cannot be reached.
    async fn store_put(&self, instance: &str, name: &str, expected: u64, value: Bytes)
    -> Result<StorePutDone, Failure>;

    /// What the vault holds at an account. `about` is what the plugin's call is about ([`Ask::about`](crate::Ask::about)).
    /// Asked for instances alone that may see card numbers, as are the three that follow. A program without a vault has
    /// nothing.
    ///
    /// # Errors
    /// `no_such_instrument`; when the vault cannot be reached.
    async fn instrument(
        &self,
        instance: &str,
        about: u128,
        account: &str,
    ) -> Result<(InstrumentFacts, Bytes), Failure> {
        let _ = (instance, about, account);
        Err(Failure::unsupported(host_method::INSTRUMENT))
    }

    /// Keeps something in the vault under a name of the instance's own until `until_ms`, in place of what was there.
    /// Durable when this returns.
    ///
    /// # Errors
    /// When it is not.
    async fn vault_put(&self, instance: &str, name: &str, until_ms: u64, secret: Bytes) -> Result<(), Failure> {
        let _ = (instance, name, until_ms, secret);
        Err(Failure::unsupported(host_method::VAULT_PUT))
    }

    /// What the instance keeps in the vault under this name, unless its time is over.
    ///
    /// # Errors
    /// When the vault cannot be reached.
    async fn vault_get(&self, instance: &str, about: u128, name: &str) -> Result<Option<Bytes>, Failure> {
        let _ = (instance, about, name);
        Err(Failure::unsupported(host_method::VAULT_GET))
    }

    /// Destroys what the instance keeps in the vault under this name.
    ///
    /// # Errors
    /// When it is not destroyed.
    async fn vault_remove(&self, instance: &str, name: &str) -> Result<(), Failure> {
        let _ = (instance, name);
        Err(Failure::unsupported(host_method::VAULT_REMOVE))
    }

    /// The address of the instance's page for the payer of an order, served until `until_ms`.
    ///
    /// # Errors
    /// Where the program has no public address.
    async fn page_link(&self, instance: &str, order: &str, until_ms: u64) -> Result<String, Failure> {
        let _ = (instance, order, until_ms);
        Err(Failure::unsupported(host_method::PAGE_LINK))
    }
}
