//! SEPA credit transfers over Berlin Group NextGenPSD2 as a rail.
//!
//! # How an order is carried out
//! ```text
//! submit ─ checked: euros, two IBANs of the SEPA, …  ──▶ Declined: nothing was sent
//!   │
//!   ├─ a record of this key?  ──▶ it may have been posted: ask (below), never post
//!   ├─ write the record "about to be posted" (compare-and-set)
//!   ├─ POST /v1/payments/pain.001-…  (a pain.001.001.09)
//!   │     201 and a payment's id      ──▶ its status: Settled, Pending, Declined; scaRedirect: ActionRequired
//!   │     a refusal that proves itself ─▶ Declined
//!   │     anything else               ──▶ Unknown
//!   ▼
//! inquire
//!   ├─ the payment's id is known:  GET …/status  (a pain.002, or JSON)
//!   └─ it was lost with the answer:  GET /v1/accounts/{id}/transactions  (JSON, or a camt.05x)
//!         our end-to-end id is there  ──▶ Settled, Pending
//!         it is not                   ──▶ Unknown; past the bank's cut-off, all entries told apart: Declined (ABSENT)
//! ```
//! The interface has no idempotency key: `X-Request-ID` names a call, and two posts are two payments. So an order is posted
//! at most once in its life, and all doubt is ended by asking.
//!
//! # What stands where
//! The tables are `status` (what a status says of the money), `reason` (why a payment was
//! rejected) and `refusal` (which HTTP errors prove that nothing was done). Each row has its source; what is
//! in no row is unknown.
//!
//! # Deciding what an amount settled is
//! A settlement has the amount of the order, and no fees: SEPA transfers arrive in full (charge bearer `SLEV`), and what a
//! bank asks of its customer for them is on the customer's bill. A debit on the payer's account is
//! [`Captured`](sportello_sdk::Finality::Captured), a credit on the payee's [`Final`](sportello_sdk::Finality::Final).

mod account;
mod calendar;
mod camt;
mod charset;
mod pain001;
mod pain002;
mod psd2;
mod rail;
mod reason;
mod record;
mod refusal;
mod search;
mod settings;
mod status;
#[cfg(test)]
mod testing;
mod transactions;
mod transfer;
mod url;
mod verdict;
mod xml;

use sportello_sdk::{Failure, Host, Inquiry, Order, Outcome, Rail, async_trait};

pub use settings::{Product, ReportFormat, Settings, StatusFormat};

/// What the plugin says of itself. An order in doubt is asked about after 2, 6, 14, 30 … seconds, which is dense while an
/// instant transfer has its ten seconds and a bank its minutes, and then every six hours: an account may be read four
/// times a day without its owner (Delegated Regulation 2018/389, article 36(5)). Fifty-six questions last almost eleven
/// days, which covers four business days around Easter and Christmas.
pub const MANIFEST: &str = include_str!("../manifest.json");

/// A bank that carries out SEPA credit transfers.
pub struct BankTransfer {
    bank: psd2::Bank,
}

#[async_trait]
impl Rail for BankTransfer {
    type Settings = Settings;

    async fn open(settings: Settings, host: &Host) -> Result<Self, Failure> {
        let base = settings.check()?;
        // A missing token is the operator's mistake, and better said now than at the first order.
        host.secret(psd2::ACCESS_TOKEN).await?;
        Ok(Self { bank: psd2::Bank::new(base, settings) })
    }

    async fn submit(&self, order: Order, host: &Host) -> Result<Outcome, Failure> {
        transfer::belongs_here(&order)?;
        rail::submit(&self.bank, &order, host).await
    }

    async fn inquire(&self, inquiry: Inquiry, host: &Host) -> Result<Outcome, Failure> {
        transfer::belongs_here(&inquiry.order)?;
        rail::inquire(&self.bank, &inquiry, host).await
    }
}

sportello_sdk::export_rail!(BankTransfer, manifest = include_str!("../manifest.json"));
