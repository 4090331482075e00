//! The link to an acquirer: one connection, many requests on it.
//!
//! A request is written by the call of its own order, with that call's host, so that the host knows for which order bytes
//! left. What is read, and what keeps the link alive, is done by `run`.

mod connection;
mod driver;
mod flight;
mod late;
mod session;

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_channel::oneshot;
use futures_util::future::{Either, select};
use futures_util::task::AtomicWaker;
use sportello_sdk::{Failure, Host, Stream};
use thiserror::Error;

use crate::frame::{self, MESSAGE_LEN_MAX};
use crate::{Dialect, EncodeError, Field, Message};
use flight::{Flight, Key, Told};
pub use late::Late;
use late::Lates;
use session::Rules;

/// The most requests that may be unanswered on a link.
pub const WINDOW_MAX: usize = 1024;

/// What a link keeps to.
#[derive(Debug, Clone)]
pub struct LinkOptions {
    /// `tcp://host:port` or `tls://host:port`.
    pub address: String,
    /// What both sides agreed about.
    pub dialect: Dialect,
    /// How many requests may be unanswered, at most [`WINDOW_MAX`]; 64.
    pub window: usize,
    /// How long a message may be that comes, in octets; [`MESSAGE_LEN_MAX`].
    pub message_len_max: usize,
    /// After how much silence the acquirer is asked whether it is there, in milliseconds; 30,000.
    pub echo_every_ms: u64,
    /// How long the acquirer may take to answer a sign-on or an echo, in milliseconds; 10,000.
    pub answer_within_ms: u64,
    /// How long a request waits for a link where there is none, in milliseconds; 2,000.
    pub link_wait_ms: u64,
}

impl LinkOptions {
    /// A link to this address, and all else as usual.
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            dialect: Dialect::default(),
            window: 64,
            message_len_max: MESSAGE_LEN_MAX,
            echo_every_ms: 30_000,
            answer_within_ms: 10_000,
            link_wait_ms: 2_000,
        }
    }
}

/// Why there is no answer to a request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AskError {
    /// No byte of it left.
    #[error("not sent: {0}")]
    NotSent(#[from] NotSent),
    /// It was sent, or may have been, and nobody knows what became of it.
    #[error("sent and not answered: {0}")]
    Unanswered(#[from] Unanswered),
}

/// Why a request was not sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotSent {
    /// There is no link to the acquirer, or it is not signed on.
    #[error("there is no link to the acquirer")]
    NoLink,
    /// As many requests are unanswered as may be.
    #[error("too many requests are unanswered")]
    WindowFull,
    /// Its time was over before.
    #[error("its time was over before it could be sent")]
    TooLate,
    /// The host did not take it.
    #[error("the host did not take it: {0}")]
    Refused(String),
    /// It cannot be encoded.
    #[error("it is no message: {0}")]
    Encode(#[from] EncodeError),
    /// It has no such field, and its answer would not be known for one.
    #[error("it has no {0}")]
    Missing(Field),
    /// A request with the same key is on its way.
    #[error("one with the same numbers is on its way")]
    Twice,
}

/// Why a request that may have been sent has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unanswered {
    /// None came in time.
    #[error("no answer came in time")]
    TimedOut,
    /// The link broke, or was ended, before one came.
    #[error("the link ended before an answer came")]
    LinkLost,
}

/// A link to an acquirer.
pub struct Link {
    options: LinkOptions,
    inner: Mutex<Inner>,
    lates: Lates,
    /// Wakes the connection.
    waker: AtomicWaker,
    /// The latest time that any caller knew. A host's clock stands still between its answers.
    now_ms: AtomicU64,
}

#[derive(Default)]
struct Inner {
    /// The connection on which requests may be written, while there is one.
    up: Option<Arc<Stream>>,
    /// The connection that is owed a sign-off.
    signed_on: Option<Arc<Stream>>,
    flight: Flight,
    /// Who waits for a link.
    waiting: Vec<oneshot::Sender<()>>,
    /// When the connection looks at the time next.
    wakes_at_ms: u64,
}

impl Link {
    /// A link that is not there yet: [`Link::run`] makes and keeps it.
    pub fn new(options: LinkOptions) -> Self {
        let options = LinkOptions { window: options.window.clamp(1, WINDOW_MAX), ..options };
        Self {
            options,
            inner: Mutex::default(),
            lates: Lates::default(),
            waker: AtomicWaker::new(),
            now_ms: AtomicU64::new(0),
        }
    }

    /// What it keeps to.
    pub fn options(&self) -> &LinkOptions {
        &self.options
    }

    /// Whether requests can be sent just now.
    pub fn is_up(&self) -> bool {
        self.inner().up.is_some()
    }

    /// Makes the link and keeps it, for as long as the host is there, and hands answers that nobody waits for to `late`.
    /// For the plugin's `run`.
    ///
    /// # Errors
    /// When the host goes away.
    pub async fn run(&self, late: &dyn Late, host: &Host) -> Result<(), Failure> {
        let kept = pin!(driver::run(self, host));
        let lates = pin!(self.lates.hand_on(late, host));
        match select(kept, lates).await {
            Either::Left((ended, _)) => ended,
            Either::Right(((), kept)) => kept.await,
        }
    }

    /// Signs off, where that is not done yet. For the plugin's `close`.
    pub async fn close(&self, host: &Host) {
        driver::goodbye(self, host).await;
    }

    /// Sends a request and waits for its answer until `deadline_ms`, in milliseconds since 1970. `host` must be that of
    /// the call that carries the order: the host attests for that call, and for no other, that bytes left.
    ///
    /// The answer has the type that answers the request's, and the same fields 7, 11, 32, 37 and 41.
    ///
    /// # Errors
    /// [`AskError::NotSent`] where no byte left; [`AskError::Unanswered`] where one may have.
    pub async fn ask(&self, message: &Message, deadline_ms: u64, host: &Host) -> Result<Message, AskError> {
        let key = Key::of(message).map_err(NotSent::Missing)?;
        let mut octets = Vec::with_capacity(512);
        frame::write(message, &self.options.dialect, &mut octets).map_err(NotSent::Encode)?;
        let (stream, mut flying) = self.enter(key, deadline_ms, host).await?;
        let write = pin!(stream.write(host, octets));
        match select(write, &mut flying.told).await {
            // It is known that nothing of it was taken.
            Either::Left((Err(failure), _)) if took_nothing(&failure) => {
                Err(NotSent::Refused(failure.code.to_string()).into())
            }
            Either::Left((_, told)) => flown(told.await),
            Either::Right((told, _)) => flown(told),
        }
    }

    /// Enters a request among those that are on their way, on the link that is up; waits a while for one.
    async fn enter(&self, key: Key, deadline_ms: u64, host: &Host) -> Result<(Arc<Stream>, Flying<'_>), NotSent> {
        let wait_until_ms = deadline_ms.min(host.now_ms().saturating_add(self.options.link_wait_ms));
        loop {
            let now_ms = host.now_ms();
            self.now_ms.fetch_max(now_ms, Ordering::Relaxed);
            if deadline_ms <= now_ms {
                return Err(NotSent::TooLate);
            }
            let comes = match self.enter_now(key, deadline_ms)? {
                Entered::Now(stream, flying) => return Ok((stream, flying)),
                Entered::Waits(comes) => comes,
            };
            let left_ms = wait_until_ms.saturating_sub(now_ms);
            if left_ms == 0 {
                return Err(NotSent::NoLink);
            }
            if let Either::Right(_) = select(comes, pin!(host.sleep(left_ms))).await {
                return Err(NotSent::NoLink);
            }
        }
    }

    fn enter_now(&self, key: Key, deadline_ms: u64) -> Result<Entered<'_>, NotSent> {
        let mut inner = self.inner();
        let Some(stream) = inner.up.clone() else {
            inner.waiting.retain(|waiting| !waiting.is_canceled());
            if inner.waiting.len() >= self.options.window {
                return Err(NotSent::WindowFull);
            }
            let (waits, comes) = oneshot::channel();
            inner.waiting.push(waits);
            return Ok(Entered::Waits(comes));
        };
        if inner.flight.len() >= self.options.window {
            return Err(NotSent::WindowFull);
        }
        let (number, told) = inner.flight.enter(key, deadline_ms).ok_or(NotSent::Twice)?;
        let wakes_too_late = deadline_ms < inner.wakes_at_ms;
        drop(inner);
        if wakes_too_late {
            self.waker.wake();
        }
        Ok(Entered::Now(stream, Flying { link: self, key, number, told }))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Entered<'a> {
    Now(Arc<Stream>, Flying<'a>),
    Waits(oneshot::Receiver<()>),
}

/// A request on its way. Given up, it is struck out, and an answer that came in that moment is not lost.
struct Flying<'a> {
    link: &'a Link,
    key: Key,
    number: u64,
    told: oneshot::Receiver<Told>,
}

impl Drop for Flying<'_> {
    fn drop(&mut self) {
        self.link.inner().flight.leave(&self.key, self.number);
        self.told.close();
        if let Ok(Some(Ok(answer))) = self.told.try_recv() {
            self.link.lates.put(answer);
        }
    }
}

fn flown(told: Result<Told, oneshot::Canceled>) -> Result<Message, AskError> {
    // A connection that is gone without a word is lost.
    told.unwrap_or(Err(Unanswered::LinkLost)).map_err(AskError::from)
}

/// Whether a write that failed so is known to have taken nothing. Whatever else a host may say leaves that open.
fn took_nothing(failure: &Failure) -> bool {
    let known = ["unreachable", "no_such_stream", "too_large", "timeout", "call_over", "not_granted"];
    known.contains(&&*failure.code)
}

#[cfg(test)]
mod tests;
