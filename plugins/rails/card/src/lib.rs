//! Cards over ISO 8583, with EMV 3-D Secure, as a rail.
//!
//! ```text
//! submit ─ authorize, collect
//!   ├─ 3-D Secure is due, and its result is not there ──▶ ActionRequired: a link to our page, and nothing is sent
//!   └─ the desk sends the order, with the evidence ──▶ its outcome
//!         the issuer asks for authentication (65, 1A) ──▶ ActionRequired, and after it the same order once more
//! refund, capture, void, reverse ─ the desk alone
//! page, inquire ─ the authentication of an order's payer
//! ```
//! `pay` has what there is of this rail's own: the vault's card, and how evidence stands in a message. 3-D Secure is in
//! `sportello-threeds`.
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

mod pay;
mod settings;

use sportello_iso8583::desk::{Desk, Verdict};
use sportello_sdk::{Failure, Host, Inquiry, Order, Outcome, PagePurpose, PageReply, PageRequest, Rail, async_trait};
use sportello_threeds::{Authentication, Merchant};

pub use settings::Settings;

/// What the plugin says of itself. Doubt about an order ends in its reversal, and a reversal is ordered again until it is
/// acknowledged.
pub const MANIFEST: &str = include_str!("../manifest.json");

/// An acquirer, and a 3DS server.
pub struct CardRail {
    desk: Desk,
    three_ds: Option<Authentication>,
}

#[async_trait]
impl Rail for CardRail {
    type Settings = Settings;

    async fn open(settings: Settings, host: &Host) -> Result<Self, Failure> {
        let Settings { acquirer, three_ds } = settings;
        let desk = Desk::open(&acquirer, host)?;
        let three_ds = match three_ds {
            Some(settings) => {
                let merchant = Merchant {
                    name: acquirer.merchant_name,
                    mcc: acquirer.mcc,
                    acquirer_id: acquirer.acquirer_id,
                    merchant_id: acquirer.merchant_id,
                };
                Some(Authentication::open(settings, merchant, host).await?)
            }
            None => None,
        };
        Ok(Self { desk, three_ds })
    }

    async fn submit(&self, order: Order, host: &Host) -> Result<Outcome, Failure> {
        self.carry_out(&order, host).await
    }

    async fn inquire(&self, inquiry: Inquiry, host: &Host) -> Result<Outcome, Failure> {
        let order = &inquiry.order;
        if let Some(three_ds) = &self.three_ds {
            return three_ds.inquire(order, self, host).await;
        }
        let recorded = self.desk.recorded(order, host).await?.map(Verdict::outcome);
        Ok(recorded.unwrap_or_else(|| Outcome::unknown("nothing is known of the order")))
    }

    async fn page(&self, request: PageRequest, host: &Host) -> Result<PageReply, Failure> {
        match (&request.head.purpose, &self.three_ds) {
            (PagePurpose::Act { order }, Some(three_ds)) => three_ds.page(order, &request, self, host).await,
            _ => Err(Failure::unsupported("page")),
        }
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
