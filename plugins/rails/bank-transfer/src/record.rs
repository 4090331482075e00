//! What the rail keeps of an order, durably: the promise never to post it twice.
//!
//! The record is written, by compare-and-set, before the order is posted; whoever finds one asks and does not post. When
//! the order has its end, the record shrinks to it. Records are a few hundred bytes and are not deleted by the rail, which
//! cannot delete: an operator may delete those of orders older than [`ORDER_AGE_MS_MAX`], because an order of that age is
//! not posted any more, record or not.

use serde::{Deserialize, Serialize};
use sportello_sdk::{Failure, Host, Order, Outcome};

use crate::calendar::DAY_MS;
use crate::settings::Product;

/// How old an order may be when it is posted: one day. An older one has waited out its time, and may have been posted by a
/// rail whose records are lost.
const ORDER_AGE_MS_MAX: u64 = DAY_MS;

/// When `order` can have been posted at the latest, for all that is known without a record of it.
pub(crate) fn posted_at_ms_max(order: &Order) -> u64 {
    order.made_at_ms.saturating_add(ORDER_AGE_MS_MAX)
}

/// What is kept of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// When it was about to be posted, in milliseconds since 1970; the latest time at which it can have been, where that is
    /// not known.
    pub at_ms: u64,
    /// The product it was posted as, which is part of the payment's address.
    pub product: Product,
    /// The bank's id of the payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<String>,
    /// Where the payer authorises it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<Page>,
    /// What came of it, once nothing can follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Outcome>,
}

/// Where and until when the payer authorises a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Page {
    /// The bank's page.
    pub url: String,
    /// Until when, in milliseconds since 1970.
    pub until_ms: u64,
}

/// The record of one order, with the version that the store has of it.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    name: String,
    version: u64,
    /// `None` where the order was never about to be posted.
    pub record: Option<Record>,
}

impl Record {
    /// A record of an order that is about to be posted.
    pub(crate) fn new(at_ms: u64, product: Product) -> Self {
        Self { at_ms, product, payment_id: None, page: None, end: None }
    }
}

impl Kept {
    /// What is kept of `order`. A record that cannot be read is one all the same: of an order posted as `product`, nobody
    /// knows when.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub(crate) async fn load(host: &Host, order: &Order, product: Product) -> Result<Self, Failure> {
        let name = format!("order/{}", order.key);
        let (version, value) = host.load(&name).await?;
        let unreadable = || Record::new(posted_at_ms_max(order), product);
        let record = (!value.is_empty()).then(|| serde_json::from_slice(&value).unwrap_or_else(|_| unreadable()));
        Ok(Self { name, version, record })
    }

    /// Stores `record` (or that there is none) in place of what was loaded; `false` where somebody else was faster.
    ///
    /// # Errors
    /// When it is not stored.
    pub(crate) async fn put(&mut self, host: &Host, record: Option<Record>) -> Result<bool, Failure> {
        let value = match &record {
            Some(record) => serde_json::to_vec(record)
                .map_err(|e| Failure::new(sportello_sdk::Source::Plugin, "bad_record", e.to_string()))?,
            None => Vec::new(),
        };
        let done = host.save(&self.name, self.version, value).await?;
        if done.stored {
            self.version = done.version;
            self.record = record;
        }
        Ok(done.stored)
    }
}
