//! Accounts that are asked for before anything else, and our own.

use super::*;

#[test]
fn nothing_is_asked_or_sent_before_the_accounts_are_there() {
    let check = |script: &str, expected: &str| assert_eq!(play(script).2, expected, "{script}");
    check("enrol", "awaiting_enrolment");
    check("enrol, payer-enrols", "awaiting_enrolment");
    check("enrol, payer-enrols, payee-enrols", "received");
    check("enrol, payee-enrols, payer-enrols, challenge", "awaiting_confirmation");
    check("enrol, payer-enrols, payer-enrols", "payer-enrols: this is known already");
    for early in ["confirm", "challenge", "wrong"] {
        check(
            &format!("enrol, {early}"),
            &format!("{early}: this cannot happen to a payment that is awaiting_enrolment"),
        );
    }
    for over in ["cancel", "expire"] {
        let end = play(&format!("enrol, {over}")).2;
        check(
            &format!("enrol, {over}, payer-enrols"),
            &format!("payer-enrols: this cannot happen to a payment that is {end}"),
        );
    }
    check("challenge, enrol", "enrol: this cannot happen to a payment that is awaiting_confirmation");
    check("payer-enrols", "payer-enrols: this cannot happen to a payment that is received");
    check("enrol, payer-enrols, payee-enrols, enrol", "enrol: this cannot happen to a payment that is received");
    let (now, ..) = play("enrol, payee-enrols");
    assert_eq!(now.clone().apply(&event("payer-enrols"), DAY_MS), Err(Refusal::TooLate));
    assert!(now.enrolment.as_ref().unwrap().evidence.is_some());
    let (now, ..) = play("enrol, payer-enrols, payee-enrols");
    assert_eq!(now.enrolment.unwrap().evidence, None, "whoever holds a link has agreed to nothing yet");
    assert_eq!(now.intent.payer.account, Some("card:1".parse().unwrap()));
}

#[test]
fn what_we_collect_and_pay_out_passes_over_our_own_account() {
    let house = Party { name: "us".into(), account: "iban:IT0".parse().unwrap(), country: None };
    let routed = Event::Routed { plan: Arc::new(Plan { house: Some(house), ..(*plan(true)).clone() }) };
    let mut now = play("confirm").0.apply(&routed, 1_000).unwrap().payment;
    for word in ["sent 1", "settled 1", "sent 2", "declined 2"] {
        now = now.apply(&event(word), 1_000).unwrap().payment;
    }
    let parties = |number| {
        let order = now.order(now.attempt(number).unwrap()).unwrap();
        (order.kind, order.debtor.account.to_string(), order.creditor.account.to_string())
    };
    assert_eq!(parties(1), (OrderKind::Collect, "iban:XX1".into(), "iban:IT0".into()));
    assert_eq!(parties(2), (OrderKind::PayOut, "iban:IT0".into(), "iban:XX2".into()));
    assert_eq!(parties(3), (OrderKind::Refund, "iban:XX1".into(), "iban:IT0".into()));
}
