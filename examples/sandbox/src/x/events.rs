//! What is delivered when something happens, in the envelopes that are switched on.

use serde_json::Value;

use super::{
    aaa,
    people::ACCOUNT,
    world::{Dm, Post, World},
    xaa,
};
use crate::options::Envelope;

/// One webhook body about to be delivered.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// The post or message that it is about.
    pub(crate) subject: u64,
    /// `aaa` or `xaa`.
    pub(crate) envelope: &'static str,
    /// The event's name in that envelope.
    pub(crate) kind: &'static str,
    pub(crate) body: Value,
}

/// Somebody posted, or edited a post.
pub(crate) fn posted(world: &World, post: &Post, envelope: Envelope) -> Vec<Event> {
    if !world.concerns_account(post) {
        return Vec::new();
    }
    let subject = post.id;
    let mut events = Vec::new();
    if envelope != Envelope::Xaa {
        let body = aaa::tweet_create(world, post);
        events.push(Event { subject, envelope: "aaa", kind: "tweet_create_events", body });
    }
    let protected = world.person(&post.author).is_some_and(|person| person.protected);
    if envelope != Envelope::Aaa && post.author != ACCOUNT && !protected && post.repost_of.is_none() {
        if world.addresses(post, ACCOUNT) {
            let body = xaa::mention(world, post);
            events.push(Event { subject, envelope: "xaa", kind: "post.mention.create", body });
        }
        if world.author_of(post.reply_to) == Some(ACCOUNT) {
            let body = xaa::reply(world, post);
            events.push(Event { subject, envelope: "xaa", kind: "post.reply.create", body });
        }
    }
    events
}

/// A post is gone.
pub(crate) fn deleted(world: &World, post: &Post, envelope: Envelope, now_ms: u64) -> Vec<Event> {
    if !world.concerns_account(post) {
        return Vec::new();
    }
    let subject = post.id;
    let mut events = Vec::new();
    if envelope != Envelope::Xaa {
        let body = aaa::tweet_delete(post, now_ms);
        events.push(Event { subject, envelope: "aaa", kind: "tweet_delete_events", body });
    }
    if envelope != Envelope::Aaa {
        events.push(Event { subject, envelope: "xaa", kind: "post.delete", body: xaa::delete(world, post) });
    }
    events
}

/// A direct message came or left.
pub(crate) fn messaged(world: &World, dm: &Dm, envelope: Envelope) -> Vec<Event> {
    let subject = dm.id;
    let mut events = Vec::new();
    if envelope != Envelope::Xaa {
        let body = aaa::direct_message(world, dm);
        events.push(Event { subject, envelope: "aaa", kind: "direct_message_events", body });
    }
    if envelope != Envelope::Aaa && dm.recipient == ACCOUNT {
        events.push(Event { subject, envelope: "xaa", kind: "dm.received", body: xaa::dm_received(world, dm) });
    }
    events
}
