use sportello_sdk::{Failure, HttpRequest, Note};

use super::*;

const POSTS: &str = "https://api.x.com/2/tweets";
const DMS: &str = "https://api.x.com/2/dm_conversations/with/2/messages";

fn note(changes: Value) -> Note {
    let mut note = json!({ "key": "note-1", "to": "twitter:2", "private": false, "text": "Look into your messages." });
    for (key, value) in changes.as_object().unwrap() {
        note[key] = value.clone();
    }
    from_value(note).unwrap()
}

fn private(changes: Value) -> Note {
    let mut note = note(json!({ "private": true, "text": "20,00 € to Anna? Your code: 431907." }));
    note.reply_to = changes.get("reply_to").and_then(Value::as_str).map(str::to_owned);
    note.fallback = changes.get("fallback").and_then(Value::as_str).map(str::to_owned);
    note
}

fn posted(id: &str) -> HttpResponse {
    answer(201, json!({ "data": { "id": id, "text": "…" } }))
}

fn delivered(id: &str) -> HttpResponse {
    answer(201, json!({ "data": { "dm_event_id": id, "dm_conversation_id": "1-2" } }))
}

fn forbidden(detail: &str) -> HttpResponse {
    answer(403, json!({ "title": "Forbidden", "type": "about:blank", "status": 403, "detail": detail }))
}

const DUPLICATE: &str = "You are not allowed to create a Tweet with duplicate content.";
const CLOSED: &str = "You do not have permission to DM one or more participants.";
const NO_REPLY: &str = "Reply to this conversation is not allowed because you have not been mentioned.";

type Answer = fn(&HttpRequest) -> Result<HttpResponse, Failure>;

fn scripted(posts: Answer, dms: Answer) -> ScriptedHost {
    host().on_http("POST", POSTS, posts).on_http("POST", DMS, dms)
}

/// What came of the note: `post:…`, `dm:…`, `nothing` known of it, with `!` where the fallback was said, or the
/// failure's code; then the requests made, each its kind and its text.
fn outcome(host: &ScriptedHost, note: Note) -> (String, Vec<String>) {
    let before = host.requests().len();
    let private_text = note.private.then(|| note.text.clone());
    let result = host.block_on(opened(host, 0).send(note, &host.call()));
    let made: Vec<String> = (host.requests().iter().skip(before))
        .map(|request| {
            let body: Value = sportello_sdk::serde_json::from_slice(&request.body).unwrap();
            let to = body["reply"]["in_reply_to_tweet_id"].as_str().unwrap_or("dm");
            format!("{to}: {}", body["text"].as_str().unwrap())
        })
        .collect();
    let told = match result {
        Ok(sent) => sent.id.unwrap_or("nothing".to_owned()) + if sent.fell_back { "!" } else { "" },
        Err(failure) => {
            nothing_is_told(host, &failure.to_string(), &["431907", "20,00"]);
            failure.code
        }
    };
    for public in made.iter().filter(|made| !made.starts_with("dm: ")) {
        assert!(
            private_text.as_ref().is_none_or(|text| !public.contains(text)) && !public.contains("431907"),
            "{public}"
        );
    }
    nothing_is_told(host, &told, &["431907", "20,00"]);
    (told, made)
}

fn check(host: &ScriptedHost, note: Note, expected: &str, requests: &[&str]) {
    let (told, made) = outcome(host, note);
    assert_eq!((told.as_str(), made.iter().map(String::as_str).collect::<Vec<_>>()), (expected, requests.to_vec()));
}

#[test]
fn in_public_only_as_an_answer_to_a_post() {
    let host = || scripted(|_| Ok(posted("900")), |_| Ok(delivered("800")));
    let look = "Look into your messages.";
    let (reply, dm) = (format!("50: {look}"), format!("dm: {look}"));
    check(&host(), note(json!({ "reply_to": "post:50" })), "post:900", &[&reply]);
    check(&host(), note(json!({ "reply_to": "dm:50" })), "dm:800", &[&dm]);
    check(&host(), note(json!({ "reply_to": "post:50:deleted" })), "dm:800", &[&dm]);
    check(&host(), note(json!({})), "dm:800", &[&dm]);
    let code = "dm: 20,00 € to Anna? Your code: 431907.";
    check(&host(), private(json!({ "reply_to": "post:50", "fallback": look })), "dm:800", &[code]);
    check(&host(), note(json!({ "to": "twitter:@paolo" })), "not_pinned", &[]);
    check(&host(), note(json!({ "to": "tel:+39333" })), "foreign_handle", &[]);
    let long = "word ".repeat(100);
    let (_, made) = outcome(&host(), note(json!({ "reply_to": "post:50", "text": long })));
    assert!(made[0].ends_with("word…") && made[0].chars().count() <= 284);
    // What is private is never cut.
    let (told, made) = outcome(&host(), note(json!({ "private": true, "text": "x".repeat(10_001) })));
    assert_eq!((told.as_str(), made.len()), ("too_long", 0));
}

#[test]
fn who_takes_no_messages_is_told_in_public_where_to_look() {
    let closed = || scripted(|_| Ok(posted("900")), |_| Ok(forbidden(CLOSED)));
    let code = "dm: 20,00 € to Anna? Your code: 431907.";
    let look = "Please let me write to you, and look into your messages.";
    let fallback = |text: &str| private(json!({ "reply_to": "post:50", "fallback": text }));
    check(&closed(), fallback(look), "post:900!", &[code, &format!("50: {look}")]);
    check(&closed(), private(json!({ "reply_to": "post:50" })), "forbidden", &[code]);
    check(&closed(), private(json!({ "fallback": look })), "forbidden", &[code]);
    check(&closed(), private(json!({ "reply_to": "dm:50", "fallback": look })), "forbidden", &[code]);
    // A fallback that tells the secret is not said: not the text, not the code, not the amount.
    for leak in ["20,00 € to Anna? Your code: 431907.", "your code is (431907)!", "confirm 20,00"] {
        check(&closed(), fallback(leak), "forbidden", &[code]);
    }
    // Another trouble than closed messages is no reason to speak in public.
    let down = scripted(|_| Ok(posted("900")), |_| Ok(answer(503, json!({}))));
    check(&down, fallback(look), "http_503", &[code]);
    let revoked = scripted(|_| Ok(posted("900")), |_| Ok(answer(401, json!({ "title": "Unauthorized" }))));
    check(&revoked, fallback(look), "unauthorized", &[code]);
}

#[test]
fn a_post_that_takes_no_reply_leaves_the_message() {
    let open = scripted(|_| Ok(forbidden(NO_REPLY)), |_| Ok(delivered("800")));
    let both = ["50: Look into your messages.", "dm: Look into your messages."];
    check(&open, note(json!({ "reply_to": "post:50" })), "dm:800", &both);
    let shut = scripted(|_| Ok(forbidden(NO_REPLY)), |_| Ok(forbidden(CLOSED)));
    check(&shut, note(json!({ "reply_to": "post:50", "fallback": "…" })), "forbidden", &both);
}

#[test]
fn a_lost_answer_makes_no_second_post() {
    let done = || note(json!({ "reply_to": "post:50", "text": "Done." }));
    let lost: Answer = |_| Err(Failure::provider("timeout", "no answer").retry_after(1000));
    let host = scripted(lost, |_| Ok(delivered("800")));
    check(&host, done(), "timeout", &["50: Done."]);
    // It had arrived: X refuses the same text, and that is the answer that was lost.
    let host = host.on_http("POST", POSTS, |_| Ok(forbidden(DUPLICATE)));
    check(&host, done(), "nothing", &["50: Done."]);
    check(&host, done(), "nothing", &[]);
    // It had not: it is made now, and once.
    let host = scripted(lost, |_| Ok(delivered("800")));
    check(&host, done(), "timeout", &["50: Done."]);
    let host = host.on_http("POST", POSTS, |_| Ok(posted("900")));
    check(&host, done(), "post:900", &["50: Done."]);
    check(&host, done(), "post:900", &[]);
}

#[test]
fn the_same_words_to_somebody_else_are_told_apart() {
    let only_varied: Answer = |request| {
        let is_varied = String::from_utf8_lossy(&request.body).contains("(re ");
        Ok(if is_varied { posted("901") } else { forbidden(DUPLICATE) })
    };
    let done = || note(json!({ "reply_to": "post:2080765813578191303", "text": "Done." }));
    let plain = "2080765813578191303: Done.";
    let varied = "2080765813578191303: Done. (re 191303)";
    let host = scripted(only_varied, |_| Ok(delivered("800")));
    check(&host, done(), "post:901", &[plain, varied]);
    // A try that was certainly refused leaves no doubt behind.
    let host = scripted(|_| Ok(answer(429, json!({}))), |_| Ok(delivered("800")));
    check(&host, done(), "http_429", &[plain]);
    let host = host.on_http("POST", POSTS, only_varied);
    check(&host, done(), "post:901", &[plain, varied]);
    // A try that was lost after it was told apart is taken up there.
    let host = scripted(
        |request| match String::from_utf8_lossy(&request.body).contains("(re ") {
            true => Err(Failure::provider("timeout", "no answer").retry_after(1000)),
            false => Ok(forbidden(DUPLICATE)),
        },
        |_| Ok(delivered("800")),
    );
    check(&host, done(), "timeout", &[plain, varied]);
    let host = host.on_http("POST", POSTS, |_| Ok(forbidden(DUPLICATE)));
    check(&host, done(), "nothing", &[varied]);
    // A long text makes room for the mark.
    let host = scripted(only_varied, |_| Ok(delivered("800")));
    let (told, made) = outcome(&host, note(json!({ "reply_to": "post:50", "text": "word ".repeat(100) })));
    assert_eq!(told, "post:901");
    assert!(made[1].ends_with("… (re 50)"), "{}", made[1]);
}

#[test]
fn a_limit_is_waited_for_only_if_it_is_short() {
    let limited = |reset_s: u64| {
        let refuse = move |request: &HttpRequest| {
            let signed_s: u64 = header_value(request, "oauth_timestamp").parse().unwrap();
            if signed_s >= reset_s {
                return Ok(delivered("800"));
            }
            Ok(answer(429, json!({})).with_header("x-rate-limit-reset", reset_s.to_string()))
        };
        host().on_http("POST", DMS, refuse)
    };
    let hello = "dm: Look into your messages.";
    check(&limited(1_700_000_002), note(json!({})), "dm:800", &[hello, hello]);
    let long = limited(1_700_000_900);
    let failure = long.block_on(opened(&long, 0).send(note(json!({})), &long.call())).unwrap_err();
    assert_eq!(failure.retry_after_ms(), Some(900_000));
    assert_eq!(long.clock_ms(), 1_700_000_000_000);
}

#[test]
fn a_success_without_a_result_is_none() {
    let errors = scripted(
        |_| {
            Ok(answer(
                200,
                json!({ "errors": [{ "title": "Not Found Error", "type": "https://api.x.com/2/problems/resource-not-found" }] }),
            ))
        },
        |_| Ok(answer(200, json!({}))),
    );
    check(&errors, note(json!({ "reply_to": "post:50" })), "resource-not-found", &["50: Look into your messages."]);
    check(&errors, note(json!({})), "http_200", &["dm: Look into your messages."]);
}

fn header_value(request: &HttpRequest, field: &str) -> String {
    let header = request.head.headers.iter().find(|(name, _)| name == "authorization").unwrap();
    let (_, rest) = header.1.split_once(&format!("{field}=\"")).unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

#[test]
fn every_request_is_signed_afresh() {
    let host = scripted(|_| Ok(posted("900")), |_| Ok(delivered("800")));
    outcome(&host, note(json!({})));
    outcome(&host, note(json!({ "key": "note-2" })));
    let nonces: Vec<String> = host.requests().iter().map(|r| header_value(r, "oauth_nonce")).collect();
    assert!(nonces[0] != nonces[1] && nonces[0].len() == 32);
    assert_eq!(header_value(&host.requests()[0], "oauth_token"), "the-access_token");
}
