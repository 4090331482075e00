//! X (Twitter) as a channel.
//!
//! In: webhooks in both of X's envelopes, and what is caught up with after an outage, all as one kind of event and so
//! one message whichever way it came. Out: public replies to those who wrote in public, direct messages to all others.
//! The host verifies the webhooks' signatures and answers X's question whose address this is, as the manifest declares.

mod account_activity;
mod api;
mod catch_up;
mod delivery;
mod event;
mod id;
mod inbox;
mod instant;
mod length;
mod oauth;
mod outbox;
mod problem;
mod send;
mod settings;
mod text;
mod user;
mod v1;
mod v2;
mod x_activity;

use sportello_sdk::{
    Channel, Failure, Host, Level, Note, Sent, WebhookReply, WebhookRequest, async_trait, export_channel,
};

use api::Api;
use oauth::Keys;
use settings::Account;
pub use settings::Settings;

/// What this plugin says of itself.
pub const MANIFEST: &str = include_str!("../manifest.json");

/// An account on X.
pub struct Twitter {
    account: Account,
    api: Api,
    catch_up_every_s: u64,
}

#[async_trait]
impl Channel for Twitter {
    type Settings = Settings;

    async fn open(settings: Settings, host: &Host) -> Result<Self, Failure> {
        let account = settings.account()?;
        let api = Api::new(settings.base()?);
        // A secret that is missing is told at once, and not with the first note.
        Keys::load(host).await?;
        Ok(Self { account, api, catch_up_every_s: settings.catch_up_every_s })
    }

    async fn send(&self, note: Note, host: &Host) -> Result<Sent, Failure> {
        send::send(&self.api, &note, host).await
    }

    /// Answers when all is durable, and asks nobody but the host on the way: X waits 3 seconds.
    async fn webhook(&self, request: WebhookRequest, host: &Host) -> Result<WebhookReply, Failure> {
        if request.head.method != "POST" {
            return Ok(WebhookReply::status(405));
        }
        let delivery = delivery::read(&request.body, &self.account)?;
        for line in &delivery.left {
            host.log(Level::Info, format!("a delivery is left aside: {line}"));
        }
        for event in delivery.events {
            // In order, and none after one that is not durable: X delivers all of them again.
            if let Err(failure) = inbox::take(event, &self.account, host).await {
                host.log(Level::Warn, format!("a delivery is not durable: {}", failure.code));
                return Ok(WebhookReply::status(503));
            }
        }
        if delivery.unreadable > 0 {
            let what = format!("{} of the events cannot be read", delivery.unreadable);
            return Err(Failure::input("malformed", what));
        }
        Ok(WebhookReply::ok())
    }

    async fn run(&self, host: &Host) -> Result<(), Failure> {
        catch_up::run(&self.api, &self.account, self.catch_up_every_s, host).await
    }
}

export_channel!(Twitter, manifest = MANIFEST);

#[cfg(test)]
mod tests;
