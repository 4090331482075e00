//! The part of X's API that reads: mentions and direct messages to catch up with after an outage, and people.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Map, Value, json};

use super::{
    X,
    gate::counted,
    people::{ACCOUNT, Person},
    problem::Problem,
    v2,
};
use crate::{json::put, lock::lock};

type Params = Vec<(String, String)>;

pub(crate) fn router() -> Router<Arc<X>> {
    Router::new()
        .route("/2/users/{id}/mentions", get(mentions))
        .route("/2/users/by/username/{name}", get(by_username))
        .route("/2/users/me", get(me))
        .route("/2/dm_events", get(dm_events))
}

/// What a page of a list asks for.
struct Page {
    size: usize,
    since: u64,
    before: u64,
    /// The instants between which, to the second, as X writes them.
    from: String,
    to: String,
}

impl Page {
    /// Reads the parameters that lists share; any other must be one of `known`.
    fn read(params: &Params, known: &[&str], least: usize, usual: usize) -> Result<Self, Problem> {
        let mut page = Self { size: usual, since: 0, before: u64::MAX, from: String::new(), to: "9".to_owned() };
        for (key, value) in params {
            let number = || {
                value
                    .parse::<u64>()
                    .map_err(|_| Problem::invalid(format!("The `{key}` query parameter value [{value}] is not valid.")))
            };
            match key.as_str() {
                "max_results" => {
                    page.size = usize::try_from(number()?).unwrap_or(usize::MAX);
                    if !(least..=100).contains(&page.size) {
                        return Err(Problem::invalid(format!(
                            "The `max_results` query parameter value [{value}] is not between {least} and 100."
                        )));
                    }
                }
                "since_id" if known.contains(&"since_id") => page.since = number()?,
                "until_id" if known.contains(&"until_id") => page.before = page.before.min(number()?),
                "start_time" if known.contains(&"start_time") => page.from = value.chars().take(19).collect(),
                "end_time" if known.contains(&"end_time") => page.to = value.chars().take(19).collect(),
                "pagination_token" => {
                    let token = value.strip_prefix("7140w").and_then(|hex| u64::from_str_radix(hex, 16).ok());
                    let token = token.ok_or_else(|| Problem::invalid("The `pagination_token` is not valid."))?;
                    page.before = page.before.min(token);
                }
                _ if known.contains(&key.as_str()) => {}
                _ => return Err(Problem::invalid(format!("The query parameter [{key}] is not one of those known."))),
            }
        }
        Ok(page)
    }

    fn holds(&self, id: u64, created_at: &str) -> bool {
        let second: String = created_at.chars().take(19).collect();
        self.since < id && id < self.before && self.from <= second && second < self.to
    }

    /// The list and its `meta`, from newest-first items; `ids` says whether `meta` names the ends.
    fn answer(&self, mut items: Vec<(u64, Value)>, ids: bool) -> (Vec<Value>, Value) {
        let more = items.len() > self.size;
        items.truncate(self.size);
        let mut meta = json!({ "result_count": items.len() });
        if let (true, Some((newest, _)), Some((oldest, _))) = (ids, items.first(), items.last()) {
            put(&mut meta, "newest_id", json!(newest.to_string()));
            put(&mut meta, "oldest_id", json!(oldest.to_string()));
        }
        if let (true, Some((oldest, _))) = (more, items.last()) {
            put(&mut meta, "next_token", json!(format!("7140w{oldest:x}")));
        }
        (items.into_iter().map(|(_, item)| item).collect(), meta)
    }
}

/// The members of `whole` that are given always or were asked for.
fn only(whole: Value, always: &[&str], params: &Params, asked_by: &str) -> Value {
    let asked: Vec<&str> = list(params, asked_by);
    let Value::Object(members) = whole else { return whole };
    let kept = |key: &str| always.contains(&key) || asked.contains(&key);
    Value::Object(members.into_iter().filter(|(key, _)| kept(key)).collect())
}

fn list<'a>(params: &'a Params, key: &str) -> Vec<&'a str> {
    params.iter().filter(|(name, _)| name == key).flat_map(|(_, value)| value.split(',')).map(str::trim).collect()
}

fn user(person: &Person, params: &Params) -> Value {
    only(v2::user(person), &["id", "name", "username"], params, "user.fields")
}

fn listing(data: Vec<Value>, users: Vec<Value>, meta: Value) -> Response {
    let mut body = Map::new();
    // An empty list is left out, as X does.
    if !data.is_empty() {
        body.insert("data".to_owned(), json!(data));
    }
    if !users.is_empty() {
        body.insert("includes".to_owned(), json!({ "users": users }));
    }
    body.insert("meta".to_owned(), meta);
    Json(Value::Object(body)).into_response()
}

async fn mentions(State(x): State<Arc<X>>, Path(id): Path<String>, Query(params): Query<Params>) -> Response {
    const KNOWN: [&str; 9] = [
        "since_id",
        "until_id",
        "start_time",
        "end_time",
        "tweet.fields",
        "user.fields",
        "expansions",
        "media.fields",
        "place.fields",
    ];
    const ALWAYS: [&str; 3] = ["id", "text", "edit_history_tweet_ids"];
    let limit = x.faults.now().read_limit;
    counted(&x, "GET /2/users/:id/mentions", limit, || {
        let page = match Page::read(&params, &KNOWN, 5, 10) {
            Ok(page) => page,
            Err(problem) => return problem.into_response(),
        };
        let world = lock(&x.world);
        let expansions = list(&params, "expansions");
        let mut people: Vec<&Person> = Vec::new();
        let mut items = Vec::new();
        // One more than the page holds tells whether there is another page.
        for post in world.posts.values().rev() {
            let mentioned = world.mentioned(&post.text);
            let about = mentioned.iter().any(|(_, person)| person.id == id);
            let created_at = crate::clock::rfc3339(post.created_ms);
            if !about || post.deleted || post.superseded || post.author == id || !page.holds(post.id, &created_at) {
                continue;
            }
            if items.len() < page.size {
                if expansions.contains(&"author_id") {
                    people.extend(world.person(&post.author));
                }
                if expansions.contains(&"entities.mentions.username") {
                    people.extend(mentioned.iter().map(|(_, person)| *person));
                }
            }
            items.push((post.id, only(v2::post(&world, post), &ALWAYS, &params, "tweet.fields")));
            if items.len() > page.size {
                break;
            }
        }
        let (data, meta) = page.answer(items, true);
        listing(data, distinct(people, &params), meta)
    })
}

async fn dm_events(State(x): State<Arc<X>>, Query(params): Query<Params>) -> Response {
    const KNOWN: [&str; 6] =
        ["dm_event.fields", "event_types", "expansions", "user.fields", "tweet.fields", "media.fields"];
    const ALWAYS: [&str; 3] = ["id", "text", "event_type"];
    let limit = x.faults.now().read_limit;
    counted(&x, "GET /2/dm_events", limit, || {
        let page = match Page::read(&params, &KNOWN, 1, 100) {
            Ok(page) => page,
            Err(problem) => return problem.into_response(),
        };
        let kinds = list(&params, "event_types");
        let world = lock(&x.world);
        let ours = world.dms.values().rev().filter(|dm| dm.sender == ACCOUNT || dm.recipient == ACCOUNT);
        let wanted = ours.filter(|dm| {
            (kinds.is_empty() || kinds.contains(&"MessageCreate"))
                && page.holds(dm.id, &crate::clock::rfc3339(dm.created_ms))
        });
        let found: Vec<_> = wanted.take(page.size + 1).collect();
        let senders = list(&params, "expansions").contains(&"sender_id");
        let shown = found.iter().take(if senders { page.size } else { 0 });
        let people = shown.filter_map(|dm| world.person(&dm.sender)).collect();
        let items = found
            .iter()
            .map(|dm| (dm.id, only(v2::dm_event(&world, dm), &ALWAYS, &params, "dm_event.fields")))
            .collect();
        let (data, meta) = page.answer(items, false);
        listing(data, distinct(people, &params), meta)
    })
}

fn distinct(people: Vec<&Person>, params: &Params) -> Vec<Value> {
    let mut seen: Vec<&str> = Vec::new();
    let mut users = Vec::new();
    for person in people {
        if !seen.contains(&person.id.as_str()) {
            seen.push(&person.id);
            users.push(user(person, params));
        }
    }
    users
}

async fn by_username(State(x): State<Arc<X>>, Path(name): Path<String>, Query(params): Query<Params>) -> Response {
    let limit = x.faults.now().read_limit;
    counted(&x, "GET /2/users/by/username/:username", limit, || {
        let world = lock(&x.world);
        match world.named(&name) {
            Some(person) => Json(json!({ "data": user(person, &params) })).into_response(),
            // Not a 404: X answers 200 with `errors`.
            None => Json(json!({ "errors": [{
                "value": name,
                "detail": format!("Could not find user with username: [{name}]."),
                "title": "Not Found Error",
                "resource_type": "user",
                "parameter": "username",
                "resource_id": name,
                "type": "https://api.x.com/2/problems/resource-not-found",
            }] }))
            .into_response(),
        }
    })
}

async fn me(State(x): State<Arc<X>>, Query(params): Query<Params>) -> Response {
    let limit = x.faults.now().read_limit;
    counted(&x, "GET /2/users/me", limit, || {
        let world = lock(&x.world);
        match world.person(ACCOUNT) {
            Some(person) => Json(json!({ "data": user(person, &params) })).into_response(),
            None => Problem::not_found("The account is gone.").into_response(),
        }
    })
}
