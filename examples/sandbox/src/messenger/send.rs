//! The Send API: what a page says.
//!
//! Source: Messenger Platform, Send API Reference; Quick Replies Reference; Message Tags.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Messenger, batch,
    cast::{APP_SECRET, PAGES, Page},
    events::Chat,
    graph::{GraphError, Usage},
    webhook::hmac_sha256,
    world::{Message, QuickReply, new_mid},
};
use crate::{clock, lock::lock};

/// The versions of the Graph API that are there.
const VERSIONS: std::ops::RangeInclusive<u32> = 20..=25;
/// How many characters a text may have.
const TEXT_LENGTH_MAX: usize = 2000;
/// How many quick replies may stand under a message, and how long their parts and the metadata may be.
const QUICK_REPLIES_MAX: usize = 13;
const TITLE_LENGTH_MAX: usize = 20;
const PAYLOAD_LENGTH_MAX: usize = 1000;
const METADATA_LENGTH_MAX: usize = 1000;
/// How long after the person's last message the page may answer, and how long a person of the page's may.
const WINDOW_MS: u64 = 24 * 3600 * 1000;
const HUMAN_AGENT_WINDOW_MS: u64 = 7 * WINDOW_MS;

pub(crate) fn router() -> Router<Arc<Messenger>> {
    Router::new().route("/{version}/{page}/messages", post(send))
}

#[derive(Deserialize)]
struct Asked {
    recipient: Option<Recipient>,
    messaging_type: Option<String>,
    tag: Option<String>,
    message: Option<Said>,
    sender_action: Option<String>,
}

#[derive(Deserialize)]
struct Recipient {
    id: Option<String>,
}

#[derive(Deserialize)]
struct Said {
    text: Option<String>,
    #[serde(default)]
    quick_replies: Vec<Button>,
    metadata: Option<String>,
}

#[derive(Deserialize)]
struct Button {
    content_type: String,
    title: Option<String>,
    payload: Option<String>,
}

async fn send(
    State(messenger): State<Arc<Messenger>>,
    Path((version, page)): Path<(String, String)>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let known = version.strip_prefix('v').and_then(|version| version.strip_suffix(".0"));
    if !known.and_then(|major| major.parse().ok()).is_some_and(|major: u32| VERSIONS.contains(&major)) {
        return GraphError::version(&format!("/{version}/{page}/messages")).into_response();
    }
    let members: Result<Map<String, Value>, _> = serde_json::from_slice(&body);
    let members = members.unwrap_or_default();
    let given =
        |key: &str| query.get(key).cloned().or_else(|| members.get(key).and_then(Value::as_str).map(str::to_owned));
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let token = given("access_token").or_else(|| bearer.map(str::to_owned));
    let page = match authorized(token, given("appsecret_proof"), &page) {
        Ok(page) => page,
        Err(error) => return error.into_response(),
    };
    counted(&messenger, page, || {
        if let Some(failure) = messenger.faults.now().failure() {
            return Err(GraphError::asked(&failure));
        }
        carried_out(&messenger, page, &body)
    })
}

/// The page whose token was given, where it is the one in the path and the proof, if any, is right.
fn authorized(token: Option<String>, proof: Option<String>, path: &str) -> Result<Page, GraphError> {
    let token = token.ok_or_else(|| GraphError::of(104))?;
    let page = PAGES.into_iter().find(|page| page.token == token).ok_or_else(|| GraphError::of(190))?;
    if proof.is_some_and(|proof| proof != hmac_sha256(APP_SECRET, token.as_bytes())) {
        return Err(GraphError::proof());
    }
    if path != "me" && path != page.id {
        return Err(GraphError::object(path));
    }
    Ok(page)
}

/// Counts a call against both limits; the answer of `work`, or the limit's error, in either case with the headers.
fn counted(messenger: &Messenger, page: Page, work: impl FnOnce() -> Result<Value, GraphError>) -> Response {
    let (app_limit, page_limit, window_s) = {
        let faults = messenger.faults.now();
        (faults.app_limit, faults.page_limit, faults.window_s)
    };
    let (app, of_page) = {
        let (mut limits, now_s) = (lock(&messenger.limits), clock::now_s());
        (limits.count("app", app_limit, window_s, now_s), limits.count(page.id, page_limit, window_s, now_s))
    };
    let outcome = match (app.allowed, of_page.allowed) {
        (false, _) => Err(GraphError::of(4)),
        (true, false) => Err(GraphError::of(613)),
        (true, true) => work(),
    };
    let limited = outcome.as_ref().is_err_and(GraphError::is_limit);
    let usage = if limited { Usage { app: 100, page: 100 } } else { Usage::of(app, of_page) };
    let mut answer = outcome.map_or_else(GraphError::into_response, |sent| Json(sent).into_response());
    usage.write(page.id, if limited { window_s.div_ceil(60) } else { 0 }, answer.headers_mut());
    answer
}

fn carried_out(messenger: &Arc<Messenger>, page: Page, body: &[u8]) -> Result<Value, GraphError> {
    let asked: Asked = serde_json::from_slice(body).map_err(GraphError::parameter)?;
    let psid = asked.recipient.as_ref().and_then(|recipient| recipient.id.clone());
    let psid = psid.ok_or_else(|| GraphError::parameter("The parameter recipient is required"))?;
    let blocked = messenger.faults.now().block.clone();

    let mut world = lock(&messenger.world);
    let name = world.owner(page.id, &psid).map(|person| person.name.clone()).ok_or_else(|| GraphError::of(100))?;
    if blocked.iter().any(|blocked| blocked.eq_ignore_ascii_case(&name)) {
        return Err(GraphError::of(551));
    }
    let now_ms = world.now_ms();
    let silent_ms = world.thread(&psid).heard_ms.map(|heard_ms| now_ms.saturating_sub(heard_ms));
    let within = |most_ms: u64| silent_ms.filter(|silent_ms| *silent_ms <= most_ms).map(|_| ());
    let outside = || GraphError::of(10);
    if let Some(action) = &asked.sender_action {
        if !["typing_on", "typing_off", "mark_seen"].contains(&action.as_str()) || asked.message.is_some() {
            return Err(GraphError::parameter("Invalid sender_action"));
        }
        within(WINDOW_MS).ok_or_else(outside)?;
        return Ok(json!({ "recipient_id": psid }));
    }
    let said = asked.message.ok_or_else(|| GraphError::parameter("The parameter message is required"))?;
    let (text, quick_replies) = checked(&said)?;
    within(window_ms(asked.messaging_type.as_deref(), asked.tag.as_deref())?).ok_or_else(outside)?;

    let message = Message { mid: new_mid(), from_page: true, text, quick_replies, at_ms: now_ms, edits: 0 };
    let mid = message.mid.clone();
    let chat = Chat { page: page.id, psid: &psid, at_ms: now_ms };
    let echo = chat.echo(&message, said.metadata.as_deref());
    let delivery = Chat { at_ms: world.now_ms(), ..chat }.delivery(&mid, now_ms);
    world.thread(&psid).messages.push(message);
    drop(world);
    batch::deliver(messenger, vec![echo, delivery]);
    Ok(json!({ "recipient_id": psid, "message_id": mid }))
}

/// How long after the person's last message one of this kind may be sent.
fn window_ms(messaging_type: Option<&str>, tag: Option<&str>) -> Result<u64, GraphError> {
    match (messaging_type, tag) {
        (Some("RESPONSE" | "UPDATE"), None) => Ok(WINDOW_MS),
        (Some("MESSAGE_TAG"), Some("HUMAN_AGENT")) => Ok(HUMAN_AGENT_WINDOW_MS),
        (Some("MESSAGE_TAG"), Some("ACCOUNT_UPDATE" | "CONFIRMED_EVENT_UPDATE" | "POST_PURCHASE_UPDATE")) => {
            Ok(u64::MAX)
        }
        (Some("MESSAGE_TAG"), _) => Err(GraphError::parameter("Param tag must be a valid message tag")),
        (Some("RESPONSE" | "UPDATE"), Some(_)) => {
            Err(GraphError::parameter("Param tag is for messages of the type MESSAGE_TAG only"))
        }
        _ => Err(GraphError::parameter("Param messaging_type must be one of {RESPONSE, UPDATE, MESSAGE_TAG}")),
    }
}

/// The text and the quick replies, where they keep to the limits.
fn checked(said: &Said) -> Result<(String, Vec<QuickReply>), GraphError> {
    let bounded = |what: &str, text: &str, most: usize| {
        if text.chars().count() > most {
            return Err(GraphError::parameter(format!("Length of param {what} must be less than or equal to {most}")));
        }
        Ok(text.to_owned())
    };
    let text = said.text.as_deref().filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| GraphError::parameter("Message cannot be empty, must provide valid text"))?;
    let text = bounded("message[text]", text, TEXT_LENGTH_MAX)?;
    bounded("message[metadata]", said.metadata.as_deref().unwrap_or_default(), METADATA_LENGTH_MAX)?;
    if said.quick_replies.len() > QUICK_REPLIES_MAX {
        return Err(GraphError::parameter(format!("Too many quick replies: at most {QUICK_REPLIES_MAX}")));
    }
    let reply = |button: &Button| match (button.content_type.as_str(), &button.title, &button.payload) {
        ("text", Some(title), Some(payload)) if !title.is_empty() => Ok(QuickReply {
            title: bounded("message[quick_replies][title]", title, TITLE_LENGTH_MAX)?,
            payload: bounded("message[quick_replies][payload]", payload, PAYLOAD_LENGTH_MAX)?,
        }),
        _ => Err(GraphError::parameter("A quick reply needs the content_type text, a title and a payload")),
    };
    Ok((text, said.quick_replies.iter().map(reply).collect::<Result<_, _>>()?))
}
