//! A channel that panics where it is told to: in `open`, `send`, `webhook`, `run` or `close`.

#![allow(clippy::panic)] // That is what it is for.

use sportello_sdk::{
    Channel, Failure, Host, Note, Sent, WebhookReply, WebhookRequest, async_trait, export_channel, settings,
};

settings! {
    /// Where to panic.
    pub struct Settings {
        /// `open`, `send`, `webhook`, `run` or `close`. Else it takes everything and says nothing.
        #[serde(default)]
        panic_in: String,
    }
}

/// The channel, open.
pub struct PanicsChannel {
    panic_in: String,
}

impl PanicsChannel {
    fn perhaps(&self, place: &str) {
        if self.panic_in == place {
            panic!("told to panic in {place}");
        }
    }
}

#[async_trait]
impl Channel for PanicsChannel {
    type Settings = Settings;

    async fn open(settings: Settings, _: &Host) -> Result<Self, Failure> {
        let channel = Self { panic_in: settings.panic_in };
        channel.perhaps("open");
        Ok(channel)
    }

    async fn send(&self, _: Note, _: &Host) -> Result<Sent, Failure> {
        self.perhaps("send");
        Ok(Sent::default())
    }

    async fn webhook(&self, _: WebhookRequest, _: &Host) -> Result<WebhookReply, Failure> {
        self.perhaps("webhook");
        Ok(WebhookReply::ok())
    }

    async fn run(&self, _: &Host) -> Result<(), Failure> {
        self.perhaps("run");
        Ok(())
    }

    async fn close(&self, _: &Host) -> Result<(), Failure> {
        self.perhaps("close");
        Ok(())
    }
}

/// What the channel says of itself.
pub const MANIFEST: &str = include_str!("../manifest.json");

export_channel!(PanicsChannel, manifest = MANIFEST);
