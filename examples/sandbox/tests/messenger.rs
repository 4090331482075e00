//! Messenger from outside: deliveries and the people in the chats, over HTTP.
#![allow(
    unreachable_pub,
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly, and use their shared module in part"
)]

mod application;
mod world;

use application::*;
use serde_json::{Value, json};
use world::Sandbox;

#[test]
fn the_checks_of_these_tests_agree_with_the_published_vectors() {
    let Some(fixtures) = world::fixtures() else { return };
    let vectors: Value =
        serde_json::from_slice(&std::fs::read(fixtures.join("messenger/vectors.json")).unwrap()).unwrap();
    let check = |vector: &str, text: &str, expected: &str| {
        let vector = &vectors[vector];
        let signature = sha256(vector["secret"].as_str().unwrap(), vector[text].as_str().unwrap().as_bytes());
        assert_eq!(format!("sha256={signature}"), vector[expected].as_str().unwrap());
    };
    check("xhub256_published", "payload", "expected");
    check("escaped_unicode_trap", "raw_body", "expected_over_raw_body");
}

#[tokio::test]
async fn a_webhook_is_verified_by_its_own_challenge_and_200_alone() {
    use axum::{Router, extract::Query, http::StatusCode, routing::get};
    use std::collections::BTreeMap;
    let check = async |status: u16, wrong: bool, expected: (bool, &str)| {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/in", listener.local_addr().unwrap());
        let answer = move |Query(query): Query<BTreeMap<String, String>>| async move {
            let challenge = if wrong { "another" } else { &query["hub.challenge"] };
            (StatusCode::from_u16(status).unwrap(), challenge.to_owned())
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/in", get(answer))).await });
        let sandbox = Sandbox::start(&[]).await;
        sandbox.on_messenger("webhook", json!({ "url": url })).await;
        let judged = async {
            loop {
                let hook = sandbox.see(format!("{}/sandbox/webhook", sandbox.messenger)).await;
                if hook["challenge"] != "" {
                    return hook;
                }
                tokio::task::yield_now().await;
            }
        };
        let hook = tokio::time::timeout(world::PATIENCE, judged).await.unwrap();
        assert_eq!((hook["verified"].as_bool().unwrap(), hook["challenge"].as_str().unwrap()), expected);
    };
    check(200, false, (true, "answered well")).await;
    check(200, true, (false, "the challenge did not come back")).await;
    check(403, false, (false, "answered 403")).await;
    check(201, false, (false, "answered 201")).await;
}

/// Every kind of event, as a person's doing brings it about. In the expected event `now` stands for the time of its
/// entry, and `new` for the id that the control API answered.
#[tokio::test]
async fn what_people_do_is_delivered_as_messenger_words_it() {
    let fields = ["messages", "messaging_postbacks", "message_reads", "message_reactions", "message_edits", "standby"];
    let (app, sandbox) = start(&[], &fields, &[]).await;
    let first = write(&sandbox, "paolo", "pay anna 20 €").await;
    sandbox.on_messenger("people", json!({ "name": "giulia" })).await;
    let people = sandbox.see(format!("{}/sandbox/people", sandbox.messenger)).await;
    let giulia = people["people"][3]["psids"][PAGE].as_str().unwrap().to_owned();
    assert!(giulia.len() == 17 && giulia.bytes().all(|byte| byte.is_ascii_digit()));

    let mut count = 1;
    let mut check = async |path: &str, asked: Value, place: [&str; 3], expected: Value| {
        let done = sandbox.on_messenger(path, asked).await;
        count += 1;
        let (good, body) = app.wait(count).await.pop().unwrap();
        assert!(good, "{path}");
        let (entry, [page, psid, list]) = (&body["entry"][0], place);
        let mut whole = json!({ "sender": { "id": psid }, "recipient": { "id": page }, "timestamp": "now" });
        whole.as_object_mut().unwrap().extend(expected.as_object().unwrap().clone());
        let whole = whole.to_string().replace("\"now\"", &entry["time"].to_string());
        let whole: Value = serde_json::from_str(&whole.replace("\"new\"", &done["mid"].to_string())).unwrap();
        assert_eq!((&entry["id"], &entry[list]), (&json!(page), &json!([whole])), "{path}");
    };
    let own = [PAGE, PAOLO, "messaging"];
    let message = |text: &str| json!({ "message": { "mid": "new", "text": text } });
    check("messages", json!({ "as": "Paolo", "text": "sì 🍕" }), own, message("sì 🍕")).await;
    let asked = json!({ "as": "paolo", "page": OTHER_PAGE, "text": "hello" });
    check("messages", asked, [OTHER_PAGE, PAOLO_ELSEWHERE, "messaging"], message("hello")).await;
    let asked = json!({ "as": "anna", "text": "aside", "standby": true });
    check("messages", asked, [PAGE, ANNA, "standby"], message("aside")).await;
    let asked = json!({ "as": "giulia", "text": "new here" });
    check("messages", asked, [PAGE, &giulia, "messaging"], message("new here")).await;
    let asked = json!({ "as": "paolo", "text": "this", "reply_to": first });
    let expected = json!({ "message": { "mid": "new", "text": "this", "reply_to": { "mid": first } } });
    check("messages", asked, own, expected).await;
    let asked = json!({ "as": "paolo", "attachments": [{ "type": "image", "url": "https://example.com/a.png" }] });
    let picture = json!([{ "type": "image", "payload": { "url": "https://example.com/a.png" } }]);
    check("messages", asked, own, json!({ "message": { "mid": "new", "attachments": picture } })).await;
    let asked = json!({ "as": "paolo", "payload": "START", "title": "Get started" });
    let expected = json!({ "postback": { "mid": "new", "payload": "START", "title": "Get started" } });
    check("postbacks", asked, own, expected).await;
    let asked = json!({ "as": "paolo", "payload": "START", "title": "Get started", "with_mid": false });
    check("postbacks", asked, own, json!({ "postback": { "payload": "START", "title": "Get started" } })).await;
    let reaction = json!({ "mid": first, "reaction": "love", "emoji": "❤", "action": "react" });
    check("reactions", json!({ "as": "paolo", "mid": first }), own, json!({ "reaction": reaction })).await;
    let asked = json!({ "as": "paolo", "mid": first, "action": "unreact" });
    check("reactions", asked, own, json!({ "reaction": { "mid": first, "action": "unreact" } })).await;
    for edits in 1..=5 {
        let asked = json!({ "as": "paolo", "mid": first, "text": "pay anna 30 €" });
        let edit = json!({ "mid": first, "text": "pay anna 30 €", "num_edit": edits });
        check("edits", asked, own, json!({ "message_edit": edit })).await;
    }
    check("reads", json!({ "as": "paolo" }), own, json!({ "read": { "watermark": "now" } })).await;
}

#[tokio::test]
async fn what_people_cannot_do_is_refused() {
    let (_app, sandbox) = start(&[], &[], &[]).await;
    let mid = write(&sandbox, "paolo", "hello").await;
    for _ in 0..5 {
        sandbox.on_messenger("edits", json!({ "as": "paolo", "mid": mid, "text": "hm" })).await;
    }
    let check = async |path: &str, asked: Value, expected: u16| {
        let done = sandbox.control("POST", format!("{}/sandbox/{path}", sandbox.messenger), asked).await;
        assert_eq!(done.status, expected, "{path}: {}", done.text);
        assert!(done.json()["error"].is_string());
    };
    check("messages", json!({ "as": "nobody", "text": "hello" }), 404).await;
    check("messages", json!({ "as": "paolo", "page": "1", "text": "hello" }), 404).await;
    check("messages", json!({ "as": "paolo" }), 400).await;
    check("messages", json!({ "text": "hello" }), 400).await;
    check("edits", json!({ "as": "paolo", "mid": mid, "text": "hm" }), 409).await;
    check("edits", json!({ "as": "anna", "mid": mid, "text": "hm" }), 404).await;
    check("reactions", json!({ "as": "anna", "mid": mid }), 404).await;
    check("reactions", json!({ "as": "paolo", "mid": mid, "action": "hug" }), 400).await;
    check("people", json!({ "name": "anna" }), 409).await;
    check("redeliver", json!({ "mid": "m_none" }), 404).await;
    check("clock", json!({}), 400).await;
}

#[tokio::test]
async fn a_quick_reply_is_tapped_while_it_is_there() {
    let (app, sandbox) = start(&[], &["messages"], &[]).await;
    let check = async |title: &str, expected: u16| {
        let url = format!("{}/sandbox/taps", sandbox.messenger);
        let done = sandbox.control("POST", url, json!({ "as": "paolo", "title": title })).await;
        assert_eq!(done.status, expected, "{}", done.text);
    };
    write(&sandbox, "paolo", "pay anna 20 €").await;
    check("Confirm", 404).await;
    let asked = send(&sandbox, &challenge(PAOLO)).await.unwrap().json();
    check("Later", 404).await;
    check("Confirm", 200).await;
    check("Confirm", 409).await;
    send(&sandbox, &challenge(PAOLO)).await.unwrap();
    send(&sandbox, &text(PAOLO, "done")).await.unwrap();
    check("Cancel", 409).await;
    let tapped = app.wait(2).await.pop().unwrap().1;
    assert_eq!(entries(&tapped)[0][0]["message"]["text"], "Confirm");
    assert_eq!(entries(&tapped)[0][0]["message"]["quick_reply"], json!({ "payload": "Confirm:123456" }));

    let thread = sandbox.see(format!("{}/sandbox/people/paolo/thread", sandbox.messenger)).await;
    assert_eq!(thread["psid"], PAOLO);
    let messages = thread["messages"].as_array().unwrap();
    let from: Vec<&str> = messages.iter().map(|message| message["from"].as_str().unwrap()).collect();
    assert_eq!(from, ["paolo", "page", "paolo", "page", "page"]);
    assert_eq!(messages[1]["quick_replies"], json!(["Confirm", "Cancel"]));
    assert_eq!(messages[1]["mid"], asked["message_id"]);
    assert_eq!((&messages[4]["text"], &messages[4]["quick_replies"]), (&json!("done"), &json!([])));
}

#[tokio::test]
async fn faults_of_delivery() {
    // Anything but 200 is tried again. Refusals are taken from the end.
    let (app, sandbox) = start(&[503, 204, 500], &["messages"], &[]).await;
    let set = async |change: Value| sandbox.on_messenger("faults", change).await;
    let first = write(&sandbox, "paolo", "one").await;
    app.wait(1).await;
    set(json!({ "drop_deliveries": true })).await;
    write(&sandbox, "paolo", "in the dark").await;
    set(json!({ "drop_deliveries": false, "duplicate_deliveries": 1 })).await;
    write(&sandbox, "paolo", "twice").await;
    app.wait(3).await;
    set(json!({ "duplicate_deliveries": 0, "reorder": true, "reorder_wait_ms": 20_000 })).await;
    write(&sandbox, "paolo", "later").await;
    write(&sandbox, "paolo", "sooner").await;
    app.wait(5).await;
    set(json!({ "reorder": false })).await;
    assert_eq!(sandbox.on_messenger("redeliver", json!({ "mid": first })).await["redelivered"], 1);
    let got = app.wait(6).await;
    assert!(got.iter().all(|(good, _)| *good));
    let seen: Vec<&str> = got.iter().map(|(_, body)| texts(body)[0][0]).collect();
    assert_eq!(seen, ["one", "twice", "twice", "sooner", "later", "one"]);
    assert_eq!(got[0].1, got[5].1, "the same bytes again");

    set(json!({ "wrong_page": true })).await;
    write(&sandbox, "paolo", "astray").await;
    let astray = app.wait(7).await.pop().unwrap();
    assert!(astray.0, "signed rightly");
    assert_eq!(astray.1["entry"][0]["id"], OTHER_PAGE);
    assert_eq!(astray.1["entry"][0]["messaging"][0]["recipient"]["id"], OTHER_PAGE);
    set(json!({ "wrong_page": false })).await;

    let deliveries = sandbox.see(format!("{}/sandbox/deliveries", sandbox.messenger)).await;
    assert_eq!(deliveries["webhook"]["verified"], true);
    let statuses: Vec<&Value> =
        deliveries["deliveries"][0]["attempts"].as_array().unwrap().iter().map(|attempt| &attempt["status"]).collect();
    assert_eq!(statuses, [&json!(500), &json!(204), &json!(503), &json!(200)]);
    assert_eq!(
        (&deliveries["deliveries"][1]["state"], &deliveries["deliveries"][0]["event"]),
        (&json!("dropped"), &json!("messages"))
    );

    for how in [None, Some("wrong_key"), Some("tampered"), Some("missing"), Some("sha1_only")] {
        let forged = sandbox.on_messenger("forge", json!({ "as": "paolo", "text": "pay", "how": how })).await;
        assert_eq!(forged["status"], 403, "{how:?}");
    }
    let forgery = json!({ "as": "paolo", "text": "pay", "how": "nohow" });
    let unknown = sandbox.control("POST", format!("{}/sandbox/forge", sandbox.messenger), forgery).await;
    assert_eq!(unknown.status, 400);
}

#[tokio::test]
async fn several_events_stand_in_one_delivery() {
    let check = async |batch_in: &str, expected: &[&[&str]]| {
        let switches = format!("batch_in={batch_in}");
        let (app, sandbox) =
            start(&[], &["messages", "standby"], &["--messenger-fault", "batch=5", "--messenger-fault", &switches])
                .await;
        sandbox.on_messenger("faults", json!({ "batch_wait_ms": 20_000 })).await;
        let mids = [write(&sandbox, "paolo", "1").await, write(&sandbox, "anna", "2").await];
        for aside in [
            json!({ "page": OTHER_PAGE, "text": "3" }),
            json!({ "standby": true, "text": "4" }),
            json!({ "text": "5" }),
        ] {
            let mut asked = aside;
            asked["as"] = json!("paolo");
            sandbox.on_messenger("messages", asked).await;
        }
        let (good, body) = app.wait(1).await.pop().unwrap();
        assert!(good);
        assert_eq!(texts(&body), expected);
        // Any one of them brings all of them again.
        assert_eq!(sandbox.on_messenger("redeliver", json!({ "mid": mids[1] })).await["redelivered"], 1);
        // What never gets company is delivered alone.
        sandbox.on_messenger("faults", json!({ "batch_wait_ms": 1 })).await;
        write(&sandbox, "paolo", "alone").await;
        assert_eq!(texts(&app.wait(3).await[2].1), [["alone"]]);
    };
    check("entries", &[&["1"], &["2"], &["3"], &["4"], &["5"]]).await;
    check("messaging", &[&["1", "2"], &["3"], &["4"], &["5"]]).await;
}
