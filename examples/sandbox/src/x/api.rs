//! The part of X's API that writes: posts and direct messages of the account.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::{
    X, events,
    gate::counted,
    people::ACCOUNT,
    problem::Problem,
    text::{escaped, weighted_length},
    webhook,
    world::{Dm, Draft},
};
use crate::{clock, lock::lock};

/// How many weighted characters a post may have.
const POST_LENGTH_MAX: usize = 280;
/// How many characters a direct message may have.
const DM_LENGTH_MAX: usize = 10_000;

pub(crate) fn router() -> Router<Arc<X>> {
    Router::new().route("/2/tweets", post(create_post)).route("/2/dm_conversations/with/{id}/messages", post(send_dm))
}

#[derive(Debug, Deserialize)]
struct NewPost {
    text: Option<String>,
    reply: Option<Reply>,
    quote_tweet_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Reply {
    in_reply_to_tweet_id: String,
}

#[derive(Debug, Deserialize)]
struct NewDm {
    text: Option<String>,
}

async fn create_post(State(x): State<Arc<X>>, body: Bytes) -> Response {
    let limit = x.faults.now().post_limit;
    counted(&x, "POST /2/tweets", limit, || match publish(&x, &body) {
        Ok(answer) => (StatusCode::CREATED, Json(answer)).into_response(),
        Err(problem) => problem.into_response(),
    })
}

fn publish(x: &X, body: &[u8]) -> Result<serde_json::Value, Problem> {
    let asked: NewPost = serde_json::from_slice(body).map_err(|error| Problem::invalid(error.to_string()))?;
    let text = asked.text.filter(|text| !text.trim().is_empty()).ok_or_else(|| Problem::invalid("text is missing."))?;
    if weighted_length(&text) > POST_LENGTH_MAX {
        return Err(Problem::invalid(
            "Your Tweet text is too long. For more information on how Twitter determines text length see https://github.com/twitter/twitter-text.",
        ));
    }
    let reply_to = asked.reply.map(|reply| id(&reply.in_reply_to_tweet_id)).transpose()?;
    let quote_of = asked.quote_tweet_id.map(|quoted| id(&quoted)).transpose()?;
    let refuse_duplicates = x.faults.now().refuse_duplicates;

    let mut world = lock(&x.world);
    if let Some(replied) = reply_to {
        let replied = world.post(replied).ok_or_else(|| {
            Problem::forbidden("You attempted to reply to a Tweet that is deleted or not visible to you.")
        })?;
        if replied.author != ACCOUNT && !world.addresses(replied, ACCOUNT) {
            return Err(Problem::forbidden(
                "Reply to this conversation is not allowed because you have not been mentioned or otherwise engaged by the author of the post you are replying to.",
            ));
        }
    }
    let draft = Draft { text, reply_to, quote_of, repost_of: None };
    let post = world.publish(x.ids.next(), clock::now_ms(), ACCOUNT, draft);
    let twin = |other: &&super::world::Post| {
        other.id != post.id
            && other.author == ACCOUNT
            && other.reply_to == post.reply_to
            && other.text == post.text
            && !other.deleted
    };
    if refuse_duplicates && world.posts.values().rev().take(100).any(|other| twin(&other)) {
        world.posts.remove(&post.id);
        return Err(Problem::forbidden("You are not allowed to create a Tweet with duplicate content."));
    }
    let events = events::posted(&world, &post, x.envelope);
    drop(world);
    webhook::deliver(x, events);
    Ok(json!({ "data": {
        "id": post.id.to_string(),
        "text": escaped(&post.text),
        "edit_history_tweet_ids": [post.id.to_string()],
    } }))
}

async fn send_dm(State(x): State<Arc<X>>, Path(to): Path<String>, body: Bytes) -> Response {
    let limit = x.faults.now().dm_limit;
    counted(&x, &format!("direct messages with {to}"), limit, || match message(&x, &to, &body) {
        Ok(answer) => (StatusCode::CREATED, Json(answer)).into_response(),
        Err(problem) => problem.into_response(),
    })
}

fn message(x: &X, to: &str, body: &[u8]) -> Result<serde_json::Value, Problem> {
    let asked: NewDm = serde_json::from_slice(body).map_err(|error| Problem::invalid(error.to_string()))?;
    let text = asked.text.filter(|text| !text.trim().is_empty()).ok_or_else(|| Problem::invalid("text is missing."))?;
    if text.chars().count() > DM_LENGTH_MAX {
        return Err(Problem::invalid("The text is longer than 10000 characters."));
    }
    id(to)?;
    let closed = x.faults.now().dms_closed.clone();
    let mut world = lock(&x.world);
    let refused = || Problem::forbidden("You do not have permission to DM one or more participants.");
    let person = world.person(to).ok_or_else(refused)?;
    if person.id == ACCOUNT || !world.may_message(ACCOUNT, person, &closed) {
        return Err(refused());
    }
    let dm = Dm {
        id: x.ids.next(),
        sender: ACCOUNT.to_owned(),
        recipient: to.to_owned(),
        text,
        created_ms: clock::now_ms(),
        by_api: true,
    };
    world.message(dm.clone());
    let events = events::messaged(&world, &dm, x.envelope);
    let shape = super::v2::dm_event(&world, &dm);
    drop(world);
    webhook::deliver(x, events);
    Ok(json!({ "data": {
        "dm_conversation_id": shape.get("dm_conversation_id"),
        "dm_event_id": dm.id.to_string(),
    } }))
}

/// A numeric id; X's are written as text.
fn id(text: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| Problem::invalid(format!("[{text}] is not a valid id: it must match ^[0-9]{{1,19}}$.")))
}
