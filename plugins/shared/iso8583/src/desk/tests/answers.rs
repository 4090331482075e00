//! What an answer comes to.

use std::sync::Arc;

use sportello_sdk::OrderKind;

use super::super::testing::{Stage, about, order, paying, word};
use crate::Field;
use crate::testing::{Acquirer, Says, answer};

fn check(kind: OrderKind, code: &'static str, expected: &str) {
    let stage = Stage::new(Acquirer::new(move |_| Says::Code(code)));
    let told = stage.give(&order(kind), &paying());
    assert_eq!(word(&told), expected, "{kind:?} {code}");
}

#[test]
fn codes_and_their_outcomes() {
    for kind in [OrderKind::Authorize, OrderKind::Collect, OrderKind::Refund] {
        check(kind, "00", "settled 20.00 EUR");
        check(kind, "05", "declined 05, elsewhere");
        check(kind, "14", "declined 14, elsewhere");
        check(kind, "51", "declined 51, elsewhere");
        check(kind, "54", "declined 54, elsewhere");
        check(kind, "58", "declined 58, elsewhere");
        check(kind, "91", "declined 91, elsewhere");
        check(kind, "65", "declined 65, elsewhere");
        check(kind, "1A", "declined 1A, elsewhere");
        // Whoever stole a card is not asked for another.
        check(kind, "04", "declined 04");
        check(kind, "41", "declined 41");
        check(kind, "43", "declined 43");
        check(kind, "59", "declined 59");
        check(kind, "68", "unknown");
        check(kind, "94", "unknown");
        check(kind, "25", "unknown");
        check(kind, "08", "unknown");
        check(kind, "ZZ", "unknown");
        check(kind, "", "unknown");
    }
}

#[test]
fn an_approval_may_be_of_a_part_and_of_nothing_else() {
    let check = |code: &'static str, minor: Option<&'static str>, currency: &'static str, expected: &str| {
        let stage = Stage::new(Acquirer::new(move |request| {
            let mut said = answer(request, code);
            said.set(Field::CURRENCY, currency);
            match minor {
                Some(minor) => said.set(Field::AMOUNT, minor),
                None => {
                    said.remove(Field::AMOUNT);
                    &mut said
                }
            };
            Says::This(said)
        }));
        assert_eq!(word(&stage.give(&order(OrderKind::Collect), &paying())), expected, "{code} {minor:?} {currency}");
    };
    check("10", Some("000000001000"), "978", "settled 10.00 EUR");
    check("00", None, "978", "settled 20.00 EUR");
    // Whole, and only a part: it says two things.
    check("00", Some("000000001000"), "978", "unknown");
    check("10", None, "978", "unknown");
    check("10", Some("000000000000"), "978", "unknown");
    check("00", Some("000000002001"), "978", "unknown");
    check("00", Some("000000002000"), "840", "unknown");
}

#[test]
fn an_advice_that_is_put_off_is_said_again() {
    let check = |kind: OrderKind, codes: [&'static str; 2], expected: [&str; 2]| {
        let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let stage = Stage::new(Acquirer::new(move |request| {
            if request.mti().to_string() == "0100" {
                return Says::Code("00");
            }
            let at = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Says::Code(codes[at])
        }));
        stage.give(&order(OrderKind::Authorize), &paying()).unwrap();
        let advice = about(kind, "another-2");
        let told = [stage.give(&advice, &paying()), stage.give(&advice, &paying())];
        assert_eq!(told.each_ref().map(word), expected, "{kind:?} {codes:?}");
        // It is the same message, but for its type.
        let sent = stage.sent(&[4, 7, 11, 37, 41, 90]);
        let repeated: Vec<&str> = sent.iter().skip(1).map(|drawn| &drawn[4..]).collect();
        assert!(repeated.windows(2).all(|pair| pair[0] == pair[1]), "{sent:#?}");
    };
    check(OrderKind::Capture, ["96", "00"], ["unknown", "settled 20.00 EUR"]);
    check(OrderKind::Capture, ["68", "94"], ["unknown", "settled 20.00 EUR"]);
    check(OrderKind::Void, ["91", "94"], ["unknown", "settled 20.00 EUR"]);
    check(OrderKind::Void, ["25", "00"], ["unknown", "settled 20.00 EUR"]);
    check(OrderKind::Capture, ["25", "00"], ["declined 25", "declined 25"]);
    check(OrderKind::Capture, ["94", "00"], ["unknown", "settled 20.00 EUR"]);
    // The first time may have taken all that was authorized.
    check(OrderKind::Capture, ["96", "25"], ["unknown", "unknown"]);
    // What is let go of is let go of whole.
    check(OrderKind::Void, ["10", "00"], ["unknown", "settled 20.00 EUR"]);
}
