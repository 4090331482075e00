//! `/healthz` and `/readyz`, for whoever keeps the program running and sends it traffic.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::problem::{Kind, Problem};
use super::{App, json as json_response, stopping};
use crate::wire::{Seated, Slot};

/// `GET /healthz`: the program lives.
pub(super) async fn alive() -> Response {
    json_response(&json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}

/// `GET /readyz`: it takes work, which it cannot while the store does not write. An instance that is not open makes it no less ready for the others.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    if app.shift.is_over() {
        return Err(stopping());
    }
    if !app.engine.store().is_writable().await {
        let problem =
            Problem::new(Kind::Unavailable, "the store cannot be written: see the log, and the disk's free space");
        return Err(problem.retry_after(1));
    }
    // What was switched off, or taken out of the file, is as it is meant to be.
    let is_closed = |slot: &&Arc<Slot>| slot.current().is_some_and(|current| !current.is_open());
    let slots = app.wire.slots();
    let closed: Vec<&String> = slots.iter().filter(is_closed).map(|slot| &slot.name).collect();
    let status = if closed.is_empty() { "ready" } else { "degraded" };
    Ok(json_response(&json!({ "status": status, "closed": closed })))
}
