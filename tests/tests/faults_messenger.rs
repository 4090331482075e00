//! What the Messenger Platform, its people and forgers do wrong, with the gateway, its Messenger plugin and the bank for
//! real: what comes again is paid once, what is forged is nothing, and a note that Messenger does not take goes another
//! way or is known not to have been told.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly: that is what it is for"
)]

mod programs;
mod world;

use serde_json::{Value, json};
use world::{ANNA, World, code_in};

/// Somebody writes to the page.
async fn writes(world: &World, who: &str, text: &str) -> String {
    let written = world.post("messenger", "/sandbox/messages", json!({ "as": who, "text": text })).await;
    written["mid"].as_str().unwrap().to_owned()
}

/// Waits until all that was to be delivered is, or is given up.
async fn delivered(world: &World) {
    world
        .until("all deliveries to end", async || {
            let seen = world.get("messenger", "/sandbox/deliveries").await;
            let all = seen["deliveries"].as_array().unwrap();
            all.iter().all(|delivery| delivery["state"] != "queued").then_some(())
        })
        .await;
}

/// Pays anna from the chat, and answers with the ids of the wish and of the code.
async fn pays(world: &World, who: &str, amount: &str) -> [String; 2] {
    let wish = writes(world, who, &format!("pay {ANNA} {amount} EUR for the pizza")).await;
    let asked = world.hears_in_chat(who, &["To pay", amount]).await;
    let code = writes(world, who, &code_in(&asked)).await;
    world.hears_in_chat(who, &["Done", amount]).await;
    [wish, code]
}

#[tokio::test]
async fn what_comes_again_or_was_never_said_moves_nothing() {
    let world = World::start("", 0).await;
    // Replayed: the wish and its code, while it waits and when it is paid; and everything at once three times.
    let [wish, code] = pays(&world, "paolo", "30.01").await;
    for mid in [&wish, &code, &wish] {
        world.post("messenger", "/sandbox/redeliver", json!({ "mid": mid })).await;
    }
    delivered(&world).await;
    world.platform(json!({ "duplicate_deliveries": 2 })).await;
    pays(&world, "paolo", "30.02").await;
    delivered(&world).await;
    world.platform(json!({ "duplicate_deliveries": 0 })).await;
    assert_eq!(world.payments().await.len(), 2);

    // The wrong way round: two wishes are two.
    world.platform(json!({ "reorder": true })).await;
    for amount in ["30.03", "30.04"] {
        writes(&world, "paolo", &format!("pay {ANNA} {amount} EUR")).await;
    }
    for amount in ["30.03", "30.04"] {
        world.hears_in_chat("paolo", &["To pay", amount]).await;
    }
    world.platform(json!({ "reorder": false })).await;
    for amount in ["30.03", "30.04"] {
        let asked = world.hears_in_chat("paolo", &["To pay", amount]).await;
        writes(&world, "paolo", &code_in(&asked)).await;
        world.hears_in_chat("paolo", &["Done", amount]).await;
    }

    // Many people in one delivery, in entries of their own and in one.
    for (batch_in, amounts) in [("entries", ["30.05", "30.06"]), ("messaging", ["30.07", "30.08"])] {
        world.platform(json!({ "batch": 2, "batch_in": batch_in })).await;
        writes(&world, "paolo", &format!("pay {ANNA} {} EUR", amounts[0])).await;
        writes(&world, "luca", &format!("pay {ANNA} {} EUR", amounts[1])).await;
        world.platform(json!({ "batch": 1 })).await;
        for (who, amount) in ["paolo", "luca"].into_iter().zip(amounts) {
            world.hears_in_chat(who, &["To pay", amount]).await;
            assert_eq!(world.payments_of(amount).await.len(), 1);
        }
    }

    // Forged, or of another page and rightly signed: not even a message.
    let payments = world.payments().await.len();
    for how in ["wrong_key", "tampered", "missing", "sha1_only"] {
        let forgery = json!({ "as": "paolo", "text": format!("pay {ANNA} 66.01 EUR"), "how": how });
        let status = world.post("messenger", "/sandbox/forge", forgery).await["status"].as_u64().unwrap();
        assert!((400..500).contains(&status), "{how}: {status}");
    }
    let elsewhere = json!({ "as": "paolo", "page": "104509876543210", "text": format!("pay {ANNA} 66.02 EUR") });
    world.post("messenger", "/sandbox/messages", elsewhere).await;
    world.platform(json!({ "wrong_page": true })).await;
    writes(&world, "paolo", &format!("pay {ANNA} 66.03 EUR")).await;
    delivered(&world).await;
    world.platform(json!({ "wrong_page": false })).await;
    pays(&world, "paolo", "30.09").await;
    assert_eq!(world.payments().await.len(), payments + 1);

    world.moved_once(&["30.01", "30.02", "30.03", "30.04", "30.09"]).await;
    world.told_nobody(&["paolo", "anna", "luca"]).await;
}

/// A payment over HTTP whose payer is asked in the chat. Answers where it is.
async fn asked_over_http(world: &World, payer: &str, minor: u64) -> String {
    let wish = json!({ "payer": payer, "payee": format!("tel:{ANNA}"),
        "amount": { "minor": minor, "currency": "EUR" } });
    let made = world.post("gateway", "/v1/payments", wish).await;
    format!("/v1/payments/{}", made["id"].as_str().unwrap())
}

/// Waits until the journal of a payment has this.
async fn journalled(world: &World, path: &str, words: &[&str]) -> Value {
    world
        .until(&format!("{words:?} in the journal"), async || {
            let events = world.get("gateway", &format!("{path}/events")).await;
            let text = events.to_string();
            words.iter().all(|word| text.contains(word)).then_some(events)
        })
        .await
}

const PAOLO: &str = "messenger:104501234567890/6720845931207741";
const LUCA: &str = "messenger:104501234567890/7360294418835512";

#[tokio::test]
async fn a_note_that_messenger_does_not_take_goes_another_way_or_is_known_to_be_untold() {
    let world = World::start("", 0).await;
    // Whoever never wrote cannot be written to (10/2018278): by SMS where there is a number, else it is given up.
    let paolo = asked_over_http(&world, PAOLO, 3101).await;
    let asked = world.hears("paolo", &["To pay", "31.01"]).await;
    world.confirms("paolo", &asked, "31.01").await;
    journalled(&world, &paolo, &["note_delayed", "outside_window", "note_told"]).await;
    let luca = asked_over_http(&world, LUCA, 3102).await;
    journalled(&world, &luca, &["note_failed", "outside_window"]).await;
    assert_eq!(world.get("gateway", &luca).await["state"], "awaiting_confirmation");

    // The answers of the Send API are lost: what was said once may be said twice, and is paid once.
    writes(&world, "paolo", "status").await;
    world.hears_in_chat("paolo", &["31.01"]).await;
    world.platform(json!({ "lose_answers": 1 })).await;
    pays(&world, "paolo", "31.03").await;
    let challenges = world
        .until("the challenge", async || {
            let notes = world.read_in_chat("paolo").await;
            Some(notes.iter().filter(|note| note.contains("To pay") && note.contains("31.03")).count())
        })
        .await;
    assert!((1..=2).contains(&challenges), "{challenges}");

    // Whoever has blocked the page (551) is told by SMS as well.
    world.platform(json!({ "block": ["paolo"] })).await;
    writes(&world, "paolo", &format!("pay {ANNA} 31.04 EUR")).await;
    let asked = world.hears("paolo", &["To pay", "31.04"]).await;
    writes(&world, "paolo", &code_in(&asked)).await;
    world.hears("paolo", &["Done", "31.04"]).await;
    world.platform(json!({ "block": [] })).await;

    // A day later the window is shut again.
    writes(&world, "luca", "status").await;
    world.hears_in_chat("luca", &["31.02"]).await;
    world.post("messenger", "/sandbox/clock", json!({ "advance_s": 90_000 })).await;
    let wish = json!({ "payer": LUCA, "payee": format!("tel:{ANNA}"), "amount": { "minor": 3105, "currency": "EUR" } });
    let made = world.post("gateway", "/v1/payments", wish).await;
    let late = format!("/v1/payments/{}", made["id"].as_str().unwrap());
    journalled(&world, &late, &["note_failed", "outside_window"]).await;

    // Too much (613): it waits, longer than a moment, and whoever asks is told so.
    writes(&world, "paolo", "status").await;
    world.hears_in_chat("paolo", &["31.04"]).await;
    world.platform(json!({ "fail_next": { "code": 613, "count": 1 } })).await;
    writes(&world, "paolo", &format!("pay {ANNA} 31.06 EUR")).await;
    let waits = world
        .until("a note that waits", async || {
            let payment = world.payments_of("31.06").await.pop()?;
            let path = format!("/v1/payments/{}", payment["id"].as_str().unwrap());
            world.get("gateway", &path).await["notes"].get(0).cloned()
        })
        .await;
    assert!(waits["because"].as_str().unwrap().contains("rate_limited"), "{waits}");
    assert_eq!((&waits["to"], &waits["about"], &waits["tries"]), (&json!("payer"), &json!("challenge"), &json!(1)));
    world.moved_once(&["31.01", "31.03", "31.04"]).await;
    world.told_nobody(&["paolo"]).await;
}
