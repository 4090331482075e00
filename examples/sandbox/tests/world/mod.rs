//! What the tests share: a sandbox on free ports, a client that signs as X demands, a gateway that only listens.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    routing::get,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use clap::Parser;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};

/// How long anything in a test is waited for before it counts as not coming.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running sandbox and a client for it.
#[derive(Clone)]
pub struct Sandbox {
    pub x: String,
    pub bank: String,
    pub messenger: String,
    pub smsc: String,
    pub phones: String,
    pub wallets: String,
    pub acquirer: String,
    pub cards: String,
    pub threeds: String,
    pub http: reqwest::Client,
}

/// An answer: status, headers, body.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }
}

impl Sandbox {
    /// Starts one on free ports, with further arguments.
    pub async fn start(arguments: &[&str]) -> Self {
        let fixed = ["sandbox", "--x", "127.0.0.1:0", "--bank", "127.0.0.1:0"];
        let more = ["--messenger", "127.0.0.1:0", "--smsc", "127.0.0.1:0", "--phones", "127.0.0.1:0"];
        let cards = ["--acquirer", "127.0.0.1:0", "--cards", "127.0.0.1:0", "--threeds", "127.0.0.1:0"];
        let still_more = ["--wallets", "127.0.0.1:0"];
        let all = fixed.iter().chain(&more).chain(&cards).chain(&still_more).chain(arguments);
        let running = sandbox::start(sandbox::Options::parse_from(all)).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let sandbox::Running { x, bank, messenger, smsc, phones, acquirer, cards, threeds, wallets } = running;
        Self { x, bank, messenger, smsc, phones, acquirer, cards, threeds, wallets, http }
    }

    /// Calls with a JSON body and no credentials, as the control API is called.
    pub async fn control(&self, method: &str, url: String, body: Value) -> Answer {
        let request = self.http.request(method.parse().unwrap(), url).json(&body);
        answer(request.send().await.unwrap()).await
    }

    /// POSTs to X's control API and expects it to work.
    pub async fn on_x(&self, path: &str, body: Value) -> Value {
        let done = self.control("POST", format!("{}/sandbox/{path}", self.x), body).await;
        assert_eq!(done.status, 200, "{path}: {}", done.text);
        done.json()
    }

    /// POSTs to the bank's control API and expects it to work.
    pub async fn on_bank(&self, path: &str, body: Value) -> Value {
        let done = self.control("POST", format!("{}/sandbox/{path}", self.bank), body).await;
        assert_eq!(done.status, 200, "{path}: {}", done.text);
        done.json()
    }

    /// POSTs to Messenger's control API and expects it to work.
    pub async fn on_messenger(&self, path: &str, body: Value) -> Value {
        let done = self.control("POST", format!("{}/sandbox/{path}", self.messenger), body).await;
        assert_eq!(done.status, 200, "{path}: {}", done.text);
        done.json()
    }

    /// POSTs to the SMSC's control API and expects it to work.
    pub async fn on_smsc(&self, path: &str, body: Value) -> Value {
        let done = self.control("POST", format!("{}/sandbox/{path}", self.phones), body).await;
        assert_eq!(done.status, 200, "{path}: {}", done.text);
        done.json()
    }

    /// POSTs to the wallets and expects it to work.
    pub async fn on_wallets(&self, path: &str, body: Value) -> Value {
        let done = self.control("POST", format!("{}/{path}", self.wallets), body).await;
        assert_eq!(done.status, 200, "{path}: {}", done.text);
        done.json()
    }

    /// POSTs to the acquirer's control API and expects it to work.
    pub async fn on_acquirer(&self, path: &str, body: Value) -> Value {
        let done = self.control("POST", format!("{}/control/{path}", self.cards), body).await;
        assert_eq!(done.status, 200, "{path}: {}", done.text);
        done.json()
    }

    /// POSTs to the 3DS server's control API and expects it to work.
    pub async fn on_threeds(&self, path: &str, body: Value) -> Value {
        let done = self.control("POST", format!("{}/control/{path}", self.threeds), body).await;
        assert_eq!(done.status, 200, "{path}: {}", done.text);
        done.json()
    }

    /// A card's account at the acquirer, by its number or its last four digits.
    pub async fn card(&self, card: &str) -> Value {
        self.see(format!("{}/control/cards/{card}", self.cards)).await
    }

    /// GETs and expects it to work.
    pub async fn see(&self, url: String) -> Value {
        let seen = answer(self.http.get(&url).send().await.unwrap()).await;
        assert_eq!(seen.status, 200, "{url}: {}", seen.text);
        seen.json()
    }

    /// A call of X's API, signed by the account; `None` when the connection was cut.
    pub async fn api(&self, method: &str, path: &str, body: Option<Value>) -> Option<Answer> {
        let url = format!("{}{path}", self.x);
        let request = self.http.request(method.parse().unwrap(), &url).header("authorization", signed(method, &url));
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        Some(answer(request.send().await.ok()?).await)
    }
}

pub async fn answer(response: reqwest::Response) -> Answer {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, text: response.text().await.unwrap_or_default() }
}

/// An `Authorization` header of OAuth 1.0a. Queries in tests hold nothing that would need encoding twice.
pub fn signed(method: &str, url: &str) -> String {
    static NONCES: Mutex<u64> = Mutex::new(0);
    let nonce = {
        let mut nonces = NONCES.lock().unwrap();
        *nonces += 1;
        format!("{}-{}", std::process::id(), *nonces)
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().to_string();
    let oauth = [
        ("oauth_consumer_key", "sandbox-consumer-key"),
        ("oauth_nonce", &nonce),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", &now),
        ("oauth_token", "9000-sandbox-token"),
        ("oauth_version", "1.0"),
    ];
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let mut params: BTreeMap<&str, &str> = oauth.into_iter().collect();
    params.extend(query.split('&').filter_map(|pair| pair.split_once('=')));
    let joined: Vec<String> = params.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect();
    let text = format!("{method}&{}&{}", encoded(base), encoded(&joined.join("&")));
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(b"sandbox-consumer-secret&sandbox-token-secret").unwrap();
    mac.update(text.as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let mut header: Vec<String> = oauth.iter().map(|(key, value)| format!("{key}=\"{value}\"")).collect();
    header.push(format!("oauth_signature=\"{}\"", encoded(&signature)));
    format!("OAuth {}", header.join(", "))
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// How a provider challenges a webhook and signs for it.
#[derive(Clone, Copy)]
pub struct Scheme {
    /// The right answer to a challenge.
    pub challenged: fn(&BTreeMap<String, String>) -> String,
    /// Whether a delivery is signed rightly.
    pub signed: fn(&HeaderMap, &[u8]) -> bool,
}

const X: Scheme = Scheme {
    challenged: |query| json!({ "response_token": hmac_sha256(query["crc_token"].as_bytes()) }).to_string(),
    signed: |headers, body| {
        headers.get("x-twitter-webhooks-signature").is_some_and(|s| s == hmac_sha256(body).as_str())
    },
};

/// What a listening gateway got: each body, with whether its signature was right.
#[derive(Clone)]
pub struct Gateway {
    scheme: Scheme,
    pub got: Arc<Mutex<Vec<(bool, Value)>>>,
    arrived: Arc<tokio::sync::Notify>,
    /// Statuses to answer first, before 200.
    refusals: Arc<Mutex<Vec<u16>>>,
}

pub const CONSUMER_SECRET: &str = "sandbox-consumer-secret";

fn hmac_sha256(text: &[u8]) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(CONSUMER_SECRET.as_bytes()).unwrap();
    mac.update(text);
    format!("sha256={}", STANDARD.encode(mac.finalize().into_bytes()))
}

impl Gateway {
    /// Listens to X on a free port; the address to give as `--webhook`.
    pub async fn listen(refusals: &[u16]) -> (Self, String) {
        Self::listen_to(X, refusals).await
    }

    /// Listens to a provider on a free port.
    pub async fn listen_to(scheme: Scheme, refusals: &[u16]) -> (Self, String) {
        let refusals = Arc::new(Mutex::new(refusals.to_vec()));
        let gateway = Self { scheme, got: Arc::default(), arrived: Arc::default(), refusals };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/in", listener.local_addr().unwrap());
        let router = Router::new().route("/in", get(challenged).post(received)).with_state(gateway.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (gateway, url)
    }

    /// Waits until `count` bodies came, and returns them all.
    pub async fn wait(&self, count: usize) -> Vec<(bool, Value)> {
        let enough = async {
            loop {
                let arrived = self.arrived.notified();
                let got = self.got.lock().unwrap().clone();
                if got.len() >= count {
                    return got;
                }
                arrived.await;
            }
        };
        tokio::time::timeout(PATIENCE, enough).await.unwrap_or_else(|_| panic!("{count} deliveries never came"))
    }
}

async fn challenged(State(gateway): State<Gateway>, Query(query): Query<BTreeMap<String, String>>) -> String {
    (gateway.scheme.challenged)(&query)
}

async fn received(State(gateway): State<Gateway>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let good = (gateway.scheme.signed)(&headers, &body);
    let refusal = gateway.refusals.lock().unwrap().pop();
    if let Some(status) = refusal {
        return StatusCode::from_u16(status).unwrap();
    }
    gateway.got.lock().unwrap().push((good, serde_json::from_slice(&body).unwrap()));
    gateway.arrived.notify_one();
    if good { StatusCode::OK } else { StatusCode::FORBIDDEN }
}

/// The shared fixtures, where they are; a test that needs them says that it skips.
#[allow(clippy::print_stdout, reason = "a test that skips says so")]
pub fn fixtures() -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
    if !path.is_dir() {
        println!("skipped: the shared fixtures are not here");
        return None;
    }
    Some(path)
}
