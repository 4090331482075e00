//! Messenger from outside: the Send API, over HTTP.
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
use world::answer;

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
