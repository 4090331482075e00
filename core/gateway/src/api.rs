//! The HTTP surface.

pub mod body;
pub mod caller;
mod health;
pub mod idempotency;
mod instances;
mod ledger;
mod metrics;
mod payments;
pub mod prefer;
pub mod problem;
pub mod shift;
mod switch;
pub mod view;
pub mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use http::{HeaderValue, Method, StatusCode, Uri, header};
use serde::Serialize;
use sportello_engine::Engine;

use crate::switchboard::Switchboard;
use crate::wire::Wire;
use caller::Callers;
use idempotency::InFlight;
use problem::{Kind, Problem};
use shift::{Inside, Shift};

/// What the requests share.
pub struct App {
    callers: Arc<Callers>,
    in_flight: InFlight,
    engine: Engine,
    wire: Arc<Wire>,
    switchboard: Arc<Switchboard>,
    shift: Shift,
}

impl App {
    /// Shares these.
    pub fn new(callers: Arc<Callers>, engine: Engine, wire: Arc<Wire>, switchboard: Arc<Switchboard>) -> Arc<Self> {
        Arc::new(Self { callers, in_flight: InFlight::new(), engine, wire, switchboard, shift: Shift::new() })
    }

    /// Who is being served.
    pub fn shift(&self) -> &Shift {
        &self.shift
    }

    /// Lets pass while new work is taken: until what this answers is dropped, a drain waits.
    pub(crate) fn taking(&self) -> Result<Inside<'_>, Problem> {
        self.shift.enter().ok_or_else(stopping)
    }
}

fn stopping() -> Problem {
    Problem::new(Kind::Stopping, "nothing new is taken; try again in a moment").retry_after(5)
}

/// Every route. There is no middleware: what a request needs, its handler asks for.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/v1/payments", get(payments::list).post(payments::create))
        .route("/v1/payments/{id}", get(payments::show))
        .route("/v1/payments/{id}/events", get(payments::events))
        .route("/v1/payments/{id}/cancel", post(payments::cancel))
        .route("/v1/ledger", get(ledger::show))
        .route("/v1/instances", get(instances::list))
        .route("/v1/instances/{name}/{switch}", post(switch::switch))
        .route("/v1/reload", post(switch::reload))
        .route("/in/{instance}", any(webhooks::root))
        .route("/in/{instance}/{*path}", any(webhooks::below))
        .route("/metrics", get(metrics::show))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/problems/{code}", get(problem::explain))
        .fallback(nothing_here)
        .method_not_allowed_fallback(other_method)
        .layer(DefaultBodyLimit::max(body::BODY_LEN_MAX))
        .with_state(app)
}

async fn nothing_here(uri: Uri) -> Problem {
    Problem::new(Kind::NotFound, format!("there is nothing at {}", uri.path()))
}

async fn other_method(method: Method, uri: Uri) -> Problem {
    Problem::new(Kind::MethodNotAllowed, format!("{method} is not offered at {}", uri.path()))
}

/// A 200 with JSON.
fn json(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => {
            let mut response = Response::new(Body::from(body));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Err(error) => Problem::new(Kind::Internal, error.to_string()).into_response(),
    }
}

/// The same with another status.
fn json_with(status: StatusCode, value: &impl Serialize) -> Response {
    let mut response = json(value);
    if response.status() == StatusCode::OK {
        *response.status_mut() = status;
    }
    response
}

/// The store cannot do it just now.
fn unavailable(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, "the store failed");
    Problem::new(Kind::Unavailable, "the store cannot do this just now").retry_after(1)
}
