//! How far the authentication of an order's payer has come, durably, and changed by compare-and-set alone.
//!
//! What the issuer says for the payer (ECI, CAVV, the directory server's id) is in the vault, and not here.

use serde::{Deserialize, Serialize};
use sportello_sdk::{Failure, Host, Source};

/// How far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// Until when the payer may act, in milliseconds since 1970.
    pub(crate) until_ms: u64,
    /// How often an authentication was begun.
    #[serde(default)]
    pub(crate) tries: u32,
    /// Whether the issuer has asked for it.
    #[serde(default)]
    pub(crate) is_mandated: bool,
    pub(crate) stage: Stage,
}

/// Where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub(crate) enum Stage {
    /// The payer was given a link.
    Asked,
    /// The issuer looks at the payer's browser (the 3DS method).
    Method {
        /// The transaction's id at the 3DS server.
        transaction: String,
        version: String,
        /// Whether it told us that it is done.
        is_done: bool,
    },
    /// The payer is with the issuer.
    Challenge {
        /// The transaction's id at the 3DS server.
        transaction: String,
    },
    /// The order may be given again, with evidence where the vault has it.
    Proceed {
        /// Whether there is evidence.
        has_evidence: bool,
    },
    /// It is over.
    Refused { code: String, reason: String },
}

impl Stage {
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Proceed { .. } | Self::Refused { .. })
    }
}

/// The state of one order, as the store has it.
pub(crate) struct Kept {
    order_key: String,
    version: u64,
    /// `None` where nobody was asked yet.
    pub(crate) state: Option<State>,
}

impl Kept {
    /// What is kept of an order.
    ///
    /// # Errors
    /// When the store cannot be asked, or what it has is no state.
    pub(crate) async fn load(order_key: &str, host: &Host) -> Result<Self, Failure> {
        let (version, value) = host.load(&format!("a/{order_key}")).await?;
        let bad = |_| Failure::new(Source::Host, "bad_record", format!("what is kept of {order_key} is no state"));
        let state = match value.is_empty() {
            true => None,
            false => Some(serde_json::from_slice(&value).map_err(bad)?),
        };
        Ok(Self { order_key: order_key.to_owned(), version, state })
    }

    /// Stores a state in place of what was loaded.
    ///
    /// # Errors
    /// When it is not stored; `changed` where somebody was faster.
    pub(crate) async fn put(&mut self, state: State, host: &Host) -> Result<(), Failure> {
        let bad = |error: serde_json::Error| Failure::new(Source::Plugin, "bad_record", error.to_string());
        let value = serde_json::to_vec(&state).map_err(bad)?;
        let done = host.save(&format!("a/{}", self.order_key), self.version, value).await?;
        if !done.stored {
            return Err(Failure::new(Source::Plugin, "changed", "the payer is acting elsewhere").retry_after(1_000));
        }
        self.version = done.version;
        self.state = Some(state);
        Ok(())
    }
}
