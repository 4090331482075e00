//! The same two functions in both directions.

use std::sync::Arc;

use abi_stable::StableAbi;
use abi_stable::std_types::RStr;
use async_ffi::FfiFuture;
use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::AbiBytes;
use crate::Failure;
use crate::fence::{Fenced, contain};
use crate::frames::{Peer, Reply};

/// A [`Reply`] as it crosses.
#[repr(C)]
#[derive(StableAbi)]
pub struct AbiReply {
    /// Whether `frame` is the result, or a `Failure`.
    pub ok: bool,
    /// JSON.
    pub frame: AbiBytes,
    /// Raw bytes.
    pub body: AbiBytes,
}

/// A [`Peer`] as it crosses.
#[repr(C)]
#[derive(StableAbi)]
pub struct AbiPeer {
    context: *const (),
    call: unsafe extern "C" fn(
        context: *const (),
        parent: u64,
        method: RStr<'_>,
        frame: AbiBytes,
        body: AbiBytes,
    ) -> FfiFuture<AbiReply>,
    notify: unsafe extern "C" fn(context: *const (), method: RStr<'_>, frame: AbiBytes),
    retain: unsafe extern "C" fn(context: *const ()),
    release: unsafe extern "C" fn(context: *const ()),
}

// SAFETY: `context` is an `Arc` of something `Lent`, which is `Send` and `Sync`.
unsafe impl Send for AbiPeer {}
// SAFETY: as above.
unsafe impl Sync for AbiPeer {}

/// What is lent to the other side, as that calls it.
pub(crate) trait Lent: Send + Sync + 'static {
    /// As [`Peer::call`].
    fn call(&self, parent: u64, method: &str, frame: AbiBytes, body: AbiBytes) -> FfiFuture<AbiReply>;

    /// As [`Peer::notify`].
    fn notify(&self, method: &str, frame: AbiBytes);
}

/// Any peer at all. What panics in it is the host's: a plugin's panics end in its dispatcher.
struct Any(Arc<dyn Peer>);

impl Lent for Any {
    fn call(&self, parent: u64, method: &str, frame: AbiBytes, body: AbiBytes) -> FfiFuture<AbiReply> {
        let future = self.0.call(parent, method, frame.into(), body.into());
        FfiFuture::new(async move {
            let answered = Fenced::new(future).await;
            answered.unwrap_or_else(|panicked| Reply::failure(&panicked.of_host())).into()
        })
    }

    fn notify(&self, method: &str, frame: AbiBytes) {
        self.0.notify(method, frame.into());
    }
}

impl From<Reply> for AbiReply {
    fn from(reply: Reply) -> Self {
        Self { ok: reply.ok, frame: reply.frame.into(), body: reply.body.into() }
    }
}

impl From<AbiReply> for Reply {
    fn from(reply: AbiReply) -> Self {
        Self { ok: reply.ok, frame: reply.frame.into(), body: reply.body.into() }
    }
}

/// # Safety
/// `context` is that of a living `AbiPeer` made by [`AbiPeer::lend`] for an `L`.
unsafe fn lent<'a, L: Lent>(context: *const ()) -> &'a L {
    // SAFETY: by the condition above it came from `Arc::<L>::into_raw`.
    unsafe { &*context.cast::<L>() }
}

unsafe extern "C" fn call<L: Lent>(
    context: *const (),
    parent: u64,
    method: RStr<'_>,
    frame: AbiBytes,
    body: AbiBytes,
) -> FfiFuture<AbiReply> {
    // SAFETY: only an `AbiPeer` calls this, with its own context.
    let peer = unsafe { lent::<L>(context) };
    contain(|| peer.call(parent, method.as_str(), frame, body)).unwrap_or_else(|panicked| {
        let reply = Reply::failure(&panicked.of_host());
        FfiFuture::new(std::future::ready(reply.into()))
    })
}

unsafe extern "C" fn notify<L: Lent>(context: *const (), method: RStr<'_>, frame: AbiBytes) {
    // SAFETY: only an `AbiPeer` calls this, with its own context.
    let peer = unsafe { lent::<L>(context) };
    let _ = contain(|| peer.notify(method.as_str(), frame));
}

unsafe extern "C" fn retain<L: Lent>(context: *const ()) {
    // SAFETY: only an `AbiPeer` calls this, with its own context, which is an `Arc`.
    unsafe { Arc::increment_strong_count(context.cast::<L>()) };
}

unsafe extern "C" fn release<L: Lent>(context: *const ()) {
    let _ = contain(|| {
        // SAFETY: only an `AbiPeer` calls this, with its own context, once for each that it was made or retained.
        unsafe { Arc::decrement_strong_count(context.cast::<L>()) };
    });
}

impl AbiPeer {
    /// Lends `peer` to the other side.
    pub fn new(peer: Arc<dyn Peer>) -> Self {
        Self::lend(Any(peer))
    }

    pub(crate) fn lend<L: Lent>(lent: L) -> Self {
        Self {
            context: Arc::into_raw(Arc::new(lent)).cast(),
            call: call::<L>,
            notify: notify::<L>,
            retain: retain::<L>,
            release: release::<L>,
        }
    }

    /// The other side, as this side sees it.
    pub fn into_peer(self) -> Arc<dyn Peer> {
        Arc::new(Foreign(self))
    }
}

impl Clone for AbiPeer {
    fn clone(&self) -> Self {
        // SAFETY: the function and the context were made for each other.
        unsafe { (self.retain)(self.context) };
        Self { context: self.context, call: self.call, notify: self.notify, retain: self.retain, release: self.release }
    }
}

impl Drop for AbiPeer {
    fn drop(&mut self) {
        // SAFETY: the function and the context were made for each other, and each `AbiPeer` releases once.
        unsafe { (self.release)(self.context) };
    }
}

/// The other side of the boundary.
struct Foreign(AbiPeer);

impl Peer for Foreign {
    fn call(&self, parent: u64, method: &str, frame: Bytes, body: Bytes) -> BoxFuture<'static, Reply> {
        let AbiPeer { context, call, .. } = &self.0;
        // SAFETY: the function and the context were made for each other, and `self` keeps the context alive.
        let answer = unsafe { call(*context, parent, method.into(), frame.into(), body.into()) };
        Box::pin(async move { answer.await.into() })
    }

    fn notify(&self, method: &str, frame: Bytes) {
        let AbiPeer { context, notify, .. } = &self.0;
        // SAFETY: as above.
        unsafe { notify(*context, method.into(), frame.into()) };
    }
}

/// An instance that could not be made.
pub(super) struct Broken(pub(super) Failure);

impl Peer for Broken {
    fn call(&self, _: u64, _: &str, _: Bytes, _: Bytes) -> BoxFuture<'static, Reply> {
        Box::pin(std::future::ready(Reply::failure(&self.0)))
    }

    fn notify(&self, _: &str, _: Bytes) {}
}
