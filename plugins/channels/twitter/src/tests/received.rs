use sportello_sdk::frames::{WebhookFrame, host_method};
use sportello_sdk::{Failure, Source, WebhookRequest};

use super::*;

fn webhook(host: &ScriptedHost, method: &str, body: &str) -> Result<u16, String> {
    let request = WebhookRequest {
        head: WebhookFrame {
            method: method.to_owned(),
            path: "/".to_owned(),
            query: String::new(),
            headers: Vec::new(),
        },
        body: body.to_owned().into(),
    };
    let twitter = opened(host, 0);
    let reply = host.block_on(twitter.webhook(request, &host.call()));
    assert!(host.requests().is_empty(), "X waits 3 seconds, and must not wait for X");
    reply.map(|reply| reply.status).map_err(|failure| failure.code)
}

fn post(id: &str, text: &str) -> Value {
    json!({ "id_str": id, "text": text, "user": { "id_str": "2", "screen_name": "paolo" } })
}

fn delivery(posts: &[Value]) -> String {
    json!({ "for_user_id": "1", "tweet_create_events": posts }).to_string()
}

fn ids(host: &ScriptedHost) -> Vec<String> {
    host.messages().into_iter().map(|m| m.id.unwrap()).collect()
}

#[test]
fn all_events_of_a_delivery_arrive_in_order() {
    let host = host();
    let posts = [post("3", "@sportello help"), post("1", "@sportello help"), post("2", "hello")];
    assert_eq!(webhook(&host, "POST", &delivery(&posts)), Ok(200));
    assert_eq!(ids(&host), ["post:3", "post:1"]);
    // The second delivery of the same is taken again, and is known.
    assert_eq!(webhook(&host, "POST", &delivery(&posts)), Ok(200));
    nothing_is_told(&host, "", &["help", "hello"]);
}

#[test]
fn what_is_not_durable_is_not_acknowledged() {
    let full = Failure::new(Source::Host, "store", "the store is full").retry_after(1000);
    let host = host().fails(host_method::MESSAGE, full);
    let body = delivery(&[post("1", "@sportello help")]);
    assert_eq!(webhook(&host, "POST", &body), Ok(503));
    let host = host.works_again(host_method::MESSAGE);
    assert_eq!(webhook(&host, "POST", &body), Ok(200));
    assert_eq!(ids(&host).last().unwrap(), "post:1");
}

#[test]
fn what_the_gateway_will_never_take_is_not_sent_again() {
    let host = host().fails(host_method::MESSAGE, Failure::input("bad_message", "…"));
    assert_eq!(webhook(&host, "POST", &delivery(&[post("1", "@sportello help")])), Ok(200));
}

#[test]
fn what_can_be_read_of_a_broken_delivery_arrives() {
    let host = host();
    let body = delivery(&[json!({ "id_str": "7" }), post("1", "@sportello help")]);
    assert_eq!(webhook(&host, "POST", &body), Err("malformed".to_owned()));
    assert_eq!(ids(&host), ["post:1"]);
    assert_eq!(webhook(&host, "POST", "{\"for_user_id\""), Err("malformed".to_owned()));
    assert_eq!(webhook(&host, "GET", ""), Ok(405));
}

#[test]
fn a_deletion_of_an_edit_cancels_the_first_version() {
    let host = host();
    let mut edit = post("91", "@sportello pay @anna 5 €");
    edit["edit_history"] = json!({ "initial_tweet_id": "90", "edit_tweet_ids": ["90", "91"] });
    assert_eq!(webhook(&host, "POST", &delivery(&[edit])), Ok(200));
    let gone = |id: &str| {
        let status = json!({ "id": id, "user_id": "2" });
        json!({ "for_user_id": "1", "tweet_delete_events": [{ "status": status }] }).to_string()
    };
    for id in ["91", "90", "92"] {
        assert_eq!(webhook(&host, "POST", &gone(id)), Ok(200));
    }
    let firsts: Vec<_> = host.messages().into_iter().map(|m| m.first_id.unwrap()).collect();
    assert_eq!(firsts, ["post:90", "post:90", "post:90", "post:92"]);
    assert_eq!(ids(&host), ["post:91", "post:91:deleted", "post:90:deleted", "post:92:deleted"]);
}

#[test]
fn a_long_text_passes_whole() {
    let host = host();
    let text = format!("@sportello {}", "x".repeat(100_000));
    assert_eq!(webhook(&host, "POST", &delivery(&[post("1", &text)])), Ok(200));
    assert_eq!(host.messages()[0].text.len(), text.len());
}
