//! EMV 3-D Secure 2 for the rails that charge cards: the card's bank says whether it is the payer.
//!
//! A rail keeps an [`Authentication`] where its operator gave it a 3DS server, and is a [`Till`] to it: it knows the card of
//! an order, and can send the order once.
//!
//! ```
//! use sportello_sdk::{Card, Failure, Host, Inquiry, Order, Outcome, PageReply, PagePurpose, PageRequest, async_trait};
//! use sportello_threeds::{Authentication, Charged, Shown, Till};
//!
//! struct Cards {
//!     three_ds: Authentication,
//! }
//!
//! #[async_trait]
//! impl Till for Cards {
//!     async fn card(&self, order: &Order, host: &Host) -> Result<Card, Failure> {
//!         let instrument = host.instrument(&order.debtor.account).await?;
//!         serde_json::from_slice(&instrument.secret).map_err(|_| Failure::input("bad_card", "this is no card"))
//!     }
//!
//!     async fn charge(&self, order: &Order, shown: Shown, host: &Host) -> Result<Charged, Failure> {
//!         // To the acquirer, with what is to be shown of the payer.
//!         Ok(Charged::Told(Outcome::unknown("no acquirer stands in this example")))
//!     }
//!
//!     async fn recorded(&self, order: &Order, host: &Host) -> Result<Option<Outcome>, Failure> {
//!         Ok(None)
//!     }
//! }
//!
//! impl Cards {
//!     async fn submit(&self, order: &Order, host: &Host) -> Result<Outcome, Failure> {
//!         self.three_ds.submit(order, self, host).await
//!     }
//!
//!     async fn inquire(&self, inquiry: &Inquiry, host: &Host) -> Result<Outcome, Failure> {
//!         self.three_ds.inquire(&inquiry.order, self, host).await
//!     }
//!
//!     async fn page(&self, request: &PageRequest, host: &Host) -> Result<PageReply, Failure> {
//!         match &request.head.purpose {
//!             PagePurpose::Act { order } => self.three_ds.page(order, request, self, host).await,
//!             _ => Err(Failure::unsupported("page")),
//!         }
//!     }
//! }
//! ```
//!
//! # How it goes
//! ```text
//! submit
//!   ├─ it is due, and its result is not there ──▶ ActionRequired: a link to our page, and nothing is sent
//!   ├─ its result is there: refused ──▶ Declined
//!   └─ the till sends the order, with the evidence ──▶ its outcome
//!         the issuer asks for authentication ──▶ ActionRequired, and after it the same order once more
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
//! | `till` | what a rail does for it |
//! | `pay` | an order, from its payer to the till and back |
//! | `flow` | the authentication of a payer, step by step |
//! | `state`, `evidence` | how far it has come, durably; what the issuer says for the payer, in the vault |
//! | `server`, `browser`, `date` | what the 3DS server is asked, and what it is told of the browser |
//! | `page`, `html`, `words` | what the payer sees |
//! | [`testing`] | a 3DS server by script, for the rails' tests |
//!
//! What it promises: a card's number stands in what the 3DS server is asked, and in no state, log, error or page; a payer is
//! authenticated for one order; evidence is shown once, and then destroyed.

mod browser;
mod date;
mod evidence;
mod flow;
mod html;
mod page;
mod pay;
mod server;
mod settings;
mod state;
pub mod testing;
mod till;
mod words;

use sportello_sdk::{Failure, Host};

pub use evidence::Evidence;
pub use settings::{ThreeDs, Unavailable, When};
pub use till::{Charged, Shown, Till};

/// Who asks, as the issuer is told.
#[derive(Debug, Clone)]
pub struct Merchant {
    /// The name on the payer's statement.
    pub name: String,
    /// What it sells: four digits (ISO 18245).
    pub mcc: String,
    /// The acquirer's id.
    pub acquirer_id: String,
    /// The merchant's id at the acquirer.
    pub merchant_id: String,
}

/// How the payers of one instance are authenticated.
pub struct Authentication {
    settings: ThreeDs,
    server: server::Server,
}

impl Authentication {
    /// The name of the secret that the 3DS server is asked with, as a manifest lists it.
    pub const KEY: &str = server::KEY;

    /// Authentication through this 3DS server. `host` is that of the plugin's `open`.
    ///
    /// # Errors
    /// When the settings cannot work, all mistakes in one; or when the key is not there: that is the operator's mistake, and
    /// better said now than to the first payer.
    pub async fn open(settings: ThreeDs, merchant: Merchant, host: &Host) -> Result<Self, Failure> {
        settings.check()?;
        host.secret(Self::KEY).await?;
        let server = server::Server { url: settings.url.clone(), merchant };
        Ok(Self { settings, server })
    }
}

#[cfg(test)]
mod tests;
