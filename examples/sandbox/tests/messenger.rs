//! Messenger from outside: deliveries, the Send API and the people in the chats, over HTTP.
#![allow(
    unreachable_pub,
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly, and use their shared module in part"
)]

mod world;

use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use world::{Answer, Gateway, Sandbox, Scheme, answer};

const PAGE: &str = "104501234567890";
const OTHER_PAGE: &str = "104509876543210";
const TOKEN: &str = "sandbox-page-token";
const PAOLO: &str = "6720845931207741";
const PAOLO_ELSEWHERE: &str = "7104458219936620";
const ANNA: &str = "5932118470264493";

fn sha256(secret: &str, text: &[u8]) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sha1(secret: &str, text: &[u8]) -> String {
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_signed(headers: &HeaderMap, body: &[u8]) -> bool {
    let is = |name: &str, expected: String| headers.get(name).is_some_and(|value| *value == expected);
    let secret = "sandbox-app-secret";
    is("x-hub-signature-256", format!("sha256={}", sha256(secret, body)))
        && is("x-hub-signature", format!("sha1={}", sha1(secret, body)))
        && body.is_ascii()
}

const APP: Scheme = Scheme {
    challenged: |query| {
        assert_eq!((&*query["hub.mode"], &*query["hub.verify_token"]), ("subscribe", "sandbox-verify-token"));
        query["hub.challenge"].clone()
    },
    signed: is_signed,
};

/// A sandbox whose Messenger delivers to an application that listens; `fields` are those it is subscribed to.
async fn start(refusals: &[u16], fields: &[&str], arguments: &[&str]) -> (Gateway, Sandbox) {
    let (app, url) = Gateway::listen_to(APP, refusals).await;
    let fields = format!("fields={}", json!(fields));
    let fixed = ["--messenger-webhook", &url, "--messenger-fault", &fields];
    let backoff = ["--messenger-fault", "retry_backoff_ms=1"];
    let sandbox = Sandbox::start(&[fixed.as_slice(), &backoff, arguments].concat()).await;
    (app, sandbox)
}

/// Calls the Send API with the page's token as a bearer.
async fn send(sandbox: &Sandbox, body: &Value) -> Option<Answer> {
    let url = format!("{}/v25.0/{PAGE}/messages", sandbox.messenger);
    Some(answer(sandbox.http.post(url).bearer_auth(TOKEN).json(body).send().await.ok()?).await)
}

fn text(to: &str, text: &str) -> Value {
    json!({ "recipient": { "id": to }, "messaging_type": "RESPONSE", "message": { "text": text } })
}

fn challenge(to: &str) -> Value {
    let button = |title: &str| json!({ "content_type": "text", "title": title, "payload": format!("{title}:123456") });
    let mut asked = text(to, "Pay Anna 20 €?");
    asked["message"]["quick_replies"] = json!([button("Confirm"), button("Cancel")]);
    asked
}

async fn write(sandbox: &Sandbox, who: &str, text: &str) -> String {
    let done = sandbox.on_messenger("messages", json!({ "as": who, "text": text })).await;
    done["mid"].as_str().unwrap().to_owned()
}

/// The messaging events of a delivery, entry by entry.
fn entries(body: &Value) -> Vec<Vec<&Value>> {
    assert_eq!(body["object"], "page");
    let list = |entry: &'_ Value| entry.get("messaging").is_some();
    let entries = body["entry"].as_array().unwrap();
    entries
        .iter()
        .map(|entry| entry[if list(entry) { "messaging" } else { "standby" }].as_array().unwrap().iter().collect())
        .collect()
}

fn texts(body: &Value) -> Vec<Vec<&str>> {
    entries(body)
        .into_iter()
        .map(|events| events.into_iter().map(|event| event["message"]["text"].as_str().unwrap()).collect())
        .collect()
}

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
async fn what_a_page_sends_comes_back_as_an_echo_and_a_delivery() {
    let (app, sandbox) = start(&[], &["message_echoes", "message_deliveries"], &[]).await;
    write(&sandbox, "paolo", "hello").await;
    let mut asked = text(PAOLO, "see you");
    asked["message"]["metadata"] = json!("note-1");
    let sent = send(&sandbox, &asked).await.unwrap();
    assert_eq!(sent.status, 200, "{}", sent.text);
    let (sent, got) = (sent.json(), app.wait(2).await);
    assert_eq!(sent["recipient_id"], PAOLO);
    let echo = &got[0].1["entry"][0]["messaging"][0];
    assert_eq!((&echo["sender"]["id"], &echo["recipient"]["id"]), (&json!(PAGE), &json!(PAOLO)));
    let expected = json!({
        "mid": sent["message_id"], "text": "see you", "is_echo": true, "app_id": 1_517_776_481_860_111_u64,
        "metadata": "note-1",
    });
    assert_eq!(echo["message"], expected);
    let delivery = &got[1].1["entry"][0]["messaging"][0];
    assert_eq!(delivery["sender"]["id"], PAOLO);
    let expected = json!({ "mids": [sent["message_id"]], "watermark": echo["timestamp"] });
    assert_eq!(delivery["delivery"], expected);
}

#[tokio::test]
async fn the_send_api_refuses_as_the_graph_api_does() {
    let (_app, sandbox) = start(&[], &["messages"], &[]).await;
    write(&sandbox, "paolo", "hello").await;
    let check = async |change: Value, expected: (u16, u64, Option<u64>)| {
        let mut asked = challenge(PAOLO);
        for (pointer, value) in change.as_object().unwrap() {
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            asked.pointer_mut(parent).unwrap()[key] = value.clone();
        }
        let refused = send(&sandbox, &asked).await.unwrap();
        let error = &refused.json()["error"];
        let code = (error["code"].as_u64().unwrap_or_default(), error["error_subcode"].as_u64());
        assert_eq!((refused.status, code.0, code.1), expected, "{change}: {}", refused.text);
        if expected.0 != 200 {
            assert_eq!(error["type"], "OAuthException");
            assert!(error["message"].is_string() && error["fbtrace_id"].is_string());
        }
    };
    let button = |title: &str, payload: &str| json!({ "content_type": "text", "title": title, "payload": payload });
    check(json!({}), (200, 0, None)).await;
    check(json!({ "/message/text": "x".repeat(2000) }), (200, 0, None)).await;
    check(json!({ "/message/text": "🍕".repeat(2000) }), (200, 0, None)).await;
    check(json!({ "/message/text": "x".repeat(2001) }), (400, 100, None)).await;
    check(json!({ "/message/text": "" }), (400, 100, None)).await;
    check(json!({ "/message": null }), (400, 100, None)).await;
    check(json!({ "/message/metadata": "x".repeat(1001) }), (400, 100, None)).await;
    check(json!({ "/message/quick_replies": vec![button("Yes", "y"); 13] }), (200, 0, None)).await;
    check(json!({ "/message/quick_replies": vec![button("Yes", "y"); 14] }), (400, 100, None)).await;
    check(json!({ "/message/quick_replies": [button(&"x".repeat(21), "y")] }), (400, 100, None)).await;
    check(json!({ "/message/quick_replies": [button("Yes", &"y".repeat(1001))] }), (400, 100, None)).await;
    check(json!({ "/message/quick_replies": [{ "content_type": "text", "title": "Yes" }] }), (400, 100, None)).await;
    check(json!({ "/messaging_type": null }), (400, 100, None)).await;
    check(json!({ "/messaging_type": "NOTE" }), (400, 100, None)).await;
    check(json!({ "/messaging_type": "MESSAGE_TAG" }), (400, 100, None)).await;
    check(json!({ "/messaging_type": "MESSAGE_TAG", "/tag": "SALE" }), (400, 100, None)).await;
    check(json!({ "/tag": "ACCOUNT_UPDATE" }), (400, 100, None)).await;
    check(json!({ "/recipient": {} }), (400, 100, None)).await;
    check(json!({ "/recipient/id": 7 }), (400, 100, None)).await;
    check(json!({ "/recipient/id": "7" }), (400, 100, Some(2_018_001))).await;
    check(json!({ "/recipient/id": PAOLO_ELSEWHERE }), (400, 100, Some(2_018_001))).await;
    check(json!({ "/recipient/id": ANNA }), (400, 10, Some(2_018_278))).await;
    check(json!({ "/sender_action": "typing_on", "/message": null }), (200, 0, None)).await;
    check(json!({ "/sender_action": "dance", "/message": null }), (400, 100, None)).await;
}

#[tokio::test]
async fn a_token_is_taken_from_three_places_and_nothing_else_passes() {
    let (_app, sandbox) = start(&[], &["messages"], &[]).await;
    write(&sandbox, "paolo", "hello").await;
    let check = async |path: &str, bearer: Option<&str>, members: Value, expected: (u16, Option<u64>)| {
        let mut body = text(PAOLO, "hello");
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let request = sandbox.http.post(format!("{}{path}", sandbox.messenger)).json(&body);
        let request = if let Some(token) = bearer { request.bearer_auth(token) } else { request };
        let got = answer(request.send().await.unwrap()).await;
        assert_eq!((got.status, got.json()["error"]["code"].as_u64()), expected, "{path}: {}", got.text);
    };
    let own = format!("/v25.0/{PAGE}/messages");
    let proof = sha256("sandbox-app-secret", TOKEN.as_bytes());
    check(&own, Some(TOKEN), json!({}), (200, None)).await;
    check("/v25.0/me/messages", Some(TOKEN), json!({}), (200, None)).await;
    check("/v20.0/me/messages", Some(TOKEN), json!({}), (200, None)).await;
    check(&own, None, json!({ "access_token": TOKEN }), (200, None)).await;
    check(&format!("{own}?access_token={TOKEN}"), None, json!({}), (200, None)).await;
    check(&format!("{own}?access_token={TOKEN}&appsecret_proof={proof}"), None, json!({}), (200, None)).await;
    check(&own, Some(TOKEN), json!({ "appsecret_proof": proof }), (200, None)).await;
    check(&own, Some(TOKEN), json!({ "appsecret_proof": "00" }), (400, Some(100))).await;
    check(&own, None, json!({}), (400, Some(104))).await;
    check(&own, Some("wrong"), json!({}), (401, Some(190))).await;
    check(&own, Some("sandbox-other-page-token"), json!({}), (400, Some(100))).await;
    check("/v25.0/me/messages", Some("sandbox-other-page-token"), json!({}), (400, Some(100))).await;
    check(&format!("/v99.0/{PAGE}/messages"), Some(TOKEN), json!({}), (400, Some(2500))).await;
    check(&format!("/25.0/{PAGE}/messages"), Some(TOKEN), json!({}), (400, Some(2500))).await;
    check("/me/messages", Some(TOKEN), json!({}), (400, Some(2500))).await;
}

#[tokio::test]
async fn a_page_may_answer_for_a_day() {
    let (_app, sandbox) = start(&[], &[], &[]).await;
    let first = write(&sandbox, "paolo", "hello").await;
    let check = async |kind: &str, tag: Option<&str>, expected: u16| {
        let mut asked = text(PAOLO, "hello");
        asked["messaging_type"] = json!(kind);
        asked["tag"] = json!(tag);
        let got = send(&sandbox, &asked).await.unwrap();
        assert_eq!(got.status, expected, "{kind} {tag:?}: {}", got.text);
        let subcode = got.json()["error"]["error_subcode"].as_u64();
        assert_eq!(subcode, (expected != 200).then_some(2_018_278));
    };
    let later = async |hours: u64| sandbox.on_messenger("clock", json!({ "advance_s": hours * 3600 })).await;
    later(23).await;
    check("RESPONSE", None, 200).await;
    later(2).await;
    // What the page itself said opens nothing.
    check("RESPONSE", None, 400).await;
    check("UPDATE", None, 400).await;
    check("MESSAGE_TAG", Some("HUMAN_AGENT"), 200).await;
    later(6 * 24).await;
    check("MESSAGE_TAG", Some("HUMAN_AGENT"), 400).await;
    check("MESSAGE_TAG", Some("ACCOUNT_UPDATE"), 200).await;
    for (path, asked, expected) in [
        ("reads", json!({ "as": "paolo" }), 400),
        ("edits", json!({ "as": "paolo", "mid": first, "text": "hm" }), 400),
        ("reactions", json!({ "as": "paolo", "mid": first }), 200),
        ("postbacks", json!({ "as": "paolo", "payload": "START", "title": "Start" }), 200),
        ("messages", json!({ "as": "paolo", "text": "again" }), 200),
    ] {
        sandbox.on_messenger(path, asked).await;
        check("RESPONSE", None, expected).await;
        later(25).await;
    }
}

#[tokio::test]
async fn every_switch_of_the_send_api() {
    let (_app, sandbox) = start(&[], &[], &["--messenger-fault", "block=[\"anna\"]"]).await;
    for who in ["paolo", "anna"] {
        write(&sandbox, who, "hello").await;
    }
    let check = async |to: &str, expected: Option<(u16, u64)>| {
        let got = send(&sandbox, &text(to, "hello")).await;
        let seen = got.map(|got| (got.status, got.json()["error"]["code"].as_u64().unwrap_or_default()));
        assert_eq!(seen, expected);
    };
    let set = async |change: Value| sandbox.on_messenger("faults", change).await;
    check(ANNA, Some((400, 551))).await;
    set(json!({ "block": [] })).await;
    check(ANNA, Some((200, 0))).await;
    for (code, status) in [(2, 503), (4, 403), (190, 401), (613, 400), (1200, 500), (10, 400), (36_103, 400)] {
        set(json!({ "fail_next": { "code": code, "count": 2 } })).await;
        check(PAOLO, Some((status, code))).await;
        check(PAOLO, Some((status, code))).await;
        check(PAOLO, Some((200, 0))).await;
    }
    set(json!({ "fail_next": { "code": 2, "status": 500, "subcode": 7 } })).await;
    let failed = send(&sandbox, &text(PAOLO, "hello")).await.unwrap();
    assert_eq!((failed.status, &failed.json()["error"]["error_subcode"]), (500, &json!(7)));
    assert_eq!(failed.json()["error"]["is_transient"], true);

    let count = async || {
        let thread = sandbox.see(format!("{}/sandbox/people/paolo/thread", sandbox.messenger)).await;
        thread["messages"].as_array().unwrap().len()
    };
    let before = count().await;
    set(json!({ "lose_requests": 1, "lose_answers": 1 })).await;
    check(PAOLO, None).await;
    assert_eq!(count().await, before, "nothing was done");
    check(PAOLO, None).await;
    assert_eq!(count().await, before + 1, "the answer was lost, and the message was not");
    set(json!({ "delay_ms": 20 })).await;
    let since = std::time::Instant::now();
    check(PAOLO, Some((200, 0))).await;
    assert!(since.elapsed().as_millis() >= 20);

    // In a window that does not end while the test runs.
    set(json!({ "delay_ms": 0, "window_s": 3600, "page_limit": 2 })).await;
    let usage = async |expected: (u16, u64, u64, u64)| {
        let got = send(&sandbox, &text(PAOLO, "hello")).await.unwrap();
        let header = |name: &str| -> Value { serde_json::from_str(got.headers[name].to_str().unwrap()).unwrap() };
        let page = &header("x-business-use-case-usage")[PAGE][0];
        assert_eq!(page["type"], "messenger");
        assert!(header("x-app-usage")["call_count"].is_u64());
        let code = got.json()["error"]["code"].as_u64().unwrap_or_default();
        let numbers = (page["call_count"].as_u64().unwrap(), page["estimated_time_to_regain_access"].as_u64().unwrap());
        assert_eq!((got.status, code, numbers.0, numbers.1), expected);
    };
    usage((200, 0, 50, 0)).await;
    usage((200, 0, 100, 0)).await;
    usage((400, 613, 100, 60)).await;
    set(json!({ "page_limit": 10, "app_limit": 0 })).await;
    usage((403, 4, 100, 60)).await;
    sandbox.on_messenger("reset", json!({})).await;
    write(&sandbox, "anna", "hello").await;
    check(ANNA, Some((400, 551))).await;
    let wrong = sandbox.control("POST", format!("{}/sandbox/faults", sandbox.messenger), json!({ "wrong": 1 })).await;
    assert_eq!(wrong.status, 400);
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
