//! What can go wrong around any API call, on either listener: lateness, a lost request, a lost answer, an error status
//! before or after the work, an answer that cannot be read.

use std::{
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    body::Body,
    extract::{ConnectInfo, Request},
    http::{Method, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{lock::lock, wire::Cut};

/// Which calls a disturbance touches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    /// Calls that change something (every method but GET).
    #[default]
    Writes,
    /// Calls that only ask.
    Reads,
    /// Every call.
    All,
}

impl Scope {
    /// Whether a call by `method` is touched.
    pub(crate) fn covers(self, method: &Method) -> bool {
        match self {
            Self::Writes => method != Method::GET,
            Self::Reads => method == Method::GET,
            Self::All => true,
        }
    }
}

/// The switches that every API has for its calls; those of its own decide where none of these applies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Calls {
    /// Which calls are touched at all, by these switches and by the API's own.
    pub(crate) on: Scope,
    /// How long a call waits before it is worked on, in milliseconds.
    pub(crate) delay_ms: u64,
    /// How many calls are cut off before anything is done.
    pub(crate) lose_requests: u32,
    /// How many calls are worked on and then cut off with no answer.
    pub(crate) lose_answers: u32,
}

impl Calls {
    /// What happens to a call that has just come in; switches that count are spent by it, `own` only where it is asked.
    pub(crate) fn plan(&mut self, method: &Method, own: impl FnOnce() -> Instead) -> Plan {
        if !self.on.covers(method) {
            return Plan::default();
        }
        let instead = if take(&mut self.lose_requests) {
            Instead::LoseRequest
        } else if take(&mut self.lose_answers) {
            Instead::LoseAnswer
        } else {
            own()
        };
        Plan { delay_ms: self.delay_ms, instead }
    }
}

/// What happens to one call, decided when it arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Plan {
    /// How long the call waits before anything else, in milliseconds.
    pub(crate) delay_ms: u64,
    /// What is done instead of answering well.
    pub(crate) instead: Instead,
}

/// How a call ends.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Instead {
    /// Well.
    #[default]
    Nothing,
    /// The connection is closed before anything is done.
    LoseRequest,
    /// The work is done, then the connection is closed.
    LoseAnswer,
    /// This status, nothing done.
    Status(u16),
    /// The work is done, then this status.
    StatusAfterWork(u16),
    /// The work is done, then an answer cut in half.
    Malformed,
}

/// Takes one from a counter; whether there was one to take.
pub(crate) fn take(counter: &mut u32) -> bool {
    let some = *counter > 0;
    *counter = counter.saturating_sub(1);
    some
}

/// Carries out `plan` around the rest of the call; `problem` words an error status as this provider does.
///
/// In a task of its own: a provider that is late goes on working when the caller has given up and gone, and a caller
/// that took silence for failure must be found out.
pub(crate) async fn run(plan: Plan, request: Request, next: Next, problem: fn(StatusCode) -> Response) -> Response {
    let work = tokio::spawn(carried_out(plan, request, next, problem));
    work.await.unwrap_or_else(|_| problem(StatusCode::INTERNAL_SERVER_ERROR))
}

async fn carried_out(plan: Plan, request: Request, next: Next, problem: fn(StatusCode) -> Response) -> Response {
    let cut = request.extensions().get::<ConnectInfo<Cut>>().map(|ConnectInfo(cut)| cut.clone());
    let cut = move || {
        if let Some(cut) = &cut {
            cut.now();
        }
        StatusCode::NO_CONTENT.into_response()
    };
    let failed = |status| problem(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    if plan.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(plan.delay_ms)).await;
    }
    match plan.instead {
        Instead::LoseRequest => return cut(),
        Instead::Status(status) => return failed(status),
        _ => {}
    }
    let answer = next.run(request).await;
    match plan.instead {
        Instead::LoseAnswer => cut(),
        Instead::StatusAfterWork(status) => failed(status),
        Instead::Malformed => (answer.status(), Body::from("{\"transactionStatus\":\"AC")).into_response(),
        _ => answer,
    }
}

/// The switches of one provider: as they stand, and as they were at the start.
#[derive(Debug)]
pub(crate) struct Switches<F> {
    now: Mutex<F>,
    at_start: F,
}

impl<F> Switches<F>
where
    F: Clone + Default + Serialize + for<'de> Deserialize<'de>,
{
    /// Those of the command line, given as `key=value` with the option `flag`.
    pub(crate) fn read(flag: &str, pairs: &[String]) -> Result<Self, String> {
        let at_start = switches(pairs)
            .and_then(|change| merged(&F::default(), &change))
            .map_err(|error| format!("{flag}: {error}"))?;
        Ok(Self { now: Mutex::new(at_start.clone()), at_start })
    }

    /// As they stand.
    pub(crate) fn now(&self) -> MutexGuard<'_, F> {
        lock(&self.now)
    }

    /// Changes those that are named, and answers with all.
    ///
    /// # Errors
    /// As of [`merged`]; nothing is changed then.
    pub(crate) fn change(&self, change: &Map<String, Value>) -> Result<Value, String> {
        let mut now = self.now();
        *now = merged(&*now, change)?;
        Ok(json!(*now))
    }

    /// Back to the start.
    pub(crate) fn reset(&self) {
        *self.now() = self.at_start.clone();
    }
}

/// Lays the members of `change` over `current`, as `POST …/faults` and the command line do.
///
/// # Errors
/// When a member is unknown or has the wrong type; nothing is changed then.
pub(crate) fn merged<T>(current: &T, change: &Map<String, Value>) -> Result<T, String>
where
    T: Serialize + for<'de> Deserialize<'de>,
{
    let mut value = serde_json::to_value(current).map_err(|e| e.to_string())?;
    if let Some(members) = value.as_object_mut() {
        // Every switch is written, even one that is off; serde itself cannot refuse keys where structures are flattened.
        if let Some(unknown) = change.keys().find(|key| !members.contains_key(*key)) {
            return Err(format!("unknown field `{unknown}`"));
        }
        members.extend(change.clone());
    }
    serde_json::from_value(value).map_err(|e| e.to_string())
}

/// Reads `key=value` switches of the command line; a value that is no JSON is taken as text.
pub(crate) fn switches(pairs: &[String]) -> Result<Map<String, Value>, String> {
    pairs
        .iter()
        .map(|pair| {
            let (key, value) = pair.split_once('=').ok_or_else(|| format!("fault `{pair}`: write it as key=value"))?;
            let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
            Ok((key.to_owned(), value))
        })
        .collect()
}
