use sportello_sdk::{Encoding, Handshake, Hash, Kind, Manifest, Signature, Strength, WebhookRequest, dispatch, kit};

use super::*;
use crate::MANIFEST;

/// X's pages: `sha256=` and base64 of the HMAC-SHA256 under the consumer secret, over the raw body for a delivery and
/// over `crc_token` for the question whose address this is.
#[test]
fn the_manifest_declares_what_x_does() {
    let manifest: Manifest = sportello_sdk::serde_json::from_str(MANIFEST).unwrap();
    assert_eq!((manifest.name.as_str(), manifest.kind), ("twitter", Kind::Channel));
    let webhook = manifest.webhook.unwrap();
    let (hash, encoding) = (Hash::Sha256, Encoding::Base64);
    let (prefix, secret) = ("sha256=".to_owned(), "consumer_secret".to_owned());
    let header = "x-twitter-webhooks-signature".to_owned();
    let signature = Signature::Hmac { hash, header, prefix: prefix.clone(), encoding, secret: secret.clone() };
    assert_eq!(webhook.signature, signature);
    let (query, field) = ("crc_token".to_owned(), "response_token".to_owned());
    let handshake = Handshake::HmacOfQuery { query, field, hash, prefix, encoding, secret };
    assert_eq!(webhook.handshake, Some(handshake));
    let facts = manifest.channel.unwrap();
    assert_eq!((facts.message_ids, facts.senders), (Strength::Strong, Strength::Strong));
    assert_eq!(facts.own_name_setting.as_deref(), Some("handle"));
    assert_eq!(facts.scheme, crate::text::SCHEME);
}

#[test]
fn a_missing_secret_is_told_when_opened() {
    let host = ScriptedHost::new().secret("consumer_key", "x");
    let settings = from_value(json!({ "handle": "sportello", "user_id": "1" })).unwrap();
    let opened = host.block_on(Twitter::open(settings, &host.call()));
    assert_eq!(opened.err().unwrap().code, "no_such_secret");
}

#[test]
fn conforms() {
    let post = json!({ "id_str": "90", "text": "@sportello help", "user": { "id_str": "2", "screen_name": "paolo" } });
    let delivery = json!({ "for_user_id": "1", "tweet_create_events": [post] });
    let notes = json!([
        { "key": "public", "to": "twitter:2", "private": false, "text": "Done.", "reply_to": "post:90" },
        { "key": "private", "to": "twitter:2", "private": true, "text": "Your code: 431907.", "reply_to": "post:90", "fallback": "Look into your messages." },
    ]);
    let mut options = kit::Options::new(json!({ "handle": "sportello", "user_id": "1", "catch_up_every_s": 0 }));
    options.notes = from_value(notes).unwrap();
    options.webhooks = vec![WebhookRequest {
        head: from_value(json!({ "method": "POST", "path": "", "query": "", "headers": [] })).unwrap(),
        body: delivery.to_string().into(),
    }];
    options.provider = Some(|host| {
        host.on_http("POST", &format!("{API}/2/tweets"), |_| Ok(answer(201, json!({ "data": { "id": "900" } }))))
            .on_http("POST", &format!("{API}/2/dm_conversations/with/2/messages"), |_| {
                Ok(answer(201, json!({ "data": { "dm_event_id": "800" } })))
            })
            .on_http("GET", &format!("{API}/2/*"), |_| Ok(answer(200, json!({ "meta": { "result_count": 0 } }))))
    });
    kit::check(MANIFEST, &dispatch::channel::<Twitter>, &options).assert();
}
