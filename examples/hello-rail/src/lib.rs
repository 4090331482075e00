//! The smallest useful rail: settles at once whatever stays below a limit, and declines the rest.
//!
//! Its answer is a pure function of the order. So the same order may come as often as it likes, and gets the same answer.

use sportello_sdk::{
    Failure, Finality, Host, Inquiry, Order, OrderKind, Outcome, Rail, async_trait, export_rail, settings,
};

settings! {
    /// What the operator writes under `[rails.NAME.settings]`.
    pub struct Settings {
        /// The largest amount that is settled, in minor units. Without it there is none.
        limit_minor: Option<u64>,
        /// The only currency taken (ISO 4217). Without it every currency is.
        currency: Option<String>,
    }
}

/// The rail, open.
pub struct HelloRail {
    settings: Settings,
}

impl HelloRail {
    fn outcome(&self, order: &Order) -> Outcome {
        let declined = |code: &str, reason: &str, elsewhere| Outcome::Declined {
            code: code.to_owned(),
            reason: reason.to_owned(),
            elsewhere,
        };
        let Settings { limit_minor, currency } = &self.settings;
        let known = [OrderKind::Collect, OrderKind::PayOut, OrderKind::Transfer, OrderKind::Refund];
        if !known.contains(&order.kind) {
            return declined("kind", "this rail does not carry out such orders", true);
        }
        if currency.as_deref().is_some_and(|only| only != order.amount.currency().code()) {
            return declined("AM03", "this rail does not take that currency", true);
        }
        if limit_minor.is_some_and(|limit| order.amount.minor() > limit) {
            return declined("AM02", "the amount is above this rail's limit", true);
        }
        Outcome::Settled {
            amount: order.amount,
            reference: Some(order.key.clone()),
            finality: Finality::Final,
            fees: None,
            reversible_until_ms: None,
            valid_until_ms: None,
        }
    }
}

#[async_trait]
impl Rail for HelloRail {
    type Settings = Settings;

    async fn open(settings: Settings, _: &Host) -> Result<Self, Failure> {
        Ok(Self { settings })
    }

    async fn submit(&self, order: Order, _: &Host) -> Result<Outcome, Failure> {
        Ok(self.outcome(&order))
    }

    async fn inquire(&self, inquiry: Inquiry, _: &Host) -> Result<Outcome, Failure> {
        Ok(self.outcome(&inquiry.order))
    }
}

/// What the rail says of itself.
pub const MANIFEST: &str = include_str!("../manifest.json");

export_rail!(HelloRail, manifest = MANIFEST);

#[cfg(test)]
mod tests;
