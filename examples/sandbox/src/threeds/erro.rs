//! Error messages (EMV 3-D Secure 2.2, table B.10, and the codes of table A.5).

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::VERSION;

/// Why a message is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Erro {
    status: StatusCode,
    /// `errorCode`.
    code: &'static str,
    /// `errorComponent`: S for the 3DS server, D for the directory, A for the ACS.
    component: &'static str,
    /// `errorDetail`: the names of the fields, never what stood in them.
    detail: String,
    /// `threeDSServerTransID`, where there is one.
    id: Option<String>,
}

impl Erro {
    fn new(status: StatusCode, code: &'static str, component: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, component, detail: detail.into(), id: None }
    }

    /// 101: it is no message of this kind.
    pub(crate) fn no_message(detail: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "101", "S", detail)
    }

    /// 102: another version.
    pub(crate) fn version() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "102", "A", "messageVersion")
    }

    /// 201: these are missing.
    pub(crate) fn missing(names: &[&str]) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "201", "S", names.join(", "))
    }

    /// 203: these have not the format they must have.
    pub(crate) fn format(names: &[&str]) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "203", "S", names.join(", "))
    }

    /// 301: no transaction of that id.
    pub(crate) fn unknown(name: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "301", "S", name)
    }

    /// 303: the caller may not.
    pub(crate) fn denied() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "303", "S", "Authorization")
    }

    /// 305: these do not agree with what was said before.
    pub(crate) fn data(names: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "305", "S", names)
    }

    /// 305 of the directory: the card is not enrolled.
    pub(crate) fn not_enrolled() -> Self {
        Self::new(StatusCode::NOT_FOUND, "305", "D", "acctNumber")
    }

    /// 405: the ACS cannot be reached.
    pub(crate) fn unreachable() -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "405", "D", "acsURL")
    }

    /// No result is there, or not yet.
    pub(crate) fn no_result() -> Self {
        Self::new(StatusCode::NOT_FOUND, "301", "S", "threeDSServerTransID")
    }

    /// 403, transient: a failure with no more to it than its status.
    pub(crate) fn bare(status: StatusCode) -> Response {
        Self::new(status, "403", "S", "").into_response()
    }

    /// About this transaction.
    pub(crate) fn about(mut self, id: &str) -> Self {
        self.id = Some(id.to_owned());
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The message.
    pub(crate) fn body(&self) -> Value {
        let mut body = json!({
            "messageType": "Erro",
            "messageVersion": VERSION,
            "errorCode": self.code,
            "errorComponent": self.component,
            "errorDescription": meaning(self.code),
            "errorDetail": self.detail,
        });
        if let Some(id) = &self.id {
            crate::json::put(&mut body, "threeDSServerTransID", json!(id));
        }
        body
    }
}

impl IntoResponse for Erro {
    fn into_response(self) -> Response {
        (self.status, Json(self.body())).into_response()
    }
}

fn meaning(code: &str) -> &'static str {
    match code {
        "101" => "Message Received Invalid",
        "102" => "Message Version Number Not Supported",
        "201" => "Required Data Element Missing",
        "203" => "Format of one or more Data Elements is Invalid according to the Specification",
        "301" => "Transaction ID Not Recognised",
        "303" => "Access Denied, Invalid Endpoint",
        "305" => "Transaction data not valid",
        "403" => "Transient System Failure",
        "405" => "System Connection Failure",
        _ => "Error",
    }
}
