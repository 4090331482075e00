//! What a plugin does in this process, from where it begins to where it is let go of: within its own name all that while.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use sportello_sdk::frames::{Peer, Reply};

use crate::crash::within;

/// A call of a plugin's code, which begins where it is polled first. Whatever of it ends this program ends it in the name of
/// `whose`: its beginning, its polls, and what is done where it is dropped, and the plugin with it.
pub(crate) struct Inside {
    whose: Arc<str>,
    /// Nothing once it is let go of.
    plugin: Option<Arc<dyn Peer>>,
    method: &'static str,
    frame: Bytes,
    body: Bytes,
    call: Option<BoxFuture<'static, Reply>>,
}

impl Inside {
    pub(crate) fn new(
        whose: &Arc<str>,
        plugin: &Arc<dyn Peer>,
        method: &'static str,
        frame: Bytes,
        body: Bytes,
    ) -> Self {
        Self { whose: Arc::clone(whose), plugin: Some(Arc::clone(plugin)), method, frame, body, call: None }
    }
}

impl Future for Inside {
    type Output = Reply;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Reply> {
        let Self { whose, plugin, method, frame, body, call } = self.get_mut();
        within(whose, || {
            if let (None, Some(plugin)) = (&call, &plugin) {
                *call = Some(plugin.call(0, method, std::mem::take(frame), std::mem::take(body)));
            }
            call.as_mut().map_or(Poll::Pending, |call| call.as_mut().poll(context))
        })
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        within(&self.whose, || drop((self.call.take(), self.plugin.take())));
    }
}
