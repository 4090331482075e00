//! One connection to an acquirer, from its sign-on to its end: moves octets and answers between the host, a [`Session`],
//! which knows what they mean, and those who wait.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use sportello_sdk::{Bytes, Failure, Host, Level, Stream};

use super::Link;
use super::session::{End, Event, LAST_WORDS_MS, Session};

/// How long a link is up before its end is an accident, and not one more failure, in milliseconds.
const STEADY_AFTER_MS: u64 = 30_000;

struct Connection<'a> {
    session: Session,
    link: &'a Link,
    host: &'a Host,
    stream: &'a Arc<Stream>,
    reading: Option<BoxFuture<'a, Result<Bytes, Failure>>>,
    writing: Option<BoxFuture<'a, Result<(), Failure>>>,
    /// Until when, and the wait itself.
    sleeping: Option<(u64, BoxFuture<'a, Result<(), Failure>>)>,
    events: Vec<Event>,
    up_at_ms: Option<u64>,
    /// Why and when it ended: what was said last is still written.
    ended: Option<(End, u64)>,
}

/// What came of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Why it ended.
    pub(super) end: End,
    /// Whether it was up for long enough to be called steady.
    pub(super) was_steady: bool,
}

/// Runs a session to its end.
///
/// # Errors
/// When the host is going away: the connection is still there, and is owed a sign-off.
pub(super) async fn run(session: Session, stream: &Arc<Stream>, link: &Link, host: &Host) -> Result<Outcome, Failure> {
    let mut connection = Connection {
        session,
        link,
        host,
        stream,
        reading: None,
        writing: None,
        sleeping: None,
        events: Vec::new(),
        up_at_ms: None,
        ended: None,
    };
    let result = poll_fn(|context| connection.poll(context)).await;
    let was_steady = connection.up_at_ms.is_some_and(|at_ms| connection.now_ms() >= at_ms + STEADY_AFTER_MS);
    let end = result?;
    link.inner().signed_on = None;
    Ok(Outcome { end, was_steady })
}

impl Connection<'_> {
    /// One turn: all that is ready is done.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<End, Failure>> {
        self.link.waker.register(context.waker());
        let mut moved = self.read(context);
        self.happen();
        let now_ms = self.now_ms();
        let in_flight = self.expire(now_ms);
        self.session.tick(now_ms, in_flight, &mut self.events);
        moved |= self.write(context, now_ms);
        self.happen();
        if let Some((end, since_ms)) = &self.ended
            && (self.writing.is_none() || now_ms >= since_ms + LAST_WORDS_MS)
        {
            return Poll::Ready(Ok(end.clone()));
        }
        if moved || self.sleep(context, now_ms)? {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// The time: what the host said last, or what whoever asked something has heard since.
    fn now_ms(&self) -> u64 {
        self.host.now_ms().max(self.link.now_ms.load(Ordering::Relaxed))
    }

    fn read(&mut self, context: &mut Context<'_>) -> bool {
        if self.ended.is_some() || !self.session.reads() {
            return false;
        }
        let (stream, host) = (self.stream, self.host);
        let reading = self.reading.get_or_insert_with(|| Box::pin(stream.read(host)));
        let Poll::Ready(read) = reading.as_mut().poll(context) else {
            return false;
        };
        self.reading = None;
        let now_ms = self.now_ms();
        match read {
            Ok(octets) if !octets.is_empty() => self.session.receive(&octets, now_ms, &mut self.events),
            Ok(_) | Err(_) => self.session.end(End::Lost, &mut self.events),
        }
        true
    }

    fn expire(&self, now_ms: u64) -> usize {
        let mut inner = self.link.inner();
        inner.flight.expire(now_ms);
        inner.flight.len()
    }

    /// Writes what the session has to say: network management, and nothing of an order's.
    fn write(&mut self, context: &mut Context<'_>, now_ms: u64) -> bool {
        let mut moved = false;
        loop {
            if self.writing.is_none() {
                let octets = self.session.take_out();
                if octets.is_empty() {
                    return moved;
                }
                let (stream, host) = (self.stream, self.host);
                self.writing = Some(Box::pin(stream.write(host, octets)));
            }
            let Some(Poll::Ready(written)) = self.writing.as_mut().map(|writing| writing.as_mut().poll(context)) else {
                return moved;
            };
            self.writing = None;
            moved = true;
            if written.is_err() {
                // A connection that broke has an end to be read as well, and answers before it.
                self.session.leave(End::Lost, now_ms, &mut self.events);
            }
        }
    }

    /// Waits until something is due, and says whether it is. An error is the host's end.
    fn sleep(&mut self, context: &mut Context<'_>, now_ms: u64) -> Result<bool, Failure> {
        let mut inner = self.link.inner();
        let gives_up_ms = self.ended.as_ref().map_or(u64::MAX, |(_, since_ms)| since_ms + LAST_WORDS_MS);
        let until_ms = self.session.wakes_at_ms().min(inner.flight.due_ms()).min(gives_up_ms).max(now_ms + 1);
        inner.wakes_at_ms = until_ms;
        drop(inner);
        // A wait that ends too soon costs a look; one that would end too late is replaced.
        if self.sleeping.as_ref().is_none_or(|(at_ms, _)| *at_ms > until_ms) {
            let sleep = self.host.sleep(until_ms - now_ms);
            self.sleeping = Some((until_ms, Box::pin(sleep)));
        }
        let Some(Poll::Ready(slept)) = self.sleeping.as_mut().map(|(_, sleep)| sleep.as_mut().poll(context)) else {
            return Ok(false);
        };
        self.sleeping = None;
        slept.map(|()| true)
    }

    fn happen(&mut self) {
        for event in std::mem::take(&mut self.events) {
            match event {
                Event::Up => self.is_up(),
                Event::Answer(answer) => self.answered(answer),
                Event::Unreadable(why) => {
                    self.host.log(Level::Warn, format!("the acquirer said what is no message: {why}"))
                }
                Event::Request(mti) => {
                    self.host.log(Level::Warn, format!("the acquirer asks {mti}, which is not ours to answer"))
                }
                Event::Down => self.link.inner().up = None,
                Event::Ended(end) => self.ended = Some((end, self.now_ms())),
            }
        }
    }

    fn is_up(&mut self) {
        self.up_at_ms = Some(self.now_ms());
        self.host.log(Level::Info, "signed on to the acquirer");
        let mut inner = self.link.inner();
        inner.up = Some(Arc::clone(self.stream));
        inner.signed_on = Some(Arc::clone(self.stream));
        for waiting in inner.waiting.drain(..) {
            // Whoever has stopped waiting is not told.
            let _ = waiting.send(());
        }
    }

    fn answered(&self, answer: crate::Message) {
        let stray = self.link.inner().flight.answered(answer);
        if let Some(answer) = stray {
            self.link.lates.put(answer);
        }
    }
}

impl Drop for Connection<'_> {
    /// However it ended, nobody waits any more for what it would have brought.
    fn drop(&mut self) {
        let mut inner = self.link.inner();
        inner.up = None;
        inner.flight.lose();
    }
}
