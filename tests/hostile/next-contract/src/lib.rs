//! A rail built for contract 2.0, which no host of contract 1 may load: it is refused by its manifest, unopened.

use sportello_sdk::{Failure, Host, Order, Outcome, Rail, async_trait, export_rail, settings};

settings! {
    /// Nothing to set.
    pub struct Settings {}
}

/// The rail, open: which it must never be.
pub struct NextContract;

#[async_trait]
impl Rail for NextContract {
    type Settings = Settings;

    async fn open(_: Settings, _: &Host) -> Result<Self, Failure> {
        Ok(Self)
    }

    async fn submit(&self, _: Order, _: &Host) -> Result<Outcome, Failure> {
        Ok(Outcome::unknown("no host of contract 1 should have asked"))
    }
}

/// What the rail says of itself.
pub const MANIFEST: &str = r#"{
  "name": "next-contract",
  "kind": "rail",
  "version": "2.0.0",
  "contract": "2.0",
  "description": "Built for a contract that this host does not speak",
  "rail": { "accounts": ["iban"], "orders": { "collect": { "doubt": "statement" } } }
}"#;

export_rail!(NextContract, manifest = MANIFEST);
