//! The channel `my-plugin`: signed webhooks in, notes out by POST. What the provider says and wants to hear is in
//! `chat.rs`, which is the file to change; this one stays as it is.

mod chat;

use sportello_sdk::{
    Channel, Failure, Host, Note, Sent, WebhookReply, WebhookRequest, async_trait, export_channel, settings,
};

settings! {
    /// What the operator writes under `[channels.NAME.settings]`. The secret `webhook_secret` stands there too; the host
    /// verifies with it, and this code sees nothing that was not verified.
    pub struct Settings {
        /// The gateway's own name on this channel, without an @.
        #[serde(default)]
        name: String,
        /// Where notes go. Without it they go nowhere.
        notes_url: Option<String>,
    }
}

/// The channel, open.
pub struct MyPlugin {
    settings: Settings,
}

#[async_trait]
impl Channel for MyPlugin {
    type Settings = Settings;

    async fn open(settings: Settings, _: &Host) -> Result<Self, Failure> {
        if settings.name.starts_with('@') {
            return Err(Failure::settings("bad_settings", "`name` stands without its @"));
        }
        Ok(Self { settings })
    }

    /// Says `Ok` only where the provider has taken the note.
    async fn send(&self, note: Note, host: &Host) -> Result<Sent, Failure> {
        let Some(url) = &self.settings.notes_url else {
            return Ok(Sent::default());
        };
        let response = host.http(chat::note(url, &note)?).await?;
        chat::sent(&note, &response)
    }

    /// Every message of a delivery is handed over before it is answered: what `message` returned for is durable.
    async fn webhook(&self, request: WebhookRequest, host: &Host) -> Result<WebhookReply, Failure> {
        for message in chat::messages(&request.body)? {
            host.message(&message).await?;
        }
        Ok(WebhookReply::ok())
    }
}

/// What the channel says of itself.
pub const MANIFEST: &str = include_str!("../manifest.json");

export_channel!(MyPlugin, manifest = MANIFEST);

#[cfg(test)]
mod tests;
