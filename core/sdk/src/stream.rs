//! A connection to a provider that does not speak HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use crate::frames::{Peer, StreamId, StreamRead, host_method};
use crate::{Failure, Host};

/// A stream of bytes to a provider and back, made by [`Host::connect`]. TLS is the host's affair.
///
/// It belongs to the instance and outlives the call that made it; every read and write names the call that it is done
/// for. Dropped, it is cut: what is not written yet is thrown away.
pub struct Stream {
    peer: Arc<dyn Peer>,
    id: StreamId,
    position: AtomicU64,
}

/// The most bytes that one [`Stream::write`] takes.
pub const STREAM_WRITE_LEN_MAX: usize = 256 << 10;

impl Stream {
    pub(crate) fn new(peer: Arc<dyn Peer>, id: StreamId) -> Self {
        Self { peer, id, position: AtomicU64::new(0) }
    }

    /// The next bytes, as soon as there are some; none where the other side has said all. One reads at a time. A read
    /// that is given up loses nothing: the next one brings what it would have brought.
    ///
    /// # Errors
    /// `unreachable` where the connection broke, `no_such_stream` once it is closed (a read that waits ends with that),
    /// `timeout` when the call ends.
    pub async fn read(&self, host: &Host) -> Result<Bytes, Failure> {
        let position = self.position.load(Ordering::Relaxed);
        let read = StreamRead { stream: self.id.stream, position };
        let ((), bytes) = host.ask(host_method::STREAM_READ, &read, Bytes::new()).await?;
        self.position.store(position + bytes.len() as u64, Ordering::Relaxed);
        Ok(bytes)
    }

    /// Hands over bytes to be written, all of them or none, in the order of the calls. Waits while too much is unwritten;
    /// given up in that time, none are taken. Taken does not mean arrived.
    ///
    /// The host notes for the call of `host`, and for no other, that bytes may have left. So what belongs to an order is
    /// written by the order's own call: where `run` writes it, the host attests that the order was never sent.
    ///
    /// # Errors
    /// `too_large` beyond [`STREAM_WRITE_LEN_MAX`], `unreachable` where the connection broke, `no_such_stream` after
    /// [`Stream::close`], `timeout` when the call ends: then none are taken.
    pub async fn write(&self, host: &Host, bytes: impl Into<Bytes>) -> Result<(), Failure> {
        let ((), _) = host.ask(host_method::STREAM_WRITE, &self.id, bytes.into()).await?;
        Ok(())
    }

    /// Ends the stream once all that was taken is written. What the other side says from then on is thrown away.
    ///
    /// # Errors
    /// `unreachable` where the connection broke before that, `timeout` when the call ends.
    pub async fn close(&self, host: &Host) -> Result<(), Failure> {
        let ((), _) = host.ask(host_method::STREAM_CLOSE, &self.id, Bytes::new()).await?;
        Ok(())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Ok(frame) = serde_json::to_vec(&self.id) {
            self.peer.notify(host_method::STREAM_CLOSE, frame.into());
        }
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("id", &self.id.stream).finish_non_exhaustive()
    }
}
