//! The control API under `/sandbox/`: who is on Messenger, what stands in their chats, and what Messenger does badly.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    routing::{get, post},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Messenger,
    acts::{self, Actor, Pair},
    batch::{self, Batch, BatchIn},
    cast::Person,
    events::Beside,
    world::{Message, World, new_mid},
};
use crate::{
    control::{self, Refusal, read, refused},
    limits::Limits,
    lock::lock,
    serial::random,
};

pub(crate) fn router() -> Router<Arc<Messenger>> {
    Router::new()
        .route("/people", get(people).post(add_person))
        .route("/people/{name}/thread", get(thread))
        .route("/forge", post(forge))
        .route("/clock", post(advance))
        .route("/faults", get(faults).post(set_faults))
        .route("/reset", post(reset))
        .merge(acts::router())
        .merge(control::of_deliveries())
}

async fn people(State(messenger): State<Arc<Messenger>>) -> Json<Value> {
    Json(json!({ "people": lock(&messenger.world).people }))
}

#[derive(Deserialize)]
struct NewPerson {
    name: String,
}

async fn add_person(State(messenger): State<Arc<Messenger>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let new: NewPerson = read(&body)?;
    let mut world = lock(&messenger.world);
    if world.named(&new.name).is_some() {
        return Err(Refusal(StatusCode::CONFLICT, "the name is taken".to_owned()));
    }
    let psid = || format!("{:017}", 10_000_000_000_000_000 + random() % 10_000_000_000_000_000);
    let person = Person::new(&new.name, [psid(), psid()]);
    world.people.push(person.clone());
    Ok(Json(json!(person)))
}

#[derive(Deserialize)]
struct Which {
    page: Option<String>,
}

async fn thread(
    State(messenger): State<Arc<Messenger>>,
    Path(name): Path<String>,
    Query(which): Query<Which>,
) -> Result<Json<Value>, Refusal> {
    let mut world = lock(&messenger.world);
    let pair = Pair::find(&world, &name, which.page.as_deref())?;
    let name = world.owner(pair.page, &pair.psid).map(|person| person.name.clone()).unwrap_or_default();
    let shown = |message: &Message| {
        let titles: Vec<&str> = message.quick_replies.iter().map(|reply| reply.title.as_str()).collect();
        json!({
            "mid": message.mid,
            "from": if message.from_page { "page" } else { &name },
            "text": message.text,
            "quick_replies": titles,
            "timestamp": message.at_ms,
        })
    };
    let messages: Vec<Value> = world.thread(&pair.psid).messages.iter().map(shown).collect();
    Ok(Json(json!({ "psid": pair.psid, "page": pair.page, "messages": messages })))
}

#[derive(Deserialize)]
struct Forgery {
    #[serde(flatten)]
    actor: Actor,
    text: String,
    /// `wrong_key` (the default), `tampered`, `missing` or `sha1_only`.
    how: Option<String>,
}

/// Delivers a message that nobody wrote, under a signature that is not Messenger's.
async fn forge(State(messenger): State<Arc<Messenger>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let forgery: Forgery = read(&body)?;
    let mid = new_mid();
    let body = {
        let mut world = lock(&messenger.world);
        let pair = Pair::find(&world, &forgery.actor.name, forgery.actor.page.as_deref())?;
        let event = pair.at(world.now_ms()).message(&mid, &forgery.text, &Beside::default());
        batch::body(&[event], BatchIn::Entries)
    };
    control::forge(&*messenger, forgery.how.as_deref(), &mid, body).await
}

#[derive(Deserialize)]
struct Advance {
    advance_s: u64,
}

/// Moves Messenger's clock ahead, so that windows close.
async fn advance(State(messenger): State<Arc<Messenger>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let asked: Advance = read(&body)?;
    let mut world = lock(&messenger.world);
    world.advance(asked.advance_s.saturating_mul(1000));
    Ok(Json(json!({ "now_ms": world.now_ms() })))
}

async fn faults(State(messenger): State<Arc<Messenger>>) -> Json<Value> {
    Json(json!(*messenger.faults.now()))
}

async fn set_faults(State(messenger): State<Arc<Messenger>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let change: Map<String, Value> = read(&body)?;
    let faults = messenger.faults.change(&change).map_err(refused)?;
    // A window of the old length would outlast a change of the limits.
    *lock(&messenger.limits) = Limits::default();
    Ok(Json(faults))
}

/// Back to the start: people, no messages, no deliveries, the true time, the faults of the command line.
async fn reset(State(messenger): State<Arc<Messenger>>) -> Json<Value> {
    *lock(&messenger.world) = World::default();
    messenger.faults.reset();
    *lock(&messenger.limits) = Limits::default();
    *lock(&messenger.batch) = Batch::default();
    messenger.courier.forget();
    Json(json!({}))
}
