//! Plugins' byte streams: to granted addresses, with TLS where the address says so, and with credit both ways.
//!
//! What a plugin writes is taken whole or not at all, and written by a task of the stream's own: whoever gives up a call
//! cannot leave half a message on the wire. What it reads stays until it says that it has it: a read that is given up
//! loses nothing. At most [`UNWRITTEN_LEN_MAX`] bytes wait to be written, and nothing is read ahead of a read.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use sportello_sdk::frames::StreamRead;
use sportello_sdk::{Failure, STREAM_WRITE_LEN_MAX, Source};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::AbortHandle;

use crate::attest::Calls;
use crate::grants::Grants;
use crate::tls::Tls;

/// The most streams that an instance has open at once.
pub const STREAMS_MAX: usize = 64;

/// How many bytes may wait to be written on one stream.
const UNWRITTEN_LEN_MAX: usize = 2 * STREAM_WRITE_LEN_MAX;

/// How many bytes one read brings at most.
const READ_LEN_MAX: usize = 64 << 10;

/// The longest that connecting takes, and the handshake of TLS after it.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// The streams of one instance.
#[derive(Default)]
pub(crate) struct Streams {
    opened: AtomicU64,
    open: Mutex<HashMap<u64, Arc<Stream>>>,
}

struct Stream {
    reading: tokio::sync::Mutex<Reading>,
    /// Gone once the plugin has closed it.
    outbox: Mutex<Option<mpsc::UnboundedSender<Bytes>>>,
    /// A permit for each byte that may still wait.
    credit: Arc<Semaphore>,
    /// What became of writing; nothing while it goes on.
    written: watch::Receiver<Option<Written>>,
    writer: AbortHandle,
}

#[derive(Debug, Clone)]
enum Written {
    All,
    Broke(String),
}

struct Reading {
    half: Box<dyn AsyncRead + Send + Unpin>,
    /// Where `unread` begins, in bytes since the stream did.
    position: u64,
    /// What the plugin was given and has not said that it has.
    unread: Bytes,
    buffer: BytesMut,
}

impl Streams {
    /// Connects, and answers with the stream's number. `within` is what is left of the call.
    ///
    /// # Errors
    /// `not_granted`, `too_many`, `unreachable`.
    pub(crate) async fn connect(
        &self,
        grants: &Grants,
        tls: &Tls,
        within: Option<Duration>,
        address: &str,
    ) -> Result<u64, Failure> {
        let to = grants.check_stream(address).map_err(|why| Failure::settings("not_granted", why.to_string()))?;
        self.room()?;
        let within = within.map_or(CONNECT_MAX, |left| left.min(CONNECT_MAX));
        let connecting = async {
            let tcp = match &to.host {
                url::Host::Domain(name) => TcpStream::connect((name.as_str(), to.port)).await,
                url::Host::Ipv4(ip) => TcpStream::connect((*ip, to.port)).await,
                url::Host::Ipv6(ip) => TcpStream::connect((*ip, to.port)).await,
            };
            let tcp = tcp.map_err(|error| unreachable(&error.to_string()))?;
            // Whoever writes decides what belongs together: it is not held back for more.
            tcp.set_nodelay(true).map_err(|error| unreachable(&error.to_string()))?;
            if to.is_encrypted {
                let encrypted = tls.connect(&to.host, tcp).await.map_err(|why| unreachable(&why))?;
                Ok(Stream::new(encrypted))
            } else {
                Ok(Stream::new(tcp))
            }
        };
        let connected = tokio::time::timeout(within, connecting).await;
        let stream = connected.map_err(|_| unreachable("no connection came to be in time"))??;
        let number = self.opened.fetch_add(1, Ordering::Relaxed) + 1;
        self.room()?;
        self.lock().insert(number, Arc::new(stream));
        Ok(number)
    }

    /// The bytes from `read.position` on; none where the other side has said all.
    ///
    /// # Errors
    /// `no_such_stream`, `bad_frame`, `unreachable`.
    pub(crate) async fn read(&self, read: StreamRead) -> Result<Bytes, Failure> {
        let stream = self.find(read.stream)?;
        let mut reading = stream.reading.lock().await;
        reading.next(read.position).await
    }

    /// Takes bytes to be written, for the call `call` of `calls`. Given up, it has taken none.
    ///
    /// # Errors
    /// `no_such_stream`, `too_large`, `unreachable`, `call_over`: then none are taken.
    pub(crate) async fn write(&self, calls: &Calls, call: u64, stream: u64, bytes: Bytes) -> Result<(), Failure> {
        let stream = self.find(stream)?;
        if bytes.len() > STREAM_WRITE_LEN_MAX {
            let message =
                format!("one write takes at most {STREAM_WRITE_LEN_MAX} bytes, and these are {}", bytes.len());
            return Err(Failure::new(Source::Plugin, "too_large", message));
        }
        if bytes.is_empty() {
            return Ok(());
        }
        let permits = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let credit = stream.credit.acquire_many(permits).await.map_err(|_| stream.why_not())?;
        // From here on there is nothing to wait for: what is announced is done.
        let sending = calls.sending(call).map_err(crate::hostcalls::over)?;
        let taken = {
            let outbox = stream.outbox.lock().unwrap_or_else(PoisonError::into_inner);
            outbox.as_ref().is_some_and(|outbox| outbox.send(bytes).is_ok())
        };
        if !taken {
            sending.not_sent();
            return Err(stream.why_not());
        }
        // The writer gives it back.
        credit.forget();
        Ok(())
    }

    /// Ends a stream once everything that was taken is written.
    ///
    /// # Errors
    /// `no_such_stream`; `unreachable` where the connection broke before that.
    pub(crate) async fn close(&self, number: u64) -> Result<(), Failure> {
        let stream = self.find(number)?;
        drop(stream.outbox.lock().unwrap_or_else(PoisonError::into_inner).take());
        let mut written = stream.written.clone();
        let ended = written.wait_for(Option::is_some).await.is_ok_and(|end| matches!(*end, Some(Written::All)));
        self.cut(number);
        if ended { Ok(()) } else { Err(stream.why_not()) }
    }

    /// Ends a stream at once.
    pub(crate) fn cut(&self, number: u64) {
        // It is let go of without the lock: others need not wait for what its end takes.
        let stream = self.lock().remove(&number);
        drop(stream);
    }

    fn find(&self, number: u64) -> Result<Arc<Stream>, Failure> {
        let none = || Failure::new(Source::Plugin, "no_such_stream", "there is no open stream of this number");
        self.lock().get(&number).cloned().ok_or_else(none)
    }

    fn room(&self) -> Result<(), Failure> {
        if self.lock().len() < STREAMS_MAX {
            return Ok(());
        }
        let message = format!("an instance has at most {STREAMS_MAX} streams open at once");
        Err(Failure::new(Source::Plugin, "too_many", message))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Stream>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream {
    fn new(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        let (read, write) = tokio::io::split(io);
        let (outbox, inbox) = mpsc::unbounded_channel();
        let (tell, written) = watch::channel(None);
        let credit = Arc::new(Semaphore::new(UNWRITTEN_LEN_MAX));
        let writer = tokio::spawn(write_all(Box::new(write), inbox, Arc::clone(&credit), tell)).abort_handle();
        let reading = Reading { half: Box::new(read), position: 0, unread: Bytes::new(), buffer: BytesMut::new() };
        Self { reading: reading.into(), outbox: Mutex::new(Some(outbox)), credit, written, writer }
    }

    /// Why nothing is taken any more.
    fn why_not(&self) -> Failure {
        match &*self.written.borrow() {
            Some(Written::Broke(why)) => unreachable(why),
            _ => Failure::new(Source::Plugin, "no_such_stream", "the stream is closed"),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.writer.abort();
    }
}

impl Reading {
    async fn next(&mut self, position: u64) -> Result<Bytes, Failure> {
        let had = position.checked_sub(self.position).and_then(|had| usize::try_from(had).ok());
        let Some(had) = had.filter(|had| *had <= self.unread.len()) else {
            return Err(Failure::new(Source::Plugin, "bad_frame", "nothing was ever read up to this position"));
        };
        drop(self.unread.split_to(had));
        self.position = position;
        if !self.unread.is_empty() {
            return Ok(self.unread.clone());
        }
        self.buffer.reserve(READ_LEN_MAX);
        // Given up here, nothing was read: the buffer is as it was.
        let mut limited = (&mut self.half).take(READ_LEN_MAX as u64);
        limited.read_buf(&mut self.buffer).await.map_err(|error| unreachable(&error.to_string()))?;
        self.unread = self.buffer.split().freeze();
        Ok(self.unread.clone())
    }
}

/// Writes what comes, and as much at once as there is, until the plugin has said all.
async fn write_all(
    mut half: Box<dyn AsyncWrite + Send + Unpin>,
    mut inbox: mpsc::UnboundedReceiver<Bytes>,
    credit: Arc<Semaphore>,
    tell: watch::Sender<Option<Written>>,
) {
    let mut written = Ok(());
    let mut together = BytesMut::new();
    while let Some(first) = inbox.recv().await {
        let more = inbox.try_recv().ok();
        written = match more {
            // Alone it is not copied.
            None => half.write_all(&first).await,
            Some(second) => {
                together.extend_from_slice(&first);
                together.extend_from_slice(&second);
                while let Ok(next) = inbox.try_recv() {
                    together.extend_from_slice(&next);
                }
                half.write_all(&together).await
            }
        };
        if written.is_ok() {
            written = half.flush().await;
        }
        let len = if together.is_empty() { first.len() } else { together.len() };
        together.clear();
        if written.is_err() {
            break;
        }
        credit.add_permits(len);
    }
    if written.is_ok() {
        written = half.shutdown().await;
    }
    inbox.close();
    let end = match written {
        Ok(()) => Written::All,
        Err(error) => Written::Broke(error.to_string()),
    };
    tell.send_replace(Some(end));
    // After the reason stands: whoever waits for credit then finds it.
    credit.close();
}

fn unreachable(why: &str) -> Failure {
    Failure::provider("unreachable", format!("the connection broke: {why}")).retry_after(1_000)
}
