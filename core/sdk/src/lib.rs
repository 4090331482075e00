//! Everything a plugin author depends on, and all of it: traits, host, manifest, export macros, conformance kit.
//!
//! A plugin is a library of one crate with one dependency, this one, and `crate-type = ["cdylib", "rlib"]`. Here is a
//! whole rail. It pays by one POST, and never says more than it knows:
//!
//! ```
//! use sportello_sdk::*;
//!
//! settings! {
//!     /// What the operator writes under `[rails.NAME.settings]`.
//!     pub struct Settings {
//!         /// The bank's address, without a slash at its end.
//!         url: String,
//!     }
//! }
//!
//! pub struct Till {
//!     url: String,
//! }
//!
//! #[async_trait]
//! impl Rail for Till {
//!     type Settings = Settings;
//!
//!     async fn open(settings: Settings, _: &Host) -> Result<Self, Failure> {
//!         Ok(Self { url: settings.url })
//!     }
//!
//!     async fn submit(&self, order: Order, host: &Host) -> Result<Outcome, Failure> {
//!         let token = host.secret("token").await?;
//!         // This bank carries out one key once, however often it comes.
//!         let request = HttpRequest::new("POST", format!("{}/orders/{}", self.url, order.key))
//!             .header("authorization", format!("Bearer {}", token.reveal()))
//!             .body("text/plain", order.amount.to_string());
//!         let response = host.http(request).await?;
//!         Ok(match (response.status(), &response.body[..]) {
//!             (201, b"paid") => Outcome::Settled {
//!                 amount: order.amount,
//!                 reference: None,
//!                 finality: Finality::Final,
//!                 fees: None,
//!                 reversible_until_ms: None,
//!                 valid_until_ms: None,
//!             },
//!             (422, b"no money") => Outcome::Declined {
//!                 code: "AM04".into(),
//!                 reason: "there is not enough money on the account".into(),
//!                 elsewhere: true,
//!             },
//!             // Whatever else the bank says, the money may have moved.
//!             (status, _) => Outcome::unknown(format!("the bank answered with {status}")),
//!         })
//!     }
//! }
//!
//! const MANIFEST: &str = r#"{
//!     "name": "till", "kind": "rail", "version": "1.0.0", "contract": "1.0",
//!     "endpoints": ["https://*"], "secrets": ["token"],
//!     "rail": {
//!         "accounts": ["iban"],
//!         "orders": { "collect": { "doubt": "idempotent", "for_ms": 86400000 } }
//!     }
//! }"#;
//!
//! export_rail!(Till, manifest = MANIFEST);
//!
//! # fn main() {
//! // And its test: a scripted host, then the kit that every plugin must pass.
//! use sportello_sdk::testing::ScriptedHost;
//!
//! fn bank(host: ScriptedHost) -> ScriptedHost {
//!     host.on_http("POST", "https://till.example/orders/*", |_| {
//!         Ok(HttpResponse::new(201, "text/plain", "paid"))
//!     })
//! }
//!
//! let host = bank(ScriptedHost::new().secret("token", "s3cret"));
//! let call = host.call();
//! let settings = serde_json::json!({ "url": "https://till.example" });
//! let outcome = host.block_on(async {
//!     let settings = serde_json::from_value(settings.clone()).expect("settings");
//!     Till::open(settings, &call).await?.submit(order(), &call).await
//! });
//! assert!(matches!(outcome, Ok(Outcome::Settled { .. })));
//! assert_eq!(host.requests()[0].head.url, "https://till.example/orders/k-1");
//!
//! let mut options = kit::Options::new(settings);
//! options.provider = Some(bank);
//! kit::check(MANIFEST, &dispatch::rail::<Till>, &options).assert();
//! # }
//! # fn order() -> Order {
//! #     serde_json::from_value(serde_json::json!({
//! #         "key": "k-1", "payment": "0".repeat(32), "kind": "collect",
//! #         "amount": {"minor": 2000, "currency": "EUR"}, "made_at_ms": 1,
//! #         "debtor": {"name": "Anna", "account": "iban:IT60X0542811101000000123456"},
//! #         "creditor": {"name": "Paolo", "account": "iban:DE89370400440532013000"}
//! #     })).expect("an order")
//! # }
//! ```
//!
//! | to | see |
//! |---|---|
//! | carry out orders, or speak with people | [`Rail`], [`Channel`] |
//! | reach the world | [`Host`]: a plugin does no I/O of its own |
//! | say what the plugin is | [`Manifest`] |
//! | say what went wrong | [`Failure`]; of money in doubt, [`Outcome::Unknown`] |
//! | say more of settings than their shape | [`marks`] |
//! | test it | [`testing::ScriptedHost`], [`kit`] |
//! | know what crosses the boundary | [`frames`], [`abi`], [`contract`] |

pub mod abi;
pub mod contract;
pub mod dispatch;
mod export;
pub mod failure;
pub mod fence;
pub mod frames;
mod host;
pub mod kit;
mod manifest;
pub mod marks;
mod page;
mod plugin;
mod stream;
pub mod testing;
mod vault;

#[doc(hidden)]
pub use export::private as __private;
pub use failure::{Failure, Retry, Source};
pub use frames::Level;
pub use host::{Host, HttpRequest, HttpResponse, Secret, WebhookReply, WebhookRequest};
pub use manifest::{
    ChannelFacts, Encoding, HandOver, Handshake, Hash, Kind, Manifest, RailFacts, Signature, Strength, Webhook,
};
pub use page::{HandedOver, PageFrame, PagePurpose, PageReply, PageReplyFrame, PageRequest};
pub use plugin::{Channel, Rail};
pub use sportello_model::{
    Accepted, Change, Choice, Currency, Doubt, Fate, Finality, Handle, Inquiry, Mention, Message, Money, Note, Order,
    OrderKind, Outcome, Party, PaymentId, Receipt, Report, Sent,
};
pub use stream::{STREAM_WRITE_LEN_MAX, Stream};
pub use vault::{Card, Instrument, InstrumentFacts, PageAddress, PageLink, VaultFound, VaultPut};

// An author needs these, and one dependency is enough.
pub use async_trait::async_trait;
pub use bytes::Bytes;
pub use schemars;
pub use schemars::JsonSchema;
pub use serde;
pub use serde_json;
