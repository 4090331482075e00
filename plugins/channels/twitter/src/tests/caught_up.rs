use std::sync::atomic::{AtomicU64, Ordering};

use sportello_sdk::frames::host_method;
use sportello_sdk::{Failure, HttpRequest, Source};

use super::*;

fn query(request: &HttpRequest, name: &str) -> Option<String> {
    let (_, query) = request.head.url.split_once('?')?;
    let pair = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")))?;
    Some(pair.to_owned())
}

fn post(id: u64) -> Value {
    json!({ "id": id.to_string(), "author_id": "2", "text": "@sportello help", "edit_history_tweet_ids": [id.to_string()] })
}

fn dm(id: u64) -> Value {
    json!({ "id": id.to_string(), "event_type": "MessageCreate", "sender_id": "2", "text": "help", "dm_conversation_id": "1-2" })
}

/// A page of two of these, newest first, as it is asked for.
fn listed(ids: &[u64], entry: fn(u64) -> Value, request: &HttpRequest) -> Result<HttpResponse, Failure> {
    let since: u64 = query(request, "since_id").map_or(0, |id| id.parse().unwrap());
    let from: usize = query(request, "pagination_token").map_or(0, |token| token.parse().unwrap());
    let all: Vec<u64> = ids.iter().copied().filter(|id| *id > since).collect();
    let page: Vec<Value> = all.iter().skip(from).take(2).copied().map(entry).collect();
    let mut meta = json!({ "result_count": page.len() });
    if from + 2 < all.len() {
        meta["next_token"] = (from + 2).to_string().into();
    }
    let users = json!({ "users": [{ "id": "2", "username": "paolo" }] });
    let mut body = json!({ "data": page, "includes": users, "meta": meta });
    if page.is_empty() {
        // As X does.
        body.as_object_mut().unwrap().remove("data");
    }
    Ok(answer(200, body))
}

/// X with posts of these ids and messages of these.
fn x(posts: &'static [u64], dms: &'static [u64]) -> ScriptedHost {
    host().on_http("GET", &format!("{API}/2/users/1/mentions?*"), move |r| listed(posts, post, r)).on_http(
        "GET",
        &format!("{API}/2/dm_events?*"),
        move |r| listed(dms, dm, r),
    )
}

/// Runs once to the end, and says what arrived and where the cursors are.
fn check(host: &ScriptedHost, expected: Result<&[&str], &str>, cursors: [&str; 2]) {
    let before = host.messages().len();
    let result = host.block_on(opened(host, 0).run(&host.call()));
    let messages: Vec<String> = host.messages().into_iter().skip(before).map(|m| m.id.unwrap()).collect();
    let messages: Vec<&str> = messages.iter().map(String::as_str).collect();
    assert_eq!(result.map(|()| messages.as_slice()).map_err(|f| f.code), expected.map_err(str::to_owned));
    for (name, cursor) in ["cursor/posts", "cursor/dms"].into_iter().zip(cursors) {
        assert_eq!(host.stored(name).unwrap_or_default(), cursor.as_bytes(), "{name}");
    }
    nothing_is_told(host, "", &["help"]);
}

#[test]
fn the_first_start_begins_now() {
    check(&x(&[30, 20, 10], &[9, 8]), Ok(&[]), ["30", "9"]);
    // Where there is nothing yet, everything from here on is new.
    check(&x(&[], &[]), Ok(&[]), ["0", "0"]);
    check(
        &x(&[2, 1], &[1]).store("cursor/posts", "0").store("cursor/dms", "0"),
        Ok(&["post:1", "post:2", "dm:1"]),
        ["2", "1"],
    );
}

#[test]
fn a_gap_is_read_through_all_pages_oldest_first() {
    let host = x(&[50, 40, 30, 20, 10, 9], &[8, 7, 6, 5]).store("cursor/posts", "9").store("cursor/dms", "6");
    check(&host, Ok(&["post:10", "post:20", "post:30", "post:40", "post:50", "dm:7", "dm:8"]), ["50", "8"]);
    // Messages are not asked for beyond the cursor.
    assert_eq!(host.requests().len(), 3 + 2);
    check(&host, Ok(&[]), ["50", "8"]);
}

#[test]
fn what_is_not_durable_is_read_again() {
    let full = Failure::new(Source::Host, "store", "full");
    let host = x(&[20, 10], &[]).store("cursor/posts", "9").store("cursor/dms", "0").fails(host_method::MESSAGE, full);
    check(&host, Err("store"), ["9", "0"]);
    let host = host.works_again(host_method::MESSAGE);
    let result = host.block_on(opened(&host, 0).run(&host.call()));
    assert!(result.is_ok() && host.stored("cursor/posts").unwrap() == "20");
}

#[test]
fn limits_and_outages_are_waited_for() {
    let tries = AtomicU64::new(0);
    let host = x(&[], &[]).store("cursor/posts", "9").store("cursor/dms", "0").on_http(
        "GET",
        &format!("{API}/2/users/1/mentions?*"),
        move |_| match tries.fetch_add(1, Ordering::Relaxed) {
            0 => Ok(answer(429, json!({})).with_header("x-rate-limit-reset", "1700000900")),
            1 => Ok(answer(503, json!({}))),
            2 => Err(Failure::provider("unreachable", "no route").retry_after(5000)),
            3 => Ok(HttpResponse::new(200, "text/html", "<html>")),
            _ => Ok(answer(200, json!({ "data": [post(10)], "meta": {} }))),
        },
    );
    check(&host, Ok(&["post:10"]), ["10", "0"]);
    assert_eq!(host.clock_ms(), 1_700_000_000_000 + 900_000 + 30_000 + 5000 + 30_000);
}

/// The second page of three is refused, with a limit, an outage and nothing but errors: nothing in the gap is missed,
/// and no page is read again.
#[test]
fn a_refusal_in_the_middle_of_a_gap_loses_nothing() {
    const IDS: [u64; 6] = [60, 50, 40, 30, 20, 10];
    let tries = AtomicU64::new(0);
    let errors = json!({ "errors": [{ "title": "Service Unavailable", "type": "about:blank" }] });
    let host = x(&[], &[]).store("cursor/posts", "9").store("cursor/dms", "0").on_http(
        "GET",
        &format!("{API}/2/users/1/mentions?*"),
        move |request| match tries.fetch_add(1, Ordering::Relaxed) {
            1 => Ok(answer(429, json!({})).with_header("x-rate-limit-reset", "1700000900")),
            2 => Ok(answer(200, errors.clone())),
            3 => Ok(answer(500, json!({}))),
            _ => listed(&IDS, post, request),
        },
    );
    let all = ["post:10", "post:20", "post:30", "post:40", "post:50", "post:60"];
    check(&host, Ok(&all), ["60", "0"]);
    assert_eq!(host.clock_ms(), 1_700_000_000_000 + 900_000 + 30_000 + 30_000);
    let asked = host.requests();
    let pages = asked.iter().filter(|request| request.head.url.contains("/mentions"));
    let tokens: Vec<String> = pages.map(|request| query(request, "pagination_token").unwrap_or_default()).collect();
    assert_eq!(tokens, ["", "2", "2", "2", "2", "4"]);
}

/// Taken for an empty list, errors would set the first cursor before everything that was ever written, and old orders
/// would be carried out again.
#[test]
fn errors_are_no_empty_list() {
    for body in [
        json!({ "errors": [{ "title": "Not Found Error" }] }),
        json!({ "errors": [{ "title": "Not Found Error" }], "meta": { "result_count": 0 } }),
        json!({ "data": null, "errors": [{}] }),
        json!({}),
    ] {
        let tries = AtomicU64::new(0);
        let host = x(&[], &[]).on_http("GET", &format!("{API}/2/users/1/mentions?*"), move |request| {
            match tries.fetch_add(1, Ordering::Relaxed) {
                0 => Ok(answer(200, body.clone())),
                _ => listed(&[30, 20, 10], post, request),
            }
        });
        check(&host, Ok(&[]), ["30", "0"]);
    }
    // Errors beside a list are about what could not be expanded in it.
    let host = x(&[], &[]).store("cursor/posts", "9").store("cursor/dms", "0").on_http(
        "GET",
        &format!("{API}/2/users/1/mentions?*"),
        |_| Ok(answer(200, json!({ "data": [post(10)], "errors": [{}], "meta": { "result_count": 1 } }))),
    );
    check(&host, Ok(&["post:10"]), ["10", "0"]);
}

#[test]
fn refused_keys_end_it() {
    let host = x(&[], &[]).on_http("GET", "*", |_| Ok(answer(401, json!({ "title": "Unauthorized" }))));
    check(&host, Err("unauthorized"), ["", ""]);
}

#[test]
fn it_is_done_again_and_again() {
    let host = x(&[], &[]).ends_at_ms(1_700_000_000_000 + 1_000_000);
    let result = host.block_on(opened(&host, 300).run(&host.call()));
    assert_eq!(result.unwrap_err().code, "closing");
    assert_eq!(host.requests().len(), 4 * 2);
}

#[test]
fn what_is_listed_and_not_for_us_moves_the_cursor_alone() {
    let host = x(&[], &[]).store("cursor/posts", "9").store("cursor/dms", "0");
    let host = host
        .on_http("GET", &format!("{API}/2/users/1/mentions?*"), |_| {
            let own = json!({ "id": "20", "author_id": "1", "text": "@paolo done" });
            Ok(answer(200, json!({ "data": [own, { "id": "19" }], "meta": null, "includes": null })))
        })
        .on_http("GET", &format!("{API}/2/dm_events?*"), |_| {
            let mut group = dm(7);
            group["dm_conversation_id"] = "1234567".into();
            let mut echo = dm(8);
            echo["sender_id"] = "1".into();
            Ok(answer(200, json!({ "data": [echo, group, { "id": "6", "event_type": "ParticipantsJoin" }] })))
        });
    check(&host, Ok(&[]), ["20", "8"]);
    // A post without a writer cannot be waited for, and is not passed over in silence.
    assert!(host.logs().iter().any(|line| line.message.starts_with("1 of Posts cannot be read")));
}

#[test]
fn a_webhook_and_catching_up_tell_of_the_same_message() {
    let host = x(&[100], &[]).store("cursor/posts", "9").store("cursor/dms", "0");
    check(&host, Ok(&["post:100"]), ["100", "0"]);
    let message = host.messages().remove(0);
    assert_eq!(message.first_id.as_deref(), Some("post:100"));
    assert_eq!(message.from_name.unwrap().to_string(), "twitter:@paolo");
    let request = host.requests().remove(0);
    let header = request.head.headers.iter().find(|(name, _)| name == "authorization").unwrap();
    assert!(
        header.1.starts_with("OAuth ")
            && request.head.url.contains("expansions=author_id%2Centities.mentions.username")
    );
}
