//! What an acquirer does wrong, and a gateway that is killed while a card is charged, with every program for real: by the
//! acquirer's own books, a card is charged once for each payment that was made, and never for one that was not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly: that is what it is for"
)]

mod programs;
mod till;

use serde_json::{Value, json};
use till::{CARD, Till};

/// What became of a payment's orders, in order.
fn attempts(payment: &Value) -> Vec<&str> {
    payment["attempts"].as_array().unwrap().iter().map(|attempt| attempt["state"].as_str().unwrap()).collect()
}

fn is_over(payment: &Value) -> bool {
    ["completed", "declined", "returned"].contains(&payment["state"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn whatever_an_acquirer_does_wrong_a_card_is_charged_once() {
    let till = Till::start().await;
    till.give_card().await;
    let once = ["settled", "settled"];
    let undone = ["reversed", "settled", "settled"];
    let stories: [(Value, &[&str]); 12] = [
        (json!({}), &once),
        (json!({ "lose_answers": 1 }), &undone),
        (json!({ "drop_links": 1 }), &undone),
        (json!({ "garbage": 1 }), &undone),
        (json!({ "wrong_stan": 1 }), &undone),
        (json!({ "answer_twice": 1 }), &once),
        (json!({ "lose_answers": 1, "lose_reversal_answers": 1 }), &undone),
        (json!({ "hold_answers": 1 }), &undone),
        (json!({ "answer_with": { "code": "68", "count": 1, "after_work": true } }), &undone),
        (json!({ "answer_with": { "code": "51", "count": 1 } }), &["declined"]),
        (json!({ "answer_with": { "code": "Z9", "count": 1 } }), &["unknown"]),
        (json!({}), &once),
    ];
    for (number, (fault, expected)) in (1..).zip(&stories) {
        let (before, _) = till.charged(CARD).await;
        till.acquirer(fault.clone()).await;
        let minor = 500 + number;
        let payment = till.pay(minor, "respond-async").await;
        let payment = till
            .payment(&payment, &format!("{fault} to end in {expected:?}"), |payment| {
                attempts(payment) == **expected && (is_over(payment) || expected.last() == Some(&"unknown"))
            })
            .await;
        // What was held back comes when nobody waits for it any more: it settles nothing.
        till.tell("cards", "/control/release", json!({})).await;
        let (after, held) = till.charged(CARD).await;
        let is_paid = payment["state"] == "completed";
        assert_eq!(is_paid, expected.last() == Some(&"settled"), "{fault}: {payment}");
        let charge = if is_paid { i64::try_from(minor).unwrap() } else { 0 };
        assert_eq!((after - before, held), (charge, 0), "{fault}: {payment}");
    }
    till.stores_none_of(&[CARD]);
}

#[tokio::test]
async fn killed_while_a_card_is_charged_it_charges_once() {
    let mut till = Till::start().await;
    till.give_card().await;
    let (before, _) = till.charged(CARD).await;
    till.acquirer(json!({ "hold_answers": 1 })).await;
    let payment = till.pay(700, "respond-async").await;
    till.until("the acquirer to hold its answer", async || {
        (till.see("cards", "/control/acquirer").await["held_answers"] == 1).then_some(())
    })
    .await;
    assert_eq!(till.charged(CARD).await.0 - before, 700, "it is charged, and nobody knows");
    till.kill();
    till.restart().await;
    let payment = till.payment(&payment, "the payment to end", is_over).await;
    assert_eq!(
        (payment["state"].as_str(), attempts(&payment)),
        (Some("completed"), vec!["reversed", "settled", "settled"])
    );
    assert_eq!(till.charged(CARD).await, (before + 700, 0));
    till.stores_none_of(&[CARD]);
}

#[test]
fn what_two_rails_cannot_share_and_what_a_schema_can_say_is_refused_before_the_start() {
    let programs = programs::built();
    let sandbox = programs::Program::sandbox(&programs, &[]);
    let folder = tempfile::tempdir().unwrap();
    let file = programs::deployment(folder.path(), &programs, &sandbox);
    let written = std::fs::read_to_string(&file).unwrap();
    let check = |changes: &[(&str, &str)], expected: &[(&str, &str)]| {
        let changed = changes.iter().fold(written.clone(), |config, (from, to)| {
            assert!(config.contains(from), "{from}");
            config.replacen(from, to, 1)
        });
        std::fs::write(&file, &changed).unwrap();
        let mut sportello = std::process::Command::new(programs.join("sportello"));
        let told = sportello.arg("--config").arg(&file).args(["--json", "check"]).output().unwrap();
        let told: Value = serde_json::from_slice(&told.stdout).unwrap();
        let problems = told["problems"].as_array().unwrap();
        assert_eq!(problems.len(), expected.len(), "{told:#}");
        for (problem, (key, what)) in problems.iter().zip(expected) {
            assert_eq!(problem["key"], *key, "{told:#}");
            assert!(problem["what"].as_str().unwrap().contains(what), "{told:#}");
        }
    };
    check(&[], &[]);
    // Both at once, each with its own key.
    check(
        &[("[\"SPORT101\", \"SPORT102\", \"SPORT103\"]", "[\"SPORT002\", \"SPORT102\", \"SPORT003\"]")],
        &[
            (
                "rails.wallets.settings.acquirer.terminals[0]",
                "the terminal id \"SPORT002\" (acquirer_id = \"400123\") is given to rails.cards already, on line ",
            ),
            ("rails.wallets.settings.acquirer.terminals[2]", "\"SPORT003\""),
        ],
    );
    check(
        &[("\"SPORT101\", \"SPORT102\"", "\"SPORT101\", \"SPORT101\""), ("\"SPORT001\",", "\"SPORT0001\",")],
        &[
            ("rails.cards.settings.acquirer.terminals[0]", "longer than 8"),
            ("rails.wallets.settings.acquirer.terminals", "non-unique"),
        ],
    );
    // The 3DS server's key is wanted where it is asked, and a mistake in its table has its own line.
    let key = "three_ds_key = \"sandbox-3ds-key\"\n";
    check(&[(key, "")], &[("rails.cards.settings.three_ds_key", "the plugin needs this secret")]);
    check(&[("when = \"always\"", "when = \"whenever\"")], &[("rails.cards.settings.three_ds.when", "whenever")]);
}
