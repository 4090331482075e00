//! The conformance kit. It runs no `run`, and so there is no link: what it can see is what a rail does without one.

use sportello_card::{CardRail, MANIFEST};
use sportello_sdk::{dispatch, kit};

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
    // More than a message can carry: declined before anybody is asked.
    let order = serde_json::json!({
        "key": "kit-1", "payment": "0".repeat(32), "kind": "collect", "made_at_ms": 1_700_000_000_000_u64,
        "amount": { "minor": 1_000_000_000_000_u64, "currency": "EUR" },
        "debtor": { "name": "Anna", "account": "card:1" },
        "creditor": { "name": "Paolo", "account": "iban:DE89370400440532013000" }
    });
    let mut options = kit::Options::new(settings);
    options.orders = vec![serde_json::from_value(order).unwrap()];
    kit::check(MANIFEST, &dispatch::rail::<CardRail>, &options).assert();
}
