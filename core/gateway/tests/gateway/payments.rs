//! Payments over HTTP.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::world::{Answer, CONFIG, LATER, World, answer, start, start_with};
use reqwest::Method;
use serde_json::json;

fn problem(answer: &Answer) -> (u16, String) {
    let content_type = answer.headers.get("content-type").map(|value| value.to_str().unwrap());
    assert_eq!(content_type, Some("application/problem+json"), "{answer:?}");
    assert_eq!(answer.body["status"], answer.status);
    assert!(answer.body["title"].is_string() && answer.body["detail"].is_string(), "{answer:?}");
    let kind = answer.body["type"].as_str().unwrap().strip_prefix("/problems/").unwrap().to_owned();
    (answer.status, kind)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_made_seen_and_balanced() {
    let world = start().await;
    let paid = world.pay("k1", json!({})).await;
    assert_eq!(paid.status, 201, "{paid:?}");
    assert_eq!(paid.body["state"], "completed", "{paid:?}");
    assert_eq!(paid.headers["preference-applied"], "wait");
    let id = paid.body["id"].as_str().unwrap();
    assert_eq!(paid.headers["location"], format!("/v1/payments/{id}"));
    assert_eq!(paid.body["attempts"][0]["rail"], "bank");

    let seen = world.get(&format!("/v1/payments/{id}")).await;
    assert_eq!((seen.status, &seen.body), (200, &paid.body));
    let events = world.get(&format!("/v1/payments/{id}/events")).await;
    let names: Vec<&str> =
        events.body["events"].as_array().unwrap().iter().map(|e| e["event"]["event"].as_str().unwrap()).collect();
    assert_eq!(names, ["received", "confirmed", "routed", "sent", "answered"]);
    let told = events.body.to_string();
    assert!(!told.contains("FR1420041010050500013M02606") && told.contains("iban:…2606"), "{told}");

    let ledger = world.get("/v1/ledger").await;
    assert_eq!(ledger.body["balanced"], true, "{ledger:?}");
    assert_eq!(ledger.body["sums"], json!([{"currency": "EUR", "minor": 0}]));

    let declined = world.pay("k2", json!({"amount": {"minor": 100_001, "currency": "EUR"}})).await;
    assert_eq!((declined.status, &declined.body["state"]), (201, &json!("declined")), "{declined:?}");
    world.gateway.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rail_that_panics_loses_no_payment_and_hurts_no_other() {
    let world = start().await;
    let (hurt, other) = tokio::join!(world.pay("k1", json!({"memo": "panics"})), world.pay("k2", json!({})));
    // Nothing had left, which the host attests: so it is said to be declined, and not in doubt.
    assert_eq!((hurt.status, &hurt.body["state"]), (201, &json!("declined")), "{hurt:?}");
    assert!(hurt.body["attempts"].as_array().unwrap().iter().all(|a| a["state"] == "not_sent"), "{hurt:?}");
    assert_eq!(other.body["state"], "completed", "{other:?}");
    let ledger = world.get("/v1/ledger").await;
    assert_eq!(ledger.body["balanced"], true, "{ledger:?}");
    world.gateway.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_a_channel_delays_no_payment_and_is_shown() {
    let world = start_with(&CONFIG.replace("name = \"sportello\"", "name = \"down\"")).await;
    // Not when it was changed last, as its notes change it, too.
    let begun_ms = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let paid = world.pay("k1", json!({})).await;
    assert_eq!((paid.status, &paid.body["state"]), (201, &json!("completed")), "{paid:?}");
    let path = format!("/v1/payments/{}", paid.body["id"].as_str().unwrap());
    let notes = loop {
        let notes = world.get(&path).await.body["notes"].take();
        if notes.as_array().unwrap().len() == 2 {
            break notes;
        }
    };
    for (note, to) in notes.as_array().unwrap().iter().zip(["payer", "payee"]) {
        assert_eq!(
            (&note["to"], &note["about"], &note["tries"]),
            (&json!(to), &json!("completed"), &json!(1)),
            "{note}"
        );
        assert_eq!(note["because"], "the provider is down (down)");
        assert!(note["next_at_ms"].as_u64().unwrap() >= begun_ms + 60_000, "{note}");
    }
    let events = world.get(&format!("{path}/events")).await.body["events"].take();
    let delayed = events.as_array().unwrap().iter().filter(|e| e["event"]["event"] == "note_delayed").count();
    assert_eq!(delayed, 2, "{events}");
    world.gateway.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_again_is_not_done_again() {
    let world = start().await;
    let first = world.pay("k", json!({})).await;
    let again = world.pay("k", json!({})).await;
    assert_eq!((again.status, &again.body), (201, &first.body));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert!(!first.headers.contains_key("idempotency-replayed"));
    let other = world.pay("k", json!({"amount": {"minor": 1, "currency": "EUR"}})).await;
    assert_eq!(problem(&other), (422, "key-reused".into()));
    let all = world.get("/v1/payments").await;
    assert_eq!(all.body["payments"].as_array().unwrap().len(), 1);

    // It is known after a restart, too.
    let World { folder, gateway, .. } = world;
    gateway.drain().await;
    drop(folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_as_a_problem() {
    let world = start().await;
    let check = async |request: reqwest::RequestBuilder, status: u16, kind: &str| {
        let answer = answer(request).await;
        assert_eq!(problem(&answer), (status, kind.to_owned()));
        answer
    };
    let pay = |changes| world.payment("key", changes);
    let bare = |method, path: &str| world.request(method, path);
    let post = || bare(Method::POST, "/v1/payments").bearer_auth("key-that-may-do-all");

    let unauthorized = check(bare(Method::GET, "/v1/payments"), 401, "unauthorized").await;
    assert_eq!(unauthorized.headers["www-authenticate"], "Bearer");
    check(bare(Method::POST, "/v1/payments").bearer_auth("wrong"), 401, "unauthorized").await;
    check(bare(Method::GET, "/v1/payments").bearer_auth("key-that-may-write"), 403, "forbidden").await;
    check(bare(Method::POST, "/v1/payments").bearer_auth("key-that-may-read"), 403, "forbidden").await;
    let unconfirmed = post().header("idempotency-key", "k");
    check(unconfirmed, 415, "media-type").await;
    check(post().json(&json!({})), 400, "idempotency-key-missing").await;
    let writer = bare(Method::POST, "/v1/payments").bearer_auth("key-that-may-write").header("idempotency-key", "k");
    let body = json!({"payer": "chat:@paolo", "payee": "chat:@anna", "amount": {"minor": 1, "currency": "EUR"}, "confirmed": true});
    check(writer.json(&body), 403, "forbidden").await;
    let broken = post().header("idempotency-key", "k").header("content-type", "application/json");
    check(broken.body("{"), 400, "bad-json").await;
    let large = post().header("idempotency-key", "k").header("content-type", "application/json");
    check(large.body("x".repeat((1 << 20) + 1)), 413, "too-large").await;

    check(pay(json!({"amount": {"minor": 0, "currency": "EUR"}})), 422, "refused").await;
    check(pay(json!({"amount": {"minor": -5, "currency": "EUR"}})), 422, "invalid").await;
    check(pay(json!({"amount": {"minor": u64::MAX, "currency": "EUR"}})), 422, "invalid").await;
    check(pay(json!({"amount": {"minor": 5, "currency": "XXX"}})), 422, "invalid").await;
    check(pay(json!({"payee": "chat:@nobody"})), 422, "refused").await;
    check(pay(json!({"payee": "chat:@paolo"})), 422, "refused").await;
    check(pay(json!({"payee": "chat:@an\u{200b}na"})), 422, "invalid").await;
    check(pay(json!({"colour": "red"})), 422, "invalid").await;

    check(world.request(Method::GET, "/v1/nothing"), 404, "not-found").await;
    let read = |path: &str| bare(Method::GET, path).bearer_auth("key-that-may-read");
    check(read("/v1/payments/xyz"), 404, "not-found").await;
    check(read("/v1/payments/019a2b3c4d5e7f008000000000000001"), 404, "not-found").await;
    check(read("/v1/payments?state=sideways"), 400, "bad-request").await;
    check(read("/v1/payments?limit=0"), 400, "bad-request").await;
    check(read("/v1/payments?limit=x"), 400, "bad-request").await;
    check(read("/v1/payments?page=2"), 400, "bad-request").await;
    check(read("/v1/payments?cursor=zzz"), 400, "bad-request").await;
    let allowed = check(bare(Method::DELETE, "/v1/payments"), 405, "method-not-allowed").await;
    assert!(allowed.headers["allow"].to_str().unwrap().contains("POST"), "{allowed:?}");

    let explained = world.get("/problems/key-reused").await;
    assert_eq!((explained.status, &explained.body["status"]), (200, &json!(422)));
    world.gateway.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_are_listed_in_pages() {
    let world = start().await;
    for n in 0..5 {
        let amount = json!({"amount": {"minor": 100 + n, "currency": "EUR"}});
        assert_eq!(world.pay(&format!("k{n}"), amount).await.status, 201);
    }
    let mut seen = Vec::new();
    let mut path = "/v1/payments?state=completed&limit=2".to_owned();
    loop {
        let page = world.get(&path).await;
        seen.extend(page.body["payments"].as_array().unwrap().iter().map(|p| p["amount"]["minor"].as_u64().unwrap()));
        let Some(cursor) = page.body["next_cursor"].as_str() else {
            break;
        };
        path = format!("/v1/payments?state=completed&limit=2&cursor={cursor}");
    }
    assert_eq!(seen, [104, 103, 102, 101, 100]);
    let none = world.get("/v1/payments?state=declined").await;
    assert_eq!(none.body, json!({"payments": [], "next_cursor": null}));
    world.gateway.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unconfirmed_payment_can_be_called_off() {
    let world = start().await;
    let made = answer(world.payment("k", json!({"confirmed": false}))).await;
    assert_eq!((made.status, &made.body["state"]), (201, &json!("awaiting_confirmation")), "{made:?}");
    let path = format!("/v1/payments/{}/cancel", made.body["id"].as_str().unwrap());
    let cancel = || world.request(Method::POST, &path).bearer_auth("key-that-may-write");
    for _ in 0..2 {
        let cancelled = answer(cancel()).await;
        assert_eq!((cancelled.status, &cancelled.body["state"]), (200, &json!("cancelled")), "{cancelled:?}");
    }
    let paid = world.pay("k2", json!({})).await;
    let path = format!("/v1/payments/{}/cancel", paid.body["id"].as_str().unwrap());
    let late = answer(world.request(Method::POST, &path).bearer_auth("key-that-may-do-all")).await;
    assert_eq!(problem(&late), (409, "not-now".into()));
    world.gateway.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_flight_is_finished_and_nothing_new_is_taken() {
    let world = start().await;
    let slow = tokio::spawn(answer(world.payment("slow", json!({"memo": "later"})).header("prefer", "wait=20")));
    // It is in flight once it is listed so.
    loop {
        let list = world.get("/v1/payments?state=transferring").await;
        if list.body["payments"].as_array().is_some_and(|list| !list.is_empty()) {
            break;
        }
        tokio::task::yield_now().await;
    }
    let World { folder, gateway, http, base } = world;
    let draining = tokio::spawn(gateway.drain());
    let ready = async || http.get(format!("{base}/readyz")).send().await.map(|response| response.status().as_u16());
    while ready().await.unwrap() == 200 {
        tokio::task::yield_now().await;
    }
    let refused = http.post(format!("{base}/v1/payments")).bearer_auth("key-that-may-do-all");
    let refused = answer(refused.header("idempotency-key", "n").json(&json!({}))).await;
    assert_eq!(problem(&refused), (503, "stopping".into()));
    assert!(refused.headers.contains_key("retry-after"));
    let hook = answer(http.post(format!("{base}/in/chat")).body("{}")).await;
    assert_eq!(problem(&hook), (503, "stopping".into()));
    assert_eq!(answer(http.get(format!("{base}/healthz"))).await.status, 200);

    LATER.add_permits(1);
    assert!(draining.await.unwrap(), "all of it ended in time");
    let slow = slow.await.unwrap();
    assert_eq!((slow.status, &slow.body["state"]), (201, &json!("completed")), "{slow:?}");
    assert!(ready().await.is_err(), "nobody listens any more");
    drop(folder);
}
