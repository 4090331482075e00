use sportello_sdk::frames::WebhookFrame;
use sportello_sdk::testing::ScriptedHost;
use sportello_sdk::{Bytes, Channel, Failure, HttpResponse, Note, WebhookRequest, dispatch, kit, serde_json};

use super::{HelloChannel, MANIFEST};

fn open(host: &ScriptedHost, settings: &str) -> HelloChannel {
    let settings = serde_json::from_str(settings).unwrap();
    host.block_on(HelloChannel::open(settings, &host.call())).unwrap_or_else(|failure| panic!("{failure}"))
}

fn delivery(body: &str) -> WebhookRequest {
    let head =
        WebhookFrame { method: "POST".to_owned(), path: "/".to_owned(), query: String::new(), headers: Vec::new() };
    let body = Bytes::copy_from_slice(body.as_bytes());
    WebhookRequest { head, body }
}

#[test]
fn deliveries() {
    let check = |body: &str, expected: Result<&str, &str>| {
        let host = ScriptedHost::new();
        let channel = open(&host, "{}");
        let reply = host.block_on(channel.webhook(delivery(body), &host.call()));
        let got = match &reply {
            Ok(_) => Ok(format!("{}: {}", host.messages()[0].from, host.messages()[0].text)),
            Err(failure) => Err(failure.code.as_str()),
        };
        assert_eq!(got, expected.map(str::to_owned), "{body}");
    };
    check(r#"{"id":"1","from":"anna","text":"pay @paolo 5 €","private":true}"#, Ok("hello:anna: pay @paolo 5 €"));
    check(r#"{"id":"1","from":"anna","text":"help","mood":"blue"}"#, Ok("hello:anna: help"));
    check(r#"{"id":"1","from":"","text":"help"}"#, Err("bad_delivery"));
    check(r#"{"id":"1"}"#, Err("bad_delivery"));
    check("", Err("bad_delivery"));
}

#[test]
fn what_is_not_durable_is_not_acknowledged() {
    let host = ScriptedHost::new().fails("message", Failure::provider("full", "the disk is full"));
    let channel = open(&host, "{}");
    let request = delivery(r#"{"id":"1","from":"anna","text":"help"}"#);
    assert!(host.block_on(channel.webhook(request, &host.call())).is_err());
}

#[test]
fn notes() {
    let check = |settings: &str, status: u16, expected: Result<Option<&str>, &str>, posts: usize| {
        let host = ScriptedHost::new()
            .on_http("POST", "https://phone.example/notes", move |_| Ok(HttpResponse::new(status, "text/plain", "")));
        let channel = open(&host, settings);
        let note: Note = serde_json::from_value(serde_json::json!({
            "key": "n-1", "to": "hello:anna", "private": true, "text": "ciao"
        }))
        .unwrap();
        let sent = host.block_on(channel.send(note, &host.call()));
        let got = sent.map(|sent| sent.id).map_err(|failure| failure.code);
        let expected = expected.map(|id| id.map(str::to_owned)).map_err(str::to_owned);
        assert_eq!(got, expected);
        assert_eq!(host.requests().len(), posts);
    };
    let url = r#"{"url":"https://phone.example/notes"}"#;
    check("{}", 200, Ok(None), 0);
    check(url, 200, Ok(Some("n-1")), 1);
    check(url, 500, Err("status"), 1);
    check(r#"{"url":"https://else.example/"}"#, 200, Err("not_granted"), 1);
}

#[test]
fn conforms() {
    let mut options = kit::Options::new(serde_json::json!({"url": "https://phone.example/notes"}));
    options.webhooks = vec![delivery(r#"{"id":"1","from":"anna","text":"help"}"#)];
    options.provider = Some(|host| {
        host.on_http("POST", "https://phone.example/notes", |_| Ok(HttpResponse::new(201, "application/json", "{}")))
    });
    kit::check(MANIFEST, &dispatch::channel::<HelloChannel>, &options).assert();
}
