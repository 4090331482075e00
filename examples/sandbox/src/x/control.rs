//! The control API under `/sandbox/`, and the page: what people on X do, and what X does badly.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{Html, IntoResponse},
    routing::{delete, get, post},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    X, events,
    people::{ACCOUNT, Person},
    webhook,
    world::{Dm, Draft, World},
};
use crate::{
    clock,
    control::{self, Refusal, missing, read, refused},
    limits::Limits,
    lock::lock,
    options::Envelope,
};

/// Only what the page brings itself may run in it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'";

pub(crate) fn router(x: Arc<X>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/sandbox/people", get(people).post(add_person))
        .route("/sandbox/people/{name}/dms", get(dms))
        .route("/sandbox/posts", post(add_post))
        .route("/sandbox/posts/{id}", delete(delete_post))
        .route("/sandbox/posts/{id}/edit", post(edit_post))
        .route("/sandbox/dms", post(add_dm))
        .route("/sandbox/timeline", get(timeline))
        .route("/sandbox/forge", post(forge))
        .route("/sandbox/faults", get(faults).post(set_faults))
        .route("/sandbox/reset", post(reset))
        .nest("/sandbox", control::of_deliveries())
        .with_state(x)
}

fn person_id(world: &World, name: &str) -> Result<String, Refusal> {
    world.named(name).map(|person| person.id.clone()).ok_or_else(|| missing("person", name))
}

fn optional_id(id: Option<&Value>) -> Result<Option<u64>, Refusal> {
    let parsed = match id {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.parse().ok(),
        Some(other) => other.as_u64(),
    };
    parsed.map(Some).ok_or_else(|| missing("post", &id.map(Value::to_string).unwrap_or_default()))
}

async fn page() -> impl IntoResponse {
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(include_str!("../page.html")))
}

async fn people(State(x): State<Arc<X>>) -> Json<Value> {
    Json(json!({ "people": lock(&x.world).people }))
}

#[derive(Deserialize)]
struct NewPerson {
    screen_name: String,
    name: Option<String>,
    id: Option<String>,
    #[serde(default = "open")]
    dms_open: bool,
    #[serde(default)]
    protected: bool,
}

fn open() -> bool {
    true
}

async fn add_person(State(x): State<Arc<X>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let new: NewPerson = read(&body)?;
    let mut world = lock(&x.world);
    let id = match new.id {
        Some(id) => id,
        None => (1005..)
            .map(|id: u64| id.to_string())
            .find(|id| world.person(id).is_none())
            .unwrap_or_else(|| x.ids.next().to_string()),
    };
    if world.named(&new.screen_name).is_some() || world.person(&id).is_some() {
        return Err(Refusal(StatusCode::CONFLICT, "the id or the name is taken".to_owned()));
    }
    let name = new.name.unwrap_or_else(|| new.screen_name.clone());
    let person = Person { id, name, screen_name: new.screen_name, dms_open: new.dms_open, protected: new.protected };
    world.people.push(person.clone());
    Ok(Json(json!(person)))
}

#[derive(Deserialize)]
struct NewPost {
    #[serde(rename = "as")]
    author: String,
    #[serde(default)]
    text: String,
    reply_to: Option<Value>,
    quote_of: Option<Value>,
    repost_of: Option<Value>,
}

async fn add_post(State(x): State<Arc<X>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let new: NewPost = read(&body)?;
    let draft = Draft {
        text: new.text,
        reply_to: optional_id(new.reply_to.as_ref())?,
        quote_of: optional_id(new.quote_of.as_ref())?,
        repost_of: optional_id(new.repost_of.as_ref())?,
    };
    let (post, events) = {
        let mut world = lock(&x.world);
        let author = person_id(&world, &new.author)?;
        for id in [draft.reply_to, draft.quote_of, draft.repost_of].into_iter().flatten() {
            world.post(id).ok_or_else(|| missing("post", &id.to_string()))?;
        }
        let post = world.publish(x.ids.next(), clock::now_ms(), &author, draft);
        let events = events::posted(&world, &post, x.envelope);
        (post, events)
    };
    webhook::deliver(&x, events);
    Ok(Json(json!({ "id": post.id.to_string(), "text": post.text })))
}

#[derive(Deserialize)]
struct Edit {
    text: String,
}

async fn edit_post(State(x): State<Arc<X>>, Path(id): Path<String>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let edit: Edit = read(&body)?;
    let (post, events) = {
        let mut world = lock(&x.world);
        let edited = id.parse().ok().and_then(|id| world.edit(id, x.ids.next(), clock::now_ms(), &edit.text));
        let post = edited.ok_or_else(|| missing("post that can be edited", &id))?;
        let events = events::posted(&world, &post, x.envelope);
        (post, events)
    };
    webhook::deliver(&x, events);
    let history: Vec<String> = post.history.iter().map(u64::to_string).collect();
    Ok(Json(json!({ "id": post.id.to_string(), "edit_history_tweet_ids": history })))
}

async fn delete_post(State(x): State<Arc<X>>, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let (gone, events) = {
        let mut world = lock(&x.world);
        let gone = id.parse().map(|id| world.delete(id)).unwrap_or_default();
        let now_ms = clock::now_ms();
        let events: Vec<_> = gone.iter().flat_map(|post| events::deleted(&world, post, x.envelope, now_ms)).collect();
        (gone, events)
    };
    if gone.is_empty() {
        return Err(missing("post", &id));
    }
    webhook::deliver(&x, events);
    Ok(Json(json!({ "deleted": gone.iter().map(|post| post.id.to_string()).collect::<Vec<_>>() })))
}

#[derive(Deserialize)]
struct NewDm {
    #[serde(rename = "as")]
    sender: String,
    text: String,
}

async fn add_dm(State(x): State<Arc<X>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let new: NewDm = read(&body)?;
    let (id, events) = {
        let mut world = lock(&x.world);
        let sender = person_id(&world, &new.sender)?;
        let dm = dm_to_account(x.ids.next(), sender, new.text);
        world.message(dm.clone());
        (dm.id, events::messaged(&world, &dm, x.envelope))
    };
    webhook::deliver(&x, events);
    Ok(Json(json!({ "id": id.to_string() })))
}

fn dm_to_account(id: u64, sender: String, text: String) -> Dm {
    Dm { id, sender, recipient: ACCOUNT.to_owned(), text, created_ms: clock::now_ms(), by_api: false }
}

async fn timeline(State(x): State<Arc<X>>) -> Json<Value> {
    let world = lock(&x.world);
    let name = |id: &str| world.person(id).map(|person| (person.screen_name.clone(), person.name.clone()));
    let posts: Vec<Value> = world
        .posts
        .values()
        .rev()
        .filter(|post| !post.deleted && !post.superseded)
        .map(|post| {
            let (screen_name, full_name) = name(&post.author).unwrap_or_default();
            json!({
                "id": post.id.to_string(),
                "as": screen_name,
                "name": full_name,
                "text": post.text,
                "reply_to": post.reply_to.map(|id| id.to_string()),
                "quote_of": post.quote_of.map(|id| id.to_string()),
                "repost_of": post.repost_of.map(|id| id.to_string()),
                "edited": post.history.len() > 1,
                "created_at": clock::rfc3339(post.created_ms),
            })
        })
        .collect();
    Json(json!({ "posts": posts }))
}

async fn dms(State(x): State<Arc<X>>, Path(name): Path<String>) -> Result<Json<Value>, Refusal> {
    let world = lock(&x.world);
    let id = person_id(&world, &name)?;
    let screen_name = |id: &str| world.person(id).map(|person| person.screen_name.clone());
    let thread: Vec<Value> = world
        .dms
        .values()
        .filter(|dm| dm.sender == id || dm.recipient == id)
        .map(|dm| {
            json!({
                "id": dm.id.to_string(),
                "from": screen_name(&dm.sender),
                "to": screen_name(&dm.recipient),
                "text": dm.text,
                "created_at": clock::rfc3339(dm.created_ms),
            })
        })
        .collect();
    Ok(Json(json!({ "dms": thread })))
}

#[derive(Deserialize)]
struct Forgery {
    #[serde(rename = "as")]
    author: String,
    text: String,
    /// `wrong_key` (the default), `tampered` (a good signature of another body) or `missing`.
    how: Option<String>,
    /// Forges a direct message and not a post.
    #[serde(default)]
    dm: bool,
}

async fn forge(State(x): State<Arc<X>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let forgery: Forgery = read(&body)?;
    let event = {
        // A copy of the world, because nothing of a forgery ever happened on X.
        let real = lock(&x.world);
        let author = person_id(&real, &forgery.author)?;
        let mut world = World { people: real.people.clone(), ..World::default() };
        drop(real);
        let events = if forgery.dm {
            events::messaged(&world, &dm_to_account(x.ids.next(), author, forgery.text), x.envelope)
        } else {
            let draft = Draft { text: forgery.text, ..Draft::default() };
            let post = world.publish(x.ids.next(), clock::now_ms(), &author, draft);
            events::posted(&world, &post, if x.envelope == Envelope::Xaa { Envelope::Xaa } else { Envelope::Aaa })
        };
        events.into_iter().next()
    };
    let Some(event) = event else {
        return Err(refused("mention @sportello, or nothing is delivered"));
    };
    control::forge(&*x, forgery.how.as_deref(), &event.subject.to_string(), event.body.to_string()).await
}

async fn faults(State(x): State<Arc<X>>) -> Json<Value> {
    Json(json!(*x.faults.now()))
}

async fn set_faults(State(x): State<Arc<X>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let change: Map<String, Value> = read(&body)?;
    let window_s = x.faults.now().window_s;
    let faults = x.faults.change(&change).map_err(refused)?;
    if x.faults.now().window_s != window_s {
        // Windows of the old length would outlast the change, by up to a quarter of an hour.
        *lock(&x.limits) = Limits::default();
    }
    Ok(Json(faults))
}

/// Back to the start: people, no posts, no messages, no deliveries, the faults of the command line.
async fn reset(State(x): State<Arc<X>>) -> Json<Value> {
    *lock(&x.world) = World::default();
    x.faults.reset();
    *lock(&x.limits) = Limits::default();
    x.courier.forget();
    Json(json!({}))
}
