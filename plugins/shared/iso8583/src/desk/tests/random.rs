//! Random days: answers are lost, late or doubled, links break, calls are given up and plugins restarted anywhere.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use futures_util::future::{Either, select};
use proptest::prelude::*;
use sportello_sdk::{Order, OrderKind, Outcome};

use super::super::testing::{KEY, REVERSAL_KEY, Stage, about, order, paying, turns};
use crate::testing::{Acquirer, Says, answer, framed};
use crate::{Field, Message};

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The order is given, and given up after so many turns.
    Submit(u32),
    /// Its reversal is.
    Reverse(u32),
    Restart,
    /// What was not answered is answered now, twice.
    Late,
    /// From now on the acquirer behaves so.
    Behave(Manner),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Answers,
    /// It does its work, and its answer is lost.
    Loses,
    /// It does its work, and the link breaks.
    Breaks,
    Declines,
}

/// The acquirer's books: what was approved, by terminal, number and time; and what was not answered.
#[derive(Default)]
struct Books {
    approved: BTreeMap<String, bool>,
    requests: usize,
    unanswered: Vec<Message>,
}

fn text(message: &Message, field: Field) -> &str {
    message.text(field).unwrap_or_default()
}

fn enter(books: &mut Books, message: &Message, manner: Manner) -> Says {
    let terminal = text(message, Field::TERMINAL);
    let code = if message.mti().to_string().starts_with("04") {
        // Field 90: type, STAN, time.
        let original = text(message, Field::ORIGINAL);
        match books.approved.get_mut(&format!("{terminal} {}", &original[4..20])) {
            Some(is_held) => {
                *is_held = false;
                "00"
            }
            None => "25",
        }
    } else {
        books.requests += 1;
        let key = format!("{terminal} {}{}", text(message, Field::STAN), text(message, Field::TRANSMITTED_AT));
        if manner == Manner::Declines {
            "51"
        } else {
            books.approved.insert(key, true);
            "00"
        }
    };
    let said = answer(message, code);
    match manner {
        Manner::Answers | Manner::Declines => Says::This(said),
        Manner::Loses => {
            books.unanswered.push(said);
            Says::Nothing
        }
        Manner::Breaks => {
            books.unanswered.push(said);
            Says::Breaks
        }
    }
}

/// Gives an order, and gives its call up after so many turns; nothing where that was too soon.
fn give(stage: &Stage, order: &Order, turns_max: u32) -> Option<Outcome> {
    stage.run(async |host| {
        let call = pin!(async {
            match order.kind {
                OrderKind::Reverse => stage.desk.reverse(order, Some(&paying().pan), &host).await,
                _ => stage.desk.submit(order, &paying(), &host).await.map(super::super::Verdict::outcome),
            }
        });
        let patience = pin!(async {
            turns(turns_max).await;
            stage.host.advance(9_000);
            turns(turns_max).await;
        });
        match select(call, patience).await {
            Either::Left((told, _)) => told.ok(),
            Either::Right(_) => None,
        }
    })
}

fn check(steps: &[Step]) {
    let books = Arc::new(Mutex::new((Books::default(), Manner::Answers)));
    let of_acquirer = Arc::clone(&books);
    let mut stage = Stage::new(Acquirer::new(move |message| {
        let (books, manner) = &mut *of_acquirer.lock().unwrap();
        enter(books, message, *manner)
    }));
    let collect = order(OrderKind::Collect);
    let reverse = about(OrderKind::Reverse, REVERSAL_KEY);
    let held = || books.lock().unwrap().0.approved.values().filter(|is_held| **is_held).count();
    let (mut is_reversed, mut is_reversing) = (false, false);
    for step in steps {
        match *step {
            Step::Submit(turns_max) => {
                let told = give(&stage, &collect, turns_max);
                if is_reversing {
                    assert!(!matches!(told, Some(Outcome::Settled { .. })), "settled after its reversal was ordered");
                } else if matches!(told, Some(Outcome::Settled { .. })) {
                    assert_eq!(held(), 1, "settled, and not held");
                }
                if matches!(told, Some(Outcome::Declined { .. })) {
                    assert_eq!(held(), 0, "declined, and held");
                }
            }
            Step::Reverse(turns_max) => {
                let told = give(&stage, &reverse, turns_max);
                is_reversing |= told.is_some();
                is_reversed |= matches!(told, Some(Outcome::Settled { .. }));
            }
            Step::Restart => stage = stage.restarted(),
            Step::Late => {
                let late: Vec<Message> = books.lock().unwrap().0.unanswered.drain(..).collect();
                stage.run(async |_| {
                    for said in late.iter().chain(&late) {
                        stage.host.stream_says(stage.host.streams(), &framed(said));
                    }
                    turns(5).await;
                });
            }
            Step::Behave(manner) => books.lock().unwrap().1 = manner,
        }
        assert!(books.lock().unwrap().0.requests <= 1, "sent twice");
        assert!(!is_reversed || held() == 0, "reversed, and held");
    }
    let reports = stage.host.reports().into_iter().filter(|report| report.key == KEY);
    let told: Vec<Outcome> = reports.map(|report| report.outcome).collect();
    assert!(told.len() <= 1, "told twice: {told:?}");
    assert!(!matches!(told[..], [Outcome::Declined { .. }]) || held() == 0, "told as declined, and held");
}

fn step() -> impl Strategy<Value = Step> {
    let manner = prop::sample::select(vec![Manner::Answers, Manner::Loses, Manner::Breaks, Manner::Declines]);
    prop_oneof![
        3 => (0_u32..8).prop_map(Step::Submit),
        3 => (0_u32..8).prop_map(Step::Reverse),
        1 => Just(Step::Restart),
        2 => Just(Step::Late),
        2 => manner.prop_map(Step::Behave),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_day_charges_twice_and_none_is_reversed_that_is_still_held(steps in prop::collection::vec(step(), 1..12)) {
        check(&steps);
    }
}
