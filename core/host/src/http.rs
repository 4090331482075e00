//! Sends plugins' requests: to granted endpoints, within the call's deadline, and with the fact of whether bytes left.

use std::error::Error;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};
use sportello_sdk::frames::{HttpRequestFrame, HttpResponseFrame};
use sportello_sdk::{Failure, Source};
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Host;

use crate::attest::Sending;
use crate::dial::Lookups;
use crate::grants::Grants;
use crate::reach::{NOT_THERE, PerReach, Reach, not_there};
use crate::tls::{Tls, made};
use crate::world::World;

/// The largest body of a request or a response, in bytes.
pub const BODY_LEN_MAX: usize = 4 << 20;

/// The longest that the headers of a request may be together, in bytes.
const HEADERS_LEN_MAX: usize = 64 << 10;

/// The longest that setting up a connection takes. A provider that cannot be reached is found out well before the call
/// ends, while it is still certain that nothing was sent.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// How long a request may take where its call has no end, as in `run`.
const UNBOUNDED_MAX: Duration = Duration::from_secs(60);

/// What the HTTP client itself writes. A plugin that set these could speak of one host to the grants and of another to
/// the provider, or smuggle a second request.
const RESERVED: [HeaderName; 10] = [
    http::header::HOST,
    http::header::CONNECTION,
    http::header::CONTENT_LENGTH,
    http::header::TRANSFER_ENCODING,
    http::header::UPGRADE,
    http::header::TE,
    http::header::TRAILER,
    http::header::EXPECT,
    http::header::PROXY_AUTHORIZATION,
    http::header::PROXY_AUTHENTICATE,
];

/// An answer that is no longer is read wherever it comes, in bytes: there are no more of those than calls.
const SHORT_LEN_MAX: usize = 64 << 10;

/// How many longer answers are read at once for one instance. The rest of them waits at the provider's.
const LONG_MAX: usize = 16;

/// The room for the answers to one instance's requests: a few bytes of a request may bring megabytes.
pub(crate) struct Answers {
    long: Semaphore,
}

impl Default for Answers {
    fn default() -> Self {
        Self { long: Semaphore::new(LONG_MAX) }
    }
}

impl Answers {
    /// Waits for the room to read a long one: those before it end, since each of them has its deadline.
    async fn place(&self, within: Option<Duration>) -> Result<SemaphorePermit<'_>, Failure> {
        let place = tokio::time::timeout(within.unwrap_or(UNBOUNDED_MAX), self.long.acquire()).await;
        let late = || Failure::provider("timeout", "too many long answers were read before this one").retry_after(1000);
        place.ok().and_then(Result::ok).ok_or_else(late)
    }
}

/// Sends one request and reads the whole response. `within` is what is left of the call; nothing for no end.
///
/// # Errors
/// `not_granted`, `unreachable`, `timeout`, `too_large`, `bad_frame`: what got no response. After the first of them
/// and the last, and where no connection came to be, it is noted that nothing was sent.
pub(crate) async fn send(
    world: &World,
    sending: Sending<'_>,
    within: Option<Duration>,
    head: HttpRequestFrame,
    body: Bytes,
) -> Result<(HttpResponseFrame, Bytes), Failure> {
    let request = match prepare(&world.grants, &world.tls, within, &head, body) {
        Ok(request) => request,
        Err(failure) => {
            sending.not_sent();
            return Err(failure);
        }
    };
    let mut response = match LOOKUPS.scope(Arc::clone(&world.lookups), request.send()).await {
        Ok(response) => response,
        Err(error) => {
            // Only then is it certain: the connection is set up before the first byte of a request is written, and a
            // request is never begun a second time.
            if error.is_connect() {
                sending.not_sent();
            }
            return Err(failure_of(&error));
        }
    };
    drop(sending);
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    let mut body = BytesMut::new();
    let mut place = None;
    while let Some(chunk) = response.chunk().await.map_err(|error| failure_of(&error))? {
        if body.len() + chunk.len() > BODY_LEN_MAX {
            return Err(too_large("response"));
        }
        // Most answers come in one piece, which then needs no copy.
        if body.is_empty() && response.content_length() == Some(chunk.len() as u64) {
            return Ok((HttpResponseFrame { status, headers }, chunk));
        }
        if place.is_none() && body.len() + chunk.len() > SHORT_LEN_MAX {
            place = Some(world.answers.place(within).await?);
        }
        body.extend_from_slice(&chunk);
    }
    Ok((HttpResponseFrame { status, headers }, body.freeze()))
}

fn prepare(
    grants: &Grants,
    tls: &Tls,
    within: Option<Duration>,
    head: &HttpRequestFrame,
    body: Bytes,
) -> Result<reqwest::RequestBuilder, Failure> {
    let bad = |why: String| Failure::new(Source::Plugin, "bad_frame", why);
    let not_granted = |why: String| Failure::settings("not_granted", why);
    let (url, host, reach) = grants.check_where(&head.url).map_err(|why| not_granted(why.to_string()))?;
    // An address is no name, and is not resolved.
    let address = match host {
        Host::Ipv4(v4) => Some(IpAddr::V4(v4)),
        Host::Ipv6(v6) => Some(IpAddr::V6(v6)),
        Host::Domain(_) => None,
    };
    if address.is_some_and(|address| !reach.allows(&host, address)) {
        return Err(not_there());
    }
    let method: Method = head.method.parse().map_err(|_| bad("the request's method is none".to_owned()))?;
    if matches!(method, Method::CONNECT | Method::TRACE) {
        return Err(bad(format!("{method} is not sent")));
    }
    if body.len() > BODY_LEN_MAX {
        return Err(too_large("request"));
    }
    let headers = headers_of(&head.headers).map_err(bad)?;
    let client = if url.scheme() == "https" { secure(tls, reach)? } else { plain(reach)? };
    // The call's own end comes a little later, so that the plugin still learns of this one and can say what it knows.
    let within = within.map_or(UNBOUNDED_MAX, |left| left.saturating_sub((left / 10).min(Duration::from_millis(100))));
    Ok(client.request(method, url).headers(headers).body(body).timeout(within))
}

tokio::task_local! {
    /// The look-ups of the instance whose request is sent: clients are shared by instances.
    static LOOKUPS: Arc<Lookups>;
}

/// Resolves names, and looks at where they lead. Connections that are there already were made so, for requests of the same
/// reach: each has clients of its own, since what a named host was connected to is kept, and is open to whoever asks for it.
struct Resolver(Reach);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let asked = Host::Domain(name.as_str().to_owned());
        let reach = self.0;
        // The client asks where the request is sent, before anything of it goes on elsewhere.
        let lookups = LOOKUPS.try_with(Arc::clone).unwrap_or_default();
        Box::pin(async move {
            // The port is set by whoever connects.
            let addresses = lookups.resolve(&asked, 0).await?;
            let addresses: Addrs = Box::new(reach.of(&asked, addresses)?.into_iter());
            Ok(addresses)
        })
    }
}

fn headers_of(pairs: &[(String, String)]) -> Result<HeaderMap, String> {
    let len: usize = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
    if len > HEADERS_LEN_MAX {
        return Err(format!("the request's headers have more than {HEADERS_LEN_MAX} bytes"));
    }
    let mut headers = HeaderMap::with_capacity(pairs.len());
    for (name, value) in pairs {
        let name: HeaderName = name.parse().map_err(|_| format!("`{}` is no header's name", name.escape_debug()))?;
        if RESERVED.contains(&name) || name.as_str().starts_with("proxy-") {
            return Err(format!("the header `{name}` is written by the host"));
        }
        // The value may be a credential: it is not told.
        let value = HeaderValue::from_str(value).map_err(|_| format!("the value of the header `{name}` is none"))?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn too_large(what: &str) -> Failure {
    let message = format!("the {what} has more than {} MB", BODY_LEN_MAX >> 20);
    Failure::new(Source::Provider, "too_large", message)
}

/// No error's own text goes through here: it would carry the URL, and a query may hold what nobody should read.
fn failure_of(error: &reqwest::Error) -> Failure {
    if error.is_timeout() {
        let what = if error.is_connect() { "no connection came to be in time" } else { "no answer came in time" };
        let code = if error.is_connect() { "unreachable" } else { "timeout" };
        return Failure::provider(code, what).retry_after(1000);
    }
    let root = std::iter::successors(error.source(), |error| (*error).source()).last();
    let why = root.map(ToString::to_string).unwrap_or_default();
    if why == NOT_THERE {
        return not_there();
    }
    let message = if error.is_connect() {
        format!("the provider cannot be reached: {why}")
    } else {
        format!("the connection broke: {why}")
    };
    Failure::provider("unreachable", message).retry_after(1000)
}

/// A client for each reach.
type Clients = PerReach<OnceLock<Client>>;

/// The client for `https`: the instance's own where something is said of it, else with the roots that the operating system
/// trusts.
fn secure(tls: &Tls, reach: Reach) -> Result<&Client, Failure> {
    static CLIENTS: Clients = PerReach { named: OnceLock::new(), public: OnceLock::new() };
    let own = |config| build(reach, |builder| builder.https_only(true).tls_backend_preconfigured(config));
    let client = tls.client(reach, own);
    let client = client.unwrap_or_else(|| made(CLIENTS.of(reach), || build(reach, |builder| builder.https_only(true))));
    client.map_err(not_set_up)
}

/// The client for `http`. It trusts no certificate at all, and so need not spend the time to read the system's.
fn plain(reach: Reach) -> Result<&'static Client, Failure> {
    static CLIENTS: Clients = PerReach { named: OnceLock::new(), public: OnceLock::new() };
    made(CLIENTS.of(reach), || build(reach, |builder| builder.tls_certs_only([]))).map_err(not_set_up)
}

fn not_set_up(why: String) -> Failure {
    Failure::new(Source::Host, "unreachable", format!("the gateway's HTTP client cannot be set up: {why}"))
}

/// Nothing that the environment or a provider says sends a request anywhere else: no proxies, no redirects, no second
/// try of its own.
fn build(reach: Reach, adapt: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Result<Client, String> {
    // Whoever chose a provider before has chosen for the whole process: then that one is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .dns_resolver(Resolver(reach))
        .connect_timeout(CONNECT_MAX)
        .user_agent(concat!("sportello/", env!("CARGO_PKG_VERSION")));
    adapt(builder).build().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_are_looked_up_in_the_places_of_the_instance_that_asks() {
        let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}/", server.local_addr().unwrap().port());
        let check = async |lookups: Arc<Lookups>, is_found: bool| {
            let request = plain(Reach::Named).unwrap().get(&url).send();
            let asking = LOOKUPS.scope(lookups, request);
            tokio::select! {
                answer = asking => assert!(!is_found && answer.unwrap_err().is_connect(), "it was looked up elsewhere"),
                connected = server.accept() => assert!(is_found, "{connected:?}"),
            }
        };
        let closed = Arc::new(Lookups::default());
        closed.close();
        check(closed, false).await;
        check(Arc::default(), true).await;
    }

    #[test]
    fn what_the_client_writes_is_not_the_plugins() {
        let check = |name: &str, value: &str, expected: bool| {
            let pairs = [(name.to_owned(), value.to_owned())];
            assert_eq!(headers_of(&pairs).is_ok(), expected, "{name}: {value}");
        };
        check("authorization", "Bearer 1", true);
        check("X-Request-ID", "7", true);
        check("Host", "evil", false);
        check("content-length", "0", false);
        check("Transfer-Encoding", "chunked", false);
        check("proxy-connection", "x", false);
        check("x-a", "1\r\nhost: evil", false);
        check("x a", "1", false);
        check("", "1", false);
        check("x-a", &"x".repeat(HEADERS_LEN_MAX), false);
    }
}
