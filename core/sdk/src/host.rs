//! The host as a plugin sees it: all that it may ask of the world.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::frames::{
    CallFrame, Connect, HostFrame, HttpRequestFrame, HttpResponseFrame, Level, LogLine, Named, Peer, Reply,
    SecretValue, Sleep, StorePut, StorePutDone, Stored, host_method,
};
use crate::{
    Accepted, Failure, Handle, Instrument, Message, PageAddress, PageLink, Receipt, Report, Source, Stream, VaultFound,
    VaultPut,
};

/// The host, on behalf of one call.
///
/// A plugin does no I/O of its own. It asks the host it was handed with the call; what it asks then counts as done for
/// that call, is bounded by that call's deadline, and reaches only the endpoints that the operator granted.
pub struct Host {
    peer: Arc<dyn Peer>,
    call: u64,
    now_ms: AtomicU64,
    deadline_ms: u64,
    random: AtomicU64,
    trace: Option<String>,
}

/// A secret. It shows itself to nobody who does not ask for it by name.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps `value`.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself. Not for a log, an error or a URL.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A request to a provider.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// Method, URL and headers.
    pub head: HttpRequestFrame,
    /// The body.
    pub body: Bytes,
}

impl HttpRequest {
    /// A request without a body.
    pub fn new(method: &str, url: impl Into<String>) -> Self {
        Self {
            head: HttpRequestFrame { method: method.to_owned(), url: url.into(), headers: Vec::new() },
            body: Bytes::new(),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.head.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sets the body and its `content-type`.
    #[must_use]
    pub fn body(self, content_type: &str, body: impl Into<Bytes>) -> Self {
        let mut request = self.header("content-type", content_type);
        request.body = body.into();
        request
    }
}

/// A provider's response. Whatever its status: only a request that got no response at all is a failure.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// Status and headers.
    pub head: HttpResponseFrame,
    /// The body.
    pub body: Bytes,
}

impl HttpResponse {
    /// A response with a body, for a scripted provider.
    pub fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self { head: HttpResponseFrame { status, headers: Vec::new() }, body: body.into() }
            .with_header("content-type", content_type)
    }

    /// The same with one header more.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.head.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// Whether the status is one of 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.head.status)
    }

    /// The first header of this name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = |(n, _): &&(String, String)| n.eq_ignore_ascii_case(name);
        self.head.headers.iter().find(found).map(|(_, value)| value.as_str())
    }
}

/// A webhook that the host has verified.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookRequest {
    /// Method, path, query and headers.
    pub head: crate::frames::WebhookFrame,
    /// The raw body, as it was signed.
    pub body: Bytes,
}

/// The answer to a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookReply {
    /// The status code.
    pub status: u16,
    /// Headers of the answer.
    pub headers: Vec<(String, String)>,
    /// The body of the answer.
    pub body: Bytes,
}

impl WebhookReply {
    /// 200 and no body.
    pub fn ok() -> Self {
        Self::status(200)
    }

    /// This status and no body.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }
}

impl Host {
    /// The host that answers for the call described by `frame`.
    pub fn new<T>(peer: Arc<dyn Peer>, frame: &CallFrame<T>) -> Self {
        Self {
            peer,
            call: frame.call,
            now_ms: AtomicU64::new(frame.now_ms),
            deadline_ms: frame.deadline_ms,
            random: AtomicU64::new(frame.seed),
            trace: frame.trace.clone(),
        }
    }

    /// The same, and what the call is about.
    pub(crate) fn of_call<T>(peer: Arc<dyn Peer>, frame: CallFrame<T>) -> (T, Self) {
        let host = Self {
            peer,
            call: frame.call,
            now_ms: AtomicU64::new(frame.now_ms),
            deadline_ms: frame.deadline_ms,
            random: AtomicU64::new(frame.seed),
            trace: frame.trace,
        };
        (frame.params, host)
    }

    /// The time, in milliseconds since 1970: as the call was made, or as the host last answered.
    pub fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    /// When the caller stops waiting, in milliseconds since 1970.
    pub fn deadline_ms(&self) -> u64 {
        self.deadline_ms
    }

    /// The trace that this call belongs to (W3C Trace Context).
    pub fn trace(&self) -> Option<&str> {
        self.trace.as_deref()
    }

    /// The next random number of this call: the same again when the call is replayed. Not for keys.
    pub fn random(&self) -> u64 {
        // SplitMix64 (Steele, Lea, Flood 2014): one addition, and every seed is a good one.
        let step = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.random.fetch_add(step, Ordering::Relaxed).wrapping_add(step);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Sends a request to a provider and waits for the whole response.
    ///
    /// # Errors
    /// `not_granted`, `unreachable`, `timeout`, `too_large`; and nothing else: a status of 500 is a response.
    pub async fn http(&self, request: HttpRequest) -> Result<HttpResponse, Failure> {
        let (head, body) = self.ask(host_method::HTTP, &request.head, request.body).await?;
        Ok(HttpResponse { head, body })
    }

    /// Waits.
    ///
    /// # Errors
    /// When the host is going away.
    pub async fn sleep(&self, for_ms: u64) -> Result<(), Failure> {
        let (done, _): ((), _) = self.ask(host_method::SLEEP, &Sleep { for_ms }, Bytes::new()).await?;
        Ok(done)
    }

    /// The secret of this name, one of those that the manifest lists.
    ///
    /// # Errors
    /// `no_such_secret`.
    pub async fn secret(&self, name: &str) -> Result<Secret, Failure> {
        let named = Named { name: name.to_owned() };
        let (secret, _): (SecretValue, _) = self.ask(host_method::SECRET, &named, Bytes::new()).await?;
        Ok(Secret(secret.value))
    }

    /// The durable value of this name, with its version; version 0 and no bytes where there is none.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn load(&self, name: &str) -> Result<(u64, Bytes), Failure> {
        let named = Named { name: name.to_owned() };
        let (stored, value): (Stored, _) = self.ask(host_method::STORE_GET, &named, Bytes::new()).await?;
        Ok((stored.version, value))
    }

    /// Stores a value durably if the version there is still `expected` (0 for none): compare-and-set.
    ///
    /// # Errors
    /// When the store cannot be reached, the value is too large, or what the instance keeps is full (`store_full`). Losing
    /// the race is no error: see [`StorePutDone::stored`].
    pub async fn save(&self, name: &str, expected: u64, value: impl Into<Bytes>) -> Result<StorePutDone, Failure> {
        let put = StorePut { name: name.to_owned(), expected };
        let (done, _) = self.ask(host_method::STORE_PUT, &put, value.into()).await?;
        Ok(done)
    }

    /// Hands a person's message to the gateway. It is durable when this returns: only then tell the provider so.
    ///
    /// # Errors
    /// When it is not durable: let the provider deliver it again.
    pub async fn message(&self, message: &Message) -> Result<Accepted, Failure> {
        let (accepted, _) = self.ask(host_method::MESSAGE, message, Bytes::new()).await?;
        Ok(accepted)
    }

    /// Reports an outcome that arrived by itself. It is durable when this returns.
    ///
    /// # Errors
    /// When it is not durable: report it again.
    pub async fn report(&self, report: &Report) -> Result<(), Failure> {
        let (done, _): ((), _) = self.ask(host_method::REPORT, report, Bytes::new()).await?;
        Ok(done)
    }

    /// Tells what became of a note that the provider had taken. It is durable when this returns.
    ///
    /// # Errors
    /// `unknown_note` where no note of this channel has that id (yet: a receipt can be faster than the note's own
    /// answer, and is then worth another try); any other: it is not durable, report it again.
    pub async fn receipt(&self, receipt: &Receipt) -> Result<(), Failure> {
        let ((), _) = self.ask(host_method::RECEIPT, receipt, Bytes::new()).await?;
        Ok(())
    }

    /// Connects to `tcp://host:port`, or to `tls://host:port`, which the host encrypts.
    ///
    /// # Errors
    /// `not_granted`, `unreachable`, `bad_frame`, and `too_many` where the instance has as many streams as it may.
    pub async fn connect(&self, address: &str) -> Result<Stream, Failure> {
        let connect = Connect { address: address.to_owned() };
        let (id, _) = self.ask(host_method::STREAM_CONNECT, &connect, Bytes::new()).await?;
        Ok(Stream::new(Arc::clone(&self.peer), id))
    }

    /// What a payer pays with, by the account that the order names as its debtor's.
    ///
    /// # Errors
    /// `not_granted` where the manifest does not ask for card numbers or the operator did not grant them;
    /// `no_such_instrument`.
    pub async fn instrument(&self, account: &Handle) -> Result<Instrument, Failure> {
        let named = Named { name: account.as_str().to_owned() };
        let (facts, secret) = self.ask(host_method::INSTRUMENT, &named, Bytes::new()).await?;
        Ok(Instrument { facts, secret })
    }

    /// Keeps something secret under a name of this instance's own, encrypted, until `until_ms` (milliseconds since 1970);
    /// what was there is replaced. It is durable when this returns.
    ///
    /// # Errors
    /// `not_granted` as for [`Self::instrument`]; when it is not durable, or too large.
    pub async fn vault_put(&self, name: &str, until_ms: u64, secret: impl Into<Bytes>) -> Result<(), Failure> {
        let put = VaultPut { name: name.to_owned(), until_ms };
        let ((), _) = self.ask(host_method::VAULT_PUT, &put, secret.into()).await?;
        Ok(())
    }

    /// What was kept under this name, unless its time is over.
    ///
    /// # Errors
    /// `not_granted`; when the vault cannot be reached.
    pub async fn vault_get(&self, name: &str) -> Result<Option<Bytes>, Failure> {
        let named = Named { name: name.to_owned() };
        let (VaultFound { found }, secret) = self.ask(host_method::VAULT_GET, &named, Bytes::new()).await?;
        Ok(found.then_some(secret))
    }

    /// Destroys what was kept under this name: one of this instance's own, or an instrument's account
    /// ([`Self::instrument`]) that was handed over for one payment, once it has served.
    ///
    /// # Errors
    /// `not_granted`; when that is not durable.
    pub async fn vault_remove(&self, name: &str) -> Result<(), Failure> {
        let named = Named { name: name.to_owned() };
        let ((), _) = self.ask(host_method::VAULT_REMOVE, &named, Bytes::new()).await?;
        Ok(())
    }

    /// The address of this rail's own page for the payer of an order, which nobody can guess: for
    /// [`Outcome::ActionRequired`](crate::Outcome::ActionRequired).
    ///
    /// # Errors
    /// Where the gateway has no public address.
    pub async fn page_link(&self, order: &str, until_ms: u64) -> Result<String, Failure> {
        let link = PageLink { order: order.to_owned(), until_ms };
        let (PageAddress { url }, _) = self.ask(host_method::PAGE_LINK, &link, Bytes::new()).await?;
        Ok(url)
    }

    /// Writes a line to the log, under the instance's name. Never a secret, a one-time code or a card number.
    pub fn log(&self, level: Level, message: impl Into<String>) {
        let line = LogLine { level, message: message.into() };
        if let Ok(frame) = serde_json::to_vec(&line) {
            self.peer.notify(host_method::LOG, frame.into());
        }
    }

    pub(crate) async fn ask<P: Serialize, R: DeserializeOwned>(
        &self,
        method: &'static str,
        params: &P,
        body: Bytes,
    ) -> Result<(R, Bytes), Failure> {
        let broken = |what: &str, error: serde_json::Error| {
            Failure::new(Source::Host, "bad_frame", format!("`{method}`: the {what} is not as agreed: {error}"))
        };
        let frame = serde_json::to_vec(params).map_err(|e| broken("question", e))?;
        let Reply { ok, frame, body } = self.peer.call(self.call, method, frame.into(), body).await;
        if !ok {
            return Err(serde_json::from_slice(&frame).map_err(|e| broken("failure", e))?);
        }
        let answer: HostFrame<R> = serde_json::from_slice(&frame).map_err(|e| broken("answer", e))?;
        self.now_ms.fetch_max(answer.now_ms, Ordering::Relaxed);
        Ok((answer.result, body))
    }
}
