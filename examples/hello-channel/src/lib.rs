//! The smallest useful channel: signed webhooks in, one POST out.
//!
//! A webhook's body is `{"id": "1", "from": "anna", "text": "pay @paolo 5 €", "private": true}`, signed by the hex
//! HMAC-SHA256 of the body in `x-hello-signature`. The host has verified that before this code sees it.

use sportello_sdk::{
    Channel, Failure, Handle, Host, HttpRequest, Message, Note, Sent, WebhookReply, WebhookRequest, async_trait,
    export_channel, serde, serde_json, settings,
};

settings! {
    /// What the operator writes under `[channels.NAME.settings]`.
    pub struct Settings {
        /// The gateway's own name on this channel.
        #[serde(default)]
        name: String,
        /// Where notes go, as JSON by POST. Without it they go nowhere: a silent channel.
        url: Option<String>,
    }
}

/// The channel, open.
pub struct HelloChannel {
    settings: Settings,
}

#[derive(serde::Deserialize)]
#[serde(crate = "sportello_sdk::serde")]
struct Delivery {
    id: String,
    from: String,
    text: String,
    #[serde(default)]
    private: bool,
}

#[async_trait]
impl Channel for HelloChannel {
    type Settings = Settings;

    async fn open(settings: Settings, _: &Host) -> Result<Self, Failure> {
        if settings.name.starts_with('@') {
            return Err(Failure::settings("bad_settings", "`name` stands without its @"));
        }
        Ok(Self { settings })
    }

    async fn send(&self, note: Note, host: &Host) -> Result<Sent, Failure> {
        let Some(url) = &self.settings.url else {
            return Ok(Sent::default());
        };
        let body = serde_json::to_vec(&note).map_err(|e| Failure::input("note", e.to_string()))?;
        let request = HttpRequest::new("POST", url).body("application/json", body);
        let response = host.http(request).await?;
        if !response.is_success() {
            let message = format!("the note was answered with {}", response.status());
            return Err(Failure::provider("status", message).retry_after(1000));
        }
        Ok(Sent { id: Some(note.key), fell_back: false })
    }

    async fn webhook(&self, request: WebhookRequest, host: &Host) -> Result<WebhookReply, Failure> {
        let bad = |e: &dyn std::fmt::Display| Failure::input("bad_delivery", e.to_string());
        let delivery: Delivery = serde_json::from_slice(&request.body).map_err(|e| bad(&e))?;
        let message = Message {
            id: Some(delivery.id.clone()),
            first_id: Some(delivery.id),
            change: Default::default(),
            from: Handle::new("hello", &delivery.from).map_err(|e| bad(&e))?,
            from_name: None,
            text: delivery.text,
            private: delivery.private,
            mentions: Vec::new(),
            in_reply_to: None,
            written_at_ms: None,
        };
        // Durable when this returns, and only then answered: until then the provider delivers again.
        host.message(&message).await?;
        Ok(WebhookReply::ok())
    }
}

/// What the channel says of itself.
pub const MANIFEST: &str = include_str!("../manifest.json");

export_channel!(HelloChannel, manifest = MANIFEST);

#[cfg(test)]
mod tests;
