//! `/v1/reload`, and what an operator does with one instance.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use serde_json::json;

use super::problem::{Kind, Problem};
use super::{App, json as json_response, unavailable};
use crate::config::{Problems, Scope};
use crate::switchboard::{By, NotSwitched};

/// `POST /v1/reload`: 200 with what has changed; 422 with all that is wrong, and then nothing has.
pub(super) async fn reload(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Problem> {
    let caller = app.callers.authorize(&headers, Scope::Operate)?;
    let _inside = app.taking()?;
    tracing::info!(caller = caller.name, "a request has the configuration read again");
    let board = app.switchboard.clone();
    // Whole or not at all, also where nobody waits for the answer.
    let reloaded = tokio::spawn(async move { board.reload(By::Request).await }).await;
    match reloaded.map_err(|error| Problem::new(Kind::Internal, error.to_string()))? {
        Ok(changed) => Ok(json_response(&json!({ "changed": changed }))),
        Err(problems) => Err(unchanged(problems)),
    }
}

/// `POST /v1/instances/{name}/{switch}`: `enable`, `disable`, `drain`, `promote`, `rollback`, `record` or `record-end`.
pub(super) async fn switch(
    State(app): State<Arc<App>>,
    parts: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let caller = app.callers.authorize(&headers, Scope::Operate)?;
    let nothing =
        || Problem::new(Kind::NotFound, "there is enable, disable, drain, promote, rollback, record and record-end");
    let Path((name, switch)) = parts.map_err(|_| nothing())?;
    let _inside = app.taking()?;
    tracing::info!(caller = caller.name, instance = name, switch, "a request switches an instance");
    let board = app.switchboard.clone();
    let switched = tokio::spawn(async move {
        let answered = match switch.as_str() {
            "record" => return Some(board.record(&name).await.map(|done| json_response(&done))),
            "record-end" => return Some(board.record_end(&name).await.map(|done| json_response(&done))),
            "enable" => board.enable(&name).await,
            "disable" => board.disable(&name).await,
            "drain" => board.drain(&name).await,
            "promote" => board.promote(&name).await,
            "rollback" => board.rollback(&name).await,
            _ => return None,
        };
        Some(answered.map(|switched| json_response(&switched)))
    });
    let switched = switched.await.map_err(|error| Problem::new(Kind::Internal, error.to_string()))?;
    switched.ok_or_else(nothing)?.map_err(|error| match error {
        NotSwitched::Unknown(_) => Problem::new(Kind::NotFound, error.to_string()),
        NotSwitched::NoCanary(_)
        | NotSwitched::NoneBefore(_)
        | NotSwitched::NotRecorded(_)
        | NotSwitched::Off(_)
        | NotSwitched::Unwritable(_) => Problem::new(Kind::NotNow, error.to_string()),
        NotSwitched::Config(problems) => unchanged(problems),
        NotSwitched::Store(error) => unavailable(&error),
    })
}

fn unchanged(problems: Problems) -> Problem {
    Problem::new(Kind::Unchanged, problems.to_string()).with_problems(problems.0)
}
