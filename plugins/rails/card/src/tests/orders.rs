//! Orders of each kind, and cards of each fate.

use sportello_sdk::serde_json::json;
use sportello_sdk::{Order, OrderKind};

use super::*;

/// The acquirer's cards.
fn issuers() -> Acquirer {
    Acquirer::new(|message| {
        let pan = message.text(sportello_iso8583::Field::PAN).unwrap_or_default();
        let currency = message.text(sportello_iso8583::Field::CURRENCY).unwrap_or_default();
        if !["978", "840", "826", "392"].contains(&currency) {
            return Says::Code("58");
        }
        match pan {
            "4000000000000002" => Says::Code("05"),
            "4000000000009995" => Says::Code("51"),
            "4000000000000069" => Says::Code("54"),
            "4000000000000341" => Says::Code("43"),
            "6011000990139424" => {
                let mut part = sportello_iso8583::testing::answer(message, "10");
                part.set(sportello_iso8583::Field::AMOUNT, "000000001000");
                Says::This(part)
            }
            "4111111111111111" | "3530111333300000" => Says::Code("00"),
            _ => Says::Code("14"),
        }
    })
}

fn never() -> Value {
    json!({ "when": "never" })
}

#[test]
fn cards_and_their_fates() {
    let check = |pan: &str, amount: Money, expected: &str| {
        let stage = Stage::new(never(), Server::saying("Y"), issuers());
        let _with = with_card(stage.host.clone(), pan);
        assert_eq!(word(&stage.submit(&Order { amount, ..collect() })), expected, "{pan} {amount}");
    };
    let euros = Money::new(2000, Currency::EUR).unwrap();
    check("4111111111111111", euros, "settled 20.00 EUR");
    check("4000000000000002", euros, "declined 05");
    check("4000000000009995", euros, "declined 51");
    check("4000000000000069", euros, "declined 54");
    check("4000000000000341", euros, "declined 43");
    check("6011000990139424", euros, "settled 10.00 EUR");
    check("5105105105105100", euros, "declined 14");
    check("3530111333300000", Money::new(1500, Currency::JPY).unwrap(), "settled 1500 JPY");
    check("4111111111111111", Money::new(1500, Currency::CHF).unwrap(), "declined 58");
    check("4111111111111112", euros, "failed bad_card");
}

#[test]
fn every_kind_of_order() {
    let stage = Stage::new(never(), Server::saying("Y"), issuers());
    let check = |kind: OrderKind, key: &str, refers_to: Option<&str>, expected: &str| {
        let order = Order { key: key.to_owned(), refers_to: refers_to.map(str::to_owned), ..order(kind) };
        assert_eq!(word(&stage.submit(&order)), expected, "{kind:?}");
    };
    check(OrderKind::Authorize, "a-1", None, "settled 20.00 EUR");
    check(OrderKind::Capture, "a-2", Some("a-1"), "settled 20.00 EUR");
    check(OrderKind::Authorize, "a-3", None, "settled 20.00 EUR");
    check(OrderKind::Void, "a-4", Some("a-3"), "settled 20.00 EUR");
    check(OrderKind::Collect, "a-5", None, "settled 20.00 EUR");
    check(OrderKind::Refund, "a-6", Some("a-5"), "settled 20.00 EUR");
    check(OrderKind::Reverse, "ar6", Some("a-6"), "settled 20.00 EUR");
    check(OrderKind::Reverse, "ar7", Some("a-7"), "settled 20.00 EUR");
    check(OrderKind::PayOut, "a-8", None, "failed unsupported_order");
    let types: Vec<String> = stage.sent().iter().map(|drawn| drawn[..4].to_owned()).collect();
    assert_eq!(types, ["0100", "0220", "0100", "0400", "0200", "0200", "0420"]);
}

#[test]
fn a_card_that_is_gone_pays_nothing_and_what_it_paid_is_followed_all_the_same() {
    let stage = Stage::new(never(), Server::saying("Y"), Acquirer::new(|_| Says::Code("00")));
    stage.submit(&collect()).unwrap();
    let gone = |kind: OrderKind, key: &str| {
        let mut order = Order { key: key.to_owned(), refers_to: Some(KEY.to_owned()), ..order(kind) };
        order.debtor.account = "card:gone".parse().unwrap();
        order
    };
    assert_eq!(word(&stage.submit(&gone(OrderKind::Collect, "b-1"))), "failed no_such_instrument");
    assert_eq!(word(&stage.submit(&gone(OrderKind::Reverse, "br1"))), "settled 20.00 EUR");
    assert!(!stage.acquirer.received()[1].has(sportello_iso8583::Field::PAN));
    // What was authorized is ours to take, or to let go of, by the numbers of its order.
    stage.submit(&Order { key: "c-1".to_owned(), ..order(OrderKind::Authorize) }).unwrap();
    let about = |kind: OrderKind, key: &str| Order { refers_to: Some("c-1".to_owned()), ..gone(kind, key) };
    assert_eq!(word(&stage.submit(&about(OrderKind::Capture, "c-2"))), "settled 20.00 EUR");
    assert_eq!(word(&stage.submit(&about(OrderKind::Void, "c-3"))), "settled 20.00 EUR");
}
