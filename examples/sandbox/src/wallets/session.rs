//! Apple's merchant validation ("Requesting an Apple Pay payment session"): what a merchant's server asks before the
//! sheet is shown on the web.
//!
//! Apple asks the server for the certificate of its merchant identity; this listener is plain HTTP, where there is none
//! to be asked for, so that only the request itself is judged.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Wallets, apple::MERCHANT, random};
use crate::{clock, control::Refusal};

/// How long a session is good for, as with Apple.
const SESSION_MS: u64 = 5 * 60_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    merchant_identifier: String,
    display_name: String,
    initiative: String,
    /// The domain on which the sheet is shown.
    initiative_context: String,
}

/// Opens a session, which to everybody but the wallet is opaque.
pub(crate) async fn open(State(wallets): State<Arc<Wallets>>, body: Bytes) -> Response {
    if wallets.faults.now().refuse_sessions {
        return refusal("Payment Services Exception: the merchant is not authorized");
    }
    let request: Request = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(error) => return refusal(&format!("Payment Services Exception: {error}")),
    };
    match checked(&request) {
        Err(why) => refusal(&format!("Payment Services Exception: {why}")),
        Ok(()) => answer(&request).unwrap_or_else(|failure| Refusal::from(failure).into_response()),
    }
}

fn checked(request: &Request) -> Result<(), String> {
    let Request { merchant_identifier, display_name, initiative, initiative_context } = request;
    if merchant_identifier != MERCHANT {
        return Err(format!("merchantIdentifier={merchant_identifier} is not registered"));
    }
    if display_name.is_empty() || display_name.chars().count() > 64 {
        return Err("displayName must have between 1 and 64 characters".to_owned());
    }
    if initiative != "web" {
        return Err(format!("initiative={initiative} is not served here"));
    }
    let label = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !initiative_context.split('.').all(label) {
        return Err("initiativeContext must be a domain name, without a scheme, a port or a path".to_owned());
    }
    Ok(())
}

fn answer(request: &Request) -> Result<Response, &'static str> {
    let now = clock::now_ms();
    let opaque = json!({
        "epochTimestamp": now,
        "expiresAt": now + SESSION_MS,
        "merchantSessionIdentifier": format!("SSH{}", hex::encode_upper(random::<64>()?)),
        "nonce": hex::encode(random::<4>()?),
        "merchantIdentifier": hex::encode_upper(Sha256::digest(&request.merchant_identifier)),
        "domainName": request.initiative_context,
        "displayName": request.display_name,
        "signature": hex::encode(random::<64>()?),
        "operationalAnalyticsIdentifier": format!("{}:{}", request.display_name, MERCHANT),
        "retries": 0,
    });
    Ok(Json(opaque).into_response())
}

/// Apple refuses with 417, whatever the reason.
fn refusal(message: &str) -> Response {
    (StatusCode::EXPECTATION_FAILED, Json(json!({ "statusMessage": message, "statusCode": "417" }))).into_response()
}
