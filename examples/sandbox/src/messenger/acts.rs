//! What people on Messenger do, as the control API has them do it.

use std::sync::Arc;

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Messenger, batch,
    cast::{PAGES, page},
    events::{Beside, Chat, Event},
    world::{Message, NotTapped, Thread, World, new_mid},
};
use crate::{
    control::{Refusal, missing, read, refused},
    lock::lock,
};

/// How many times a message may be changed.
const EDITS_MAX: u32 = 5;

pub(crate) fn router() -> Router<Arc<Messenger>> {
    Router::new()
        .route("/messages", post(write))
        .route("/taps", post(tap))
        .route("/postbacks", post(postback))
        .route("/reactions", post(react))
        .route("/edits", post(edit))
        .route("/reads", post(read_all))
}

/// Who acts, and towards which page.
#[derive(Deserialize)]
pub(crate) struct Actor {
    #[serde(rename = "as")]
    pub(crate) name: String,
    /// Without it the first.
    pub(crate) page: Option<String>,
}

/// An actor found: the page's id and the person's towards it.
pub(crate) struct Pair {
    pub(crate) page: &'static str,
    pub(crate) psid: String,
}

impl Pair {
    pub(crate) fn find(world: &World, name: &str, wanted: Option<&str>) -> Result<Self, Refusal> {
        let [first, _] = PAGES;
        let id = wanted.unwrap_or(first.id);
        let page = page(id).ok_or_else(|| missing("page", id))?.id;
        let person = world.named(name).ok_or_else(|| missing("person", name))?;
        Ok(Self { page, psid: person.psid(page).to_owned() })
    }

    pub(crate) fn at(&self, at_ms: u64) -> Chat<'_> {
        Chat { page: self.page, psid: &self.psid, at_ms }
    }
}

/// Has somebody do something in their chat, and delivers what comes of it. `heard`: whether it opens the page's window.
fn acted(
    messenger: &Arc<Messenger>,
    actor: &Actor,
    heard: bool,
    act: impl FnOnce(Chat<'_>, &mut Thread) -> Result<Event, Refusal>,
) -> Result<Json<Value>, Refusal> {
    let event = {
        let mut world = lock(&messenger.world);
        let pair = Pair::find(&world, &actor.name, actor.page.as_deref())?;
        let now_ms = world.now_ms();
        let thread = world.thread(&pair.psid);
        let event = act(pair.at(now_ms), thread)?;
        if heard {
            thread.heard_ms = Some(now_ms);
        }
        event
    };
    let mid = event.mid.clone();
    batch::deliver(messenger, vec![event]);
    Ok(Json(json!({ "mid": mid })))
}

/// Puts a message of the person's into the chat.
fn said(thread: &mut Thread, chat: Chat<'_>, text: &str, beside: &Beside) -> Event {
    let mid = new_mid();
    let event = chat.message(&mid, text, beside);
    let (text, at_ms) = (text.to_owned(), chat.at_ms);
    thread.messages.push(Message { mid, from_page: false, text, quick_replies: Vec::new(), at_ms, edits: 0 });
    event
}

#[derive(Deserialize)]
struct NewMessage {
    #[serde(flatten)]
    actor: Actor,
    #[serde(default)]
    text: String,
    reply_to: Option<String>,
    #[serde(default)]
    attachments: Vec<Attachment>,
    #[serde(default)]
    standby: bool,
}

#[derive(Deserialize)]
struct Attachment {
    #[serde(rename = "type")]
    kind: String,
    url: String,
}

async fn write(State(messenger): State<Arc<Messenger>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let NewMessage { actor, text, reply_to, attachments, standby } = read(&body)?;
    if text.is_empty() && attachments.is_empty() {
        return Err(refused("a message has a text or an attachment"));
    }
    let attachments = attachments.into_iter().map(|attachment| (attachment.kind, attachment.url)).collect();
    let beside = Beside { reply_to, attachments, standby, quick_reply: None };
    acted(&messenger, &actor, true, |chat, thread| Ok(said(thread, chat, &text, &beside)))
}

#[derive(Deserialize)]
struct Tap {
    #[serde(flatten)]
    actor: Actor,
    title: String,
}

/// The person taps the quick reply of that title under the newest message.
async fn tap(State(messenger): State<Arc<Messenger>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let Tap { actor, title } = read(&body)?;
    acted(&messenger, &actor, true, |chat, thread| {
        let reply = thread.offered(&title).map_err(|not_tapped| match not_tapped {
            NotTapped::Unknown => missing("quick reply", &title),
            NotTapped::Stale => Refusal(StatusCode::CONFLICT, format!("`{title}` vanished when a newer message came")),
        })?;
        Ok(said(thread, chat, &title, &Beside { quick_reply: Some(reply), ..Beside::default() }))
    })
}

#[derive(Deserialize)]
struct Postback {
    #[serde(flatten)]
    actor: Actor,
    payload: String,
    title: String,
    /// Whether the delivery names a message.
    #[serde(default = "yes")]
    with_mid: bool,
}

fn yes() -> bool {
    true
}

async fn postback(State(messenger): State<Arc<Messenger>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let Postback { actor, payload, title, with_mid } = read(&body)?;
    let mid = with_mid.then(new_mid);
    acted(&messenger, &actor, true, |chat, _| Ok(chat.postback(mid.as_deref(), &title, &payload)))
}

#[derive(Deserialize)]
struct Reaction {
    #[serde(flatten)]
    actor: Actor,
    mid: String,
    #[serde(default = "love")]
    reaction: String,
    #[serde(default = "heart")]
    emoji: String,
    #[serde(default = "react_action")]
    action: String,
}

fn love() -> String {
    "love".to_owned()
}

fn heart() -> String {
    "\u{2764}".to_owned()
}

fn react_action() -> String {
    "react".to_owned()
}

async fn react(State(messenger): State<Arc<Messenger>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let Reaction { actor, mid, reaction, emoji, action } = read(&body)?;
    if !["react", "unreact"].contains(&action.as_str()) {
        return Err(refused("action: react or unreact"));
    }
    acted(&messenger, &actor, action == "react", |chat, thread| {
        if !thread.messages.iter().any(|message| message.mid == mid) {
            return Err(missing("message", &mid));
        }
        Ok(chat.reaction(&mid, &reaction, &emoji, &action))
    })
}

#[derive(Deserialize)]
struct Edit {
    #[serde(flatten)]
    actor: Actor,
    mid: String,
    text: String,
}

async fn edit(State(messenger): State<Arc<Messenger>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let Edit { actor, mid, text } = read(&body)?;
    acted(&messenger, &actor, false, |chat, thread| {
        let own = |message: &&mut Message| message.mid == mid && !message.from_page;
        let message = thread.messages.iter_mut().find(own).ok_or_else(|| missing("message of theirs", &mid))?;
        if message.edits >= EDITS_MAX {
            return Err(Refusal(StatusCode::CONFLICT, format!("a message is changed {EDITS_MAX} times at most")));
        }
        message.edits += 1;
        message.text = text;
        Ok(chat.edit(message))
    })
}

/// The person has read the chat.
async fn read_all(State(messenger): State<Arc<Messenger>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let actor: Actor = read(&body)?;
    acted(&messenger, &actor, false, |chat, _| Ok(chat.read()))
}
