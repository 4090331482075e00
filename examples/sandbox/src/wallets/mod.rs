//! The wallets of a phone: Apple Pay and Google Pay tokens under test roots of their own, Apple's merchant validation,
//! and the page of a phone on which to pay.
//!
//! The keys are those of `keys/`, which are public: a deployment that trusts these roots takes money from anybody.

mod alter;
mod apple;
mod cms;
mod der;
mod ec;
mod faults;
mod google;
mod keys;
mod money;
mod session;

use std::sync::{Arc, Mutex};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Map, Value, json};

use self::{
    faults::Faults,
    keys::{AppleKeys, GoogleKeys},
};
use crate::{
    control::{Refusal, read, refused},
    disturb::{self, Switches},
    lock::lock,
    options::Options,
    tokens::Minted,
};

/// The state of the wallets.
#[derive(Debug)]
pub(crate) struct Wallets {
    apple: AppleKeys,
    google: GoogleKeys,
    minted: Arc<Minted>,
    faults: Switches<Faults>,
    /// The ids of the last tokens, for a replay.
    last_transaction: Mutex<Option<Vec<u8>>>,
    last_message: Mutex<Option<String>>,
}

impl Wallets {
    pub(crate) fn new(options: &Options, minted: Arc<Minted>) -> Result<Self, String> {
        Ok(Self {
            apple: AppleKeys::read()?,
            google: GoogleKeys::read()?,
            minted,
            faults: Switches::read("--wallet-fault", &options.wallet_fault)?,
            last_transaction: Mutex::default(),
            last_message: Mutex::default(),
        })
    }
}

/// `N` bytes that nobody guesses.
fn random<const N: usize>() -> Result<[u8; N], &'static str> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| "no random bytes")?;
    Ok(bytes)
}

/// A step of the cryptography that did not work, which is nobody's fault but the wallet's.
impl From<&'static str> for Refusal {
    fn from(what: &'static str) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, what.to_owned())
    }
}

/// Everything on the wallets' listener.
pub(crate) fn router(wallets: Arc<Wallets>) -> Router {
    Router::new()
        .route("/apple/token", post(apple_token))
        .route("/apple/paymentSession", post(session::open))
        .route("/apple/root.pem", get(apple_root))
        .route("/google/token", post(google_token))
        .route("/google/keys.json", get(google_keys))
        .layer(middleware::from_fn_with_state(Arc::clone(&wallets), disturbed))
        .route("/", get(page))
        .route("/sandbox/faults", get(faults).post(set_faults))
        .route("/sandbox/reset", post(reset))
        .with_state(wallets)
}

async fn disturbed(State(wallets): State<Arc<Wallets>>, request: Request, next: Next) -> Response {
    let plan = wallets.faults.now().plan(request.method());
    disturb::run(plan, request, next, IntoResponse::into_response).await
}

async fn apple_token(State(wallets): State<Arc<Wallets>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    apple::mint(&wallets, &read(&body)?).map(Json)
}

async fn google_token(State(wallets): State<Arc<Wallets>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    google::mint(&wallets, &read(&body)?).map(Json)
}

async fn apple_root() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/x-pem-file")], keys::APPLE_ROOT_PEM)
}

async fn google_keys() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], keys::GOOGLE_ROOT_KEYS_JSON)
}

/// The page of a phone. A token goes by form to whatever address is written there, so that no place is forbidden.
async fn page() -> impl IntoResponse {
    const POLICY: &str =
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; form-action *";
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(include_str!("page.html")))
}

async fn faults(State(wallets): State<Arc<Wallets>>) -> Json<Value> {
    Json(json!(*wallets.faults.now()))
}

async fn set_faults(State(wallets): State<Arc<Wallets>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let change: Map<String, Value> = read(&body)?;
    wallets.faults.change(&change).map(Json).map_err(refused)
}

/// Back to the start. What was minted stays so.
async fn reset(State(wallets): State<Arc<Wallets>>) -> Json<Value> {
    *lock(&wallets.last_transaction) = None;
    *lock(&wallets.last_message) = None;
    wallets.faults.reset();
    Json(json!({}))
}
