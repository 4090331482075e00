//! Messenger: what Meta's platform does towards an application that answers for pages: deliveries, the Send API, and
//! the control API that moves the people in the chats.

mod acts;
mod batch;
mod cast;
mod control;
mod events;
mod faults;
mod graph;
mod send;
mod webhook;
mod world;

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::{Request, State},
    http::Uri,
    middleware::{self, Next},
    response::{IntoResponse, Response},
};

use self::{batch::Batch, faults::Faults, graph::GraphError, world::World};
use crate::{
    courier::Courier,
    disturb::{self, Switches},
    limits::Limits,
    options::Options,
};

/// The state of Messenger.
#[derive(Debug)]
pub(crate) struct Messenger {
    pub(crate) world: Mutex<World>,
    pub(crate) faults: Switches<Faults>,
    pub(crate) limits: Mutex<Limits>,
    pub(crate) batch: Mutex<Batch>,
    pub(crate) courier: Courier,
}

impl Messenger {
    pub(crate) fn new(options: &Options) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self {
            world: Mutex::default(),
            faults: Switches::read("--messenger-fault", &options.messenger_fault)?,
            limits: Mutex::default(),
            batch: Mutex::default(),
            courier: Courier::new(options.messenger_webhook.clone())?,
        })
    }
}

/// The control API, to stand under `/sandbox` here, and under `/sandbox/messenger` on X's listener for the page.
pub(crate) fn controls(messenger: Arc<Messenger>) -> Router {
    control::router().with_state(messenger)
}

/// Everything on Messenger's listener.
pub(crate) fn router(messenger: Arc<Messenger>) -> Router {
    send::router()
        .layer(middleware::from_fn_with_state(Arc::clone(&messenger), disturbed))
        .nest("/sandbox", control::router())
        .fallback(nowhere)
        .with_state(messenger)
}

/// What is no path of the API, such as one without a version.
async fn nowhere(uri: Uri) -> Response {
    GraphError::version(uri.path()).into_response()
}

async fn disturbed(State(messenger): State<Arc<Messenger>>, request: Request, next: Next) -> Response {
    let plan = messenger.faults.now().plan(request.method());
    disturb::run(plan, request, next, GraphError::bare).await
}
