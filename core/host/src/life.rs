//! The process that an instance lives in, where it has one of its own.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use sportello_sdk::frames::{Peer, Reply};

/// What a new instance is: the plugin's side of it, and the process behind that.
pub struct Connected {
    /// The plugin's side.
    pub peer: Arc<dyn Peer>,
    /// Its own process; nothing where it shares this one.
    pub life: Option<Arc<dyn Life>>,
}

/// A process that one instance lives in. It is killed when the instance is closed or let go of, whatever it does then.
pub trait Life: Send + Sync + 'static {
    /// Ends it at once. What was in flight is answered with a failure of the code `crashed`. Said again, or of one that has
    /// ended, it changes nothing.
    fn kill(&self);

    /// Why it ended, as soon as it has; at once where it had before. As often as is asked.
    fn ended(&self) -> BoxFuture<'static, String>;

    /// Its process id; nothing before it has begun, and once it has ended.
    fn pid(&self) -> Option<u32>;

    /// How much memory it holds, in bytes; nothing where it is not running.
    fn resident_bytes(&self) -> Option<u64>;
}

/// Holds a process, and ends it when it is let go of.
pub(crate) struct Tether(pub(crate) Option<Arc<dyn Life>>);

impl Drop for Tether {
    fn drop(&mut self) {
        if let Some(life) = &self.0 {
            life.kill();
        }
    }
}

impl Connected {
    /// One that shares this process.
    pub(crate) fn in_process(peer: Arc<dyn Peer>) -> Self {
        Self { peer, life: None }
    }

    /// The plugin's side, with which its process ends.
    pub fn into_peer(self) -> Arc<dyn Peer> {
        let Self { peer, life } = self;
        match life {
            None => peer,
            Some(life) => Arc::new(Tethered { peer, _tether: Tether(Some(life)) }),
        }
    }
}

/// A peer that holds the process behind it.
struct Tethered {
    peer: Arc<dyn Peer>,
    _tether: Tether,
}

impl Peer for Tethered {
    fn call(&self, parent: u64, method: &str, frame: Bytes, body: Bytes) -> BoxFuture<'static, Reply> {
        self.peer.call(parent, method, frame, body)
    }

    fn notify(&self, method: &str, frame: Bytes) {
        self.peer.notify(method, frame);
    }
}
