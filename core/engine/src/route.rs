//! Which rails carry a payment: the first rule that fits, and of its rails those that can.

use std::sync::Arc;

use sportello_model::payment::{Choice, Event, Plan};
use sportello_model::{Currency, Doubt, Handle, Intent, OrderKind};
use sportello_sdk::RailFacts;

use crate::engine::Engine;

impl Engine {
    /// The route of an intent, as the event that sets it off.
    pub(crate) fn route(&self, intent: &Intent) -> Event {
        let currency = intent.amount.currency();
        let fitting =
            |route: &&crate::setup::Route| route.currencies.is_empty() || route.currencies.contains(&currency);
        let house = &self.1.setup.house;
        for route in self.1.setup.routes.iter().filter(fitting) {
            let plan = Plan {
                route: route.name.as_str().into(),
                transfer: self.choices(&route.transfer, OrderKind::Transfer, intent),
                collect: self.choices(&route.collect, OrderKind::Collect, intent),
                payout: self.choices(&route.payout, OrderKind::PayOut, intent),
                house: house.clone().filter(|_| route.transfer.is_empty()),
                attempts_max: self.1.setup.policy.attempts_max,
            };
            let two_steps = !plan.collect.is_empty() && !plan.payout.is_empty() && house.is_some();
            if !plan.transfer.is_empty() || two_steps {
                return Event::Routed { plan: Arc::new(plan) };
            }
        }
        Event::Unroutable { because: format!("no rail carries {currency} between these accounts") }
    }

    /// Of these rails, in their order, those that carry out this kind of order for this intent.
    fn choices(&self, rails: &[String], kind: OrderKind, intent: &Intent) -> Vec<Choice> {
        let (payer, payee) = (intent.payer.account.as_ref(), intent.payee.account.as_ref());
        let house = self.1.setup.house.as_ref().map(|house| &house.account);
        let accounts: &[Option<&Handle>] = match kind {
            OrderKind::Collect => &[payer],
            OrderKind::PayOut => &[house, payee],
            _ => &[payer, payee],
        };
        let able = rails.iter().filter_map(|name| {
            let facts = self.able(name, kind, intent.amount.currency())?;
            let in_accounts = accounts.iter().all(|account| account.is_some_and(|account| takes(facts, account)));
            let refund_doubt = match kind {
                OrderKind::Collect => doubt(facts, OrderKind::Refund),
                _ => None,
            };
            let doubt = doubt(facts, kind).filter(|_| in_accounts)?;
            Some(Choice { rail: name.as_str().into(), doubt, refund_doubt })
        });
        able.collect()
    }

    /// What a rail says that it can do, if that is this kind of order in this currency.
    pub(crate) fn able(&self, rail: &str, kind: OrderKind, currency: Currency) -> Option<&RailFacts> {
        let facts = &self.1.setup.rails.iter().find(|setup| setup.instance == rail)?.facts;
        let in_currency = facts.currencies.is_empty() || facts.currencies.iter().any(|c| c == currency.code());
        (in_currency && facts.orders.contains_key(&kind)).then_some(facts)
    }
}

/// Whether a rail can debit and credit an account of this scheme.
pub(crate) fn takes(facts: &RailFacts, account: &Handle) -> bool {
    facts.accounts.iter().any(|scheme| scheme == account.scheme())
}

/// How doubt about this kind of order ends. It ends by a reversal only where the rail takes the order to reverse.
fn doubt(facts: &RailFacts, kind: OrderKind) -> Option<Doubt> {
    let doubt = facts.orders.get(&kind)?;
    let is_hollow = *doubt == Doubt::Reversible && !facts.orders.contains_key(&OrderKind::Reverse);
    Some(if is_hollow { Doubt::Statement } else { doubt.clone() })
}
