//! `[[routes]]`: which rails, in which order.

use sportello_model::Currency;

use super::problem::Wrong;
use super::section::Section;
use super::value::{currency, plain_name};

/// `[[routes]]`. The first that fits a payment is taken.
#[derive(Debug, Clone)]
pub struct Route {
    /// What it is called where a payment tells why it went that way.
    pub name: String,
    /// The currencies that it is for; empty for any.
    pub currencies: Vec<Currency>,
    /// How the money goes.
    pub path: Path,
}

/// How the money goes, each with its rails in order of preference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Path {
    /// From account to account in one step.
    Transfer(Vec<String>),
    /// From the payer to us, and from us to the payee.
    CollectThenPayOut {
        /// How it comes in.
        collect: Vec<String>,
        /// How it goes out.
        payout: Vec<String>,
    },
}

/// `rails`: the names that stand under `[rails]`, whether or not they are right themselves.
pub(super) fn routes(sections: Vec<Section<'_>>, rails: &[&str]) -> Vec<Route> {
    let mut routes: Vec<Route> = Vec::with_capacity(sections.len());
    for section in sections {
        let name = section.required("name", "\"euro\"", plain_name);
        if let Some(name) = &name
            && routes.iter().any(|route| route.name == *name)
        {
            let what = format!("another route is called {name:?} too");
            section.wrong("name", Wrong::new(what, "give each route its own name"));
        }
        let currencies = section.list("currencies", currency);
        let path = path(&section, rails);
        section.close();
        if let (Some(name), Some(path)) = (name, path) {
            routes.push(Route { name, currencies, path });
        }
    }
    routes
}

/// Which of the routes collects first, as they stand in the file.
pub(super) fn first_that_collects(routes: &serde_json::Value) -> Option<usize> {
    let has = |route: &serde_json::Value, key| route.get(key).is_some();
    let collects = |route| has(route, "collect") && has(route, "payout") && !has(route, "transfer");
    routes.as_array()?.iter().position(collects)
}

fn path(section: &Section<'_>, rails: &[&str]) -> Option<Path> {
    let rail = |value: &serde_json::Value| {
        let name = plain_name(value)?;
        if rails.contains(&name.as_str()) {
            return Ok(name);
        }
        let remedy = match super::nearest::nearest(&name, rails.iter().copied()) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => format!("add [rails.{name}], or name one of: {}", rails.join(", ")),
        };
        Err(Wrong::new(format!("there is no rail {name:?}"), remedy))
    };
    let (transfer, collect, payout) =
        (section.list("transfer", rail), section.list("collect", rail), section.list("payout", rail));
    let (has_transfer, has_collect, has_payout) =
        (section.has("transfer"), section.has("collect"), section.has("payout"));
    let one_way = "write either transfer = […], or collect = […] and payout = […]";
    if has_transfer && (has_collect || has_payout) {
        let key = if has_collect { "collect" } else { "payout" };
        let what = "a route goes one way: transfer stands here too";
        section.wrong(key, Wrong::new(what, one_way));
        return None;
    }
    if has_collect != has_payout {
        let (here, missing) = if has_collect { ("collect", "payout") } else { ("payout", "collect") };
        let what = format!("{missing} is missing beside it");
        section.wrong(here, Wrong::new(what, one_way));
        return None;
    }
    if !has_transfer && !has_collect {
        section.wrong_here(Wrong::new("this route leads nowhere", one_way));
        return None;
    }
    for key in ["transfer", "collect", "payout"] {
        if section.is_empty_list(key) {
            let what = "no rail is named here";
            section.wrong(key, Wrong::new(what, "name at least one"));
        }
    }
    Some(if has_transfer { Path::Transfer(transfer) } else { Path::CollectThenPayOut { collect, payout } })
}
