//! Rails whose orders are undone where their outcome is in doubt, and payers who have to act first.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use sportello_engine::{RailAnswer, RailSetup, Route, Setup};
use sportello_model::payment::{AttemptState, State};
use sportello_model::{Doubt, Order, OrderKind, Outcome, Party, Payment, Report};
use sportello_sdk::{Failure, HandOver, RailFacts};

use crate::stage::{Stage, eur, handle, settled, setup};

/// A rail that collects what is handed over like this, and whose orders can be undone.
pub(crate) fn by(hand_over: HandOver, scheme: &str) -> RailFacts {
    let orders = [
        (OrderKind::Collect, Doubt::Reversible),
        (OrderKind::Refund, Doubt::Reversible),
        (OrderKind::Reverse, Doubt::Idempotent { for_ms: 604_800_000 }),
    ];
    RailFacts {
        currencies: vec!["EUR".into()],
        accounts: vec![scheme.into()],
        orders: orders.into(),
        hand_over: Some(hand_over),
    }
}

/// A route that collects by two rails whose orders can be undone, and pays out by one that can be asked.
pub(crate) fn cards() -> Setup {
    let mut base = setup(0);
    for rail in &mut base.rails {
        let doubt = rail.facts.orders.values().next().cloned().unwrap();
        rail.facts.orders.insert(OrderKind::PayOut, doubt);
    }
    let collects = by(HandOver::Card, "plastic");
    base.rails.extend(["one", "two"].map(|name| RailSetup { instance: name.into(), facts: collects.clone() }));
    base.profiles.first_mut().unwrap().account = Some(handle("plastic:1"));
    let route = Route {
        name: "cards".into(),
        collect: vec!["one".into(), "two".into()],
        payout: vec!["bank".into()],
        ..Route::default()
    };
    let house = Party { name: "us".into(), account: handle("iban:IT0"), country: None };
    Setup { routes: vec![route], house: Some(house), ..base }
}

fn lost() -> RailAnswer {
    RailAnswer { by: None, may_have_left: true, result: Err(Failure::provider("timeout", "no answer")) }
}

fn says(outcome: Outcome) -> RailAnswer {
    RailAnswer { by: None, may_have_left: true, result: Ok(outcome) }
}

fn kinds(orders: &[Order]) -> Vec<OrderKind> {
    orders.iter().map(|order| order.kind).collect()
}

/// What was asked for is carried out at most once: no order but a reversal is given twice, and of those that collect all
/// but one were undone.
fn is_charged_once(orders: &[Order]) {
    let mut given = HashSet::new();
    let undone: HashSet<_> = orders.iter().filter_map(|o| o.refers_to.clone()).collect();
    for order in orders.iter().filter(|order| order.kind != OrderKind::Reverse) {
        assert!(given.insert(&order.key), "{} was given twice", order.key);
    }
    let charged = orders.iter().filter(|o| o.kind == OrderKind::Collect && !undone.contains(&o.key)).count();
    assert_eq!(charged, 1, "{orders:#?}");
}

impl Stage {
    /// Lets things happen until the payment is as it is wanted.
    async fn until(&self, created: &sportello_engine::Created, is_so: impl Fn(&Payment) -> bool) -> Payment {
        loop {
            let payment = created.payment().await;
            if is_so(&payment) {
                return payment;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn reports(&self, rail: &str, key: &str, outcome: Outcome) {
        self.engine.report(rail, Report { key: key.into(), outcome }).await.unwrap();
    }
}

/// What answers end in: the state, and what was ordered.
async fn check(answers: Vec<RailAnswer>, expected: (State, &[OrderKind])) -> Payment {
    let stage = Stage::with(cards()).await;
    *stage.world.answers.lock() = answers.into();
    stage.time(86_400_000);
    let created = stage.pay("k").await;
    created.ended().await;
    let payment = created.payment().await;
    let orders = stage.world.orders.lock().clone();
    assert_eq!((payment.state, kinds(&orders).as_slice()), expected, "{payment:#?}");
    if payment.state == State::Completed {
        is_charged_once(&orders);
    }
    stage.sums_to_zero().await;
    payment
}

#[tokio::test]
async fn a_lost_answer_ends_in_a_reversal_and_exactly_one_charge() {
    use OrderKind::{Collect, PayOut, Refund, Reverse};
    use State::{Completed, Declined, ReturnFailed};
    let half = || says(settled(eur(1_000)));
    let yes = || says(settled(eur(2_000)));
    let no = || says(Outcome::Declined { code: "05".into(), reason: "no".into(), elsewhere: false });
    check(vec![], (Completed, &[Collect, PayOut])).await;
    check(vec![lost()], (Completed, &[Collect, Reverse, Collect, PayOut])).await;
    check(vec![says(Outcome::unknown("?"))], (Completed, &[Collect, Reverse, Collect, PayOut])).await;
    check(vec![says(Outcome::Unrecognised)], (Completed, &[Collect, Reverse, Collect, PayOut])).await;
    // The rail that undid one is tried again, and not for ever.
    let twice = [Collect, Reverse, Collect, Reverse];
    check(vec![lost(), yes(), lost()], (Completed, &[&twice[..], &[Collect, PayOut]].concat())).await;
    let never = vec![lost(), yes(), lost(), yes(), lost(), yes(), lost()];
    check(never, (Declined, &[twice, twice].concat())).await;
    // The answer to the reversal is lost: it is given again, under the same key.
    let payment =
        check(vec![lost(), lost(), lost()], (Completed, &[Collect, Reverse, Reverse, Reverse, Collect, PayOut]));
    assert!(payment.await.incidents.is_empty());
    let silent = std::iter::repeat_with(lost).take(12).collect();
    let payment = check(silent, (Completed, &[&[Collect][..], &[Reverse; 12], &[Collect, PayOut]].concat())).await;
    assert_eq!(payment.incidents.len(), 1, "an operator is told after the tenth, and it goes on: {payment:#?}");
    // A part is given back, and that rail is not asked for the whole again.
    check(vec![half()], (Completed, &[Collect, Reverse, Collect, PayOut])).await;
    let payment = check(vec![half(), yes(), half()], (Declined, &twice)).await;
    assert_eq!(payment.reason.as_deref(), Some("10.00 EUR of 20.00 EUR were approved, and given back"));
    // What is given back may be in doubt, too.
    let stage = Stage::with(cards()).await;
    *stage.world.answers.lock() = vec![yes(), no(), lost(), yes(), no()].into();
    stage.time(86_400_000);
    let created = stage.pay("k").await;
    let payment = stage.until(&created, |p| p.state == ReturnFailed).await;
    assert_eq!(kinds(&stage.world.orders.lock()), [Collect, PayOut, Refund, Reverse, Refund], "{payment:#?}");
    stage.sums_to_zero().await;
}

#[tokio::test]
async fn a_reversal_has_one_key_and_names_the_order_that_it_undoes() {
    let stage = Stage::with(cards()).await;
    *stage.world.answers.lock() = vec![lost(), lost()].into();
    stage.time(86_400_000);
    let created = stage.pay("k").await;
    created.ended().await;
    let orders = stage.world.orders.lock().clone();
    let (collect, first, second) = (&orders[0], &orders[1], &orders[2]);
    assert_eq!(first, second);
    assert_eq!((&first.key, first.refers_to.as_ref()), (&format!("{}r1", created.id()), Some(&collect.key)));
    assert_eq!((first.amount, &first.debtor.account), (collect.amount, &handle("plastic:1")));
    assert_eq!((collect.creditor.name.as_str(), orders[4].debtor.name.as_str()), ("us", "us"));
}

#[tokio::test]
async fn a_crash_at_any_step_of_a_reversal_charges_nobody_twice() {
    for hangs_at in 1..=4 {
        let stage = Stage::with(cards()).await;
        *stage.world.hangs_at.lock() = Some(hangs_at);
        *stage.world.answers.lock() = if hangs_at > 1 { vec![lost()].into() } else { vec![].into() };
        stage.time(86_400_000);
        let created = stage.pay("k").await;
        while stage.world.orders.lock().len() < hangs_at {
            tokio::task::yield_now().await;
        }
        assert!(!stage.engine.drain(0).await, "it hangs");
        let stage = stage.again_with(cards()).await;
        let payment = loop {
            let payment = stage.engine.payment(created.id()).await.unwrap().unwrap();
            if payment.state.is_terminal() {
                break payment;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(payment.state, State::Completed, "{hangs_at}: {payment:#?}");
        is_charged_once(&stage.world.orders.lock());
        stage.sums_to_zero().await;
    }
}

#[tokio::test]
async fn an_approval_settles_until_the_reversal_is_decided_on_and_nothing_after_that() {
    let stage = Stage::with(cards()).await;
    *stage.world.answers.lock() = vec![lost()].into();
    let created = stage.pay("before").await;
    stage.until(&created, |p| p.attempts[0].state == AttemptState::Unknown).await;
    stage.reports("one", &format!("{}-1", created.id()), settled(eur(2_000))).await;
    stage.time(3_600_000);
    created.ended().await;
    assert_eq!(kinds(&stage.world.orders.lock()), [OrderKind::Collect, OrderKind::PayOut], "nothing was undone");

    let stage = Stage::with(cards()).await;
    *stage.world.answers.lock() = vec![lost()].into();
    *stage.world.hangs_at.lock() = Some(2);
    stage.time(3_600_000);
    let created = stage.pay("after").await;
    let (order, reversal) = (format!("{}-1", created.id()), format!("{}r1", created.id()));
    stage.until(&created, |p| p.attempts[0].state == AttemptState::Reversing).await;
    while stage.world.orders.lock().len() < 2 {
        tokio::task::yield_now().await;
    }
    stage.reports("one", &order, settled(eur(2_000))).await;
    stage.reports("one", &order, settled(eur(2_000))).await;
    let payment = created.payment().await;
    assert_eq!((payment.state, payment.attempts[0].state), (State::Collecting, AttemptState::Reversing));
    assert!(payment.attempts[0].word.as_ref().unwrap().contains("settles nothing"), "the journal has it: {payment:#?}");
    assert!(stage.engine.report("two", Report { key: reversal.clone(), outcome: settled(eur(2_000)) }).await.is_err());
    stage.reports("one", &reversal, settled(eur(2_000))).await;
    created.ended().await;
    assert_eq!(created.payment().await.state, State::Completed);
    is_charged_once(&stage.world.orders.lock());
    stage.sums_to_zero().await;
}

#[tokio::test]
async fn what_is_not_undone_stays_in_doubt_and_an_operator_is_told() {
    let no = Outcome::Declined { code: "25".into(), reason: "no original".into(), elsewhere: false };
    let stage = Stage::with(cards()).await;
    *stage.world.answers.lock() = vec![lost(), says(no)].into();
    stage.time(86_400_000);
    let created = stage.pay("k").await;
    let payment = stage.until(&created, |p| !p.incidents.is_empty()).await;
    assert_eq!((payment.state, payment.attempts[0].state), (State::Collecting, AttemptState::Unknown));
    assert!(payment.incidents[0].what.contains("statement"), "{payment:#?}");
    // An approval after all settles nothing; that it did not move ends it.
    stage.reports("one", &format!("{}-1", created.id()), settled(eur(2_000))).await;
    assert_eq!(created.payment().await.incidents.len(), 2);
    assert_eq!(stage.world.orders.lock().len(), 2, "it is not asked for ever");
    stage.reports("one", &format!("{}r1", created.id()), settled(eur(2_000))).await;
    created.ended().await;
    assert_eq!(created.payment().await.state, State::Completed);
    stage.sums_to_zero().await;

    let stage = Stage::with(cards()).await;
    let unknown = || says(Outcome::unknown("no original"));
    *stage.world.answers.lock() = std::iter::once(lost()).chain(std::iter::repeat_with(unknown).take(99)).collect();
    stage.time(86_400_000);
    let created = stage.pay("k").await;
    let payment = stage.until(&created, |p| p.attempts[0].reversal.is_some_and(|r| r.refused == 10)).await;
    assert!(!payment.attempts[0].asking, "{payment:#?}");
    assert_eq!((payment.incidents.len(), stage.world.orders.lock().len()), (1, 11));
}

#[tokio::test]
async fn nothing_of_a_reversal_leaves_before_it_is_durable_that_an_approval_settles_nothing() {
    let stage = Stage::with(cards()).await;
    *stage.world.answers.lock() = vec![lost()].into();
    let created = stage.pay("k").await;
    stage.until(&created, |p| p.attempts[0].state == AttemptState::Unknown).await;
    stage.store_fails("journal");
    stage.time(30_000);
    while stage.clock.now_ms.load(Ordering::SeqCst) < crate::stage::START_MS + 20_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(stage.world.orders.lock().len(), 1);
    stage.store_fails("nothing");
    stage.time(3_600_000);
    created.ended().await;
    is_charged_once(&stage.world.orders.lock());
}

#[tokio::test]
async fn an_order_is_given_again_under_its_key_once_the_payer_has_acted() {
    let act = |until_ms| Outcome::ActionRequired { url: "https://pay.example/act".into(), until_ms, reference: None };
    // By the rail's word, and by what it says when it is asked after the payer's time.
    for reported in [true, false] {
        let stage = Stage::with(cards()).await;
        *stage.world.answers.lock() = vec![says(act(Some(301_000)))].into();
        *stage.world.inquiries.lock() = vec![act(None), Outcome::Proceed].into();
        let created = stage.pay("k").await;
        let payment =
            stage.until(&created, |p| p.attempts.first().is_some_and(|a| a.state == AttemptState::ActionRequired));
        let key = payment.await.key(1);
        let (rail, order) = stage.engine.order_of(&key).await.unwrap().unwrap();
        assert_eq!((rail.as_str(), &order), ("one", &stage.world.orders.lock()[0]));
        if reported {
            stage.reports("one", &key, Outcome::Proceed).await;
            stage.reports("one", &key, Outcome::Proceed).await;
        }
        stage.time(3_600_000);
        created.ended().await;
        let orders = stage.world.orders.lock().clone();
        assert_eq!(kinds(&orders), [OrderKind::Collect, OrderKind::Collect, OrderKind::PayOut]);
        assert_eq!((&orders[0], created.payment().await.state), (&orders[1], State::Completed));
        assert_eq!(*stage.world.asked.lock(), if reported { 0 } else { 2 });
        assert_eq!(stage.engine.order_of(&key).await.unwrap(), None, "there is nothing to do any more");
        stage.sums_to_zero().await;
    }
    let stage = Stage::with(cards()).await;
    for key in ["", "x", "-1", "0-1", &format!("{:032x}-1", 7)] {
        assert_eq!(stage.engine.order_of(key).await.unwrap(), None);
    }
}
