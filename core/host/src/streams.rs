//! Plugins' byte streams: to granted addresses, with TLS where the address says so, and with credit both ways.
//!
//! What a plugin writes is taken whole or not at all, and written by a task of the stream's own: whoever gives up a call
//! cannot leave half a message on the wire. What it reads stays until it says that it has it: a read that is given up
//! loses nothing. No more than 512 KiB wait to be written, and nothing is read ahead of a read.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use sportello_sdk::frames::StreamRead;
use sportello_sdk::{Failure, Source};
use tokio::sync::{Semaphore, TryAcquireError};
use tokio::time::Instant;

use crate::attest::{Calls, Over};
use crate::dial;
use crate::hostcalls::over;
use crate::reach::{NOT_THERE, not_there};
use crate::stream::{Stream, no_such_stream};
use crate::world::World;

/// The most streams that an instance has at once, with those that still connect.
pub const STREAMS_MAX: usize = 64;

/// The longest that connecting takes, and the handshake of TLS after it.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// The streams of one instance.
pub(crate) struct Streams {
    opened: AtomicU64,
    /// One for each stream that there is room for. None are given any more once the instance has ended.
    places: Arc<Semaphore>,
    open: Mutex<HashMap<u64, Arc<Stream>>>,
}

impl Default for Streams {
    fn default() -> Self {
        Self {
            opened: AtomicU64::new(0),
            places: Arc::new(Semaphore::new(STREAMS_MAX)),
            open: Mutex::new(HashMap::new()),
        }
    }
}

impl Streams {
    /// Connects, and answers with the stream's number. `within` is what is left of the call.
    ///
    /// # Errors
    /// `not_granted`, `too_many`, `unreachable`; `call_over` once the instance has ended.
    pub(crate) async fn connect(&self, world: &World, within: Option<Duration>, address: &str) -> Result<u64, Failure> {
        let to = world.grants.check_stream(address).map_err(|why| Failure::settings("not_granted", why.to_string()))?;
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|why| match why {
            TryAcquireError::Closed => over(Over),
            TryAcquireError::NoPermits => {
                let message = format!("an instance has at most {STREAMS_MAX} streams at once");
                Failure::new(Source::Plugin, "too_many", message)
            }
        })?;
        let until = Instant::now() + within.map_or(CONNECT_MAX, |left| left.min(CONNECT_MAX));
        let connecting = async {
            let addresses = world.lookups.resolve(&to.host, to.port).await?;
            let addresses = to.reach.of(&to.host, addresses)?;
            let tcp = dial::connect(&addresses, until).await?;
            // Whoever writes decides what belongs together: it is not held back for more.
            tcp.set_nodelay(true).map_err(|error| error.to_string())?;
            Ok(match to.is_encrypted {
                true => Stream::new(world.tls.connect(&to.host, tcp).await?, place),
                false => Stream::new(tcp, place),
            })
        };
        let connected = tokio::time::timeout_at(until, connecting).await;
        let connected = connected.unwrap_or_else(|_| Err("no connection came to be in time".to_owned()));
        let stream = Arc::new(connected.map_err(|why| unreachable(&why))?);
        let number = self.opened.fetch_add(1, Ordering::Relaxed) + 1;
        let mut open = self.lock();
        // Looked at under the lock, under which [`Streams::end`] takes what it ends.
        if self.places.is_closed() {
            return Err(over(Over));
        }
        open.insert(number, stream);
        Ok(number)
    }

    /// The bytes from `read.position` on; none where the other side has said all.
    ///
    /// # Errors
    /// `no_such_stream`, `bad_frame`, `unreachable`.
    pub(crate) async fn read(&self, read: StreamRead) -> Result<Bytes, Failure> {
        self.find(read.stream)?.read(read.position).await
    }

    /// Takes bytes to be written, for the call `call` of `calls`. Given up, it has taken none.
    ///
    /// # Errors
    /// `no_such_stream`, `too_large`, `unreachable`, `call_over`: then none are taken.
    pub(crate) async fn write(&self, calls: &Calls, call: u64, number: u64, bytes: &[u8]) -> Result<(), Failure> {
        self.find(number)?.write(calls, call, bytes).await
    }

    /// Ends a stream once everything that was taken is written.
    ///
    /// # Errors
    /// `no_such_stream`; `unreachable` where the connection broke before that.
    pub(crate) async fn close(&self, number: u64) -> Result<(), Failure> {
        let stream = self.find(number)?;
        let completed = stream.complete().await;
        self.lock().remove(&number);
        match completed {
            Ok(()) => stream.linger(),
            Err(_) => stream.cut(),
        }
        completed
    }

    /// Ends a stream at once.
    pub(crate) fn cut(&self, number: u64) {
        // It is let go of without the lock: others need not wait for what its end takes.
        let stream = self.lock().remove(&number);
        if let Some(stream) = stream {
            stream.cut();
        }
    }

    /// Ends all of them, whatever a plugin still holds, and makes no others.
    pub(crate) fn end(&self) {
        self.places.close();
        let all = std::mem::take(&mut *self.lock());
        all.values().for_each(|stream| stream.cut());
    }

    fn find(&self, number: u64) -> Result<Arc<Stream>, Failure> {
        self.lock().get(&number).cloned().ok_or_else(no_such_stream)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Stream>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unreachable(why: &str) -> Failure {
    if why == NOT_THERE {
        return not_there();
    }
    Failure::provider("unreachable", format!("the provider cannot be reached: {why}")).retry_after(1_000)
}
