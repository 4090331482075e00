//! `/v1/instances`: how the plugins are.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use serde_json::{Map, Value, json};
use sportello_host::{BreakerState, Running, residents};

use super::problem::Problem;
use super::{App, json as json_response};
use crate::config::{Isolation, Scope};
use crate::plugins::Member;
use crate::switchboard::Recorded;
use crate::wire::{Slot, Stage, Standing, Version};

/// `GET /v1/instances`.
pub(super) async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Problem> {
    app.callers.authorize(&headers, Scope::PaymentsRead)?;
    let instances: Vec<Value> = app.wire.slots().iter().filter_map(|slot| shown(&app, slot)).collect();
    let stay = |resident: sportello_host::Resident| {
        json!({
            "plugin": resident.name,
            "version": resident.version,
            "sha256": resident.fingerprint.to_string(),
            "bytes": resident.bytes,
        })
    };
    let residents: Vec<Value> = residents().into_iter().map(stay).collect();
    let last_reload = app.switchboard.last_reload();
    Ok(json_response(&json!({ "instances": instances, "residents": residents, "last_reload": last_reload })))
}

/// An instance, with how its recording is.
fn shown(app: &App, slot: &Slot) -> Option<Value> {
    let mut shown = instance(slot)?;
    let recording = |Recorded { file, is_broken, ended, .. }: Recorded| json!({ "file": file.display().to_string(), "is_broken": is_broken, "ended": ended });
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("recording".to_owned(), app.switchboard.recording(&slot.name).map(recording).into());
    }
    Some(shown)
}

fn instance(slot: &Slot) -> Option<Value> {
    let Standing { current, canary, leaving, off, returned, wanted, previous } = slot.standing();
    let of = |versions: &[(Arc<Version>, usize)]| versions.first().map(|(version, _)| version.member.clone());
    // What is switched off is shown by what it would be, and what was taken out by what is left of it.
    let member = current.as_ref().map(|v| v.member.clone()).or(wanted.map(|w| w.member)).or_else(|| of(&leaving))?;
    let mut shown = facts(&member);
    shown.insert("name".to_owned(), slot.name.clone().into());
    shown.insert("webhooks_refused".to_owned(), slot.webhooks_refused.load(Ordering::Relaxed).into());
    match (&current, &off) {
        (Some(version), _) => shown.extend(stage(version)),
        (None, off) => {
            let state = match off {
                Some(off) if off.is_passing => "drained",
                Some(_) => "disabled",
                None => "leaving",
            };
            shown.extend([("state".to_owned(), state.into()), ("stats".to_owned(), Value::Null)]);
            shown.insert("because".to_owned(), Value::Null);
        }
    }
    let canary = canary.map(|(version, share, tally)| {
        let counts = |counts: crate::wire::Counts| json!({ "calls": counts.calls, "failed": counts.failed });
        let mut shown = facts(&version.member);
        shown.extend(stage(&version));
        shown.insert("share".to_owned(), share.to_string().into());
        shown.insert("tally".to_owned(), json!({"canary": counts(tally.canary), "current": counts(tally.current)}));
        shown
    });
    let leaves = |(version, orders): &(Arc<Version>, usize)| {
        let mut shown = facts(&version.member);
        shown.extend(stage(version));
        shown.insert("orders_open".to_owned(), (*orders).into());
        Value::Object(shown)
    };
    shown.insert("canary".to_owned(), canary.map_or(Value::Null, Value::Object));
    shown.insert("leaving".to_owned(), leaving.iter().map(leaves).collect());
    shown.insert("returned".to_owned(), serde_json::to_value(returned).unwrap_or_default());
    shown.insert("previous".to_owned(), previous.map(|p| p.loaded.manifest().version.clone()).into());
    Some(Value::Object(shown))
}

/// What a version is.
fn facts(member: &Member) -> Map<String, Value> {
    let manifest = member.loaded.manifest();
    let facts = json!({
        "kind": manifest.kind,
        "plugin": manifest.name,
        "version": manifest.version,
        "contract": manifest.contract,
        "sha256": member.loaded.fingerprint().map(|fingerprint| fingerprint.to_string()),
        "signer": member.loaded.signer().map(|signer| &signer.key),
        "isolation": match member.instance.isolation {
            Isolation::InProcess => "in-process",
            Isolation::Process(_) => "process",
        },
        "endpoints_asked": manifest.endpoints,
        "grants": member.instance.grants,
        "sees_pan": member.sees_pan(),
        "secrets": manifest.secrets,
    });
    match facts {
        Value::Object(facts) => facts,
        _ => Map::new(),
    }
}

/// Where a version stands.
fn stage(version: &Version) -> Map<String, Value> {
    let life = version.running().and_then(|running| running.life().cloned());
    let (state, why, stats) = match version.stage() {
        Stage::Closed(why) => ("closed", Some(why), Value::Null),
        Stage::Open(running) => {
            let quarantined = running.stats().quarantined;
            (if quarantined { "quarantined" } else { "open" }, None, stats(&running))
        }
    };
    Map::from_iter([
        ("state".to_owned(), state.into()),
        ("because".to_owned(), why.into()),
        ("restarts".to_owned(), version.restarts().into()),
        ("process".to_owned(), life.as_ref().map(|life| life.pid()).into()),
        ("resident_bytes".to_owned(), life.and_then(|life| life.resident_bytes()).into()),
        ("stats".to_owned(), stats),
    ])
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
        "denied": stats.denied,
        "log_lines_lost": stats.lines_lost,
        "in_flight": stats.in_flight,
        "breaker": match stats.breaker {
            BreakerState::Closed => "closed",
            BreakerState::Open => "open",
            BreakerState::HalfOpen => "half_open",
        },
        "latency_p50_us": us(stats.latency(50.0)),
        "latency_p90_us": us(stats.latency(90.0)),
        "latency_p99_us": us(stats.latency(99.0)),
    })
}
