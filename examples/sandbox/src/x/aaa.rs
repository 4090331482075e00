//! Account Activity: events in the shapes of API v1.1.

use serde_json::{Map, Value, json};

use super::{
    people::{ACCOUNT, Person},
    text::{Mention, escaped},
    world::{Dm, Post, World},
};
use crate::{clock, json::put};

/// The longest text that the compatible form of a status holds; longer ones stand in `extended_tweet`.
const COMPATIBLE_LENGTH: usize = 140;
const EDIT_WINDOW_MS: u64 = 3_600_000;
/// The application through which the account writes.
const APP: &str = "7000";

/// A post was made, by somebody or by the account itself.
pub(crate) fn tweet_create(world: &World, post: &Post) -> Value {
    json!({
        "for_user_id": ACCOUNT,
        "user_has_blocked": false,
        "tweet_create_events": [status(world, post)],
    })
}

/// A post was deleted.
pub(crate) fn tweet_delete(post: &Post, now_ms: u64) -> Value {
    json!({
        "for_user_id": ACCOUNT,
        "tweet_delete_events": [{
            "status": { "id": post.id.to_string(), "user_id": post.author },
            "timestamp_ms": now_ms.to_string(),
        }],
    })
}

/// A direct message came, or left: Account Activity delivers both.
pub(crate) fn direct_message(world: &World, dm: &Dm) -> Value {
    let people = [&dm.sender, &dm.recipient];
    let users: Map<String, Value> = people
        .into_iter()
        .filter_map(|id| world.person(id))
        .map(|person| (person.id.clone(), dm_user(person)))
        .collect();
    let mut body = json!({ "for_user_id": ACCOUNT, "users": users });
    if dm.by_api {
        put(&mut body, "apps", json!({ APP: { "id": APP, "name": "Sportello", "url": "https://sportello.example" } }));
    }
    put(&mut body, "direct_message_events", json!([message_create(world, dm)]));
    body
}

/// A direct message as both envelopes have it.
pub(crate) fn message_create(world: &World, dm: &Dm) -> Value {
    let text = escaped(&dm.text);
    let mut message = json!({
        "target": { "recipient_id": dm.recipient },
        "sender_id": dm.sender,
        "message_data": {
            "text": text,
            "entities": entities(world, &text),
        },
    });
    if dm.by_api {
        put(&mut message, "source_app_id", json!(APP));
    }
    json!({
        "type": "message_create",
        "id": dm.id.to_string(),
        "created_timestamp": dm.created_ms.to_string(),
        "message_create": message,
    })
}

fn status(world: &World, post: &Post) -> Value {
    let reposted = post.repost_of.and_then(|id| world.posts.get(&id));
    let text = match reposted {
        Some(original) => format!("RT @{}: {}", screen_name(world, &original.author), escaped(&original.text)),
        None => escaped(&post.text),
    };
    let length = text.chars().count();
    let long = length > COMPATIBLE_LENGTH;
    let shown = if long { shortened(&text, post.id) } else { text.clone() };
    let replied = post.reply_to.and_then(|id| world.posts.get(&id));
    let mut status = json!({
        "created_at": clock::v1_1(post.created_ms),
        "id": post.id,
        "id_str": post.id.to_string(),
        "text": shown,
        "source": "<a href=\"https://x.com\" rel=\"nofollow\">X Web App</a>",
        "truncated": long,
        "in_reply_to_status_id": replied.map(|post| post.id),
        "in_reply_to_status_id_str": replied.map(|post| post.id.to_string()),
        "in_reply_to_user_id": replied.and_then(|post| post.author.parse::<u64>().ok()),
        "in_reply_to_user_id_str": replied.map(|post| post.author.clone()),
        "in_reply_to_screen_name": replied.map(|post| screen_name(world, &post.author)),
        "user": world.person(&post.author).map(user),
        "geo": null,
        "coordinates": null,
        "place": null,
        "contributors": null,
        "is_quote_status": post.quote_of.is_some(),
        "quote_count": 0,
        "reply_count": 0,
        "retweet_count": 0,
        "favorite_count": 0,
        "entities": entities(world, &shown),
        "favorited": false,
        "retweeted": false,
        "filter_level": "low",
        "lang": "und",
        "timestamp_ms": post.created_ms.to_string(),
        "edit_history": {
            "initial_tweet_id": post.history.first().map(u64::to_string),
            "edit_tweet_ids": post.history.iter().map(u64::to_string).collect::<Vec<_>>(),
        },
        "edit_controls": {
            "editable_until_ms": post.created_ms + EDIT_WINDOW_MS,
            "edits_remaining": 6usize.saturating_sub(post.history.len()),
        },
        "editable": true,
    });
    if post.prefix > 0 || long {
        put(&mut status, "display_text_range", json!([post.prefix, shown.chars().count()]));
    }
    if long {
        put(
            &mut status,
            "extended_tweet",
            json!({
                "full_text": text,
                "display_text_range": [post.prefix, length],
                "entities": entities(world, &text),
            }),
        );
    }
    if let Some(original) = reposted {
        put(&mut status, "retweeted_status", self::status(world, original));
    }
    if let Some(quoted) = post.quote_of.and_then(|id| world.posts.get(&id)) {
        put(&mut status, "quoted_status_id", json!(quoted.id));
        put(&mut status, "quoted_status_id_str", json!(quoted.id.to_string()));
        put(&mut status, "quoted_status", self::status(world, quoted));
    }
    status
}

/// The first part of a long text, with a link to the rest, as a compatible status shows it.
fn shortened(text: &str, id: u64) -> String {
    let start: String = text.chars().take(COMPATIBLE_LENGTH - 25).collect();
    format!("{start}… https://t.co/{:010}", id % 10_000_000_000)
}

fn entities(world: &World, text: &str) -> Value {
    let mentions: Vec<Value> = world.mentioned(text).into_iter().map(|(at, person)| mention(&at, person)).collect();
    json!({ "hashtags": [], "urls": [], "user_mentions": mentions, "symbols": [] })
}

fn mention(at: &Mention, person: &Person) -> Value {
    json!({
        "screen_name": person.screen_name,
        "name": person.name,
        "id": person.id.parse::<u64>().ok(),
        "id_str": person.id,
        "indices": [at.start, at.end],
    })
}

fn screen_name(world: &World, id: &str) -> String {
    world.person(id).map(|person| person.screen_name.clone()).unwrap_or_default()
}

fn user(person: &Person) -> Value {
    json!({
        "id": person.id.parse::<u64>().ok(),
        "id_str": person.id,
        "name": person.name,
        "screen_name": person.screen_name,
        "location": null,
        "url": null,
        "description": null,
        "protected": person.protected,
        "verified": false,
        "followers_count": 10,
        "friends_count": 10,
        "statuses_count": 10,
        "created_at": "Mon Jan 06 09:00:00 +0000 2020",
        "lang": null,
        "default_profile": true,
        "default_profile_image": true,
    })
}

fn dm_user(person: &Person) -> Value {
    json!({
        "id": person.id,
        "created_timestamp": "1578301200000",
        "name": person.name,
        "screen_name": person.screen_name,
        "protected": person.protected,
        "verified": false,
        "followers_count": 10,
        "friends_count": 10,
        "statuses_count": 10,
        "profile_image_url_https":
            "https://abs.twimg.com/sticky/default_profile_images/default_profile_normal.png",
    })
}
