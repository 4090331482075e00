//! What the scripted host knows, and how it answers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::glob;
use super::streams::Streams;
use super::trouble::{CALL_MS, Step, Trouble};
use crate::frames::{
    Connect, HostFrame, HttpRequestFrame, LogLine, Named, Peer, Reply, SecretValue, Sleep, StorePut, StorePutDone,
    Stored, StreamId, StreamRead, host_method,
};
use crate::{
    Accepted, Failure, HttpRequest, HttpResponse, InstrumentFacts, Message, PageAddress, PageLink, Receipt, Report,
    Source, VaultFound, VaultPut,
};

/// 2023-11-14 22:13:20 UTC.
const START_MS: u64 = 1_700_000_000_000;
const YEAR_MS: u64 = 365 * 24 * 3600 * 1000;

type Answer = dyn Fn(&HttpRequest) -> Result<HttpResponse, Failure> + Send + Sync;

#[derive(Clone)]
pub(super) enum Http {
    Answer(Arc<Answer>),
    Hang,
}

pub(super) struct Rule {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) http: Http,
}

pub(super) enum Behaviour {
    Works,
    Fails(Failure),
}

pub(super) struct Script {
    pub(super) now_ms: u64,
    pub(super) ends_at_ms: Option<u64>,
    pub(super) calls: u64,
    /// Every method that was called, answered or not.
    pub(super) asked: Vec<String>,
    pub(super) asked_max: usize,
    pub(super) secrets: BTreeMap<String, String>,
    pub(super) rules: Vec<Rule>,
    pub(super) behaviours: Vec<(String, Behaviour)>,
    pub(super) trouble: Trouble,
    pub(super) stored: BTreeMap<String, (u64, Bytes)>,
    pub(super) messages: Vec<Message>,
    pub(super) requests: Vec<HttpRequest>,
    pub(super) reports: Vec<Report>,
    pub(super) receipts: Vec<Receipt>,
    pub(super) vault: BTreeMap<String, (InstrumentFacts, Bytes)>,
    pub(super) streams: Streams,
    pub(super) logs: Vec<LogLine>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            now_ms: START_MS,
            ends_at_ms: None,
            calls: 0,
            asked: Vec::new(),
            asked_max: usize::MAX,
            secrets: BTreeMap::new(),
            rules: Vec::new(),
            behaviours: Vec::new(),
            trouble: Trouble::default(),
            stored: BTreeMap::new(),
            messages: Vec::new(),
            requests: Vec::new(),
            reports: Vec::new(),
            receipts: Vec::new(),
            vault: BTreeMap::new(),
            streams: Streams::default(),
            logs: Vec::new(),
        }
    }
}

#[derive(Default)]
pub(super) struct Shared {
    pub(super) script: Mutex<Script>,
}

/// What a method answers with; `None` for never.
type Answered = Option<Result<(Vec<u8>, Bytes), Failure>>;

impl Script {
    pub(super) fn put(&mut self, name: &str, value: Bytes) -> u64 {
        let version = self.version(name) + 1;
        self.stored.insert(name.to_owned(), (version, value));
        version
    }

    fn version(&self, name: &str) -> u64 {
        self.stored.get(name).map_or(0, |(version, _)| *version)
    }

    fn failure_of(&self, method: &str) -> Option<Failure> {
        let latest = self.behaviours.iter().rev().find(|(name, _)| name == "*" || name == method);
        match latest {
            Some((_, Behaviour::Fails(failure))) => Some(failure.clone()),
            _ => None,
        }
    }

    fn rule_for(&self, head: &HttpRequestFrame) -> Option<Http> {
        let fits = |rule: &&Rule| glob::matches(&rule.method, &head.method) && glob::matches(&rule.url, &head.url);
        self.rules.iter().rev().find(fits).map(|rule| rule.http.clone())
    }

    fn sleep(&mut self, sleep: Sleep) -> Result<(), Failure> {
        let ends_at_ms = self.ends_at_ms.unwrap_or(START_MS + YEAR_MS);
        self.now_ms = self.now_ms.saturating_add(sleep.for_ms);
        if self.now_ms >= ends_at_ms {
            return Err(Failure::new(Source::Host, "closing", "the host is going away"));
        }
        Ok(())
    }

    /// Counts a call; the one for which time runs out moves the clock to the end of the call that it is made for.
    fn step(&mut self) -> Step {
        let step = self.trouble.step();
        if step == Step::Late {
            self.now_ms = self.now_ms.saturating_add(CALL_MS);
        }
        step
    }

    fn save(&mut self, put: &StorePut, value: Bytes) -> StorePutDone {
        let version = self.version(&put.name);
        if version != put.expected {
            return StorePutDone { stored: false, version };
        }
        StorePutDone { stored: true, version: self.put(&put.name, value) }
    }

    fn message(&mut self, message: Message) -> Accepted {
        let known = |earlier: &Message| message.id.is_some() && earlier.id == message.id;
        let fresh = !self.messages.iter().any(known);
        self.messages.push(message);
        Accepted { fresh }
    }
}

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, method: &str, frame: &[u8], body: Bytes) -> Answered {
        let (failure, step) = {
            let mut script = self.script();
            if script.asked.len() >= script.asked_max {
                return None;
            }
            script.asked.push(method.to_owned());
            (script.failure_of(method), script.step())
        };
        if let Some(failure) = failure.or_else(|| step.failure().filter(|_| step == Step::Over)) {
            return Some(Err(failure));
        }
        let answered = match method {
            host_method::HTTP => self.http(frame, body),
            method => Some(self.answer_at_once(method, frame, body)),
        };
        // Too late is after the work was done.
        match step.failure() {
            Some(late) => Some(Err(late)),
            None => answered,
        }
    }

    fn http(&self, frame: &[u8], body: Bytes) -> Answered {
        let head: HttpRequestFrame = match read(frame) {
            Ok(head) => head,
            Err(failure) => return Some(Err(failure)),
        };
        let request = HttpRequest { head, body };
        let (rule, is_lost) = {
            let mut script = self.script();
            script.requests.push(request.clone());
            (script.rule_for(&request.head), script.trouble.loses(&request.head))
        };
        // The lock is let go of first: a rule may look at the host that it is a rule of.
        Some(match rule {
            Some(Http::Hang) => return None,
            Some(Http::Answer(answer)) => match answer(&request) {
                Ok(_) if is_lost => Err(Failure::provider("timeout", "the answer was lost").retry_after(1_000)),
                answered => answered.and_then(|response| self.reply(&response.head, response.body)),
            },
            None => Err(Failure::settings(
                "not_granted",
                format!("no rule answers {} {}", request.head.method, request.head.url),
            )),
        })
    }

    fn answer_at_once(&self, method: &str, frame: &[u8], body: Bytes) -> Result<(Vec<u8>, Bytes), Failure> {
        match method {
            host_method::SLEEP => {
                self.script().sleep(read(frame)?)?;
                self.reply(&(), Bytes::new())
            }
            host_method::SECRET => {
                let Named { name } = read(frame)?;
                let value = self.script().secrets.get(&name).cloned();
                let value =
                    value.ok_or_else(|| Failure::settings("no_such_secret", format!("there is no secret `{name}`")))?;
                self.reply(&SecretValue { value }, Bytes::new())
            }
            host_method::STORE_GET => {
                let Named { name } = read(frame)?;
                let (version, value) = self.script().stored.get(&name).cloned().unwrap_or_default();
                self.reply(&Stored { version }, value)
            }
            host_method::STORE_PUT => {
                let done = self.script().save(&read(frame)?, body);
                self.reply(&done, Bytes::new())
            }
            host_method::MESSAGE => {
                let accepted = self.script().message(read(frame)?);
                self.reply(&accepted, Bytes::new())
            }
            host_method::REPORT => {
                let report = read(frame)?;
                self.script().reports.push(report);
                self.reply(&(), Bytes::new())
            }
            host_method::RECEIPT => {
                let receipt = read(frame)?;
                self.script().receipts.push(receipt);
                self.reply(&(), Bytes::new())
            }
            host_method::INSTRUMENT => {
                let Named { name } = read(frame)?;
                let found = self.script().vault.get(&name).cloned();
                let (facts, secret) = found.ok_or_else(|| {
                    Failure::new(Source::Host, "no_such_instrument", format!("there is nothing at `{name}`"))
                })?;
                self.reply(&facts, secret)
            }
            host_method::VAULT_PUT => {
                let VaultPut { name, .. } = read(frame)?;
                let mut script = self.script();
                let facts = InstrumentFacts { label: String::new(), received_at_ms: script.now_ms, payment: None };
                script.vault.insert(name, (facts, body));
                drop(script);
                self.reply(&(), Bytes::new())
            }
            host_method::VAULT_GET => {
                let Named { name } = read(frame)?;
                let found = self.script().vault.get(&name).map(|(_, secret)| secret.clone());
                self.reply(&VaultFound { found: found.is_some() }, found.unwrap_or_default())
            }
            host_method::VAULT_REMOVE => {
                let Named { name } = read(frame)?;
                self.script().vault.remove(&name);
                self.reply(&(), Bytes::new())
            }
            host_method::PAGE_LINK => {
                let PageLink { order, .. } = read(frame)?;
                self.reply(&PageAddress { url: format!("https://pay.example/act/{order}") }, Bytes::new())
            }
            host_method::STREAM_CONNECT => {
                let Connect { address } = read(frame)?;
                let stream = self.script().streams.connect(&address)?;
                self.reply(&StreamId { stream }, Bytes::new())
            }
            host_method::STREAM_WRITE => {
                let StreamId { stream } = read(frame)?;
                self.script().streams.write(stream, &body)?;
                self.reply(&(), Bytes::new())
            }
            host_method::STREAM_CLOSE => {
                let StreamId { stream } = read(frame)?;
                self.script().streams.close(stream)?;
                self.reply(&(), Bytes::new())
            }
            other => Err(Failure::new(Source::Host, "unsupported", format!("`{other}` is not offered here"))),
        }
    }

    fn reply<T: Serialize>(&self, result: &T, body: Bytes) -> Result<(Vec<u8>, Bytes), Failure> {
        let now_ms = self.script().now_ms;
        let frame = serde_json::to_vec(&HostFrame { now_ms, result });
        let frame = frame.map_err(|e| Failure::new(Source::Host, "bad_answer", e.to_string()))?;
        Ok((frame, body))
    }
}

fn read<T: DeserializeOwned>(frame: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(frame).map_err(|e| Failure::new(Source::Plugin, "bad_frame", e.to_string()))
}

/// A read waits until there is something: its script is looked at with each poll.
fn reading(shared: Arc<Shared>, frame: &Bytes) -> BoxFuture<'static, Reply> {
    let read = read::<StreamRead>(frame);
    Box::pin(std::future::poll_fn(move |context| {
        let polled = match read.clone() {
            Ok(read) => shared.script().streams.poll_read(read, context),
            Err(failure) => std::task::Poll::Ready(Err(failure)),
        };
        polled.map(|result| match result.and_then(|bytes| shared.reply(&(), bytes)) {
            Ok((frame, body)) => Reply { ok: true, frame: frame.into(), body },
            Err(failure) => Reply::failure(&failure),
        })
    }))
}

/// What comes of a call once nothing holds it back.
fn answering(shared: Arc<Shared>, method: &str, frame: &Bytes, body: Bytes) -> BoxFuture<'static, Reply> {
    if method == host_method::STREAM_READ {
        let (failure, step) = {
            let mut script = shared.script();
            (script.failure_of(method), script.step())
        };
        return match failure.or_else(|| step.failure()) {
            Some(failure) => Box::pin(std::future::ready(Reply::failure(&failure))),
            None => reading(shared, frame),
        };
    }
    match shared.answer(method, frame, body) {
        None => Box::pin(std::future::pending()),
        Some(Err(failure)) => Box::pin(std::future::ready(Reply::failure(&failure))),
        Some(Ok((frame, body))) => Box::pin(std::future::ready(Reply { ok: true, frame: frame.into(), body })),
    }
}

/// Lets the others have their turn.
async fn one_turn() {
    let mut had = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut had, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

/// The scripted host as the other side of a plugin's instance.
pub(super) struct ScriptedPeer(pub(super) Arc<Shared>);

impl Peer for ScriptedPeer {
    fn call(&self, _parent: u64, method: &str, frame: Bytes, body: Bytes) -> BoxFuture<'static, Reply> {
        let shared = Arc::clone(&self.0);
        let (is_held, in_turns) = {
            let mut script = shared.script();
            let is_held = script.trouble.holds(method);
            if is_held {
                script.trouble.begin_to_hold();
            }
            (is_held, script.trouble.in_turns)
        };
        if !is_held && !in_turns {
            return answering(shared, method, &frame, body);
        }
        let method = method.to_owned();
        Box::pin(async move {
            if is_held {
                std::future::poll_fn(|context| shared.script().trouble.poll_let_go(&method, context)).await;
            }
            if in_turns {
                one_turn().await;
            }
            answering(shared, &method, &frame, body).await
        })
    }

    fn notify(&self, method: &str, frame: Bytes) {
        let mut script = self.0.script();
        match method {
            host_method::LOG => script.logs.extend(serde_json::from_slice::<LogLine>(&frame)),
            host_method::STREAM_CLOSE => {
                let closed = serde_json::from_slice::<StreamId>(&frame).map(|id| script.streams.close(id.stream));
                // It may be closed already.
                drop(closed);
            }
            _ => {}
        }
    }
}
