//! Cards over ISO 8583, with EMV 3-D Secure, as a rail.
//!
//! ```text
//! submit ─ authorize, collect
//!   ├─ 3-D Secure is due, and its result is not there ──▶ ActionRequired: a link to our page, and nothing is sent
//!   ├─ its result is there: refused ──▶ Declined
//!   └─ the desk sends the order, with the evidence ──▶ its outcome
//!         the issuer asks for authentication (65, 1A) ──▶ ActionRequired, and after it the same order once more
//! page
//!   ├─ opened: a page that collects what the issuer wants to know of the browser. A GET changes nothing
//!   ├─ start: versioning, the 3DS method where the issuer has one, the AReq
//!   │     frictionless ──▶ Proceed, or Declined        challenge ──▶ the issuer's page
//!   └─ back from the issuer: what the browser brings is not believed; the RReq at the 3DS server is
//! inquire ─ the browser never came back: the RReq, or at the end of its time Declined
//! ```
//! The AReq waits for the payer's browser, because an issuer's page waits 30 seconds for it, and a link may wait an hour.
//!
//! | file | what is in it |
//! |---|---|
//! | `pay` | orders, from the vault's card to the desk and back |
//! | `flow` | the authentication of a payer, step by step |
//! | `state` | how far it has come, durably; the evidence, in the vault |
//! | `server`, `browser` | what the 3DS server is asked, and what it is told of the browser |
//! | `page`, `html`, `words` | what the payer sees |
//!
//! All that is of ISO 8583 is in `sportello-iso8583`. In `gateway.toml`:
//!
//! ```toml
//! [rails.card]
//! plugin = "card"
//! grants = ["tls://acquirer.example:8583", "https://3ds.example", "pan"]
//! [rails.card.settings]
//! three_ds_key = { env = "THREE_DS_KEY" }
//! [rails.card.settings.acquirer]
//! address          = "tls://acquirer.example:8583"
//! terminals        = ["SPORT001", "SPORT002"]
//! acquirer_id      = "400123"
//! merchant_id      = "SPORTELLO-1"
//! merchant_name    = "Sportello"
//! merchant_city    = "Milano"
//! merchant_country = "IT"
//! mcc              = "5812"
//! [rails.card.settings.three_ds]
//! url       = "https://3ds.example"
//! low_value = { EUR = 3000 }
//! ```
//! A card number is in the vault, in the messages that need it and in what the 3DS server is asked; in no record, log or
//! error.

mod browser;
mod flow;
mod html;
mod page;
mod pay;
mod server;
mod settings;
mod state;
mod words;

use sportello_iso8583::desk::Desk;
use sportello_sdk::{Failure, Host, Inquiry, Order, Outcome, PageReply, PageRequest, Rail, async_trait};

use server::Server;
pub use settings::{Settings, ThreeDs, Unavailable, When};

/// What the plugin says of itself. Doubt about an order ends in its reversal, and a reversal is ordered again until it is
/// acknowledged.
pub const MANIFEST: &str = include_str!("../manifest.json");

/// An acquirer, and a 3DS server.
pub struct CardRail {
    desk: Desk,
    three_ds: Option<Authentication>,
}

/// How payers are authenticated.
struct Authentication {
    settings: ThreeDs,
    server: Server,
}

#[async_trait]
impl Rail for CardRail {
    type Settings = Settings;

    async fn open(settings: Settings, host: &Host) -> Result<Self, Failure> {
        let Settings { acquirer, three_ds } = settings;
        let desk = Desk::open(&acquirer, host)?;
        let Some(settings) = three_ds else {
            return Ok(Self { desk, three_ds: None });
        };
        settings.check()?;
        // A missing key is the operator's mistake, and better said now than to the first payer.
        host.secret(server::KEY).await?;
        let server = Server {
            url: settings.url.clone(),
            merchant_name: acquirer.merchant_name,
            mcc: acquirer.mcc,
            acquirer_bin: acquirer.acquirer_id,
            acquirer_merchant_id: acquirer.merchant_id,
        };
        Ok(Self { desk, three_ds: Some(Authentication { settings, server }) })
    }

    async fn submit(&self, order: Order, host: &Host) -> Result<Outcome, Failure> {
        self.carry_out(&order, host).await
    }

    async fn inquire(&self, inquiry: Inquiry, host: &Host) -> Result<Outcome, Failure> {
        self.find_out(&inquiry.order, host).await
    }

    async fn page(&self, request: PageRequest, host: &Host) -> Result<PageReply, Failure> {
        page::answer(self, &request, host).await
    }

    async fn run(&self, host: &Host) -> Result<(), Failure> {
        self.desk.run(host).await
    }

    async fn close(&self, host: &Host) -> Result<(), Failure> {
        self.desk.close(host).await;
        Ok(())
    }
}

sportello_sdk::export_rail!(CardRail, manifest = include_str!("../manifest.json"));

#[cfg(test)]
mod tests;
