//! `/v1/instances`: how the plugins are.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use serde_json::{Value, json};
use sportello_host::{BreakerState, Running};

use super::problem::Problem;
use super::{App, json as json_response};
use crate::config::Scope;
use crate::wire::{Slot, Stage};

/// `GET /v1/instances`.
pub(super) async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Problem> {
    app.callers.authorize(&headers, Scope::PaymentsRead)?;
    let instances: Vec<Value> = app.wire.slots().iter().map(|(name, slot)| instance(name, slot)).collect();
    Ok(json_response(&json!({ "instances": instances })))
}

fn instance(name: &str, slot: &Slot) -> Value {
    let loaded = &slot.member.loaded;
    let manifest = loaded.manifest();
    let mut shown = json!({
        "name": name,
        "kind": manifest.kind,
        "plugin": manifest.name,
        "version": manifest.version,
        "contract": manifest.contract,
        "sha256": loaded.fingerprint().map(|fingerprint| fingerprint.to_string()),
        "signer": loaded.signer().map(|signer| &signer.key),
        "webhooks_refused": slot.webhooks_refused.load(Ordering::Relaxed),
    });
    let (state, why, stats) = match slot.stage() {
        Stage::Closed(why) => ("closed", Some(why), Value::Null),
        Stage::Open(running) => {
            let quarantined = running.stats().quarantined;
            (if quarantined { "quarantined" } else { "open" }, None, stats(&running))
        }
    };
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("state".to_owned(), state.into());
        shown.insert("because".to_owned(), why.into());
        shown.insert("stats".to_owned(), stats);
    }
    shown
}

fn stats(running: &Running) -> Value {
    let stats = running.stats();
    let us = |latency: Option<Duration>| latency.and_then(|latency| u64::try_from(latency.as_micros()).ok());
    json!({
        "calls": stats.calls,
        "errors": stats.errors,
        "timeouts": stats.timeouts,
        "panics": stats.panics,
        "refused": stats.refused,
        "restarts": stats.restarts,
        "in_flight": stats.in_flight,
        "breaker": match stats.breaker {
            BreakerState::Closed => "closed",
            BreakerState::Open => "open",
            BreakerState::HalfOpen => "half_open",
        },
        "latency_p50_us": us(stats.latency(50.0)),
        "latency_p99_us": us(stats.latency(99.0)),
    })
}
