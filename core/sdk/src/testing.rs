//! A host that plays a script, so that a plugin is tested with no network, no runtime and no waiting.
//!
//! ```
//! use sportello_sdk::testing::ScriptedHost;
//! use sportello_sdk::{HttpRequest, HttpResponse};
//!
//! let host = ScriptedHost::new()
//!     .secret("token", "s3cret")
//!     .on_http("POST", "https://bank.example/v1/payments/*", |_| {
//!         Ok(HttpResponse::new(201, "application/json", r#"{"paymentId":"7"}"#))
//!     });
//! let call = host.call();
//! let response = host.block_on(async {
//!     let token = call.secret("token").await?;
//!     let request = HttpRequest::new("POST", "https://bank.example/v1/payments/pain.001");
//!     call.http(request.header("authorization", token.reveal())).await
//! })?;
//! assert_eq!(response.status(), 201);
//! assert_eq!(host.requests().len(), 1);
//! # Ok::<(), sportello_sdk::Failure>(())
//! ```

mod executor;
mod glob;
mod script;
mod streams;
mod trouble;

use std::future::Future;
use std::sync::{Arc, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::frames::{CallFrame, LogLine, Peer};
use crate::{Failure, Host, HttpRequest, HttpResponse, InstrumentFacts, Message, Receipt, Report};
pub use executor::{block_on, poll_once};
use script::{Behaviour, Http, Rule, Script, ScriptedPeer, Shared};
pub use streams::StreamAnswer;
use trouble::CALL_MS;

/// A host that answers by a script, and keeps what it was told. Deterministic: the same script, the same answers.
///
/// Clones are the same host: a rule added to one is a rule of all. Of several rules that match, the latest wins.
#[derive(Clone)]
pub struct ScriptedHost(Arc<Shared>);

impl Default for ScriptedHost {
    fn default() -> Self {
        Self::new()
    }
}

impl ScriptedHost {
    /// A host where it is 2023-11-14 22:13:20 UTC, with no secrets, nothing stored, and no provider that can be reached.
    pub fn new() -> Self {
        Self(Arc::default())
    }

    /// Sets the clock, in milliseconds since 1970.
    #[must_use]
    pub fn now_ms(self, now_ms: u64) -> Self {
        self.script().now_ms = now_ms;
        self
    }

    /// Gives the plugin a secret.
    #[must_use]
    pub fn secret(self, name: &str, value: &str) -> Self {
        self.script().secrets.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Answers requests of `method` (or `*`) to URLs like `url`, where `*` stands for any characters.
    ///
    /// What `answer` fails with is what [`Host::http`] fails with: a request that got no response.
    #[must_use]
    pub fn on_http(
        self,
        method: &str,
        url: &str,
        answer: impl Fn(&HttpRequest) -> Result<HttpResponse, Failure> + Send + Sync + 'static,
    ) -> Self {
        self.rule(method, url, Http::Answer(Arc::new(answer)))
    }

    /// Takes such requests and never answers: what waits for it can only be given up.
    #[must_use]
    pub fn on_http_hang(self, method: &str, url: &str) -> Self {
        self.rule(method, url, Http::Hang)
    }

    /// Answers connections to addresses like `address` (`tcp://…` or `tls://…`), where `*` stands for any characters:
    /// `provider` says what comes back for each write.
    #[must_use]
    pub fn on_stream(self, address: &str, provider: impl Fn(&[u8]) -> StreamAnswer + Send + Sync + 'static) -> Self {
        self.script().streams.rule(address, Arc::new(provider));
        self
    }

    /// Lets the provider of a stream say something by itself. Streams are numbered from 1 in the order in which they were
    /// connected.
    pub fn stream_says(&self, stream: u64, bytes: &[u8]) {
        self.script().streams.say(stream, bytes);
    }

    /// Breaks the connection of a stream.
    pub fn stream_breaks(&self, stream: u64) {
        self.script().streams.cut(stream);
    }

    /// All that was written to a stream.
    pub fn stream_written(&self, stream: u64) -> Vec<u8> {
        self.script().streams.written(stream)
    }

    /// How many streams were ever connected.
    pub fn streams(&self) -> u64 {
        self.script().streams.count()
    }

    /// Lets every call of this method (one of [`host_method`](crate::frames::host_method), or `*`) fail.
    #[must_use]
    pub fn fails(self, method: &str, failure: Failure) -> Self {
        let behaviour = Behaviour::Fails(failure);
        self.script().behaviours.push((method.to_owned(), behaviour));
        self
    }

    /// Lets a method that was made to [fail](Self::fails) work again.
    #[must_use]
    pub fn works_again(self, method: &str) -> Self {
        self.script().behaviours.push((method.to_owned(), Behaviour::Works));
        self
    }

    /// Lets `sleep` fail with `closing` from this time on, as when the host is going away: so ends a plugin's `run`.
    /// Without it the host goes away after one scripted year, so that no test runs for ever.
    #[must_use]
    pub fn ends_at_ms(self, ends_at_ms: u64) -> Self {
        self.script().ends_at_ms = Some(ends_at_ms);
        self
    }

    /// Answers at most so many calls, and the ones after them never: what goes on asking for ever is then found out.
    #[must_use]
    pub fn asked_max(self, asked_max: usize) -> Self {
        self.script().asked_max = asked_max;
        self
    }

    /// Loses the answer to every request that may change something (all but GET and HEAD), once its rule has done its
    /// work: the plugin hears of a time-out.
    #[must_use]
    pub fn loses_answers(self, does: bool) -> Self {
        self.script().trouble.answers_lost = does;
        self
    }

    /// Lets the time of a call run out in the middle: so many more calls of the host's are answered; the next one is
    /// carried out and answered too late (`timeout`), with the clock at the deadline; and whatever is asked after that is
    /// refused, since the call is over. `None` lets time go on as before.
    #[must_use]
    pub fn time_ends_after(self, calls: Option<usize>) -> Self {
        self.script().trouble.end_after(calls);
        self
    }

    /// Answers each call at its second poll, so that what runs at a time goes on in turns.
    #[must_use]
    pub fn in_turns(self) -> Self {
        self.script().trouble.in_turns = true;
        self
    }

    /// Holds back the calls of this method (or `*`) until it [lets them go](Self::lets_go).
    #[must_use]
    pub fn holds(self, method: &str) -> Self {
        self.script().trouble.hold(Some(method));
        self
    }

    /// Carries out what it holds back, and holds nothing more.
    pub fn lets_go(&self) {
        self.script().trouble.hold(None);
    }

    /// Waits until so many calls were held back, over all the time.
    pub async fn until_held(&self, calls: usize) {
        std::future::poll_fn(|context| self.script().trouble.poll_holding(calls, context)).await;
    }

    /// Forgets what is stored under names like these.
    pub fn forget_stored(&self, is_like: impl Fn(&str) -> bool) {
        self.script().stored.retain(|name, _| !is_like(name));
    }

    /// Stores a value for the plugin to find.
    #[must_use]
    pub fn store(self, name: &str, value: impl Into<Bytes>) -> Self {
        self.script().put(name, value.into());
        self
    }

    /// Puts an instrument into the vault, under the account that an order names as its debtor's.
    #[must_use]
    pub fn instrument(self, account: &str, facts: InstrumentFacts, secret: impl Into<Bytes>) -> Self {
        self.script().vault.insert(account.to_owned(), (facts, secret.into()));
        self
    }

    /// What the vault holds under this name, an instrument's account or the plugin's own.
    pub fn vaulted(&self, name: &str) -> Option<Bytes> {
        self.script().vault.get(name).map(|(_, secret)| secret.clone())
    }

    /// Moves the clock on. A plugin's `sleep` does the same, at once.
    pub fn advance(&self, for_ms: u64) {
        self.script().now_ms += for_ms;
    }

    /// What the clock says, in milliseconds since 1970.
    pub fn clock_ms(&self) -> u64 {
        self.script().now_ms
    }

    /// A host for one call, ten seconds long and with a seed of its own.
    pub fn call(&self) -> Host {
        let frame = self.frame(());
        Host::new(self.clone().into_peer(), &frame)
    }

    /// A frame for a call that goes through [`Peer::call`].
    pub fn frame<T>(&self, params: T) -> CallFrame<T> {
        let mut script = self.script();
        script.calls += 1;
        CallFrame {
            call: script.calls,
            now_ms: script.now_ms,
            deadline_ms: script.now_ms + CALL_MS,
            seed: script.calls,
            trace: None,
            params,
        }
    }

    /// This host as the other side of a plugin's instance.
    pub fn into_peer(self) -> Arc<dyn Peer> {
        Arc::new(ScriptedPeer(self.0))
    }

    /// Runs a future to its end on this thread; tests need no runtime.
    ///
    /// # Panics
    /// When nothing wakes the future for half a minute.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        block_on(future)
    }

    /// The methods that were called, in order, whatever was answered.
    pub fn asked(&self) -> Vec<String> {
        self.script().asked.clone()
    }

    /// Forgets what it was told and asked so far; the script, the clock and what is stored stay.
    pub fn forget(&self) {
        let mut script = self.script();
        script.asked.clear();
        script.messages.clear();
        script.requests.clear();
        script.reports.clear();
        script.receipts.clear();
        script.logs.clear();
    }

    /// The messages that were handed in, in order, repeated ones too.
    pub fn messages(&self) -> Vec<Message> {
        self.script().messages.clone()
    }

    /// The requests that were made, in order.
    pub fn requests(&self) -> Vec<HttpRequest> {
        self.script().requests.clone()
    }

    /// The outcomes that were reported, in order.
    pub fn reports(&self) -> Vec<Report> {
        self.script().reports.clone()
    }

    /// What was told of notes that the provider had taken, in order.
    pub fn receipts(&self) -> Vec<Receipt> {
        self.script().receipts.clone()
    }

    /// The lines that were logged, in order.
    pub fn logs(&self) -> Vec<LogLine> {
        self.script().logs.clone()
    }

    /// The value stored under this name.
    pub fn stored(&self, name: &str) -> Option<Bytes> {
        let script = self.script();
        script.stored.get(name).map(|(_, value)| value.clone())
    }

    fn rule(self, method: &str, url: &str, http: Http) -> Self {
        self.script().rules.push(Rule { method: method.to_owned(), url: url.to_owned(), http });
        self
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
