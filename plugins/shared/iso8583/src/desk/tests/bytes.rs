//! What is sent for an order.

use sportello_sdk::{Money, Order, OrderKind};

use super::super::testing::{Stage, about, order, paying, word};
use super::super::{Evidence, Exemption, Paying};
use crate::testing::{Acquirer, Says};

fn approving() -> Stage {
    Stage::new(Acquirer::new(|_| Says::Code("00")))
}

/// All fields but those of the time and the numbers, which are checked by themselves.
const FIELDS: &[u8] = &[2, 3, 4, 14, 18, 22, 25, 32, 38, 42, 43, 48, 49];

#[test]
fn each_kind_of_order_has_its_message() {
    let check = |kind: OrderKind, expected: &str| {
        let stage = approving();
        stage.give(&order(OrderKind::Authorize), &paying()).unwrap();
        let order = match kind {
            OrderKind::Authorize => order(kind),
            _ => Order { amount: Money::new(1500, order(kind).amount.currency()).unwrap(), ..about(kind, "another-2") },
        };
        stage.give(&order, &paying()).unwrap();
        assert_eq!(stage.sent(FIELDS).last().map(String::as_str), Some(expected), "{kind:?}");
    };
    let at = "Sportello              Milano         IT";
    let request = |mti: &str, code: &str, minor: &str, approval: &str| {
        format!("{mti} 4111111111111111 {code} {minor} 3012 5812 810 59 400123 {approval} SPORTELLO-1 {at} - 978")
    };
    check(OrderKind::Authorize, &request("0100", "000000", "000000002000", "-"));
    check(OrderKind::Collect, &request("0200", "000000", "000000001500", "-"));
    check(OrderKind::Refund, &request("0200", "200000", "000000001500", "-"));
    let completion = request("0220", "000000", "000000001500", "A1B2C3").replace(" 3012 ", " - ");
    check(OrderKind::Capture, &completion);
    // What is let go of or taken back is all of it, whatever the order says.
    let reversal =
        |mti: &str| format!("{mti} 4111111111111111 000000 000000002000 - - - - 400123 - SPORTELLO-1 - - 978");
    check(OrderKind::Void, &reversal("0400"));
    check(OrderKind::Reverse, &reversal("0420"));
}

#[test]
fn numbers_are_fresh_and_what_is_about_another_names_it() {
    let stage = approving();
    stage.give(&order(OrderKind::Authorize), &paying()).unwrap();
    stage.give(&about(OrderKind::Capture, "another-2"), &paying()).unwrap();
    stage.give(&about(OrderKind::Void, "another-3"), &paying()).unwrap();
    let sent = stage.sent(&[7, 11, 12, 13, 37, 41, 90]);
    let original = "010000000111142213200000040012300000000000";
    assert_eq!(
        sent,
        [
            "0100 1114221320 000001 221320 1114 331800000000 TERM0001 -".to_owned(),
            format!("0220 1114221320 000002 221320 1114 331800000000 TERM0001 {original}"),
            format!("0400 1114221320 000003 - - 331800000000 TERM0001 {original}"),
        ]
    );
}

#[test]
fn amounts_are_in_the_currency_s_own_minor_units() {
    let check = |minor: u64, currency: &str, expected: &str| {
        let stage = approving();
        let amount = Money::new(minor, currency.parse().unwrap()).unwrap();
        let told = stage.give(&Order { amount, ..order(OrderKind::Collect) }, &paying());
        let sent = stage.sent(&[4, 49]);
        let seen = sent.first().cloned().unwrap_or_else(|| word(&told));
        assert_eq!(seen, expected, "{minor} {currency}");
    };
    check(2000, "EUR", "0200 000000002000 978");
    check(1500, "JPY", "0200 000000001500 392");
    check(1250, "KWD", "0200 000000001250 414");
    check(100, "ALL", "0200 000000000100 008");
    check(999_999_999_999, "EUR", "0200 999999999999 978");
    check(1_000_000_000_000, "EUR", "declined amount_out_of_range, elsewhere");
    check(0, "EUR", "declined amount_out_of_range, elsewhere");
}

#[test]
fn evidence_and_exemptions_ride_in_field_48() {
    let check = |evidence: Option<Evidence>, exemption: Option<Exemption>, expected: &str| {
        let stage = approving();
        stage.give(&order(OrderKind::Collect), &Paying { evidence, exemption, ..paying() }).unwrap();
        assert_eq!(stage.sent(&[48]), [format!("0200 {expected}")]);
    };
    let ds = "f38e6948-5388-41a6-bca4-b49723c19437";
    let evidence = Evidence::new(Some("05"), Some("AJkBAyhHkZQAAAAAQJF0oQAAAAA="), Some(ds));
    let expected = format!("4202054328AJkBAyhHkZQAAAAAQJF0oQAAAAA=66372{ds}");
    check(evidence, None, &expected);
    check(None, Some(Exemption::LowValue), "2206010204");
}
