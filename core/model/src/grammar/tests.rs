//! The grammar's tables: a text, and what it says in one line.

mod amounts;
mod asked;
mod commands;
mod explained;
mod memos;
mod payees;
mod properties;
mod transfers;

use super::{Context, parse};
use crate::command::{Purchase, Visibility};
use crate::{Command, Currency, Money};

fn own_names() -> Vec<String> {
    vec!["sportello".to_owned(), "SmoneyFR".to_owned()]
}

/// What `text` says in public, where no currency is taken for granted.
fn public(text: &str) -> Command {
    let own_names = own_names();
    parse(text, &Context { scheme: "twitter", own_names: &own_names, default_currency: None, private: false })
}

/// What `text` says in private, to a gateway whose amounts are euros.
fn private(text: &str) -> Command {
    let own_names = own_names();
    parse(
        text,
        &Context { scheme: "twitter", own_names: &own_names, default_currency: Some(Currency::EUR), private: true },
    )
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(line(&public(text)), expected, "{text:?}: {:?}", public(text));
}

#[track_caller]
fn check_private(text: &str, expected: &str) {
    assert_eq!(line(&private(text)), expected, "{text:?}: {:?}", private(text));
}

/// `pay twitter:@anna 20.00 EUR memo=the pizza public`, `unclear two_amounts`.
fn line(command: &Command) -> String {
    match command {
        Command::Pay { payee, amount, memo, visibility } => {
            format!("pay {payee} {amount}{}{}", memo_part(memo), visibility_part(*visibility))
        }
        Command::Request { payer, amount, memo, visibility } => {
            format!("request {payer} {amount}{}{}", memo_part(memo), visibility_part(*visibility))
        }
        Command::Buy(purchase) => format!("buy {}", purchase_part(purchase)),
        Command::Cart(purchase) => format!("cart {}", purchase_part(purchase)),
        Command::Confirm { code } => format!("confirm{}", word(code.as_ref())),
        Command::Cancel { reference } => format!("cancel{}", word(reference.as_ref())),
        Command::Refund { reference, amount } => format!("refund{}{}", word(reference.as_ref()), word(amount.as_ref())),
        Command::Status { reference } => format!("status{}", word(reference.as_ref())),
        Command::Enrol => "enrol".to_owned(),
        Command::Help => "help".to_owned(),
        Command::Unclear(unclear) => {
            format!("unclear {}", serde_json::to_value(unclear.because).unwrap().as_str().unwrap())
        }
    }
}

fn word<T: ToString>(part: Option<&T>) -> String {
    part.map(|part| format!(" {}", part.to_string())).unwrap_or_default()
}

fn memo_part(memo: &Option<String>) -> String {
    memo.as_ref().map(|memo| format!(" memo={memo}")).unwrap_or_default()
}

fn visibility_part(visibility: Option<Visibility>) -> &'static str {
    match visibility {
        None => "",
        Some(Visibility::Private) => " private",
        Some(Visibility::Public) => " public",
    }
}

fn purchase_part(purchase: &Purchase) -> String {
    format!(
        "{}{}{}",
        purchase.quantity,
        purchase.item.as_ref().map(|item| format!(" {item}")).unwrap_or_default(),
        purchase.merchant.as_ref().map(|merchant| format!(" from {merchant}")).unwrap_or_default()
    )
}

fn eur(minor: u64) -> Money {
    Money::new(minor, Currency::EUR).unwrap()
}
