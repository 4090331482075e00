//! Orders that are given again once their payer has acted, and orders that are undone.

use super::*;

#[test]
fn an_order_is_given_again_once_its_payer_has_acted() {
    let check = |script: &str, expected: &str| assert_eq!(play(script).2, expected, "{script}");
    let paid = "completed person:chat:1=-2000 person:chat:2=2000";
    let waits = "confirm, by-card, sent 1, action 1";
    check(&format!("{waits}, proceed 1"), "collecting");
    check(&format!("{waits}, proceed 1, sent 1, settled 1, sent 2, settled 2"), paid);
    check(&format!("{waits}, proceed 1, sent 1, action 1, proceed 1, sent 1, settled 1, sent 2, settled 2"), paid);
    check(&format!("{waits}, proceed 1, proceed 1"), "proceed: this is known already");
    check(&format!("{waits}, proceed 1, not-sent 1, sent 2, settled 2, sent 3, settled 3"), paid);
    check(&format!("{waits}, declined 1"), "declined");
    check("confirm, by-card, sent 1, proceed 1", "proceed: this is known already");
    check("confirm, by-card, sent 1, pending 1, proceed 1", "proceed: this is known already");
    check(&format!("{waits}, settled 1, proceed 1"), "proceed: this is known already");
    // The payer has acted, and the order before that one moved the money after all.
    check(
        "confirm, by-card, sent 1, declined-here 1, sent 2, action 2, settled 1, proceed 2",
        "in_review person:chat:1=-2000 suspense=2000",
    );
    let (now, ..) = play(waits);
    let again = now.apply(&event("proceed 1"), 2_000).unwrap();
    assert_eq!(again.effects, [Effect::Submit { attempt: 1, after_ms: 0 }]);
    let attempt = again.payment.attempt(1).unwrap();
    assert_eq!((attempt.round, attempt.sent_at_ms), (1, Some(1_000)), "the rail has known the key since then");
    let rounds = format!("{waits}{}", ", proceed 1, sent 1, action 1".repeat(20));
    check(&format!("{rounds}, proceed 1"), "proceed: this is known already");
}

#[test]
fn whether_the_payer_has_acted_is_asked_after_their_time_and_not_for_ever() {
    let until = Outcome::ActionRequired { url: "https://b".into(), until_ms: Some(301_000), reference: None };
    let ask = |payment: Payment, at_ms, asked| {
        let event = Event::Answered { attempt: 1, asked, outcome: until.clone() };
        let next = payment.apply(&event, at_ms).unwrap();
        let asks = next.effects.iter().filter(|e| matches!(e, Effect::Ask { .. })).map(Effect::after_ms).next();
        (next.payment, asks)
    };
    let (mut now, first) = ask(play("confirm, by-card, sent 1").0, 1_000, false);
    assert_eq!(first, Some(300_000), "not before the payer's time is over");
    let mut pauses = Vec::new();
    while now.incidents.is_empty() {
        let (next, pause) = ask(now, 400_000, true);
        now = next;
        pauses.extend(pause);
    }
    let minutes: Vec<_> = pauses.iter().map(|ms| ms / 60_000).collect();
    assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    assert_eq!(now.apply(&event("declined 1"), 500_000).unwrap().payment.state, State::Declined);
}

#[test]
fn what_is_in_doubt_is_undone_and_moves_nobodys_money_twice() {
    let check = |script: &str, expected: &str| assert_eq!(play(script).2, expected, "{script}");
    let paid = "completed person:chat:1=-2000 person:chat:2=2000";
    let out = "collecting person:chat:1=-2000 clearing:card=2000";
    let doubt = "confirm, by-card, sent 1, unknown 1";
    check(doubt, out);
    check(&format!("{doubt}, reversing 1"), out);
    check(&format!("{doubt}, reversing 1, reversing 1"), "reversing: this is known already");
    check(&format!("{doubt}, reversing 1, reversed 1"), "collecting");
    check(&format!("{doubt}, reversing 1, reversed 1, sent 2, settled 2, sent 3, settled 3"), paid);
    // A rail that undid one is asked again once no other is left, as often as the plan allows.
    let twice = format!("{doubt}, reversing 1, reversed 1, sent 2, unknown 2, reversing 2, reversed 2");
    check(&format!("{twice}, sent 3, settled 3, sent 4, settled 4"), paid);
    check(
        &format!("{twice}, sent 3, unknown 3, reversing 3, reversed 3, sent 4, unknown 4, reversing 4, reversed 4"),
        "declined",
    );
    // Late answers, before it was decided on and after.
    check(&format!("{doubt}, settled 1, sent 2, settled 2"), paid);
    check(&format!("{doubt}, settled 1, reversing 1"), "reversing: this cannot happen to a payment that is paying_out");
    check(&format!("{doubt}, declined 1, reversing 1"), "reversing: this cannot happen to a payment that is declined");
    check(&format!("{doubt}, unknown 1"), "unknown: this is known already");
    check(&format!("{doubt}, pending 1"), "pending: this is known already");
    check(&format!("{doubt}, reversing 1, settled 1"), out);
    check(&format!("{doubt}, reversing 1, settled 1, settled 1"), "settled: this is known already");
    check(&format!("{doubt}, reversing 1, settled 1, reversed 1, sent 2, settled 2, sent 3, settled 3"), paid);
    check(&format!("{doubt}, reversing 1, declined 1"), "declined: this is known already");
    check(&format!("{doubt}, reversing 1, reversed 1, settled 1, sent 2, settled 2, sent 3, settled 3"), paid);
    check(&format!("{doubt}, reversing 1, reversed 1, reversed 1"), "reversed: this is known already");
    check(&format!("{doubt}, reversed 1"), "reversed: the attempt's order never left");
    // Refused: it stays in doubt, and what came late settles nothing.
    let refused = format!("{doubt}, reversing 1, not-reversed 1");
    check(&refused, out);
    check(&format!("{refused}, settled 1"), out);
    check(&format!("{refused}, declined 1"), "declined");
    check(&format!("{refused}, declined 1, settled 1"), "declined");
    check(&format!("{refused}, declined-here 1, settled 1, sent 2, settled 2, sent 3, settled 3"), paid);
    check(&format!("{refused}, reversed 1, sent 2, settled 2, sent 3, settled 3"), paid);
    check(
        &format!("{doubt}, reversing 1, no-original 1, reversed 1, sent 2"),
        "collecting person:chat:1=-2000 clearing:wallet=2000",
    );
    // An approval in part is undone, and that rail is not asked for the whole again.
    let part = "confirm, by-card, sent 1, settled-part 1, reversing 1, reversed 1";
    check(&format!("{part}, sent 2, settled 2, sent 3, settled 3"), paid);
    check(&format!("{part}, sent 2, settled-part 2, reversing 2, reversed 2"), "declined");
    // Whoever approved a part cannot unsay it by declining the rest: that is undone all the same.
    check("confirm, by-card, sent 1, settled-part 1, declined 1", "declined: this is known already");
    check(
        "confirm, by-card, sent 1, settled-part 1, reversing 1, not-reversed 1, declined 1",
        "declined: this is known already",
    );
    check("confirm, by-card, sent 1, settled-more 1", "in_review person:chat:1=-2500 suspense=2500");
    // What is given back is undone as well where that is in doubt.
    let back = "confirm, by-card, sent 1, settled 1, sent 2, declined 2, sent 3, unknown 3, reversing 3, reversed 3";
    check(&format!("{back}, sent 4, settled 4"), "returned");
    // Where a rail can be asked, nothing is undone.
    check(
        "confirm, transfer, sent 1, unknown 1, reversing 1",
        "reversing: this cannot happen to a payment that is transferring",
    );
}

#[test]
fn a_reversal_names_what_it_undoes_and_is_not_tried_for_ever_where_it_is_refused() {
    let (now, ..) = play("confirm, by-card, sent 1, unknown 1, reversing 1");
    let attempt = now.attempt(1).unwrap();
    let (order, undoes) = (now.order(attempt).unwrap(), now.reversal(attempt).unwrap());
    assert_eq!((undoes.kind, undoes.refers_to.as_ref()), (OrderKind::Reverse, Some(&order.key)));
    assert_eq!((undoes.amount, &undoes.debtor, &undoes.creditor), (order.amount, &order.debtor, &order.creditor));
    assert_eq!((order.key.replace('-', "r"), undoes.key.len() <= 35), (undoes.key.clone(), true));
    assert_eq!(now.attempt_of_reversal(&undoes.key).map(|a| a.number), Some(1));
    assert_eq!((now.attempt_of_key(&undoes.key), now.attempt_of_reversal(&order.key)), (None, None));

    let mut now = now;
    let mut pauses = Vec::new();
    for _ in 0..10 {
        let next = now.apply(&event("no-original 1"), 1_000).unwrap();
        pauses.extend(next.effects.iter().map(|e| e.after_ms() / 1_000));
        now = next.payment;
    }
    assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 300]);
    assert_eq!((now.incidents.len(), now.attempt(1).unwrap().asking), (1, false), "an operator was told, once");
    let (now, ..) = play("confirm, by-card, sent 1, unknown 1, reversing 1, reversal-delayed 1");
    assert_eq!((now.incidents.len(), now.attempt(1).unwrap().asking), (1, true), "it goes on");
}
