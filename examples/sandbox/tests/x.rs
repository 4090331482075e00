//! X from outside: its API, its webhooks and the people on it, over HTTP.
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

use serde_json::{Value, json};
use world::{Gateway, Sandbox, signed};

const ASK: &str = "@sportello pay @anna 20 € for fish & chips";

async fn post(sandbox: &Sandbox, who: &str, text: &str) -> String {
    sandbox.on_x("posts", json!({ "as": who, "text": text })).await["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_post_is_delivered_in_both_envelopes_and_signed() {
    let (gateway, url) = Gateway::listen(&[]).await;
    let sandbox = Sandbox::start(&["--webhook", &url]).await;
    let id = post(&sandbox, "paolo", ASK).await;
    post(&sandbox, "luca", "nothing for the account").await;
    let got = gateway.wait(2).await;
    assert!(got.iter().all(|(good, _)| *good));

    let status = &got[0].1["tweet_create_events"][0];
    assert_eq!(got[0].1["for_user_id"], "9000");
    assert_eq!(status["id_str"], id.as_str());
    assert_eq!(status["text"], "@sportello pay @anna 20 € for fish &amp; chips");
    assert_eq!(status["user"]["id_str"], "1002");
    let mentions = status["entities"]["user_mentions"].as_array().unwrap();
    assert_eq!(mentions[0]["id_str"], "9000");
    assert_eq!(mentions[1]["id_str"], "1001");
    assert_eq!(mentions[1]["indices"], json!([15, 20]));
    assert_eq!(status["edit_history"], json!({ "initial_tweet_id": id, "edit_tweet_ids": [id] }));

    let data = &got[1].1["data"];
    assert_eq!(data["event_type"], "post.mention.create");
    assert_eq!(data["payload"]["edit_history_tweet_ids"], json!([id]));
    assert_eq!(data["payload"]["entities"]["mentions"][1]["id"], "1001");
    assert_eq!(data["payload"]["author_id"], "1002");
}

/// Every member of `sample` is in `made` too, with the same kind of value.
fn check_shape(sample: &Value, made: &Value, path: &str) {
    // What the account of the sandbox has not, and a post need not have.
    const OPTIONAL: [&str; 8] = [
        "affiliation",
        "most_recent_tweet_id",
        "pinned_tweet_id",
        "location",
        "description",
        "url",
        "entities",
        "apps",
    ];
    match (sample, made) {
        (Value::Object(sample), Value::Object(made)) => {
            let by_id = sample.keys().all(|key| key.chars().all(|c| c.is_ascii_digit()));
            for (key, value) in sample {
                let found = if by_id { made.values().next() } else { made.get(key) };
                match found {
                    Some(found) => check_shape(value, found, &format!("{path}.{key}")),
                    None => {
                        assert!(OPTIONAL.contains(&key.as_str()) || key == "source_app_id", "{path}.{key} is missing")
                    }
                }
            }
        }
        (Value::Array(sample), Value::Array(made)) => {
            if let (Some(sample), Some(made)) = (sample.first(), made.first()) {
                check_shape(sample, made, &format!("{path}[0]"));
            }
        }
        _ => assert_eq!(std::mem::discriminant(sample), std::mem::discriminant(made), "{path}: {sample} and {made}"),
    }
}

#[tokio::test]
async fn the_envelopes_have_the_shape_of_the_published_samples() {
    let Some(fixtures) = world::fixtures() else { return };
    let (gateway, url) = Gateway::listen(&[]).await;
    let sandbox = Sandbox::start(&["--webhook", &url]).await;
    let id = post(&sandbox, "paolo", ASK).await;
    let said = sandbox
        .api("POST", "/2/tweets", Some(json!({ "text": "see your messages", "reply": { "in_reply_to_tweet_id": id } })))
        .await
        .unwrap();
    let said = said.json()["data"]["id"].clone();
    sandbox.on_x("posts", json!({ "as": "paolo", "text": "yes", "reply_to": said })).await;
    sandbox.on_x("dms", json!({ "as": "paolo", "text": "confirm 123456" })).await;
    let deleted = sandbox.control("DELETE", format!("{}/sandbox/posts/{id}", sandbox.x), json!({})).await;
    assert_eq!(deleted.status, 200);
    // Post 2, echo 1, reply 3 (it mentions and replies), message 2, deletion 2.
    let got = gateway.wait(10).await;
    let find = |kind: &str| {
        let matches = |body: &&Value| body["data"]["event_type"] == kind || body.get(kind).is_some();
        got.iter().map(|(_, body)| body).find(matches).unwrap_or_else(|| panic!("no {kind}")).clone()
    };
    let check = |file: &str, kind: &str| {
        let sample: Value = serde_json::from_slice(&std::fs::read(fixtures.join("x").join(file)).unwrap()).unwrap();
        check_shape(&sample, &find(kind), kind);
    };
    check("aaa/direct_message_events.json", "direct_message_events");
    check("aaa/tweet_delete_events.json", "tweet_delete_events");
    check("xaa/post.mention.create.json", "post.mention.create");
    check("xaa/post.reply.create.json", "post.reply.create");
    check("xaa/dm.received.json", "dm.received");
    check("xaa/post.delete.json", "post.delete");
}

#[tokio::test]
async fn faults_of_delivery() {
    let (gateway, url) = Gateway::listen(&[503, 503]).await;
    let sandbox = Sandbox::start(&["--webhook", &url, "--envelope", "aaa", "--x-fault", "retry_backoff_ms=1"]).await;
    // Refused twice, then taken: the same event, signed again.
    let first = post(&sandbox, "paolo", ASK).await;
    gateway.wait(1).await;
    // An outage, after which nothing of it ever comes.
    sandbox.on_x("faults", json!({ "drop_deliveries": true })).await;
    post(&sandbox, "paolo", "@sportello in the dark").await;
    sandbox.on_x("faults", json!({ "drop_deliveries": false, "duplicate_deliveries": 1 })).await;
    let second = post(&sandbox, "paolo", "@sportello twice").await;
    gateway.wait(3).await;
    sandbox.on_x("faults", json!({ "duplicate_deliveries": 0 })).await;
    assert_eq!(sandbox.on_x("redeliver", json!({ "id": first })).await["redelivered"], 1);
    gateway.wait(4).await;
    sandbox.on_x("faults", json!({ "reorder": true, "reorder_wait_ms": 20_000 })).await;
    let third = post(&sandbox, "paolo", "@sportello three").await;
    let fourth = post(&sandbox, "paolo", "@sportello four").await;
    let got = gateway.wait(6).await;
    let ids: Vec<&Value> = got.iter().map(|(_, body)| &body["tweet_create_events"][0]["id_str"]).collect();
    assert_eq!(ids, [&json!(first), &json!(second), &json!(second), &json!(first), &json!(fourth), &json!(third)]);
    let seen = sandbox.see(format!("{}/sandbox/deliveries", sandbox.x)).await;
    assert_eq!(seen["webhook"]["verified"], true);
    let states: Vec<&Value> = seen["deliveries"].as_array().unwrap().iter().map(|record| &record["state"]).collect();
    assert_eq!(states.iter().filter(|state| **state == "dropped").count(), 1);
    assert_eq!(seen["deliveries"][0]["attempts"].as_array().unwrap().len(), 3);

    let forged = sandbox.on_x("forge", json!({ "as": "paolo", "text": ASK })).await;
    assert_eq!(forged["status"], 403);
    for how in ["tampered", "missing", "wrong_key"] {
        let forged = sandbox.on_x("forge", json!({ "as": "paolo", "text": "pay", "dm": true, "how": how })).await;
        assert_eq!(forged["status"], 403, "{how}");
    }
    let timeline = sandbox.see(format!("{}/sandbox/timeline", sandbox.x)).await;
    assert_eq!(timeline["posts"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn an_edit_gets_a_new_id_and_a_deletion_takes_every_version() {
    let (gateway, url) = Gateway::listen(&[]).await;
    let sandbox = Sandbox::start(&["--webhook", &url, "--envelope", "aaa"]).await;
    let first = post(&sandbox, "paolo", ASK).await;
    let edited = sandbox.on_x(&format!("posts/{first}/edit"), json!({ "text": "@sportello pay @anna 30 €" })).await;
    assert_eq!(edited["edit_history_tweet_ids"], json!([first, edited["id"]]));
    let again =
        sandbox.control("POST", format!("{}/sandbox/posts/{first}/edit", sandbox.x), json!({ "text": "x" })).await;
    assert_eq!(again.status, 404);
    let gone = sandbox.control("DELETE", format!("{}/sandbox/posts/{first}", sandbox.x), json!({})).await;
    assert_eq!(gone.json()["deleted"], json!([first, edited["id"]]));
    let got = gateway.wait(4).await;
    assert_eq!(got[1].1["tweet_create_events"][0]["edit_history"]["initial_tweet_id"], json!(first));
    assert_eq!(got[3].1["tweet_delete_events"][0]["status"]["id"], edited["id"]);
}

#[tokio::test]
async fn what_account_activity_makes_of_long_posts_and_reposts() {
    let (gateway, url) = Gateway::listen(&[]).await;
    // The webhook is named only later: what happened before is lost, as in an outage.
    let sandbox = Sandbox::start(&["--envelope", "both"]).await;
    post(&sandbox, "paolo", "@sportello unheard").await;
    sandbox.on_x("webhook", json!({ "url": url })).await;
    let long = format!("@sportello pay @anna 20 € for {}", "pizza ".repeat(25).trim());
    let id = post(&sandbox, "paolo", &long).await;
    sandbox.on_x("posts", json!({ "as": "luca", "repost_of": id })).await;
    sandbox.on_x("posts", json!({ "as": "luca", "text": "look", "quote_of": id })).await;
    sandbox.on_x("people", json!({ "screen_name": "marta", "protected": true })).await;
    post(&sandbox, "marta", "@sportello in private").await;
    post(&sandbox, "paolo", "@sportello last").await;
    let got = gateway.wait(6).await;
    let status = |at: usize| &got[at].1["tweet_create_events"][0];
    assert_eq!(status(0)["truncated"], true);
    assert_eq!(status(0)["extended_tweet"]["full_text"], long.as_str());
    assert!(status(0)["text"].as_str().unwrap().chars().count() <= 140);
    assert_eq!(got[1].1["data"]["payload"]["text"], long.as_str());
    // A repost carries the mentions of the order that it reposts, and is none itself.
    assert_eq!(status(2)["user"]["screen_name"], "luca");
    assert!(status(2)["extended_tweet"]["full_text"].as_str().unwrap().starts_with("RT @paolo: @sportello pay"));
    assert_eq!(status(2)["retweeted_status"]["id_str"], json!(id));
    assert_eq!(status(3)["user"]["screen_name"], "marta");
    assert_eq!(status(4)["text"], "@sportello last");
    assert_eq!(got[5].1["data"]["event_type"], "post.mention.create");
}

#[tokio::test]
async fn the_api_allows_what_x_allows() {
    let sandbox = Sandbox::start(&[]).await;
    let asked = post(&sandbox, "paolo", ASK).await;
    let unasked = post(&sandbox, "luca", "not for you").await;
    let reply = |to: &str, text: &str| json!({ "text": text, "reply": { "in_reply_to_tweet_id": to } });
    let check = async |path: &str, body: Value, expected: (u16, &str)| {
        let answer = sandbox.api("POST", path, Some(body)).await.unwrap();
        assert_eq!(answer.status, expected.0, "{path}: {}", answer.text);
        assert!(answer.text.contains(expected.1), "{path}: {}", answer.text);
        assert!(answer.headers.contains_key("x-rate-limit-reset"));
        if answer.status >= 400 {
            let problem = answer.json();
            assert_eq!(problem["status"], answer.status);
            assert!(problem["type"].as_str().unwrap().starts_with("https://api.x.com/2/problems/"));
        }
    };
    check("/2/tweets", reply(&asked, "see your messages"), (201, "@paolo see your messages")).await;
    check("/2/tweets", reply(&asked, "see your messages"), (403, "duplicate")).await;
    check("/2/tweets", reply(&unasked, "hello"), (403, "not been mentioned")).await;
    check("/2/tweets", reply("1", "hello"), (403, "deleted or not visible")).await;
    check("/2/tweets", reply("one", "hello"), (400, "valid id")).await;
    check("/2/tweets", json!({ "text": "x".repeat(281) }), (400, "too long")).await;
    check("/2/tweets", json!({}), (400, "missing")).await;
    check(
        "/2/dm_conversations/with/1002/messages",
        json!({ "text": "your code" }),
        (201, "\"dm_conversation_id\":\"1002-9000\""),
    )
    .await;
    check("/2/dm_conversations/with/1004/messages", json!({ "text": "your code" }), (403, "permission to DM")).await;
    check("/2/dm_conversations/with/77/messages", json!({ "text": "your code" }), (403, "permission to DM")).await;
    // Whoever wrote first may be answered.
    sandbox.on_x("dms", json!({ "as": "giulia", "text": "hello" })).await;
    check("/2/dm_conversations/with/1004/messages", json!({ "text": "your code" }), (201, "dm_event_id")).await;
    let thread = sandbox.see(format!("{}/sandbox/people/paolo/dms", sandbox.x)).await;
    assert_eq!(thread["dms"][0]["text"], "your code");
    assert_eq!(thread["dms"][0]["from"], "sportello");
}

#[tokio::test]
async fn a_call_that_is_not_signed_is_refused() {
    let sandbox = Sandbox::start(&[]).await;
    let url = format!("{}/2/users/me", sandbox.x);
    let check = async |authorization: Option<String>, expected: u16| {
        let mut request = sandbox.http.get(&url);
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        assert_eq!(request.send().await.unwrap().status().as_u16(), expected);
    };
    let good = signed("GET", &url);
    check(None, 401).await;
    check(Some("Bearer sandbox".to_owned()), 401).await;
    check(Some(signed("POST", &url)), 401).await;
    check(Some(signed("GET", &format!("{url}?a=b"))), 401).await;
    check(Some(good.clone()), 200).await;
    check(Some(good), 401).await;
}

#[tokio::test]
async fn limits_and_lost_answers() {
    let sandbox = Sandbox::start(&["--x-fault", "dm_limit=2", "--x-fault", "lose_answers=1"]).await;
    let path = "/2/dm_conversations/with/1002/messages";
    let send = async || sandbox.api("POST", path, Some(json!({ "text": "code" }))).await;
    assert!(send().await.is_none(), "the first answer is lost");
    assert_eq!(send().await.unwrap().status, 201);
    let limited = send().await.unwrap();
    assert_eq!(limited.status, 429);
    assert_eq!(limited.headers["x-rate-limit-remaining"], "0");
    let thread = sandbox.see(format!("{}/sandbox/people/paolo/dms", sandbox.x)).await;
    sandbox.on_x("faults", json!({ "window_s": 1000 })).await;
    assert_eq!(send().await.unwrap().status, 201, "another length begins with new windows");
    assert_eq!(thread["dms"].as_array().unwrap().len(), 2, "the lost answer was to a message that was sent");

    sandbox.on_x("faults", json!({ "fail_with_status": 503, "fail_times": 1, "on": "all" })).await;
    assert_eq!(sandbox.api("GET", "/2/users/me", None).await.unwrap().status, 503);
    assert_eq!(sandbox.api("GET", "/2/users/me", None).await.unwrap().status, 200);
    sandbox.on_x("faults", json!({ "rate_limited_until": 4_000_000_000u64 })).await;
    let limited = sandbox.api("GET", "/2/users/me", None).await.unwrap();
    assert_eq!((limited.status, limited.headers["x-rate-limit-reset"].to_str().unwrap()), (429, "4000000000"));
    sandbox.on_x("reset", json!({})).await;
    assert!(send().await.is_none(), "a reset goes back to the faults of the start");
    assert_eq!(
        sandbox.control("POST", format!("{}/sandbox/faults", sandbox.x), json!({ "wrong": 1 })).await.status,
        400
    );
}

/// Every switch does what its name says, whether it is set on the command line or over HTTP.
#[tokio::test]
async fn every_switch_of_x() {
    let at_start = Sandbox::start(&["--x-fault", "post_limit=0", "--x-fault", "dms_closed=[\"anna\"]"]).await;
    let later = Sandbox::start(&[]).await;
    later.on_x("faults", json!({ "post_limit": 0, "dms_closed": ["anna"] })).await;
    for sandbox in [&at_start, &later] {
        let asked = post(sandbox, "paolo", ASK).await;
        let reply = json!({ "text": "done", "reply": { "in_reply_to_tweet_id": asked } });
        let write = async |path: &str, body: Value| sandbox.api("POST", path, Some(body)).await.map(|a| a.status);
        let said = async || write("/2/tweets", reply.clone()).await;
        let to_anna = "/2/dm_conversations/with/1001/messages";
        let whispered = async || write(to_anna, json!({ "text": "code" })).await;
        let set = async |change: Value| sandbox.on_x("faults", change).await;
        assert_eq!((said().await, whispered().await), (Some(429), Some(403)));
        // A window of no length is over with each call.
        set(json!({ "post_limit": 100, "dms_closed": [], "window_s": 0 })).await;
        assert_eq!(whispered().await, Some(201));
        set(json!({ "window_s": 900, "dm_limit": 0, "read_limit": 0 })).await;
        assert_eq!(whispered().await, Some(429));
        assert_eq!(sandbox.api("GET", "/2/dm_events", None).await.unwrap().status, 429);
        set(json!({ "dm_limit": 100, "read_limit": 100, "lose_requests": 1 })).await;
        assert_eq!(said().await, None);
        // Nothing was done, so that the same text is new.
        set(json!({ "window_s": 0 })).await;
        assert_eq!((said().await, said().await), (Some(201), Some(403)));
        set(json!({ "refuse_duplicates": false })).await;
        assert_eq!(said().await, Some(201));
        set(json!({ "on": "reads", "fail_with_status": 502, "fail_times": null })).await;
        assert_eq!(said().await, Some(201), "a write is no read");
        for _ in 0..2 {
            assert_eq!(sandbox.api("GET", "/2/users/me", None).await.unwrap().status, 502);
        }
        set(json!({ "on": "writes", "delay_ms": 20 })).await;
        let since = std::time::Instant::now();
        assert_eq!(said().await, Some(502));
        assert!(since.elapsed().as_millis() >= 20);
    }
}

#[tokio::test]
async fn a_delivery_that_takes_too_long_has_failed() {
    // It listens and never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let deaf = format!("http://{}/in/twitter", silent.local_addr().unwrap());
    let sandbox = Sandbox::start(&["--webhook", &deaf, "--x-fault", "delivery_timeout_ms=20"]).await;
    let forged = sandbox.on_x("forge", json!({ "as": "paolo", "text": ASK })).await;
    assert_eq!(forged["error"], "timed out");
}

#[tokio::test]
async fn the_readme_names_every_switch() {
    let sandbox = Sandbox::start(&[]).await;
    let readme = include_str!("../README.md");
    let (_, switches) = readme.split_once("## Faults").unwrap();
    for half in [&sandbox.x, &sandbox.bank, &sandbox.messenger] {
        for key in sandbox.see(format!("{half}/sandbox/faults")).await.as_object().unwrap().keys() {
            assert!(switches.contains(&format!("`{key}`")), "{key} is not in README.md");
        }
    }
}

#[tokio::test]
async fn who_is_named_in_a_direct_message_is_told_with_their_id() {
    let (gateway, url) = Gateway::listen(&[]).await;
    let sandbox = Sandbox::start(&["--webhook", &url]).await;
    sandbox.on_x("dms", json!({ "as": "paolo", "text": "r&b: pay @anna 20 €" })).await;
    let got = gateway.wait(2).await;
    for events in [&got[0].1["direct_message_events"], &got[1].1["data"]["payload"]["direct_message_events"]] {
        let data = &events[0]["message_create"]["message_data"];
        assert_eq!(data["text"], "r&amp;b: pay @anna 20 €");
        assert_eq!(data["entities"]["user_mentions"][0]["id_str"], "1001");
        assert_eq!(data["entities"]["user_mentions"][0]["indices"], json!([13, 18]));
    }
    let listed = sandbox.api("GET", "/2/dm_events?dm_event.fields=entities", None).await.unwrap().json();
    assert_eq!(listed["data"][0]["entities"]["mentions"][0]["id"], "1001");
}

#[tokio::test]
async fn lists_are_caught_up_page_by_page() {
    let sandbox = Sandbox::start(&[]).await;
    let mut ids = Vec::new();
    for i in 0..7 {
        ids.push(post(&sandbox, "paolo", &format!("@sportello number {i}")).await);
        sandbox.on_x("dms", json!({ "as": "anna", "text": format!("message {i}") })).await;
    }
    post(&sandbox, "luca", "@anna not for the account").await;
    let get = async |path: String| sandbox.api("GET", &path, None).await.unwrap().json();

    let base = "/2/users/9000/mentions?max_results=5&tweet.fields=author_id&expansions=author_id";
    let first = get(base.to_owned()).await;
    assert_eq!(first["meta"]["result_count"], 5);
    assert_eq!(first["meta"]["newest_id"], json!(ids[6]));
    assert_eq!(first["data"][0]["author_id"], "1002");
    assert!(first["data"][0].get("created_at").is_none(), "a field that was not asked for is not given");
    assert_eq!(first["includes"]["users"], json!([{ "id": "1002", "name": "Paolo", "username": "paolo" }]));
    let token = first["meta"]["next_token"].as_str().unwrap();
    let rest = get(format!("{base}&pagination_token={token}")).await;
    assert_eq!(rest["data"][1]["id"], json!(ids[0]));
    assert!(rest["meta"].get("next_token").is_none());
    let since = get(format!("/2/users/9000/mentions?since_id={}", ids[4])).await;
    assert_eq!(since["meta"]["result_count"], 2);
    let none = get(format!("/2/users/9000/mentions?since_id={}", ids[6])).await;
    assert_eq!(none, json!({ "meta": { "result_count": 0 } }));

    let base = "/2/dm_events?max_results=4&dm_event.fields=sender_id";
    let first = get(base.to_owned()).await;
    assert_eq!(first["data"][0]["text"], "message 6");
    assert_eq!(first["data"][0]["sender_id"], "1001");
    let token = first["meta"]["next_token"].as_str().unwrap();
    let rest = get(format!("{base}&pagination_token={token}")).await;
    assert_eq!(rest["data"].as_array().unwrap().len(), 3);

    assert_eq!(get("/2/users/by/username/Anna".to_owned()).await["data"]["id"], "1001");
    assert!(get("/2/users/by/username/nobody".to_owned()).await["errors"].is_array());
    for bad in ["max_results=4", "max_results=101", "since_id=x", "unheard_of=1", "pagination_token=x"] {
        let answer = sandbox.api("GET", &format!("/2/users/9000/mentions?{bad}"), None).await.unwrap();
        assert_eq!(answer.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn the_page_is_there_and_sees_the_bank() {
    let sandbox = Sandbox::start(&[]).await;
    let page = sandbox.http.get(&sandbox.x).send().await.unwrap();
    assert!(page.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    let page = page.text().await.unwrap();
    assert!(!page.contains("innerHTML"), "texts are set as texts");
    let books = sandbox.see(format!("{}/sandbox/bank/accounts", sandbox.x)).await;
    assert_eq!(books["total"], 1_105_500);
}
