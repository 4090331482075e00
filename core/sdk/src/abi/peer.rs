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

// SAFETY: `context` is an `Arc` of a `dyn Peer`, which is `Send` and `Sync`.
unsafe impl Send for AbiPeer {}
// SAFETY: as above.
unsafe impl Sync for AbiPeer {}

/// What `context` points to: a thin pointer to a fat one.
type Context = Arc<dyn Peer>;

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
/// `context` is that of a living `AbiPeer` made by [`AbiPeer::new`].
unsafe fn peer_of<'a>(context: *const ()) -> &'a dyn Peer {
    // SAFETY: by the condition above it came from `Arc::<Context>::into_raw`.
    unsafe { &**context.cast::<Context>() }
}

unsafe extern "C" fn call(
    context: *const (),
    parent: u64,
    method: RStr<'_>,
    frame: AbiBytes,
    body: AbiBytes,
) -> FfiFuture<AbiReply> {
    // SAFETY: only an `AbiPeer` calls this, with its own context.
    let peer = unsafe { peer_of(context) };
    let started = contain(|| peer.call(parent, method.as_str(), frame.into(), body.into()));
    FfiFuture::new(async move {
        let answered = match started {
            Ok(future) => Fenced::new(future).await,
            Err(panicked) => Err(panicked),
        };
        // A plugin's panics end in its dispatcher: what gets here is the host's.
        answered.unwrap_or_else(|panicked| Reply::failure(&panicked.of_host())).into()
    })
}

unsafe extern "C" fn notify(context: *const (), method: RStr<'_>, frame: AbiBytes) {
    // SAFETY: only an `AbiPeer` calls this, with its own context.
    let peer = unsafe { peer_of(context) };
    let _ = contain(|| peer.notify(method.as_str(), frame.into()));
}

unsafe extern "C" fn retain(context: *const ()) {
    // SAFETY: only an `AbiPeer` calls this, with its own context, which is an `Arc`.
    unsafe { Arc::increment_strong_count(context.cast::<Context>()) };
}

unsafe extern "C" fn release(context: *const ()) {
    let _ = contain(|| {
        // SAFETY: only an `AbiPeer` calls this, with its own context, once for each that it was made or retained.
        unsafe { Arc::decrement_strong_count(context.cast::<Context>()) };
    });
}

impl AbiPeer {
    /// Lends `peer` to the other side.
    pub fn new(peer: Arc<dyn Peer>) -> Self {
        Self { context: Arc::into_raw(Arc::<Context>::new(peer)).cast(), call, notify, retain, release }
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
