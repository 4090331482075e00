//! The conformance kit. It runs no `run`, and so there is no link: what it can see is what a rail does without one.

use sportello_card::{CardRail, MANIFEST};
use sportello_sdk::{Currency, Handle, Money, Order, OrderKind, Party, PaymentId, dispatch, kit};

fn order() -> Order {
    let party = |name: &str, account: &str| {
        let account: Handle = account.parse().unwrap_or_else(|_| panic!("{account}"));
        Party { name: name.to_owned(), account, country: None }
    };
    Order {
        key: "kit-1".to_owned(),
        payment: PaymentId(1),
        kind: OrderKind::Collect,
        // More than a message can carry: declined before anybody is asked.
        amount: Money::new(1_000_000_000_000, Currency::EUR).unwrap_or_else(|error| panic!("{error}")),
        debtor: party("Anna", "card:1"),
        creditor: party("Paolo", "iban:DE89370400440532013000"),
        memo: None,
        refers_to: None,
        made_at_ms: 1_700_000_000_000,
    }
}

#[test]
fn a_rail_without_its_link() {
    let settings = serde_json::json!({
        "acquirer": {
            "address": "tls://acquirer.example:8583", "terminals": ["TERM0001"], "acquirer_id": "400123",
            "merchant_id": "SPORTELLO-1", "merchant_name": "Sportello", "merchant_city": "Milano",
            "merchant_country": "IT", "mcc": "5812"
        },
        "three_ds": { "url": "https://3ds.example" }
    });
    let mut options = kit::Options::new(settings);
    options.orders = vec![order()];
    kit::check(MANIFEST, &dispatch::rail::<CardRail>, &options).assert();
}
