//! The command line's side of the HTTP interface: a running gateway's address and key, from its own configuration.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use sportello_sdk::Secret;

use crate::config::{Config, Problems, Scope};

/// A running gateway.
pub struct Client {
    http: reqwest::Client,
    base: String,
    keys: Vec<(Secret, Vec<Scope>)>,
}

/// Why a running gateway could not be asked, or what it answered instead.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The configuration does not say where it is.
    #[error("{0}")]
    Config(Problems),
    /// No key of the configuration may do this.
    #[error("no key in the configuration has the scope {0}; add it to one under [[keys]]")]
    NoKey(&'static str),
    /// There is no answer.
    #[error("no gateway answers at {base}: {why}; start it with: sportello run")]
    NoAnswer {
        /// Where.
        base: String,
        /// Why.
        why: String,
    },
    /// It was asked, and the answer did not come.
    #[error(
        "the gateway at {base} was asked, and its answer did not come: {why}; see what became of it before you ask again: sportello payments"
    )]
    Unheard {
        /// Where.
        base: String,
        /// Why.
        why: String,
    },
    /// It answered that something is wrong.
    #[error("{title}: {detail} ({status})")]
    Refused {
        /// The status code.
        status: u16,
        /// What kind of problem.
        title: String,
        /// What in particular.
        detail: String,
    },
}

impl Client {
    /// Reads `file` for the address and the keys; mistakes elsewhere in it do not matter here.
    ///
    /// # Errors
    /// [`ClientError::Config`].
    pub fn open(file: &Path) -> Result<Self, ClientError> {
        let reading = Config::open(file).map_err(ClientError::Config)?;
        let mut problems = reading.problems;
        problems.retain(|p| p.key.is_empty() || p.key.starts_with("gateway") || p.key.starts_with("keys"));
        if !problems.is_empty() {
            return Err(ClientError::Config(Problems(problems)));
        }
        let config = reading.config;
        let base = format!("http://{}", reachable(config.gateway.listen));
        let no_answer = |error: reqwest::Error| ClientError::NoAnswer { base: base.clone(), why: root_cause(&error) };
        // Plain HTTP on this machine; yet the library wants to be told whose cryptography it would use. Told already is
        // as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(Duration::from_secs(3))
            .timeout(Duration::from_secs(90))
            .build()
            .map_err(no_answer)?;
        let keys = config.keys.into_iter().map(|key| (key.secret, key.scopes)).collect();
        Ok(Self { http, base, keys })
    }

    /// Asks for what stands at `path`.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Value, ClientError> {
        let mut target = path.to_owned();
        for (at, (name, value)) in query.iter().enumerate() {
            let gap = if at == 0 { '?' } else { '&' };
            target.push_str(&format!("{gap}{name}={}", in_query(value)));
        }
        self.send(self.request(Method::GET, &target, &[Scope::PaymentsRead])?).await
    }

    /// Sends `body` to `path`, under an idempotency key of its own.
    ///
    /// # Errors
    /// As [`ClientError`] has it.
    pub async fn post(
        &self,
        path: &str,
        body: &Value,
        wait: Option<Duration>,
        scopes: &[Scope],
    ) -> Result<Value, ClientError> {
        let mut request = self
            .request(Method::POST, path, scopes)?
            .header("idempotency-key", format!("\"{}\"", uuid::Uuid::now_v7()))
            .header("content-type", "application/json")
            .body(body.to_string());
        if let Some(wait) = wait {
            request = request.header("prefer", format!("wait={}", wait.as_secs()));
        }
        self.send(request).await
    }

    fn request(&self, method: Method, path: &str, scopes: &[Scope]) -> Result<RequestBuilder, ClientError> {
        let may = |(_, has): &&(Secret, Vec<Scope>)| scopes.iter().all(|scope| has.contains(scope));
        let (key, _) = self
            .keys
            .iter()
            .find(may)
            .ok_or_else(|| ClientError::NoKey(scopes.last().map_or("", |scope| scope.as_str())))?;
        Ok(self.http.request(method, format!("{}{path}", self.base)).bearer_auth(key.reveal()))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Value, ClientError> {
        let failed = |error: reqwest::Error| {
            let (base, why) = (self.base.clone(), root_cause(&error));
            // Once it is connected, what was asked for may have been done.
            if error.is_connect() { ClientError::NoAnswer { base, why } } else { ClientError::Unheard { base, why } }
        };
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        let body = response.bytes().await.map_err(failed)?;
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status.is_success() {
            return Ok(answer);
        }
        let text = |key: &str, otherwise: &str| answer.get(key).and_then(Value::as_str).unwrap_or(otherwise).to_owned();
        let mut detail = text("detail", "it did not say why");
        if status == StatusCode::UNAUTHORIZED {
            detail += "; a key that was changed in the file holds once the gateway has read it, as at kill -HUP";
        }
        Err(ClientError::Refused { status: status.as_u16(), title: text("title", "The gateway refused"), detail })
    }
}

/// A value in a query (RFC 3986, section 2): what is not unreserved is written in percent notation.
fn in_query(value: &str) -> String {
    let written = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    value.bytes().map(written).collect()
}

/// What listens on every address is reached on this machine's own.
fn reachable(listen: SocketAddr) -> SocketAddr {
    match listen {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => (Ipv4Addr::LOCALHOST, v4.port()).into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => (Ipv6Addr::LOCALHOST, v6.port()).into(),
        other => other,
    }
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
