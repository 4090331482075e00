//! Which rails carry a payment: the first rule that fits, and of its rails those that can.

use std::sync::Arc;

use sportello_model::payment::{Choice, Event, Plan};
use sportello_model::{Intent, OrderKind};

use crate::engine::Engine;

impl Engine {
    /// The route of an intent, as the event that sets it off.
    pub(crate) fn route(&self, intent: &Intent) -> Event {
        let currency = intent.amount.currency();
        let fitting =
            |route: &&crate::setup::Route| route.currencies.is_empty() || route.currencies.contains(&currency);
        for route in self.0.setup.routes.iter().filter(fitting) {
            let plan = Plan {
                route: route.name.as_str().into(),
                transfer: self.choices(&route.transfer, OrderKind::Transfer, intent),
                collect: self.choices(&route.collect, OrderKind::Collect, intent),
                payout: self.choices(&route.payout, OrderKind::PayOut, intent),
                attempts_max: self.0.setup.policy.attempts_max,
            };
            if !plan.transfer.is_empty() || (!plan.collect.is_empty() && !plan.payout.is_empty()) {
                return Event::Routed { plan: Arc::new(plan) };
            }
        }
        Event::Unroutable { because: format!("no rail carries {currency} between these accounts") }
    }

    /// Of these rails, in their order, those that carry out this kind of order for this intent.
    fn choices(&self, rails: &[String], kind: OrderKind, intent: &Intent) -> Vec<Choice> {
        let code = intent.amount.currency().code();
        let accounts: &[&str] = match kind {
            OrderKind::Collect => &[intent.payer.account.scheme()],
            OrderKind::PayOut => &[intent.payee.account.scheme()],
            _ => &[intent.payer.account.scheme(), intent.payee.account.scheme()],
        };
        let able = rails.iter().filter_map(|name| {
            let facts = &self.0.setup.rails.iter().find(|rail| rail.instance == *name)?.facts;
            let in_currency = facts.currencies.is_empty() || facts.currencies.iter().any(|c| c == code);
            let in_accounts = accounts.iter().all(|scheme| facts.accounts.iter().any(|a| a == scheme));
            let doubt = facts.orders.get(&kind).filter(|_| in_currency && in_accounts)?;
            let refund_doubt = match kind {
                OrderKind::Collect => facts.orders.get(&OrderKind::Refund).cloned(),
                _ => None,
            };
            Some(Choice { rail: name.as_str().into(), doubt: doubt.clone(), refund_doubt })
        });
        able.collect()
    }
}
