//! One byte stream: what was read and what is yet to be written.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use sportello_sdk::{Failure, STREAM_WRITE_LEN_MAX, Source};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::AbortHandle;

use crate::attest::Calls;

/// How many bytes may wait to be written on one stream.
const UNWRITTEN_LEN_MAX: usize = 2 * STREAM_WRITE_LEN_MAX;

/// How many bytes one read brings at most.
const READ_LEN_MAX: usize = 64 << 10;

/// How long the other side has to end, once ours has.
const LINGER_MAX: Duration = Duration::from_secs(1);

pub(crate) struct Stream {
    reading: tokio::sync::Mutex<Reading>,
    outgoing: Arc<Outgoing>,
    /// Whoever has it writes next: nobody overtakes one that waits.
    turn: tokio::sync::Mutex<()>,
    writer: AbortHandle,
    /// One of those that the instance has: given back when nothing of this one is left.
    _place: OwnedSemaphorePermit,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Open,
    /// The plugin has said all, and all is written.
    Written,
    Broke(String),
    /// Nobody reads or writes any more.
    Closed,
}

/// What is on its way out.
struct Outgoing {
    unwritten: Mutex<Unwritten>,
    /// Told when there is more to write, or nothing more will come.
    work: Notify,
    /// A permit for each byte that may still wait.
    credit: Semaphore,
    state: watch::Sender<State>,
}

#[derive(Default)]
struct Unwritten {
    bytes: BytesMut,
    /// Nothing more is taken.
    is_complete: bool,
}

struct Reading {
    half: Box<dyn AsyncRead + Send + Unpin>,
    /// Where `unread` begins, in bytes since the stream did.
    position: u64,
    /// What the plugin was given and has not said that it has.
    unread: Bytes,
    buffer: BytesMut,
    /// Why nothing comes any more. The socket says so only once.
    broke: Option<String>,
}

impl Stream {
    pub(crate) fn new(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, place: OwnedSemaphorePermit) -> Self {
        let (read, write) = tokio::io::split(io);
        let outgoing = Arc::new(Outgoing {
            unwritten: Mutex::default(),
            work: Notify::new(),
            credit: Semaphore::new(UNWRITTEN_LEN_MAX),
            state: watch::Sender::new(State::Open),
        });
        let writer = tokio::spawn(write_out(write, Arc::clone(&outgoing))).abort_handle();
        let reading =
            Reading { half: Box::new(read), position: 0, unread: Bytes::new(), buffer: BytesMut::new(), broke: None };
        Self { reading: reading.into(), outgoing, turn: ().into(), writer, _place: place }
    }

    /// The bytes from `position` on; none where the other side has said all. It ends with the stream.
    ///
    /// # Errors
    /// `no_such_stream`, `bad_frame`, `unreachable`.
    pub(crate) async fn read(&self, position: u64) -> Result<Bytes, Failure> {
        let closed = self.outgoing.until(|state| *state == State::Closed);
        let read = async { self.reading.lock().await.next(position).await };
        let read = tokio::select! {
            biased;
            _ = closed => return Err(no_such_stream()),
            read = read => read?,
        };
        // Of a connection that broke, the writer may be told and the reader not.
        match &*self.outgoing.state.borrow() {
            State::Broke(why) if read.is_empty() => Err(broke(why)),
            _ => Ok(read),
        }
    }

    /// Takes bytes to be written, for the call `call` of `calls`. Given up, it has taken none.
    ///
    /// # Errors
    /// `no_such_stream`, `too_large`, `unreachable`, `call_over`: then none are taken.
    pub(crate) async fn write(&self, calls: &Calls, call: u64, bytes: &[u8]) -> Result<(), Failure> {
        if bytes.len() > STREAM_WRITE_LEN_MAX {
            let message =
                format!("one write takes at most {STREAM_WRITE_LEN_MAX} bytes, and these are {}", bytes.len());
            return Err(Failure::new(Source::Plugin, "too_large", message));
        }
        if bytes.is_empty() {
            return Ok(());
        }
        let _turn = self.turn.lock().await;
        let permits = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let credit = self.outgoing.credit.acquire_many(permits).await.map_err(|_| self.outgoing.why_not())?;
        // From here on there is nothing to wait for: what is announced is done.
        let sending = calls.sending(call).map_err(crate::hostcalls::over)?;
        if !self.outgoing.take(bytes) {
            sending.not_sent();
            return Err(self.outgoing.why_not());
        }
        // The writer gives it back.
        credit.forget();
        Ok(())
    }

    /// Takes nothing more, and waits until all that was taken is written.
    ///
    /// # Errors
    /// `unreachable` where the connection broke before that, `no_such_stream` where it was cut.
    pub(crate) async fn complete(&self) -> Result<(), Failure> {
        self.outgoing.complete();
        match self.outgoing.until(|state| *state != State::Open).await {
            State::Written => Ok(()),
            _ => Err(self.outgoing.why_not()),
        }
    }

    /// Ends what waits on it, and throws away what is not written.
    pub(crate) fn cut(&self) {
        self.outgoing.end(State::Closed);
        self.writer.abort();
    }

    /// Lets go of it once the other side has ended too, or has had the time to. Closed with something unread, a socket
    /// takes back what is still on its way (RFC 2525, section 2.17).
    pub(crate) fn linger(self: Arc<Self>) {
        self.outgoing.end(State::Closed);
        tokio::spawn(async move {
            let rest = async { tokio::io::copy(&mut self.reading.lock().await.half, &mut tokio::io::sink()).await };
            let _ = tokio::time::timeout(LINGER_MAX, rest).await;
        });
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.writer.abort();
    }
}

impl Outgoing {
    fn lock(&self) -> MutexGuard<'_, Unwritten> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether they are taken.
    fn take(&self, bytes: &[u8]) -> bool {
        let mut unwritten = self.lock();
        if unwritten.is_complete {
            return false;
        }
        unwritten.bytes.extend_from_slice(bytes);
        self.work.notify_one();
        true
    }

    fn complete(&self) {
        self.lock().is_complete = true;
        self.work.notify_one();
    }

    /// Nothing is written any more, and this is why.
    fn end(&self, end: State) {
        *self.lock() = Unwritten { bytes: BytesMut::new(), is_complete: true };
        self.state.send_if_modified(|state| {
            let is_news = *state != State::Closed;
            if is_news {
                *state = end;
            }
            is_news
        });
        // After the reason stands: whoever waits for credit then finds it.
        self.credit.close();
    }

    async fn until(&self, is_so: impl FnMut(&State) -> bool) -> State {
        self.state.subscribe().wait_for(is_so).await.map_or(State::Closed, |state| state.clone())
    }

    /// Why nothing is taken any more.
    fn why_not(&self) -> Failure {
        match &*self.state.borrow() {
            State::Broke(why) => broke(why),
            _ => no_such_stream(),
        }
    }

    /// Writes what comes, and as much at once as there is, until the plugin has said all.
    async fn write_to(&self, half: &mut (impl AsyncWrite + Unpin)) -> std::io::Result<()> {
        loop {
            let (bytes, is_complete) = {
                let mut unwritten = self.lock();
                (std::mem::take(&mut unwritten.bytes), unwritten.is_complete)
            };
            if !bytes.is_empty() {
                half.write_all(&bytes).await?;
                half.flush().await?;
                self.credit.add_permits(bytes.len());
            } else if is_complete {
                return half.shutdown().await;
            } else {
                self.work.notified().await;
            }
        }
    }
}

async fn write_out(mut half: impl AsyncWrite + Unpin, outgoing: Arc<Outgoing>) {
    let written = outgoing.write_to(&mut half).await;
    outgoing.end(written.map_or_else(|error| State::Broke(error.to_string()), |()| State::Written));
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
        if let Some(why) = &self.broke {
            return Err(broke(why));
        }
        self.buffer.reserve(READ_LEN_MAX);
        // Given up here, nothing was read: the buffer is as it was.
        let mut limited = (&mut self.half).take(READ_LEN_MAX as u64);
        if let Err(error) = limited.read_buf(&mut self.buffer).await {
            return Err(broke(self.broke.insert(error.to_string())));
        }
        self.unread = self.buffer.split().freeze();
        Ok(self.unread.clone())
    }
}

pub(crate) fn no_such_stream() -> Failure {
    Failure::new(Source::Plugin, "no_such_stream", "there is no open stream of this number")
}

fn broke(why: &str) -> Failure {
    Failure::provider("unreachable", format!("the connection broke: {why}")).retry_after(1_000)
}
