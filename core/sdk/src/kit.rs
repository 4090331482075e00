//! The conformance kit: what every plugin must do, whoever wrote it.
//!
//! It drives a plugin through [`Peer`] alone. So it runs in a plugin's own tests, and against a loaded library:
//!
//! ```
//! # use sportello_sdk::*;
//! # settings! { struct Settings {} }
//! # struct Instant;
//! # #[async_trait]
//! # impl Rail for Instant {
//! #     type Settings = Settings;
//! #     async fn open(_: Settings, _: &Host) -> Result<Self, Failure> { Ok(Self) }
//! #     async fn submit(&self, _: Order, _: &Host) -> Result<Outcome, Failure> { Ok(Outcome::unknown("who knows")) }
//! # }
//! # const MANIFEST: &str = r#"{"name": "instant", "kind": "rail", "version": "1.0.0", "contract": "1.0",
//! #   "rail": {"accounts": ["iban"], "orders": {"collect": {"doubt": "statement"}}}}"#;
//! use sportello_sdk::{dispatch, kit};
//!
//! let options = kit::Options::new(serde_json::json!({}));
//! kit::check(MANIFEST, &dispatch::rail::<Instant>, &options).assert();
//! ```
//!
//! A new check is a function and one line in the table of its module.

mod bench;
mod declaration;
mod doubt;
mod endurance;
mod input;
mod page;
mod samples;
mod scorecard;
mod settings;
mod speech;

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use crate::fence::contain;
use crate::frames::Peer;
use crate::testing::ScriptedHost;
use crate::{Handle, Manifest, Note, Order, WebhookRequest};
use bench::Bench;
pub use scorecard::{Check, Scorecard};

/// Makes a new, unopened instance that asks the host it is given: [`dispatch::rail`](crate::dispatch::rail), or what a
/// loaded library's `connect` gives.
pub type Factory<'a> = &'a dyn Fn(Arc<dyn Peer>) -> Arc<dyn Peer>;

/// What the kit needs to talk sense with a plugin.
#[derive(Clone)]
pub struct Options {
    /// Settings that open the plugin.
    pub settings: Value,
    /// The values of secrets. A secret of the manifest that is not here gets a made-up value.
    pub secrets: Vec<(String, String)>,
    /// Orders that make sense to this rail. Empty: made up from the manifest.
    pub orders: Vec<Order>,
    /// Notes that make sense to this channel. Empty: made up from the manifest.
    pub notes: Vec<Note>,
    /// What the vault holds at the accounts of debtors, for a rail that asks for `pan`. A card that is not here is a made-up
    /// one.
    pub instruments: Vec<(Handle, Bytes)>,
    /// Deliveries that each bring at least one message. Empty: what a good delivery brings is not checked.
    pub webhooks: Vec<WebhookRequest>,
    /// Adds the rules of a provider that answers properly. Without it no provider can be reached.
    pub provider: Option<fn(ScriptedHost) -> ScriptedHost>,
}

impl Options {
    /// These settings, and all else made up from the manifest.
    pub fn new(settings: Value) -> Self {
        Self {
            settings,
            secrets: Vec::new(),
            orders: Vec::new(),
            notes: Vec::new(),
            instruments: Vec::new(),
            webhooks: Vec::new(),
            provider: None,
        }
    }
}

/// What came of one check: a remark where it passed (empty, or why it does not apply), a reason where it did not.
type Verdict = Result<String, String>;

/// What is checked, and how.
type BenchCheck = (&'static str, fn(&Bench<'_>) -> Verdict);

/// Drives a plugin through every check. Neither panics nor stops at the first defect.
pub fn check(manifest_json: &str, plugin: Factory<'_>, options: &Options) -> Scorecard {
    let mut card = Scorecard::default();
    for (name, check) in declaration::CHECKS {
        card.add(name, fenced(|| check(manifest_json)));
    }
    // Without a manifest there is no telling what to ask for.
    let Ok(manifest) = serde_json::from_str::<Manifest>(manifest_json) else {
        return card;
    };
    let bench = Bench::new(manifest, plugin, options);
    let tables = [settings::CHECKS, input::CHECKS, doubt::CHECKS, page::CHECKS, speech::CHECKS, endurance::CHECKS];
    for (name, check) in tables.into_iter().flatten() {
        card.add(name, fenced(|| check(&bench)));
    }
    card
}

/// A check panics where a future is never woken, or where the factory does.
fn fenced(check: impl FnOnce() -> Verdict) -> Verdict {
    contain(check).unwrap_or_else(|panicked| Err(panicked.to_string()))
}
