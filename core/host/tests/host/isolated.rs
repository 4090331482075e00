//! Plugins in processes of their own: what they try, and what it comes to.

mod ends;
mod escapes;
mod same;
mod secrets;

use std::time::Duration;

use serde_json::json;
use sportello_host::{Answer, Ask, CallError, Confinement, Declared, Loaded, Running, Spec, use_program};
use sportello_sdk::Outcome;

use crate::library::file;
use crate::world::spec;

/// Bounds that are reached soon; but a machine with much to do besides must not reach them.
pub(crate) fn tight() -> Confinement {
    Confinement { memory_mb: 64, hang_grace: Duration::from_millis(1_000), ..Confinement::default() }
}

/// A library whose instances have processes of their own.
pub(crate) fn isolated(name: &str, confinement: Confinement) -> Loaded {
    use_program(env!("CARGO_BIN_EXE_sportello-child"));
    Declared::read(file(name)).unwrap().isolate(confinement).unwrap()
}

/// An instance of the rail that tries to escape, as an operator would have it.
pub(crate) fn escapes_spec(instance: &str) -> Spec {
    let mut spec = spec();
    spec.instance = instance.to_owned();
    spec.grants = vec!["http://127.0.0.1:*".to_owned(), "tcp://127.0.0.1:*".to_owned(), "pan".to_owned()];
    spec
}

/// An open instance of it.
pub(crate) async fn escapes(instance: &str) -> Running {
    isolated("hostile_escapes", tight()).open(escapes_spec(instance)).await.unwrap()
}

/// An order to try `what`.
pub(crate) fn memo(what: &str) -> Vec<u8> {
    let party = json!({ "name": "anna", "account": "iban:IT60X0542811101000000123456" });
    let order = json!({
        "key": "a1", "payment": "0190f5fe7c007a00a3f1c0ffee000001", "kind": "transfer", "memo": what,
        "amount": { "minor": 2000, "currency": "EUR" }, "debtor": party, "creditor": party, "made_at_ms": 1,
    });
    order.to_string().into_bytes()
}

pub(crate) async fn attempt(running: &Running, what: &str) -> Result<Answer, CallError> {
    running.ask(Ask::new("submit", &memo(what))).await
}

/// What came of it, where it came to something.
pub(crate) async fn try_to(running: &Running, what: &str) -> Result<String, CallError> {
    match attempt(running, what).await?.decode()? {
        Outcome::Pending { detail, .. } => Ok(detail),
        other => panic!("{other:?}"),
    }
}
