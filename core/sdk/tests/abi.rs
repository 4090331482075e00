//! There and back through the exported function, as a host goes that has loaded the library.

#![allow(clippy::panic, clippy::unwrap_used)] // A test may fail loudly, in its helpers too.

use std::sync::Arc;

use serde_json::json;
use sportello_sdk::abi::{self, AbiPeer};
use sportello_sdk::frames::{Peer, Reply};
use sportello_sdk::testing::{ScriptedHost, block_on};
use sportello_sdk::{
    Bytes, Channel, Failure, Host, HttpRequest, HttpResponse, Level, Note, Sent, WebhookReply, WebhookRequest,
    async_trait, settings,
};

settings! {
    struct Settings {
        url: String,
    }
}

struct Postcards(String);

#[async_trait]
impl Channel for Postcards {
    type Settings = Settings;

    async fn open(settings: Settings, host: &Host) -> Result<Self, Failure> {
        host.log(Level::Info, "ready");
        Ok(Self(settings.url))
    }

    async fn send(&self, note: Note, host: &Host) -> Result<Sent, Failure> {
        assert_ne!(note.text, "panic", "as told");
        let request = HttpRequest::new("POST", &self.0).body("text/plain", note.text);
        let response = host.http(request).await?;
        Ok(Sent { id: Some(String::from_utf8_lossy(&response.body).into_owned()), fell_back: false })
    }

    async fn webhook(&self, request: WebhookRequest, _: &Host) -> Result<WebhookReply, Failure> {
        let mut reply = WebhookReply::ok();
        reply.body = request.body;
        Ok(reply)
    }
}

fn connected(host: &ScriptedHost) -> Arc<dyn Peer> {
    let connect = abi::channel_module::<Postcards>().connect();
    connect(AbiPeer::new(host.clone().into_peer())).into_peer()
}

fn ask<T: serde::Serialize>(host: &ScriptedHost, plugin: &Arc<dyn Peer>, method: &str, params: T) -> Reply {
    let frame = serde_json::to_vec(&host.frame(params)).unwrap();
    block_on(plugin.call(0, method, frame.into(), Bytes::from(vec![7; 1000])))
}

fn note(text: &str) -> serde_json::Value {
    json!({"key": "n-1", "to": "post:anna", "private": true, "text": text})
}

#[test]
fn there_and_back() {
    let host = ScriptedHost::new().on_http("POST", "https://post.example/", |request| {
        let heard = String::from_utf8_lossy(&request.body).to_uppercase();
        Ok(HttpResponse::new(200, "text/plain", heard))
    });
    let plugin = connected(&host);
    let settings = json!({"url": "https://post.example/"});
    let open = json!({"contract": "1.0", "instance": "post", "settings": settings});
    assert!(ask(&host, &plugin, "open", open).ok);
    assert_eq!(host.logs()[0].message, "ready");

    let check = |method, params, expected: &str| {
        let reply = ask(&host, &plugin, method, params);
        let frame = String::from_utf8(reply.frame.to_vec()).unwrap();
        assert!(frame.contains(expected), "{method}: {frame}");
    };
    check("send", note("ciao"), r#"{"id":"CIAO","fell_back":false}"#);
    check("send", note("panic"), "as told");
    check("send", note("panic"), "tests/abi.rs");
    check("send", note("again"), "AGAIN");
    check("dance", json!(null), "unsupported");
    check("close", json!(null), "null");
    // The panic's text went to the log, with its place.
    let logged = host.logs();
    assert!(logged[1].message.contains("`send` panicked"), "{}", logged[1].message);
}

#[test]
fn bodies_are_not_copied() {
    let host = ScriptedHost::new();
    let plugin = connected(&host);
    let open = json!({"contract": "1.0", "instance": "post", "settings": {"url": ""}});
    assert!(ask(&host, &plugin, "open", open).ok);
    let head = json!({"method": "POST", "path": "/", "query": "", "headers": []});
    let frame = serde_json::to_vec(&host.frame(head)).unwrap();
    let body = Bytes::from(vec![7; 1000]);
    let reply = block_on(plugin.call(0, "webhook", frame.into(), body.clone()));
    assert_eq!(reply.body.as_ptr(), body.as_ptr());
}

#[test]
fn each_connection_is_an_instance_of_its_own() {
    let host = ScriptedHost::new();
    let (first, second) = (connected(&host), connected(&host));
    let open = json!({"contract": "1.0", "instance": "post", "settings": {"url": ""}});
    assert!(ask(&host, &first, "open", &open).ok);
    assert!(!ask(&host, &second, "send", note("ciao")).ok);
    assert!(ask(&host, &second, "open", &open).ok);
}

#[test]
fn a_host_that_panics_is_a_failure_for_the_plugin() {
    let host = ScriptedHost::new().on_http("*", "*", |_| panic!("the host's own fault"));
    let plugin = connected(&host);
    let settings = json!({"url": "https://post.example/"});
    let open = json!({"contract": "1.0", "instance": "post", "settings": settings});
    assert!(ask(&host, &plugin, "open", open).ok);
    let reply = ask(&host, &plugin, "send", note("ciao"));
    assert!(!reply.ok);
    assert!(String::from_utf8_lossy(&reply.frame).contains("the host panicked: the host's own fault"));
}

#[test]
fn the_host_is_let_go_of_with_the_plugin() {
    let host = ScriptedHost::new();
    let peer = host.clone().into_peer();
    let connect = abi::channel_module::<Postcards>().connect();
    let plugin = connect(AbiPeer::new(Arc::clone(&peer)));
    let twice = plugin.clone();
    let held = Arc::strong_count(&peer);
    drop(plugin);
    assert_eq!(Arc::strong_count(&peer), held);
    drop(twice);
    assert_eq!(Arc::strong_count(&peer), held - 1);
}
