//! X Activity: one event a delivery, in the shapes of API v2. The application of the sandbox subscribes to
//! `post.mention.create`, `post.reply.create`, `dm.received` and `post.delete` of its account.

use serde_json::{Map, Value, json};

use super::{
    aaa::message_create,
    people::ACCOUNT,
    v2,
    world::{Dm, Post, World},
};
use crate::{json::put, serial::random};

/// Somebody mentioned the account.
pub(crate) fn mention(world: &World, post: &Post) -> Value {
    let body = v2::post(world, post);
    let author = world.person(&post.author);
    let people = author.into_iter().chain(world.person(ACCOUNT));
    let includes = json!({ "users": people.map(v2::user).collect::<Vec<_>>(), "tweets": [body] });
    envelope("post.mention.create", "mentions", &post.id.to_string(), body, Some(includes))
}

/// Somebody replied to a post of the account.
pub(crate) fn reply(world: &World, post: &Post) -> Value {
    let mut body = v2::post(world, post);
    // The published sample of a reply has no `edit_controls`, and includes nothing.
    if let Some(members) = body.as_object_mut() {
        members.remove("edit_controls");
    }
    envelope("post.reply.create", "replies", &uuid(), body, Some(json!({})))
}

/// A post was deleted.
pub(crate) fn delete(world: &World, post: &Post) -> Value {
    let author: Vec<Value> =
        world.person(&post.author).into_iter().map(|person| json!({ "data": v2::user(person) })).collect();
    let body = json!({ "id": post.id.to_string(), "author_id": post.author });
    envelope("post.delete", "post-deletes", &uuid(), body, Some(json!({ "users": author })))
}

/// Somebody wrote to the account.
pub(crate) fn dm_received(world: &World, dm: &Dm) -> Value {
    let users: Map<String, Value> = [&dm.sender, &dm.recipient]
        .into_iter()
        .filter_map(|id| world.person(id))
        .map(|person| (person.id.clone(), json!({ "data": v2::user(person) })))
        .collect();
    let body = json!({ "direct_message_events": [message_create(world, dm)], "users": users });
    envelope("dm.received", "dm-inbound", &uuid(), body, None)
}

fn envelope(event_type: &str, tag: &str, event_uuid: &str, payload: Value, includes: Option<Value>) -> Value {
    let mut data = json!({
        "event_uuid": event_uuid,
        "filter": { "user_id": ACCOUNT },
        "event_type": event_type,
        "tag": tag,
        "payload": payload,
    });
    if let Some(includes) = includes {
        put(&mut data, "includes", includes);
    }
    json!({ "data": data })
}

/// Despite its name, a signed number of 64 bits, as in the published samples.
fn uuid() -> String {
    random().cast_signed().to_string()
}
