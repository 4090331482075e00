//! From a method's name and a frame to a call of the trait, and back to a [`Reply`].
//!
//! One mechanism serves both kinds of plugin: what they have in common is here, what a kind adds is its
//! `Role`. Whatever a plugin's code does, the caller gets a reply: see [`crate::fence`].

mod role;

use std::future::{Future, Ready};
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use async_ffi::FfiFuture;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use pin_project_lite::pin_project;
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::abi::{AbiBytes, AbiPeer, AbiReply, Lent};
use crate::fence::{Fenced, Panicked, contain};
use crate::frames::{
    CONTRACT, CallFrame, FRAME_LEN_MAX, LogLine, Open, Peer, Reply, Version, WebhookFrame, WebhookReplyFrame,
    host_method, plugin_method,
};
use crate::{Channel, Failure, Host, Level, Order, PageReply, PageRequest, Rail, Source, WebhookReply, WebhookRequest};
use role::{ChannelRole, RailRole, Role};

/// A new instance of the rail `R`, not yet open, that asks `host`.
pub fn rail<R: Rail>(host: Arc<dyn Peer>) -> Arc<dyn Peer> {
    Arc::new(Dispatcher::<RailRole<R>>::new(host))
}

/// A new instance of the channel `C`, not yet open, that asks `host`.
pub fn channel<C: Channel>(host: Arc<dyn Peer>) -> Arc<dyn Peer> {
    Arc::new(Dispatcher::<ChannelRole<C>>::new(host))
}

/// The same rail for a host in another library.
pub(crate) fn rail_to_lend<R: Rail>(host: Arc<dyn Peer>) -> AbiPeer {
    AbiPeer::lend(Dispatcher::<RailRole<R>>::new(host))
}

/// The same channel for a host in another library.
pub(crate) fn channel_to_lend<C: Channel>(host: Arc<dyn Peer>) -> AbiPeer {
    AbiPeer::lend(Dispatcher::<ChannelRole<C>>::new(host))
}

/// One instance of a plugin, as the host calls it.
struct Dispatcher<R: Role>(Arc<Instance<R>>);

struct Instance<R: Role> {
    host: Arc<dyn Peer>,
    /// Set once, so that the calls that follow read it without a lock.
    plugin: OnceLock<R::Plugin>,
    stage: AtomicU8,
}

/// Where an instance stands between `open` and `close`.
mod stage {
    pub(super) const NEW: u8 = 0;
    pub(super) const OPENING: u8 = 1;
    pub(super) const OPEN: u8 = 2;
    /// `close` was called, or `open` panicked.
    pub(super) const CLOSED: u8 = 3;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Open,
    Schema,
    Submit,
    Inquire,
    Send,
    Webhook,
    Page,
    Run,
    Close,
}

impl Method {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            plugin_method::SUBMIT => Self::Submit,
            plugin_method::INQUIRE => Self::Inquire,
            plugin_method::SEND => Self::Send,
            plugin_method::WEBHOOK => Self::Webhook,
            plugin_method::PAGE => Self::Page,
            plugin_method::OPEN => Self::Open,
            plugin_method::SCHEMA => Self::Schema,
            plugin_method::RUN => Self::Run,
            plugin_method::CLOSE => Self::Close,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Open => plugin_method::OPEN,
            Self::Schema => plugin_method::SCHEMA,
            Self::Submit => plugin_method::SUBMIT,
            Self::Inquire => plugin_method::INQUIRE,
            Self::Send => plugin_method::SEND,
            Self::Webhook => plugin_method::WEBHOOK,
            Self::Page => plugin_method::PAGE,
            Self::Run => plugin_method::RUN,
            Self::Close => plugin_method::CLOSE,
        }
    }
}

/// What came with a call.
struct Call<'a> {
    method: Method,
    frame: &'a [u8],
    host: &'a Arc<dyn Peer>,
}

impl Call<'_> {
    /// Decodes the frame, once.
    fn read<T: DeserializeOwned>(&self) -> Result<(T, Host), Failure> {
        let bad = |why: String| {
            let message = format!("`{}`: the frame is not as agreed: {why}", self.method.name());
            Failure::new(Source::Host, "bad_frame", message)
        };
        if self.frame.len() > FRAME_LEN_MAX {
            return Err(bad(format!("it has more than {FRAME_LEN_MAX} bytes")));
        }
        let frame: CallFrame<T> = serde_json::from_slice(self.frame).map_err(|e| bad(e.to_string()))?;
        Ok(Host::of_call(Arc::clone(self.host), frame))
    }

    /// The same for an order, which every payment is about: most of them need no serde.
    fn read_order(&self) -> Result<(Order, Host), Failure> {
        let compact = Some(self.frame).filter(|frame| frame.len() <= FRAME_LEN_MAX).and_then(CallFrame::read_compact);
        match compact {
            Some(frame) => Ok(Host::of_call(Arc::clone(self.host), frame)),
            None => self.read(),
        }
    }
}

/// Encodes an answer, once.
fn answer<T: Serialize>(result: &T, body: Bytes) -> Result<Reply, Failure> {
    let frame = serde_json::to_vec(result).map_err(|e| Failure::new(Source::Plugin, "bad_answer", e.to_string()))?;
    Ok(Reply { ok: true, frame: frame.into(), body })
}

impl<R: Role> Dispatcher<R> {
    fn new(host: Arc<dyn Peer>) -> Self {
        Self(Arc::new(Instance { host, plugin: OnceLock::new(), stage: AtomicU8::new(stage::NEW) }))
    }
}

impl<R: Role> Dispatcher<R> {
    /// What a call comes to. Nothing of the plugin's runs before it is polled.
    fn answer<F>(&self, method: Method, frame: F, body: Bytes) -> impl Future<Output = Reply> + Send + use<R, F>
    where
        F: AsRef<[u8]> + Send + Sync + 'static,
    {
        let instance = Arc::clone(&self.0);
        let fenced = Fenced::new(async move { instance.answer(method, frame.as_ref(), body).await });
        Answering { host: Arc::clone(&self.0.host), method, fenced }
    }
}

fn unsupported(method: &str) -> Ready<Reply> {
    std::future::ready(Reply::failure(&Failure::unsupported(method)))
}

impl<R: Role> Peer for Dispatcher<R> {
    fn call(&self, _parent: u64, method: &str, frame: Bytes, body: Bytes) -> BoxFuture<'static, Reply> {
        match Method::of(method) {
            Some(method) => Box::pin(self.answer(method, frame, body)),
            None => Box::pin(unsupported(method)),
        }
    }

    /// There is nothing yet that a host tells a plugin without waiting.
    fn notify(&self, _method: &str, _frame: Bytes) {}
}

impl<R: Role> Lent for Dispatcher<R> {
    fn call(&self, _parent: u64, method: &str, frame: AbiBytes, body: AbiBytes) -> FfiFuture<AbiReply> {
        match Method::of(method) {
            Some(method) => FfiFuture::new(self.answer(method, frame, body.into()).map(Into::into)),
            None => FfiFuture::new(unsupported(method).map(Into::into)),
        }
    }

    fn notify(&self, _method: &str, _frame: AbiBytes) {}
}

pin_project! {
    /// A call under way. No `async` block: every call would be given room for the future twice, before and while it is
    /// awaited.
    struct Answering<F> {
        host: Arc<dyn Peer>,
        method: Method,
        #[pin]
        fenced: Fenced<F>,
    }
}

impl<F: Future<Output = Result<Reply, Failure>>> Future for Answering<F> {
    type Output = Reply;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Reply> {
        let this = self.project();
        this.fenced.poll(context).map(|answered| match answered {
            Ok(Ok(reply)) => reply,
            Ok(Err(failure)) => Reply::failure(&failure),
            Err(panicked) => {
                log_panic(this.host.as_ref(), this.method.name(), &panicked);
                Reply::failure(&panicked.of_plugin())
            }
        })
    }
}

impl<R: Role> Instance<R> {
    async fn answer(&self, method: Method, frame: &[u8], body: Bytes) -> Result<Reply, Failure> {
        let call = Call { method, frame, host: &self.host };
        match method {
            Method::Submit | Method::Inquire | Method::Send => R::act(self.plugin()?, &call).await,
            // What comes seldom stands apart: every call would have to be given the room that these take.
            _ => Box::pin(self.answer_seldom(&call, body)).await,
        }
    }

    async fn answer_seldom(&self, call: &Call<'_>, body: Bytes) -> Result<Reply, Failure> {
        match call.method {
            Method::Schema => answer(&schemars::schema_for!(R::Settings), Bytes::new()),
            Method::Open => self.open(call).await,
            Method::Webhook => {
                let (head, host) = call.read::<WebhookFrame>()?;
                let request = WebhookRequest { head, body };
                let reply = R::webhook(self.plugin()?, request, &host).await?;
                let WebhookReply { status, headers, body } = reply;
                answer(&WebhookReplyFrame { status, headers }, body)
            }
            Method::Page => {
                let (head, host) = call.read()?;
                let PageReply { head, body } = R::page(self.plugin()?, PageRequest { head, body }, &host).await?;
                answer(&head, body)
            }
            Method::Run => {
                let (_, host) = call.read::<Option<IgnoredAny>>()?;
                R::run(self.plugin()?, &host).await?;
                answer(&(), Bytes::new())
            }
            Method::Close => {
                let (_, host) = call.read::<Option<IgnoredAny>>()?;
                let plugin = self.plugin()?;
                self.stage.store(stage::CLOSED, Ordering::Release);
                R::close(plugin, &host).await?;
                answer(&(), Bytes::new())
            }
            Method::Submit | Method::Inquire | Method::Send => R::act(self.plugin()?, call).await,
        }
    }

    fn plugin(&self) -> Result<&R::Plugin, Failure> {
        let closed = self.stage.load(Ordering::Acquire) == stage::CLOSED;
        self.plugin
            .get()
            .filter(|_| !closed)
            .ok_or_else(|| Failure::new(Source::Plugin, "not_open", "the plugin is not open"))
    }

    async fn open(&self, call: &Call<'_>) -> Result<Reply, Failure> {
        let (open, host) = call.read::<Open>()?;
        check_contract(&open.contract)?;
        let opening = Opening::begin(&self.stage)?;
        // serde would take a list for a struct, field by field.
        if !open.settings.is_object() {
            return Err(Failure::settings("bad_settings", "the settings are no table"));
        }
        let settings: R::Settings = serde_path_to_error::deserialize(open.settings).map_err(|e| bad_settings(&e))?;
        let plugin = R::open(settings, &host).await?;
        let _ = self.plugin.set(plugin);
        opening.done();
        answer(&(), Bytes::new())
    }
}

/// A plugin's own `Drop` is its code too. It runs here, wherever the last call or the host lets go of the instance.
impl<R: Role> Drop for Instance<R> {
    fn drop(&mut self) {
        let plugin = self.plugin.take();
        if let Err(panicked) = contain(move || drop(plugin)) {
            log_panic(self.host.as_ref(), "drop", &panicked);
        }
    }
}

/// An `open` under way: given up or failed, the instance is as new; after a panic it stays closed.
struct Opening<'a>(&'a AtomicU8);

impl<'a> Opening<'a> {
    fn begin(at: &'a AtomicU8) -> Result<Self, Failure> {
        match at.compare_exchange(stage::NEW, stage::OPENING, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Ok(Self(at)),
            Err(stage::CLOSED) => {
                Err(Failure::new(Source::Plugin, "closed", "the plugin is closed, and is not opened again"))
            }
            Err(_) => Err(Failure::new(Source::Host, "already_open", "the plugin is open, or being opened")),
        }
    }

    fn done(self) {
        self.0.store(stage::OPEN, Ordering::Release);
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        let next = if std::thread::panicking() { stage::CLOSED } else { stage::NEW };
        let _ = self.0.compare_exchange(stage::OPENING, next, Ordering::AcqRel, Ordering::Acquire);
    }
}

/// Another major is another contract. Of the minors the host has judged before the load, by the one that the manifest asks
/// for: a host of an earlier one than this library's answers what it does not know with `unsupported`.
fn check_contract(theirs: &str) -> Result<(), Failure> {
    let fits = theirs.parse::<Version>().is_ok_and(|host| host.major == CONTRACT.major);
    if fits {
        return Ok(());
    }
    Err(Failure::new(
        Source::Host,
        "contract",
        format!("the plugin is built for contract {CONTRACT}, and the host speaks {theirs}"),
    ))
}

fn bad_settings(error: &serde_path_to_error::Error<serde_json::Error>) -> Failure {
    let path = error.path().to_string();
    let message = if path == "." { error.inner().to_string() } else { format!("`{path}`: {}", error.inner()) };
    Failure::settings("bad_settings", message)
}

fn log_panic(host: &dyn Peer, doing: &str, panicked: &Panicked) {
    let line = LogLine { level: Level::Error, message: format!("`{doing}` {panicked}") };
    if let Ok(frame) = serde_json::to_vec(&line) {
        host.notify(host_method::LOG, frame.into());
    }
}
