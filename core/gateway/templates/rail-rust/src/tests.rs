use sportello_sdk::{HttpResponse, Order, Outcome, dispatch, kit, serde_json};

use super::{MANIFEST, MyPlugin, bank};

#[test]
fn conforms() {
    let options = kit::Options::read(include_str!("../kit.json")).unwrap();
    kit::check(MANIFEST, &dispatch::rail::<MyPlugin>, &options).assert();
}

fn order() -> Order {
    serde_json::from_value(serde_json::json!({
        "key": "k-1", "payment": "0".repeat(32), "kind": "transfer", "made_at_ms": 1,
        "amount": { "minor": 2000, "currency": "EUR" },
        "debtor": { "name": "Paolo", "account": "iban:IT60X0542811101000000123456" },
        "creditor": { "name": "Anna", "account": "iban:FR1420041010050500013M02606" }
    }))
    .unwrap()
}

#[test]
fn answers() {
    let check = |status: u16, body: &str, expected: &str| {
        let outcome = bank::outcome(&order(), &HttpResponse::new(status, "application/json", body.to_owned()));
        let got = match outcome {
            Outcome::Settled { amount, .. } => format!("settled {amount}"),
            Outcome::Pending { .. } => "pending".to_owned(),
            Outcome::Declined { code, .. } => format!("declined {code}"),
            _ => "unknown".to_owned(),
        };
        assert_eq!(got, expected, "{status} {body}");
    };
    check(201, r#"{"id":"1","state":"booked","amount_minor":2000}"#, "settled 20.00 EUR");
    check(200, r#"{"id":"1","state":"booked","amount_minor":1999}"#, "unknown");
    check(200, r#"{"id":"1","state":"pending"}"#, "pending");
    check(200, r#"{"id":"1","state":"refused","code":"AM04"}"#, "declined AM04");
    check(200, r#"{"id":"1","state":"refused","code":"ZZ99"}"#, "unknown");
    check(404, r#"{"error":"no such order"}"#, "unknown");
    check(500, r#"{"id":"1","state":"refused","code":"AM04"}"#, "unknown");
}
