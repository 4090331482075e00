//! X: its API, its webhooks, and the control API that moves the people on it.

mod aaa;
mod api;
mod control;
mod events;
mod faults;
mod gate;
mod lookups;
mod oauth;
mod people;
mod problem;
mod text;
mod v2;
mod webhook;
mod world;
mod xaa;

use std::sync::{Arc, Mutex};

use axum::{Router, middleware};

use self::{faults::Faults, oauth::Nonces, world::World};
use crate::{
    courier::Courier,
    disturb::Switches,
    limits::Limits,
    options::{Credentials, Envelope, Options},
    serial::Snowflakes,
};

/// The state of X.
#[derive(Debug)]
pub(crate) struct X {
    pub(crate) credentials: Credentials,
    pub(crate) envelope: Envelope,
    pub(crate) world: Mutex<World>,
    pub(crate) faults: Switches<Faults>,
    pub(crate) limits: Mutex<Limits>,
    pub(crate) nonces: Mutex<Nonces>,
    pub(crate) ids: Snowflakes,
    pub(crate) courier: Courier,
}

impl X {
    pub(crate) fn new(options: &Options) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self {
            credentials: options.credentials.clone(),
            envelope: options.envelope,
            world: Mutex::default(),
            faults: Switches::read("--x-fault", &options.x_fault)?,
            limits: Mutex::default(),
            nonces: Mutex::default(),
            ids: Snowflakes::default(),
            courier: Courier::new(options.webhook.clone())?,
        })
    }
}

/// Everything on X's listener. `others`: the control APIs of the other providers, each with its name. They are mounted
/// there too, so that the page need ask one origin only.
pub(crate) fn router(x: Arc<X>, others: impl IntoIterator<Item = (&'static str, Router)>) -> Router {
    let api = api::router()
        .merge(lookups::router())
        .layer(middleware::from_fn_with_state(Arc::clone(&x), gate::signed))
        .layer(middleware::from_fn_with_state(Arc::clone(&x), gate::disturbed))
        .with_state(Arc::clone(&x));
    let ours = api.merge(control::router(x));
    others.into_iter().fold(ours, |all, (name, controls)| all.nest(&format!("/sandbox/{name}"), controls))
}
