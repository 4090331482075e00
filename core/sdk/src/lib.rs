//! Everything a plugin author depends on: traits, host, manifest, export macros, conformance kit.

pub mod abi;
pub mod dispatch;
mod export;
pub mod failure;
pub mod fence;
pub mod frames;
mod host;
pub mod kit;
mod manifest;
mod plugin;
pub mod testing;

#[doc(hidden)]
pub use export::private as __private;
pub use failure::{Failure, Retry, Source};
pub use frames::Level;
pub use host::{Host, HttpRequest, HttpResponse, Secret, WebhookReply, WebhookRequest};
pub use manifest::{ChannelFacts, Encoding, Handshake, Hash, Kind, Manifest, RailFacts, Signature, Strength, Webhook};
pub use plugin::{Channel, Rail};
pub use sportello_model::{
    Accepted, Change, Currency, Doubt, Finality, Handle, Inquiry, Mention, Message, Money, Note, Order, OrderKind,
    Outcome, Party, PaymentId, Report, Sent,
};

// An author needs these, and one dependency is enough.
pub use async_trait::async_trait;
pub use bytes::Bytes;
pub use schemars;
pub use schemars::JsonSchema;
pub use serde;
pub use serde_json;
