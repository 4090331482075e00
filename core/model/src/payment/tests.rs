//! Scripts with an expected end; invariants are in [`properties`].

mod endless;
mod enrolled;
mod properties;
mod undone;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::command::Visibility;
use crate::{
    Account, Currency, Fate, Finality, Handle, IntentKind, Money, Origin, Outcome, Person, Posting, is_balanced,
};

const DAY_MS: u64 = 86_400_000;

fn person(name: &str, id: u32) -> Person {
    Person {
        name: name.into(),
        handle: Handle::new("chat", &id.to_string()).unwrap(),
        account: Some(Handle::new("iban", &format!("XX{id}")).unwrap()),
        country: None,
        language: "en".into(),
    }
}

fn eur(minor: u64) -> Money {
    Money::new(minor, Currency::EUR).unwrap()
}

fn payment() -> Payment {
    let intent = Intent {
        kind: IntentKind::Pay,
        payer: person("paolo", 1),
        payee: person("anna", 2),
        amount: eur(2000),
        memo: None,
        visibility: Visibility::Public,
        origin: Origin {
            source: "chat".into(),
            by: Handle::new("chat", "1").unwrap(),
            message: Some("m1".into()),
            first: Some("m1".into()),
            public: true,
        },
    };
    Payment::received(PaymentId(7), intent, 0)
}

fn choice(rail: &str) -> Choice {
    let doubt = Doubt::Inquirable { inquiries_max: 3, first_after_ms: 1_000, pause_max_ms: 60_000 };
    Choice { rail: rail.into(), doubt: doubt.clone(), refund_doubt: Some(doubt) }
}

/// A rail whose orders are undone where their outcome is in doubt.
fn reversible(rail: &str) -> Choice {
    Choice { rail: rail.into(), doubt: Doubt::Reversible, refund_doubt: Some(Doubt::Reversible) }
}

fn by_card() -> Arc<Plan> {
    let collect = vec![reversible("card"), reversible("wallet")];
    let plan = Plan { collect, ..(*plan(true)).clone() };
    Arc::new(plan)
}

fn plan(two_steps: bool) -> Arc<Plan> {
    let (transfer, collect, payout) = if two_steps {
        (vec![], vec![choice("card"), choice("wallet")], vec![choice("bank"), choice("slow-bank")])
    } else {
        (vec![choice("bank"), choice("slow-bank")], vec![], vec![])
    };
    Arc::new(Plan { route: "r".into(), transfer, collect, payout, house: None, attempts_max: 4 })
}

/// One word of a script.
fn event(word: &str) -> Event {
    let (word, number) = word.split_once(' ').map_or((word, 1), |(word, n)| (word, n.parse().unwrap()));
    let answered = |outcome| Event::Answered { attempt: number, asked: false, outcome };
    let settled = |amount| Outcome::Settled {
        amount,
        reference: None,
        finality: Finality::Final,
        fees: None,
        reversible_until_ms: None,
        valid_until_ms: None,
    };
    let reversal = |outcome| Event::ReversalAnswered { attempt: number, outcome };
    let enrolled = |side, account: &str| {
        let (account, label) = (account.parse().unwrap(), "ending in 4242".into());
        Event::Enrolled { side, account, label }
    };
    let declined = |elsewhere| Outcome::Declined { code: "XX".into(), reason: "no".into(), elsewhere };
    match word {
        "challenge" => Event::Challenged { number: 1, tries: 3, expires_at_ms: DAY_MS, again_after_ms: None },
        "wrong" => Event::WrongCode,
        "confirm" => Event::Confirmed { evidence: Evidence::Code { challenge: 1 } },
        "transfer" => Event::Routed { plan: plan(false) },
        "two-steps" => Event::Routed { plan: plan(true) },
        "by-card" => Event::Routed { plan: by_card() },
        "enrol" => Event::Enrolling {
            missing: vec![Side::Payer, Side::Payee],
            expires_at_ms: DAY_MS,
            evidence: Some(Evidence::BelowLimit),
            again_after_ms: None,
        },
        "payer-enrols" => enrolled(Side::Payer, "card:1"),
        "payee-enrols" => enrolled(Side::Payee, "iban:FR9"),
        "reversing" => Event::Reversing { attempt: number },
        "reversed" => reversal(settled(eur(2000))),
        "no-original" => reversal(Outcome::unknown("no original")),
        "not-reversed" => reversal(declined(false)),
        "reversal-delayed" => Event::ReversalDelayed { attempt: number, because: "down".into() },
        "proceed" => answered(Outcome::Proceed),
        "looked" => Event::Answered {
            attempt: number,
            asked: true,
            outcome: Outcome::ActionRequired { url: "https://b".into(), until_ms: None, reference: None },
        },
        "unroutable" => Event::Unroutable { because: "no".into() },
        "sent" => Event::Sent { attempt: number, by: None },
        "sent-to-first" => Event::Sent { attempt: number, by: Some(taker("1.0.0")) },
        "taken-by-second" => Event::Taken { attempt: number, by: taker("1.1.0") },
        "not-sent" => Event::NotSent { attempt: number, because: "no route to host".into() },
        "settled" => answered(settled(eur(2000))),
        "settled-part" => answered(settled(eur(500))),
        "settled-more" => answered(settled(eur(2500))),
        "settled-yen" => answered(settled(Money::new(2000, Currency::JPY).unwrap())),
        "declined" => answered(declined(false)),
        "declined-here" => answered(declined(true)),
        "pending" => answered(Outcome::Pending { reference: None, detail: "in hand".into(), ask_after_ms: None }),
        "action" => answered(Outcome::ActionRequired { url: "https://b".into(), until_ms: None, reference: None }),
        "unknown" => answered(Outcome::unknown("time-out")),
        "asked" => Event::Answered { attempt: number, asked: true, outcome: Outcome::unknown("still nothing") },
        "strange" => answered(Outcome::Unrecognised),
        "cancel" => Event::Cancelled { by: CancelledBy::Payer },
        "expire" => Event::Expired,
        "note-delayed" => {
            Event::NoteDelayed { about: About::Completed, audience: Audience::Payee, because: "down".into() }
        }
        "note-told" => {
            Event::NoteTold { about: About::Completed, audience: Audience::Payee, channel: Some("chat".into()) }
        }
        "note-delivered" => Event::NoteDelivered { about: About::Completed, audience: Audience::Payee },
        "note-undelivered" => {
            let (about, audience, fate) = (About::Completed, Audience::Payee, Fate::Expired);
            Event::NoteUndelivered { about, audience, fate, detail: None }
        }
        "note-failed" => {
            Event::NoteFailed { about: About::Completed, audience: Audience::Payee, because: "gone".into() }
        }
        other => unreachable!("{other}"),
    }
}

fn taker(version: &str) -> Arc<Taker> {
    Arc::new(Taker { plugin: "bank".into(), version: version.into(), sha256: None })
}

/// Plays a script; writes the state and the balances it ends in, or the first refusal.
fn play(script: &str) -> (Payment, BTreeMap<Account, i64>, String) {
    let mut now = payment();
    let mut balances = BTreeMap::<Account, i64>::new();
    for word in script.split(", ") {
        match now.clone().apply(&event(word), 1_000) {
            Ok(next) => {
                now = next.payment;
                assert!(is_balanced(&next.postings), "{script}");
                for posting in next.postings {
                    *balances.entry(posting.account).or_default() += posting.minor;
                }
            }
            Err(refusal) => {
                let verb = word.split(" ").next().unwrap_or_default();
                return (now, balances, format!("{verb}: {refusal}"));
            }
        }
    }
    balances.retain(|_, minor| *minor != 0);
    let accounts: Vec<_> = balances.iter().map(|(account, minor)| format!("{account}={minor}")).collect();
    let end = format!("{} {}", now.state.name(), accounts.join(" "));
    (now, balances, end.trim_end().to_owned())
}

#[test]
fn who_took_an_order_stays_with_it() {
    let check = |script: &str, expected: &str| {
        let (now, _, _) = play(script);
        let by = now.attempts[0].taken_by.as_ref().map_or("nobody", |by| by.version.as_str());
        assert_eq!(by, expected, "{script}");
    };
    let begin = "confirm, transfer";
    check(begin, "nobody");
    check(&format!("{begin}, sent 1"), "nobody");
    check(&format!("{begin}, sent-to-first 1, unknown 1"), "1.0.0");
    check(&format!("{begin}, sent-to-first 1, taken-by-second 1, settled 1"), "1.1.0");
    check(&format!("{begin}, taken-by-second 1"), "nobody");
    // What was stored before anybody kept it is read, and what is kept is read again.
    let before: Event = serde_json::from_str(r#"{"event":"sent","attempt":1}"#).unwrap();
    assert_eq!(before, Event::Sent { attempt: 1, by: None });
    let (now, _, _) = play(&format!("{begin}, sent-to-first 1"));
    let attempt = serde_json::to_value(&now.attempts[0]).unwrap();
    assert_eq!(serde_json::from_value::<Attempt>(attempt.clone()).unwrap(), now.attempts[0]);
    let mut stored = attempt;
    stored.as_object_mut().unwrap().remove("taken_by");
    assert_eq!(serde_json::from_value::<Attempt>(stored).unwrap().taken_by, None);
    let taker = |sha256: Option<&str>| Taker { sha256: sha256.map(str::to_owned), ..(*taker("1.0.0")).clone() };
    assert_eq!(taker(None).to_string(), "bank 1.0.0");
    assert_eq!(taker(Some("462f709e3e6f5c02f8bf")).to_string(), "bank 1.0.0 (462f709e3e6f)");
}

#[test]
fn scripts() {
    let check = |script: &str, expected: &str| assert_eq!(play(script).2, expected, "{script}");
    let paid = "completed person:chat:1=-2000 person:chat:2=2000";
    check("confirm, transfer, sent 1, settled 1", paid);
    check("challenge, wrong, confirm, transfer, sent 1, pending 1, unknown 1, pending 1, settled 1", paid);
    check("challenge, wrong, wrong, wrong", "cancelled");
    check("challenge, expire", "expired");
    check("challenge, cancel", "cancelled");
    check("challenge, cancel, confirm", "confirm: this cannot happen to a payment that is cancelled");
    check("confirm, cancel", "cancel: this cannot happen to a payment that is received");
    check("transfer", "transfer: this cannot happen to a payment that is received");
    check("confirm, unroutable", "declined");
    check("confirm, transfer, settled 1", "settled: the attempt's order never left");
    check("confirm, transfer, sent 1, sent 1", "sent: the attempt's order has left already");
    check("confirm, transfer, sent 2", "sent: the payment has no such attempt");
    check("confirm, transfer, sent 1, declined 1", "declined");
    // A cascade: only after a decline that another rail may answer differently, or an attested *not sent*.
    check("confirm, transfer, sent 1, declined-here 1, sent 2, settled 2", paid);
    check("confirm, transfer, sent 1, not-sent 1, sent 2, settled 2", paid);
    check("confirm, transfer, sent 1, unknown 1, sent 2", "sent: the payment has no such attempt");
    check("confirm, transfer, sent 1, unknown 1, not-sent 1", "not-sent: the attempt's order has left already");
    check("confirm, transfer, sent 1, strange 1", "transferring person:chat:1=-2000 clearing:bank=2000");
    check("confirm, transfer, sent 1, unknown 1, settled 1", paid);
    // What no order reached is tried again, as often as the plan allows.
    check("confirm, transfer, not-sent 1, not-sent 2, sent 3, settled 3", paid);
    check("confirm, transfer, not-sent 1, not-sent 2, not-sent 3, not-sent 4", "declined");
    // Late and strange answers.
    check("confirm, transfer, sent 1, settled 1, settled 1", "settled: this is known already");
    check("confirm, transfer, sent 1, declined 1, settled 1", "declined person:chat:1=-2000 suspense=2000");
    // An order that has not left yet is withdrawn when the one before it has moved the money after all.
    check("confirm, transfer, sent 1, declined-here 1, settled 1", paid);
    check("confirm, transfer, sent 1, not-sent 1, settled 1, sent 2", "sent: the attempt's order has left already");
    check("confirm, transfer, sent 1, declined-here 1, settled-part 1", "in_review person:chat:1=-500 suspense=500");
    check(
        "confirm, transfer, sent 1, declined-here 1, settled-yen 1, sent 2",
        "sent: the attempt's order has left already",
    );
    check(
        "confirm, transfer, sent 1, declined-here 1, sent 2, settled 1",
        "transferring person:chat:1=-4000 clearing:slow-bank=2000 suspense=2000",
    );
    check("confirm, transfer, sent 1, settled 1, declined 1", paid);
    check("confirm, transfer, sent 1, settled 1, declined 1, declined 1", "declined: this is known already");
    check("confirm, transfer, sent 1, settled-part 1", "in_review person:chat:1=-500 suspense=500");
    check("confirm, transfer, sent 1, settled-more 1", "in_review person:chat:1=-2500 suspense=2500");
    check("confirm, transfer, sent 1, settled-yen 1", "transferring person:chat:1=-2000 clearing:bank=2000");
    // Two steps.
    check("confirm, two-steps, sent 1, settled 1, sent 2, settled 2", paid);
    check("confirm, two-steps, sent 1, declined 1", "declined");
    check(
        "confirm, two-steps, sent 1, settled 1, sent 2, unknown 2",
        "paying_out person:chat:1=-2000 clearing:bank=2000",
    );
    check("confirm, two-steps, sent 1, settled 1, sent 2, declined 2, sent 3, settled 3", "returned");
    check(
        "confirm, two-steps, sent 1, settled 1, sent 2, declined 2, sent 3, declined 3",
        "return_failed person:chat:1=-2000 held=2000",
    );
    check(
        "confirm, two-steps, sent 1, settled 1, sent 2, settled-more 2",
        "in_review person:chat:1=-2000 person:chat:2=2500 suspense=-500",
    );
    check("confirm, two-steps, sent 1, settled 1, sent 2, declined 2, settled 2", paid);
    check(
        "confirm, two-steps, sent 1, settled 1, sent 2, declined 2, settled 2, sent 3",
        "sent: the attempt's order has left already",
    );
    check(
        "confirm, two-steps, sent 1, declined-here 1, sent 2, settled 2, settled 1",
        "paying_out person:chat:1=-4000 held=2000 suspense=2000",
    );
    // What moved late is not moved again, not given back, and not said to have stood still.
    let late = "in_review person:chat:1=-2000 suspense=2000";
    check("confirm, transfer, sent 1, declined-here 1, sent 2, settled 1, declined 2", late);
    check("confirm, transfer, sent 1, not-sent 1, sent 2, settled 1, declined-here 2", late);
    check("confirm, transfer, sent 1, not-sent 1, sent 2, settled 1, not-sent 2", late);
    check(
        "confirm, two-steps, sent 1, settled 1, sent 2, declined-here 2, sent 3, settled 2, declined 3",
        "in_review person:chat:1=-2000 person:chat:2=2000 held=2000 suspense=-2000",
    );
    // What is said twice is known.
    check("confirm, transfer, sent 1, pending 1, pending 1", "pending: this is known already");
    check("confirm, transfer, sent 1, action 1, action 1", "action: this is known already");
    check("confirm, transfer, sent 1, unknown 1, unknown 1", "unknown: this is known already");
    check("confirm, transfer, sent 1, settled-yen 1, settled-yen 1", "settled-yen: this is known already");
    check("confirm, transfer, sent 1, settled 1, note-failed", paid);
    check("confirm, transfer, sent 1, settled 1, note-delayed, note-told, note-delivered, note-undelivered", paid);
}

#[test]
fn doubt_is_asked_about_within_the_budget_and_ends_in_an_incident() {
    let questions = |script: &str| {
        let mut now = payment();
        let mut effects = Vec::new();
        for word in script.split(", ") {
            let next = now.apply(&event(word), 1_000).unwrap();
            now = next.payment;
            effects.extend(next.effects.into_iter().filter(|e| matches!(e, Effect::Ask { .. })));
        }
        (effects.iter().map(Effect::after_ms).collect::<Vec<_>>(), now.incidents.len(), now.state)
    };
    let flying = "confirm, transfer, sent 1, unknown 1";
    assert_eq!(questions(flying), (vec![1_000], 0, State::Transferring));
    assert_eq!(questions(&format!("{flying}, strange 1")), (vec![1_000], 0, State::Transferring), "one at a time");
    assert_eq!(
        questions(&format!("{flying}, asked 1, asked 1, asked 1")),
        (vec![1_000, 2_000, 4_000], 1, State::Transferring),
        "the budget ends, the doubt does not"
    );
    let in_hand = "confirm, transfer, sent 1, pending 1, asked 1, asked 1, asked 1";
    assert_eq!(questions(in_hand), (vec![1_000, 2_000, 4_000], 1, State::Transferring), "nor does what is in hand");
    let put_off = Outcome::Pending { reference: None, detail: "in hand".into(), ask_after_ms: Some(u64::MAX) };
    let event = Event::Answered { attempt: 1, asked: false, outcome: put_off };
    let effects = play("confirm, transfer, sent 1").0.apply(&event, 1_000).unwrap().effects;
    assert!(effects.iter().all(|e| e.after_ms() <= 7 * DAY_MS), "no rail puts its question off for ever: {effects:?}");
}

#[test]
fn an_order_is_sent_again_only_while_the_rail_knows_it() {
    let sent = play("confirm, transfer, sent 1").0.attempt(1).unwrap().clone();
    let check =
        |for_ms, now_ms, expected| assert_eq!(sent.is_known_again(for_ms, now_ms), expected, "{for_ms} {now_ms}");
    check(DAY_MS, 1_000, true);
    check(DAY_MS, 1_000 + DAY_MS - 60_001, true);
    check(DAY_MS, 1_000 + DAY_MS - 60_000, false);
    check(DAY_MS, u64::MAX, false);
    check(u64::MAX, 1 << 60, true);
    check(0, 1_000, false);
    check(DAY_MS, 999, false);
    let never_sent = play("confirm, transfer").0.attempt(1).unwrap().clone();
    assert!(!never_sent.is_known_again(DAY_MS, 1_000));
}

#[test]
fn what_is_public_says_nothing_but_done() {
    let done = play("confirm, transfer, sent 1").0.apply(&event("settled 1"), 2_000).unwrap();
    let public: Vec<_> =
        done.effects.iter().filter(|e| matches!(e, Effect::Note { audience: Audience::Public, .. })).collect();
    assert_eq!(public, [&Effect::Note { audience: Audience::Public, about: About::Completed }]);
}

#[test]
fn an_event_of_an_earlier_version_is_read_and_written_as_it_was() {
    let check = |json: &str| {
        let event: Event = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&event).unwrap(), json, "its hash would be another one");
    };
    check(r#"{"event":"challenged","number":1,"tries":3,"expires_at_ms":600000}"#);
    check(r#"{"event":"challenged","number":1,"tries":3,"expires_at_ms":600000,"again_after_ms":1000}"#);
    check(
        r#"{"event":"received","intent":{"kind":"pay","payer":{"name":"p","handle":"chat:1","account":"iban:IT1","language":"en"},"payee":{"name":"a","handle":"chat:2","account":"iban:FR2","country":"FR","language":"it"},"amount":{"minor":2000,"currency":"EUR"},"visibility":"private","origin":{"source":"api","by":"key:k","public":false}}}"#,
    );
    check(
        r#"{"event":"routed","plan":{"route":"r","collect":[{"rail":"c","doubt":{"doubt":"reversible"}}],"payout":[{"rail":"b","doubt":{"doubt":"statement"}}],"attempts_max":4}}"#,
    );
    check(r#"{"event":"note_failed","about":{"about":"challenge","number":1},"audience":"payer","because":"gone"}"#);
}

#[test]
fn a_snapshot_of_an_earlier_version_is_read_and_written_as_it_was() {
    let json = r#"{"challenge":{"number":1,"tries_left":3,"expires_at_ms":9},"attempts":[{"number":1,"leg":"collect","rail":"c","state":"pending","made_at_ms":1,"sent_at_ms":2,"asking":true,"asked":2,"reference":"r","word":"w"}]}"#;
    let read: Snapshot<'_> = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), json);
}

#[test]
fn a_payment_survives_its_snapshot() {
    let (payment, ..) = play(
        "enrol, payee-enrols, payer-enrols, challenge, confirm, by-card, sent 1, action 1, proceed 1, sent 1, unknown 1, reversing 1, no-original 1, reversed 1, sent 2, settled 2, sent 3, pending 3",
    );
    let json = serde_json::to_string(&payment.snapshot()).unwrap();
    for written_once in ["iban", "plan", "inquirable", "version"] {
        assert!(!json.contains(written_once), "what never changes is not written again and again: {json}");
    }
    let facts = Facts {
        id: payment.id,
        version: payment.version,
        state: payment.state,
        made_at_ms: payment.made_at_ms,
        changed_at_ms: payment.changed_at_ms,
        intent: payment.intent.clone(),
        plan: payment.plan.clone(),
    };
    assert_eq!(serde_json::from_str::<Snapshot>(&json).unwrap().restore(facts), payment);
    assert_eq!(payment.attempt_of_key(&payment.key(2)).unwrap().number, 2);
    assert!(payment.key(99).len() <= 35);
}
