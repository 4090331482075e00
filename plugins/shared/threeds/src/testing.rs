//! For the tests of the rails that use this crate: a 3DS server by script.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use sportello_sdk::HttpResponse;
use sportello_sdk::testing::ScriptedHost;

/// Where it is.
pub const SERVER: &str = "https://3ds.example";
/// Its bearer token.
pub const KEY: &str = "the-3ds-servers-key";
/// Its id of each transaction.
pub const TRANSACTION: &str = "8a880dc0-d2d2-4067-bcb1-b08d1690b26e";
/// The directory server's id of each transaction.
pub const DS: &str = "f38e6948-5388-41a6-bca4-b49723c19437";
/// The authentication value of each.
pub const CAVV: &str = "AJkBAyhHkZQAAAAAQJF0oQAAAAA=";

/// A 3DS server: what it answers to each of its three questions, as status and JSON.
#[derive(Clone)]
pub struct Server {
    /// Of `POST /3ds/versioning`.
    pub versioning: (u16, Value),
    /// Of `POST /3ds/authentication`.
    pub authentication: (u16, Value),
    /// Of `GET /3ds/results/…`, by now.
    pub result: Arc<Mutex<(u16, Value)>>,
}

impl Server {
    /// One whose ARes has this status.
    pub fn saying(status: &str) -> Self {
        Self {
            versioning: (200, json!({ "threeDSServerTransID": TRANSACTION, "messageVersion": "2.2.0" })),
            authentication: (200, said(status)),
            result: Arc::new(Mutex::new((404, json!({ "errorCode": "101" })))),
        }
    }

    /// The RReq comes, with this status.
    pub fn hears(&self, status: &str) {
        self.hears_so(said(status));
    }

    /// The RReq comes, and is this.
    pub fn hears_so(&self, result: Value) {
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = (200, result);
    }

    /// Lets it listen at [`SERVER`], with its key among the host's secrets.
    #[must_use]
    pub fn listens(&self, host: ScriptedHost) -> ScriptedHost {
        let answers =
            |(status, body): (u16, Value)| Ok(HttpResponse::new(status, "application/json", body.to_string()));
        let (versioning, authentication, result) =
            (self.versioning.clone(), self.authentication.clone(), Arc::clone(&self.result));
        host.secret(crate::Authentication::KEY, KEY)
            .on_http("POST", "https://3ds.example/3ds/versioning", move |_| answers(versioning.clone()))
            .on_http("POST", "https://3ds.example/3ds/authentication", move |_| answers(authentication.clone()))
            .on_http("GET", "https://3ds.example/3ds/results/*", move |_| {
                answers(result.lock().unwrap_or_else(PoisonError::into_inner).clone())
            })
    }
}

/// An ARes or an RReq of this status.
pub fn said(status: &str) -> Value {
    let mut said = json!({ "transStatus": status, "messageVersion": "2.2.0", "dsTransID": DS });
    let more = match status {
        "Y" | "A" => json!({ "eci": if status == "Y" { "05" } else { "06" }, "authenticationValue": CAVV }),
        "C" => json!({
            "acsTransID": "d7c1ee99-9478-44a6-b1f2-391e29c6b340",
            "acsURL": "https://acs.example/challenge?x=1&y=2"
        }),
        _ => Value::Null,
    };
    if let (Some(said), Value::Object(more)) = (said.as_object_mut(), more) {
        said.extend(more);
    }
    said
}
