//! Apple Pay and Google Pay tokens as a rail: what a payer hands over is charged through an acquirer.
//!
//! # How an order is carried out
//! ```text
//! page    ─ the payer hands over a token for this payment; it is judged, and goes into the vault
//! submit  ─ authorize, collect
//!   ├─ sent before under this key?  ──▶ what came of it (the desk keeps that)
//!   ├─ the token from the vault, with the time at which it was durable there
//!   ├─ verified, opened: its wallet, its time, our key, amount and currency   ──▶ Declined: nothing was sent
//!   ├─ its id is bound to this order, durably: a token is one order's for ever   ──▶ Declined: replayed
//!   ├─ number and expiry go into the vault, with an end; the cryptogram never does
//!   ├─ 0100 or 0200, with the cryptogram as evidence (`sportello_iso8583::desk`)
//!   └─ the token is destroyed
//! refund, capture, void, reverse ─ by the number in the vault, for as long as one of them can come
//! ```
//! A number without a cryptogram (Google's `PAN_ONLY`) is a card, and its bank is asked who pays (`sportello_threeds`):
//! ```text
//! submit  ─ bound as above  ──▶ ActionRequired: a link to the rail's page; the token waits in the vault, and nothing else is kept
//! page    ─ the payer authenticates; for each step the token is opened anew
//!   ├─ refused, or not in time  ──▶ Declined, and the token is destroyed
//!   └─ Proceed  ──▶ the same order again: the number goes into the vault, 0100 or 0200 with what the bank says, once
//! ```
//! Where the operator gave no `three_ds`, such a token is declined as `authentication_required`, and the page does not ask
//! for one.
//!
//! A token that is not taken is declined: `code` says why, for the operator, and `reason` is one sentence for every reason,
//! so that nobody can ask the rail about a token that is not theirs.
//!
//! # What stands where
//! [`apple`] and [`google`] are the wallets, pure: bytes and times in, a payment or a reason out. `wallet` makes one of both,
//! `rail` is the order of things, `bare` numbers without a cryptogram, `number` what is kept of all of them, `page` where
//! they are handed over.

pub mod apple;
mod bare;
mod card;
pub mod google;
mod keys;
mod number;
mod origin;
mod page;
mod point;
mod private_key;
mod rail;
mod settings;
mod signature;
mod wallet;

use sportello_iso8583::desk::{Desk, Verdict};
use sportello_sdk::{
    Failure, Host, Inquiry, Order, OrderKind, Outcome, PagePurpose, PageReply, PageRequest, Rail, async_trait,
};
use sportello_threeds::{Authentication, Merchant};

pub use card::{Cryptogram, Eci, Expiry, Pan};
pub use settings::{AppleSettings, GoogleEnvironment, GoogleSettings, Settings};

/// What the plugin says of itself. What was authorized or charged is undone by a reversal that the acquirer acknowledges;
/// captures and voids are repeated until they are answered.
pub const MANIFEST: &str = include_str!("../manifest.json");

/// A merchant that takes wallets' tokens.
pub struct WalletToken {
    wallets: wallet::Wallets,
    counter: page::Counter,
    desk: Desk,
    /// How payers with a number without a cryptogram are authenticated.
    three_ds: Option<Authentication>,
}

#[async_trait]
impl Rail for WalletToken {
    type Settings = Settings;

    async fn open(mut settings: Settings, host: &Host) -> Result<Self, Failure> {
        let checked = settings.check()?;
        let desk = Desk::open(&settings.acquirer, host)?;
        let apple = match &settings.apple {
            Some(apple) => {
                let keys = keys::apple(host, &apple.merchant_id).await?;
                Some(apple::Apple::new(keys, checked.apple_roots))
            }
            None => None,
        };
        let mut google_public_key = None;
        let google = match &settings.google {
            Some(google) => {
                let keys = keys::google(host).await?;
                google_public_key = page::Counter::newest(&keys);
                let (recipient, merchant) = (google.recipient_id.clone(), google.gateway_merchant_id.clone());
                Some(google::Google::new(checked.google_roots, keys, recipient, merchant))
            }
            None => None,
        };
        let sessions = settings.apple.as_ref().map(|apple| page::Sessions {
            origins: checked.validation_origins,
            merchant_id: apple.merchant_id.clone(),
        });
        let binding_required = settings.apple.as_ref().is_some_and(|apple| apple.binding_required);
        let wallets = wallet::Wallets { apple, google, binding_required };
        let three_ds = match settings.three_ds.take() {
            Some(three_ds) => Some(Authentication::open(three_ds, merchant(&settings), host).await?),
            None => None,
        };
        let takes_bare = three_ds.is_some();
        let counter = page::Counter { settings, sessions, google_public_key, takes_bare };
        Ok(Self { wallets, counter, desk, three_ds })
    }

    async fn submit(&self, order: Order, host: &Host) -> Result<Outcome, Failure> {
        match order.kind {
            OrderKind::Authorize | OrderKind::Collect => self.charge_token(&order, host).await,
            OrderKind::Refund => self.refund(&order, host).await,
            OrderKind::Capture | OrderKind::Void | OrderKind::Reverse => self.follow(&order, host).await,
            OrderKind::PayOut | OrderKind::Transfer => Err(Failure::unsupported("submit")),
        }
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
            _ => self.counter.answer(&request, &self.wallets, host).await,
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

/// Who asks for a payer's authentication.
fn merchant(settings: &Settings) -> Merchant {
    let acquirer = &settings.acquirer;
    Merchant {
        name: acquirer.merchant_name.clone(),
        mcc: acquirer.mcc.clone(),
        acquirer_id: acquirer.acquirer_id.clone(),
        merchant_id: acquirer.merchant_id.clone(),
    }
}

sportello_sdk::export_rail!(WalletToken, manifest = include_str!("../manifest.json"));
