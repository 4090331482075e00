//! Pages for people's browsers: where an account is given, and those of the rails' own.
//!
//! Whoever holds a link may use it, and nothing else is known of them: there is no cookie and no session. So a `GET`
//! changes nothing, and every page says to its browser what [`policy`] has.

mod act;
mod enrol;
mod form;
mod guard;
mod html;
mod link;
mod policy;
mod words;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use sportello_engine::{Clock, Engine, SystemClock};
use sportello_sdk::{PageFrame, PagePurpose, PageReply, PageRequest};

use crate::api::App;
use crate::vault::Vault;
use crate::wire::Wire;
use guard::Guard;
pub use link::{Act, Links};
use policy::{Reach, respond};
use words::Words;

/// The largest body that is taken, in bytes.
const BODY_LEN_MAX: usize = 64 << 10;

/// How long a body may take to arrive.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// Of a browser's headers, those that a rail is told.
const TOLD: [HeaderName; 5] =
    [header::ACCEPT, header::ACCEPT_LANGUAGE, header::CONTENT_TYPE, header::ORIGIN, header::USER_AGENT];

const HTML: &str = "text/html; charset=utf-8";

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Whether pages are served at this path.
pub(crate) fn are_at(path: &str) -> bool {
    path.starts_with("/enrol/") || path.starts_with("/act/")
}

/// What the pages stand on.
pub struct Pages {
    app: Arc<App>,
    engine: Engine,
    wire: Arc<Wire>,
    vault: Option<Vault>,
    links: Arc<Links>,
    client_ip_header: Option<HeaderName>,
    guard: Guard,
}

impl Pages {
    /// Pages under the address of `links`.
    pub fn new(
        app: Arc<App>,
        engine: Engine,
        wire: Arc<Wire>,
        vault: Option<Vault>,
        links: Arc<Links>,
        client_ip_header: Option<HeaderName>,
    ) -> Arc<Self> {
        Arc::new(Self { app, engine, wire, vault, links, client_ip_header, guard: Guard::new() })
    }
}

/// Every route.
pub fn router(pages: Arc<Pages>) -> Router {
    Router::new()
        .route("/enrol/{token}", any(enrol::own))
        .route("/enrol/{token}/with/{instance}", any(enrol::with))
        .route("/enrol/{token}/with/{instance}/{*path}", any(enrol::with_below))
        .route("/act/{token}", any(act::root))
        .route("/act/{token}/{*path}", any(act::below))
        .with_state(pages)
}

/// A browser's request, once it is known that it may be served.
struct Visit {
    /// `GET` or `POST`.
    method: &'static str,
    query: String,
    headers: HeaderMap,
    from: IpAddr,
    body: Bytes,
}

impl Visit {
    /// The words that its browser prefers.
    fn words(&self) -> &'static Words {
        preferred(&self.headers)
    }
}

fn preferred(headers: &HeaderMap) -> &'static Words {
    words::preferred(headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default())
}

impl Pages {
    fn now_ms(&self) -> u64 {
        SystemClock.now_ms()
    }

    /// Lets a request in, or answers it.
    async fn admit(&self, token: &str, request: Request) -> Result<Visit, Response> {
        let (head, body) = request.into_parts();
        let peer = head.extensions.get::<Peer>().map_or(IpAddr::from(Ipv4Addr::UNSPECIFIED), |peer| peer.0);
        let from = guard::client(&head.headers, self.client_ip_header.as_ref(), peer);
        let words = preferred(&head.headers);
        let method = match head.method {
            Method::GET | Method::HEAD => "GET",
            Method::POST => "POST",
            _ => return Err(notice(StatusCode::METHOD_NOT_ALLOWED, words, words.no_link, words.no_link_why)),
        };
        if !self.guard.admits(from, token, self.now_ms()) {
            return Err(notice(StatusCode::TOO_MANY_REQUESTS, words, words.not_now, words.too_often));
        }
        let body = match method {
            "POST" => body_of(body).await.map_err(|status| notice(status, words, words.not_now, words.not_now_why))?,
            _ => Bytes::new(),
        };
        Ok(Visit { method, query: head.uri.query().unwrap_or_default().to_owned(), headers: head.headers, from, body })
    }

    /// Asks a rail for its page.
    async fn ask(
        &self,
        instance: &str,
        about: u128,
        purpose: PagePurpose,
        visit: Visit,
        at: At<'_>,
    ) -> Option<PageReply> {
        let told = |name: &HeaderName| {
            let value = visit.headers.get(name)?.to_str().ok()?;
            Some((name.as_str().to_owned(), value.to_owned()))
        };
        let head = PageFrame {
            purpose,
            method: visit.method.to_owned(),
            path: at.path,
            query: visit.query,
            headers: TOLD.iter().filter_map(told).collect(),
            url: format!("{}{}", self.links.base(), at.link),
            remote_ip: visit.from.to_string(),
            language: at.words.lang.to_owned(),
        };
        let running = match &head.purpose {
            // Who was given the order knows what its payer has to do.
            PagePurpose::Act { order } => self.wire.running_for(instance, order)?,
            _ => self.wire.running(instance)?,
        };
        match running.page(about, PageRequest { head, body: visit.body }).await {
            Ok(reply) => Some(reply),
            Err(error) => {
                tracing::warn!(instance, %error, "a page could not be shown");
                None
            }
        }
    }
}

/// Where a rail's page is.
struct At<'a> {
    /// The link's own path.
    link: String,
    /// What follows it.
    path: String,
    words: &'a Words,
}

async fn body_of(body: Body) -> Result<Bytes, StatusCode> {
    match tokio::time::timeout(BODY_WITHIN, axum::body::to_bytes(body, BODY_LEN_MAX)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

/// A page of ours.
fn own_page(status: StatusCode, page: String) -> Response {
    respond(status, HTML, page.into(), &Reach::default())
}

/// A page that says one thing.
fn notice(status: StatusCode, words: &Words, title: &str, text: &str) -> Response {
    own_page(status, html::notice(words, title, text))
}

/// Of a link that was not made here nothing is told: not whether there is a payment, nor what became of it.
fn no_link(words: &Words) -> Response {
    notice(StatusCode::NOT_FOUND, words, words.no_link, words.no_link_why)
}

fn not_now(words: &Words) -> Response {
    notice(StatusCode::SERVICE_UNAVAILABLE, words, words.not_now, words.not_now_why)
}

/// Does it whether or not somebody still waits for the answer: what is in the vault must not be left there with nobody who
/// knows of it, nor a payer's deed untold.
async fn to_the_end(words: &'static Words, work: impl Future<Output = Response> + Send + 'static) -> Response {
    tokio::spawn(work).await.unwrap_or_else(|_| not_now(words))
}

/// A rail's page, which the host has looked at.
fn of_rail(reply: PageReply) -> Response {
    let status = StatusCode::from_u16(reply.head.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    respond(status, &reply.head.content_type, reply.body, &Reach::of(&reply.head))
}
