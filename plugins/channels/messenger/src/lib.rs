//! Facebook Messenger as a channel: what people write to a page, and what the page writes to them.
//!
//! In: webhook deliveries, each of which may hold many events of many people. Texts, quick replies, postbacks, edits and
//! deletions become messages; all else is left aside. Out: private messages by the Send API, with a note's choices as
//! quick replies. The host verifies the signatures and answers Meta's question whose address this is, as the manifest
//! declares.
//!
//! Two things that whoever runs it should know:
//! - A page may write to a person only within 24 hours of what the person wrote last. A note that comes later fails with
//!   `outside_window`, once and for all: the tags that once opened the window are no longer given to what this is for.
//! - Meta takes no key by which a message could be sent twice and arrive once. Where its answer is lost the note is sent
//!   again: one that comes twice does less harm than one that does not come. A note in several parts begins anew.

mod delivery;
mod event;
mod fields;
mod graph;
mod id;
mod inbox;
mod length;
mod outbox;
mod problem;
mod proof;
mod quick_reply;
mod settings;

use sportello_sdk::{Channel, Failure, Host, Note, Sent, WebhookReply, WebhookRequest, async_trait, export_channel};

use graph::Graph;
use id::Id;
pub use settings::Settings;

/// What this plugin says of itself.
pub const MANIFEST: &str = include_str!("../manifest.json");

/// A page on Facebook.
pub struct Messenger {
    page: Id,
    graph: Graph,
}

#[async_trait]
impl Channel for Messenger {
    type Settings = Settings;

    async fn open(settings: Settings, host: &Host) -> Result<Self, Failure> {
        let page = settings.page()?;
        let graph = Graph::new(&settings.base()?, &page);
        // A secret that is missing is told at once, and not with the first note or delivery.
        for name in ["app_secret", "verify_token", "page_token"] {
            host.secret(name).await?;
        }
        Ok(Self { page, graph })
    }

    async fn send(&self, note: Note, host: &Host) -> Result<Sent, Failure> {
        outbox::send(&self.graph, &self.page, &note, host).await
    }

    /// Answers when all is durable, and asks nobody but the host on the way.
    async fn webhook(&self, request: WebhookRequest, host: &Host) -> Result<WebhookReply, Failure> {
        if request.head.method != "POST" {
            return Ok(WebhookReply::status(405));
        }
        let delivery = delivery::read(&request.body, &self.page)?;
        for (left, times) in &delivery.left {
            host.log(left.level(), format!("{times} left aside: {left}"));
        }
        // What cannot be read is no reason to refuse the delivery: Meta would bring all of it again and again, and in the
        // end nothing any more.
        match inbox::take(&delivery.messages, host).await {
            true => Ok(WebhookReply::ok()),
            false => Ok(WebhookReply::status(503)),
        }
    }
}

export_channel!(Messenger, manifest = MANIFEST);

#[cfg(test)]
mod tests;
