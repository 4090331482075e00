//! What comes in broken, from another time, or for somebody else.

use bytes::Bytes;
use serde_json::{Value, json};

use super::bench::Bench;
use super::deed::is_fallen;
use super::delivery::{Brought, addressee, deliver};
use super::{BenchCheck, Verdict, apart, held, tried};
use crate::frames::{WebhookFrame, plugin_method};
use crate::{Failure, Kind, WebhookRequest};

pub(super) const CHECKS: &[BenchCheck] = &[
    ("method-unknown", "a method that is none is unsupported", unknown_method),
    ("field-later", "a field of a later contract is ignored", later_field),
    ("frame-broken", "a broken frame is a failure", broken_frame),
    ("webhook-broken", "a broken webhook brings nothing and no panic", broken_webhook),
];

fn unknown_method(bench: &Bench<'_>) -> Verdict {
    let instance = bench.opened(&bench.host())?;
    let others = match bench.manifest.kind {
        Kind::Rail => plugin_method::SEND,
        Kind::Channel => plugin_method::SUBMIT,
    };
    for method in ["teleport", "", others] {
        match instance.tell::<Value>(method, &json!({})) {
            Err(failure) if failure.code == "unsupported" => {}
            Err(failure) => return Err(format!("`{method}`: {failure}")),
            Ok(_) => return Err(format!("`{method}` was answered")),
        }
    }
    held("")
}

/// Adds a field to every object in `value`.
fn with_later_fields(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(with_later_fields);
            fields.insert("of_next_year".to_owned(), json!({"deep": [1, {"x": null}]}));
        }
        Value::Array(items) => items.iter_mut().for_each(with_later_fields),
        _ => {}
    }
}

fn later_field(bench: &Bench<'_>) -> Verdict {
    let mut count = 0;
    for (method, params) in bench.work()? {
        let host = bench.host();
        let plain = bench.opened(&host)?.tell::<Value>(method, &params);
        let host = bench.host();
        let mut later = params.clone();
        with_later_fields(&mut later);
        let later = bench.opened(&host)?.tell::<Value>(method, &later);
        let code = |result: &Result<Value, Failure>| match result {
            Ok(value) => value.get("outcome").cloned().unwrap_or_default(),
            Err(failure) => failure.code.clone().into(),
        };
        if code(&plain) != code(&later) {
            return Err(format!("`{method}`: {plain:?} without, {later:?} with such a field"));
        }
        count += 1;
    }
    tried(count, "frames")
}

fn broken_frames() -> Vec<Bytes> {
    let deep = "[".repeat(10_000);
    let objects = r#"{"params":"#.repeat(10_000);
    vec![
        Bytes::new(),
        Bytes::from_static(b"null"),
        Bytes::from_static(b"{}"),
        Bytes::from_static(b"{\"params\": {}}"),
        Bytes::from_static(b"{\"call\": \xff\xfe}"),
        Bytes::from_static(b"\x00\x01\x02"),
        Bytes::from_static(b"{\"call\":-1,\"now_ms\":1e99,\"deadline_ms\":0,\"seed\":0,\"params\":0}"),
        Bytes::from(deep.clone()),
        Bytes::from(objects),
        Bytes::from(format!("{{\"call\":1,\"now_ms\":1,\"deadline_ms\":2,\"seed\":3,\"params\":{deep}")),
        Bytes::from(vec![b' '; crate::frames::FRAME_LEN_MAX + 1]),
    ]
}

fn broken_frame(bench: &Bench<'_>) -> Verdict {
    let own = match bench.manifest.kind {
        Kind::Rail => plugin_method::SUBMIT,
        Kind::Channel => plugin_method::SEND,
    };
    let mut count = 0;
    for frame in broken_frames() {
        let start = String::from_utf8_lossy(frame.get(..40).unwrap_or(&frame)).into_owned();
        for method in [plugin_method::OPEN, own, plugin_method::WEBHOOK] {
            let instance = match method {
                plugin_method::OPEN => bench.instance(&bench.host()),
                _ => bench.opened(&bench.host())?,
            };
            match instance.call(method, frame.clone(), Bytes::new()) {
                Ok(_) => return Err(format!("`{method}` took {start:?}")),
                Err(failure) if is_fallen(&failure) || failure.code == "no_failure" => {
                    return Err(format!("`{method}` of {start:?}: {failure}"));
                }
                Err(_) => count += 1,
            }
        }
    }
    tried(count, "frames")
}

fn broken_webhook(bench: &Bench<'_>) -> Verdict {
    if bench.manifest.webhook.is_none() {
        return apart("no webhook");
    }
    let instance = addressee(bench)?;
    let bodies = [
        Bytes::new(),
        Bytes::from_static(b"null"),
        Bytes::from_static(b"{}"),
        Bytes::from_static(b"[]"),
        Bytes::from_static(b"\xff\xfe\x00"),
        Bytes::from_static(b"<html>"),
        Bytes::from("[".repeat(100_000)),
        Bytes::from(r#"{"data":"#.repeat(10_000)),
        Bytes::from(vec![b'"'; 100_000]),
    ];
    let head = WebhookFrame {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        query: String::new(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
    };
    for body in &bodies {
        let start = String::from_utf8_lossy(body.get(..40).unwrap_or(body)).into_owned();
        if let Err(failure) = deliver(&instance, &WebhookRequest { head: head.clone(), body: body.clone() })
            && is_fallen(&failure)
        {
            return Err(format!("{start:?}: {failure}"));
        }
        if let Some(method) = Brought::to(&instance).methods().next() {
            return Err(format!("{start:?} became a {method}"));
        }
    }
    tried(bodies.len(), "bodies")
}
