//! A 3DS server with the directory server and the ACS behind it (EMV 3-D Secure 2.2): an API for the merchant's side,
//! pages for the payer's browser, and the control API that makes them fail.
//!
//! The result of a challenge goes from the ACS by the directory to the 3DS server (RReq) before the browser is sent back
//! with a CRes, which proves nothing: only `GET /3ds/results/{id}` tells.

mod acs;
mod api;
mod browser;
mod control;
mod erro;
mod faults;
mod fields;
mod pages;
mod transactions;

use std::sync::{Arc, Mutex, MutexGuard};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
};

use self::{erro::Erro, faults::Faults, transactions::Transactions};
use crate::{
    disturb::{self, Switches},
    lock::lock,
    options::Options,
    proofs::Proofs,
};

/// The version that is spoken.
const VERSION: &str = "2.2.0";

/// The state of all three.
#[derive(Debug)]
pub(crate) struct ThreeDs {
    /// The base URL, for the pages that a payer's browser opens.
    url: String,
    key: String,
    faults: Switches<Faults>,
    transactions: Mutex<Transactions>,
    /// What the acquirer is told of those who were authenticated.
    proofs: Arc<Proofs>,
}

impl ThreeDs {
    pub(crate) fn new(options: &Options, url: String, proofs: Arc<Proofs>) -> Result<Self, String> {
        Ok(Self {
            url,
            key: options.threeds_key.clone(),
            faults: Switches::read("--threeds-fault", &options.threeds_fault)?,
            transactions: Mutex::default(),
            proofs,
        })
    }

    /// The transactions as of now: what is over has ended.
    fn transactions(&self) -> MutexGuard<'_, Transactions> {
        let faults = self.faults.now().clone();
        let mut transactions = lock(&self.transactions);
        transactions.pass_time(&faults);
        transactions
    }
}

/// Everything on the listener, and the control API alone.
pub(crate) fn routers(threeds: Arc<ThreeDs>) -> (Router, Router) {
    let controls = control::router(Arc::clone(&threeds));
    let all = api::router()
        .layer(middleware::from_fn_with_state(Arc::clone(&threeds), disturbed))
        .merge(browser::router())
        .with_state(threeds)
        .nest("/control", controls.clone());
    (all, controls)
}

async fn disturbed(State(threeds): State<Arc<ThreeDs>>, request: Request, next: Next) -> Response {
    let plan = threeds.faults.now().plan(request.method());
    disturb::run(plan, request, next, Erro::bare).await
}
