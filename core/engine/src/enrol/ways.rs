//! How somebody can give an account for a payment: as the routes and their rails have it.

use sportello_model::payment::Side;
use sportello_model::{Handle, Intent, OrderKind};
use sportello_sdk::{HandOver, RailFacts};

use crate::engine::Engine;
use crate::route::takes;
use crate::setup::Route;

/// How an account can be given, with the rails that take it in order of preference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnrolmentWay {
    /// On a page: the gateway's own, or the first rail's.
    HandOver {
        /// The rails' instances.
        rails: Vec<String>,
        /// By which page.
        hand_over: HandOver,
        /// The scheme of the account that comes of it.
        scheme: String,
    },
    /// By typing it in.
    Account {
        /// The account's scheme, as `iban`.
        scheme: String,
        /// The rails' instances.
        rails: Vec<String>,
    },
}

impl EnrolmentWay {
    /// The scheme of the account that comes of it.
    pub fn scheme(&self) -> &str {
        match self {
            Self::HandOver { scheme, .. } | Self::Account { scheme, .. } => scheme,
        }
    }

    fn rails(&mut self) -> &mut Vec<String> {
        match self {
            Self::HandOver { rails, .. } | Self::Account { rails, .. } => rails,
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::HandOver { hand_over, scheme, .. }, Self::HandOver { hand_over: page, scheme: of_page, .. }) => {
                hand_over == page && scheme == of_page
            }
            (Self::Account { scheme, .. }, Self::Account { scheme: other, .. }) => scheme == other,
            _ => false,
        }
    }
}

impl Engine {
    /// How the person on this side can give an account for this payment, given what the other one has.
    pub(crate) fn enrolment_ways(&self, intent: &Intent, side: Side) -> Vec<EnrolmentWay> {
        let currency = intent.amount.currency();
        let mut ways: Vec<EnrolmentWay> = Vec::new();
        let routes = self.1.setup.routes.iter();
        for route in routes.filter(|route| route.currencies.is_empty() || route.currencies.contains(&currency)) {
            for (rail, facts) in self.rails_of(route, intent, side) {
                for mut way in ways_of(rail, facts, side) {
                    let Some(known) = ways.iter_mut().find(|known| known.is_like(&way)) else {
                        ways.push(way);
                        continue;
                    };
                    let rails = known.rails();
                    if !rails.iter().any(|other| other == rail) {
                        rails.append(way.rails());
                    }
                }
            }
        }
        ways
    }

    /// The way by which this account is given.
    pub(crate) fn way_of(&self, intent: &Intent, side: Side, account: &Handle) -> Option<EnrolmentWay> {
        let is_account = |way: &EnrolmentWay| way.scheme() == account.scheme() && !account.is_name();
        self.enrolment_ways(intent, side).into_iter().find(is_account)
    }

    /// The rails of a route that could debit or credit this side, where some rail serves the other side, too.
    fn rails_of<'a>(&'a self, route: &'a Route, intent: &Intent, side: Side) -> Vec<(&'a str, &'a RailFacts)> {
        let able = |rails: &'a [String], kind: OrderKind| {
            let facts = move |rail: &'a String| Some((rail.as_str(), self.able(rail, kind, intent.amount.currency())?));
            rails.iter().filter_map(facts)
        };
        let other = match side {
            Side::Payer => intent.payee.account.as_ref(),
            Side::Payee => intent.payer.account.as_ref(),
        };
        let serves = |facts: &RailFacts| other.is_none_or(|account| takes(facts, account));
        let mut rails: Vec<_> = able(&route.transfer, OrderKind::Transfer).filter(|(_, facts)| serves(facts)).collect();
        let (collect, payout) = (&route.collect, &route.payout);
        let Some(house) = self.1.setup.house.as_ref() else { return rails };
        let pays_out = |facts: &RailFacts| takes(facts, &house.account);
        let is_served = match side {
            Side::Payer => able(payout, OrderKind::PayOut).any(|(_, facts)| serves(facts) && pays_out(facts)),
            Side::Payee => able(collect, OrderKind::Collect).any(|(_, facts)| serves(facts)),
        };
        match side {
            _ if !is_served => {}
            Side::Payer => rails.extend(able(collect, OrderKind::Collect)),
            Side::Payee => rails.extend(able(payout, OrderKind::PayOut).filter(|(_, facts)| pays_out(facts))),
        }
        rails
    }
}

/// How an account for this rail is given.
fn ways_of(rail: &str, facts: &RailFacts, side: Side) -> Vec<EnrolmentWay> {
    let rails = vec![rail.to_owned()];
    match (&facts.hand_over, side) {
        (Some(HandOver::Unrecognised), _) => Vec::new(),
        (Some(hand_over), Side::Payer) => {
            let scheme = facts.accounts.first().cloned();
            let way = |scheme| EnrolmentWay::HandOver { rails, hand_over: hand_over.clone(), scheme };
            scheme.map(way).into_iter().collect()
        }
        // What is handed over is paid with, and nobody is paid on it.
        (Some(_), Side::Payee) => Vec::new(),
        // Whoever types an account in has not shown that it is theirs: they may be paid on it, and pay nothing from it.
        (None, Side::Payer) => Vec::new(),
        (None, Side::Payee) => {
            let way = |scheme: &String| EnrolmentWay::Account { scheme: scheme.clone(), rails: rails.clone() };
            facts.accounts.iter().map(way).collect()
        }
    }
}
