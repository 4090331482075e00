//! Orders and notes made up from a manifest, where a plugin's author gave none.

use crate::{Currency, Handle, Manifest, Money, Note, Order, OrderKind, Party, PaymentId, RailFacts};

/// One order of each kind that the rail carries out.
pub(super) fn orders(manifest: &Manifest) -> Vec<Order> {
    let Some(facts) = &manifest.rail else {
        return Vec::new();
    };
    facts.orders.keys().filter_map(|kind| order(facts, *kind)).collect()
}

fn order(facts: &RailFacts, kind: OrderKind) -> Option<Order> {
    let currency = facts.currencies.first().map_or("EUR", String::as_str);
    let scheme = facts.accounts.first()?;
    let refers_to = matches!(kind, OrderKind::Capture | OrderKind::Void | OrderKind::Refund | OrderKind::Reverse);
    // The words of kinds are not those of keys: `pay_out` has an underscore.
    let key = format!("kit-{kind:?}").to_ascii_lowercase();
    Some(Order {
        key,
        payment: PaymentId(1),
        kind,
        amount: Money::new(2000, currency.parse::<Currency>().ok()?).ok()?,
        debtor: party("Anna", account(scheme, 0)?),
        creditor: party("Paolo", account(scheme, 1)?),
        memo: Some("for the pizza".to_owned()),
        refers_to: refers_to.then(|| "kit-before".to_owned()),
        made_at_ms: 1_700_000_000_000,
    })
}

fn party(name: &str, account: Handle) -> Party {
    Party { name: name.to_owned(), account, country: None }
}

/// The accounts are examples from the IBAN registry, whose check digits are right.
fn account(scheme: &str, which: usize) -> Option<Handle> {
    let rest = match (scheme, which) {
        ("iban", 0) => "IT60X0542811101000000123456",
        ("iban", _) => "DE89370400440532013000",
        (_, 0) => "anna",
        _ => "paolo",
    };
    Handle::new(scheme, rest).ok()
}

/// A private note and a public one.
pub(super) fn notes(manifest: &Manifest) -> Vec<Note> {
    let Some(facts) = &manifest.channel else {
        return Vec::new();
    };
    let note = |private: bool| {
        Some(Note {
            key: format!("kit-note-{private}"),
            to: Handle::new(&facts.scheme, "1234567").ok()?,
            private,
            text: "Hello from the kit".to_owned(),
            reply_to: Some("42".to_owned()),
            fallback: Some("Please look at your messages".to_owned()),
            choices: Vec::new(),
        })
    };
    [note(true), note(false)].into_iter().flatten().collect()
}
