//! The rail `my-plugin`: orders over HTTP. What the bank wants to hear and what it answers is in `bank.rs`, which is the
//! file to change; this one stays as it is.

mod bank;

use sportello_sdk::{
    Failure, Host, HttpRequest, HttpResponse, Inquiry, Order, Outcome, Rail, async_trait, export_rail, settings,
};

settings! {
    /// What the operator writes under `[rails.NAME.settings]`. The secret `token` stands there too, and is asked of the host.
    pub struct Settings {
        /// The bank's address, as `https://api.bank.example/v1`.
        base_url: String,
    }
}

/// The rail, open.
pub struct MyPlugin {
    base_url: String,
}

impl MyPlugin {
    async fn ask(&self, request: HttpRequest, host: &Host) -> Result<HttpResponse, Failure> {
        let token = host.secret("token").await?;
        host.http(request.header("authorization", format!("Bearer {}", token.reveal()))).await
    }
}

#[async_trait]
impl Rail for MyPlugin {
    type Settings = Settings;

    async fn open(settings: Settings, host: &Host) -> Result<Self, Failure> {
        if !settings.base_url.starts_with("https://") && !settings.base_url.starts_with("http://127.0.0.1:") {
            return Err(Failure::settings("bad_settings", "`base_url` must begin with https://"));
        }
        // Without it nothing could ever be ordered: so the operator hears of that at the start.
        host.secret("token").await?;
        Ok(Self { base_url: settings.base_url.trim_end_matches('/').to_owned() })
    }

    /// The same order may come again under the same key. The bank remembers keys, so that it is carried out once.
    async fn submit(&self, order: Order, host: &Host) -> Result<Outcome, Failure> {
        let response = self.ask(bank::order(&self.base_url, &order)?, host).await?;
        Ok(bank::outcome(&order, &response))
    }

    /// Asks what became of an order. Carries nothing out.
    async fn inquire(&self, inquiry: Inquiry, host: &Host) -> Result<Outcome, Failure> {
        let response = self.ask(bank::question(&self.base_url, &inquiry.order), host).await?;
        Ok(bank::outcome(&inquiry.order, &response))
    }
}

/// What the rail says of itself.
pub const MANIFEST: &str = include_str!("../manifest.json");

export_rail!(MyPlugin, manifest = MANIFEST);

#[cfg(test)]
mod tests;
