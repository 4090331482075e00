//! The bank: NextGenPSD2 1.3.11 over accounts of its own, and the control API that makes it fail.

mod amount;
pub(crate) mod control;
pub(crate) mod declines;
mod faults;
mod iban;
mod ledger;
mod pain001;
mod pain002;
mod payments;
mod plain;
mod sca;
mod statements;
mod tpp;

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::{Request, State},
    http::header::HeaderName,
    middleware::{self, Next},
    response::Response,
};

use self::{faults::Faults, ledger::Ledger, tpp::TppError};
use crate::{
    clock,
    disturb::{self, Switches},
    lock::lock,
    options::Options,
};

/// The state of the bank.
#[derive(Debug)]
pub(crate) struct Bank {
    /// Its own base URL, for the links that a payer's browser follows.
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) faults: Switches<Faults>,
    ledger: Mutex<Ledger>,
}

impl Bank {
    pub(crate) fn new(options: &Options, url: String) -> Result<Self, String> {
        Ok(Self {
            url,
            token: options.bank_token.clone(),
            faults: Switches::read("--bank-fault", &options.bank_fault)?,
            ledger: Mutex::default(),
        })
    }

    /// The books as of now: what is due has settled.
    pub(crate) fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        let mut ledger = lock(&self.ledger);
        ledger.advance(clock::now_ms());
        ledger
    }

    /// How what is pending is worded at present.
    pub(crate) fn pending_status(&self) -> String {
        self.faults.now().pending_status.clone().unwrap_or_else(|| "ACSP".to_owned())
    }
}

/// Everything on the bank's listener.
pub(crate) fn router(bank: Arc<Bank>) -> Router {
    payments::router()
        .merge(statements::router())
        .merge(plain::router())
        .layer(middleware::from_fn(request_id_echoed))
        .layer(middleware::from_fn_with_state(Arc::clone(&bank), disturbed))
        .merge(sca::router())
        .with_state(Arc::clone(&bank))
        .nest("/sandbox", control::router(bank))
}

async fn disturbed(State(bank): State<Arc<Bank>>, request: Request, next: Next) -> Response {
    let plan = bank.faults.now().plan(request.method());
    disturb::run(plan, request, next, TppError::bare).await
}

/// The bank names the call in its answer as the caller named it.
async fn request_id_echoed(request: Request, next: Next) -> Response {
    const NAME: HeaderName = HeaderName::from_static("x-request-id");
    let id = request.headers().get(NAME).cloned();
    let mut answer = next.run(request).await;
    if let Some(id) = id {
        answer.headers_mut().insert(NAME, id);
    }
    answer
}
