//! Posts and people in the shapes of API v2, whole: X Activity sends all fields, the API those that are asked for.

use serde_json::{Value, json};

use super::{
    people::Person,
    text::escaped,
    world::{Dm, Post, World},
};
use crate::{clock, json::put};

const EDIT_WINDOW_MS: u64 = 3_600_000;

/// A post with every field.
pub(crate) fn post(world: &World, post: &Post) -> Value {
    let text = escaped(&post.text);
    let mut body = json!({
        "id": post.id.to_string(),
        "text": text,
        "author_id": post.author,
        "created_at": clock::rfc3339(post.created_ms),
        "conversation_id": conversation(world, post).to_string(),
        "edit_history_tweet_ids": post.history.iter().map(u64::to_string).collect::<Vec<_>>(),
        "edit_controls": {
            "edits_remaining": 6usize.saturating_sub(post.history.len()),
            "edits_remaining_str": 6usize.saturating_sub(post.history.len()).to_string(),
            "is_edit_eligible": true,
            "editable_until": clock::rfc3339(post.created_ms + EDIT_WINDOW_MS),
        },
        "display_text_range": [post.prefix, text.chars().count()],
        "paid_partnership": false,
        "possibly_sensitive": false,
        "public_metrics": counters(["retweet_count", "reply_count", "like_count", "quote_count", "bookmark_count", "impression_count"]),
        "reply_settings": "everyone",
        "lang": "und",
    });
    put_entities(&mut body, world, &text);
    if let Some(replied) = post.reply_to.and_then(|id| world.posts.get(&id)) {
        put(&mut body, "in_reply_to_tweet_id", json!(replied.id.to_string()));
        put(&mut body, "in_reply_to_user_id", json!(replied.author));
    }
    let references = [("replied_to", post.reply_to), ("quoted", post.quote_of), ("retweeted", post.repost_of)];
    let references: Vec<Value> = references
        .into_iter()
        .filter_map(|(kind, id)| id.map(|id| json!({ "type": kind, "id": id.to_string() })))
        .collect();
    if !references.is_empty() {
        put(&mut body, "referenced_tweets", json!(references));
    }
    body
}

/// A person with every field.
pub(crate) fn user(person: &Person) -> Value {
    json!({
        "id": person.id,
        "name": person.name,
        "username": person.screen_name,
        "created_at": "2020-01-06T09:00:00.000Z",
        "description": "",
        "url": "",
        "protected": person.protected,
        "verified": false,
        "verified_type": "none",
        "is_identity_verified": false,
        "profile_banner_url": "",
        "profile_image_url": "https://abs.twimg.com/sticky/default_profile_images/default_profile_normal.png",
        "public_metrics": counters(["followers_count", "following_count", "tweet_count", "listed_count", "like_count", "media_count"]),
    })
}

/// Whom a text mentions; nothing where it mentions nobody.
fn put_entities(body: &mut Value, world: &World, text: &str) {
    let mentions: Vec<Value> = world
        .mentioned(text)
        .into_iter()
        .map(|(at, person)| {
            json!({
                "start": at.start,
                "start_str": at.start.to_string(),
                "end": at.end,
                "end_str": at.end.to_string(),
                "username": person.screen_name,
                "id": person.id,
            })
        })
        .collect();
    if !mentions.is_empty() {
        put(body, "entities", json!({ "mentions": mentions }));
    }
}

/// A direct message with every field.
pub(crate) fn dm_event(world: &World, dm: &Dm) -> Value {
    let text = escaped(&dm.text);
    let mut people = [&dm.sender, &dm.recipient];
    people.sort_by_key(|id| id.parse::<u64>().unwrap_or(u64::MAX));
    let mut body = json!({
        "id": dm.id.to_string(),
        "event_type": "MessageCreate",
        "text": text,
        "sender_id": dm.sender,
        "dm_conversation_id": people.map(String::as_str).join("-"),
        "created_at": clock::rfc3339(dm.created_ms),
    });
    put_entities(&mut body, world, &text);
    body
}

/// The post at the start of the conversation that `post` belongs to.
fn conversation(world: &World, post: &Post) -> u64 {
    let mut root = post;
    while let Some(earlier) = root.reply_to.and_then(|id| world.posts.get(&id)) {
        root = earlier;
    }
    root.history.first().copied().unwrap_or(root.id)
}

fn counters<const N: usize>(names: [&str; N]) -> Value {
    let members = names.into_iter().flat_map(|name| [(name.to_owned(), json!(0)), (format!("{name}_str"), json!("0"))]);
    Value::Object(members.collect())
}
