//! One connection to an SMSC, from its bind to its end: moves octets, deliveries and notes between the host and a
//! [`Link`], which knows what they mean.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, Stream as _};
use sportello_sdk::{Failure, Host, Level, STREAM_WRITE_LEN_MAX, Stream};

use crate::Shared;
use crate::link::{End, Event, Link, Ticket};
use crate::queue::{Job, Verdict};
use crate::status::{Class, class};

/// How often the time of waiting notes is looked at, in milliseconds.
const QUEUE_LOOK_MS: u64 = 250;

/// How long the last octets may take to be written once a link has ended, in milliseconds.
const LAST_WORDS_MS: u64 = 1000;

/// How long a link is bound before its end is an accident, and not one more failure, in milliseconds.
const STEADY_AFTER_MS: u64 = 30_000;

/// How soon a note that the SMSC put off may leave again, in milliseconds.
const PUT_OFF_MS: u64 = 500;

/// A link and all that it waits for.
struct Session<'a> {
    link: Link<Job>,
    /// Which of the instance's links it is.
    at: usize,
    shared: &'a Shared,
    host: &'a Host,
    stream: &'a Stream,
    reading: Option<BoxFuture<'a, Result<Bytes, Failure>>>,
    writing: Option<BoxFuture<'a, Result<(), Failure>>>,
    /// Until when, and the wait itself.
    sleeping: Option<(u64, BoxFuture<'a, Result<(), Failure>>)>,
    taking: FuturesUnordered<BoxFuture<'a, (Ticket, u32)>>,
    events: Vec<Event<Job>>,
    /// Whether the queue counts on it.
    is_counted: bool,
    /// Since when nothing can be written any more. What the SMSC had answered by then may still be read, and each answer
    /// is a note that need not be sent twice.
    broke_ms: Option<u64>,
    ended: Option<(End, u64)>,
}

/// What came of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Why it ended.
    pub(crate) end: End,
    /// Whether it was bound for long enough to be called steady.
    pub(crate) was_steady: bool,
}

/// Runs a link to its end.
///
/// # Errors
/// When the host is going away.
pub(crate) async fn run(
    link: Link<Job>,
    at: usize,
    stream: &Arc<Stream>,
    shared: &Shared,
    host: &Host,
) -> Result<Outcome, Failure> {
    let mut session = Session {
        link,
        at,
        shared,
        host,
        stream,
        reading: None,
        writing: None,
        sleeping: None,
        taking: FuturesUnordered::new(),
        events: Vec::new(),
        is_counted: false,
        broke_ms: None,
        ended: None,
    };
    let mut bound_at_ms = None;
    let result = poll_fn(|context| {
        let polled = session.poll(context);
        if session.link.is_bound() && bound_at_ms.is_none() {
            bound_at_ms = Some(host.now_ms());
            shared.is_open(at, Arc::clone(stream));
        }
        polled
    })
    .await;
    // Where the host is going away, the link is still there, and owes a goodbye.
    if result.is_ok() {
        shared.is_closed(at);
    }
    if session.link.strays > 0 {
        host.log(Level::Info, format!("{} answers fitted no request of a link", session.link.strays));
    }
    let was_steady = bound_at_ms.is_some_and(|at_ms| host.now_ms() >= at_ms + STEADY_AFTER_MS);
    result.map(|end| Outcome { end, was_steady })
}

impl Session<'_> {
    /// One turn: all that is ready is done, and then other links have theirs.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<End, Failure>> {
        self.shared.queue.wakes(self.at, context.waker());
        let mut moved = self.answer(context);
        moved |= self.read(context);
        let now_ms = self.now_ms();
        self.link.tick(now_ms, &mut self.events);
        if self.broke_ms.is_some_and(|broke_ms| now_ms >= broke_ms + LAST_WORDS_MS) {
            self.link.end(End::Lost, &mut self.events);
        }
        self.happen(now_ms);
        self.submit(now_ms);
        moved |= self.write(context, now_ms);
        // What it failed at ends it, and what that gave back goes on its way.
        self.happen(now_ms);
        if let Some((end, since_ms)) = self.ended {
            let has_said_all = self.writing.is_none() || now_ms >= since_ms + LAST_WORDS_MS;
            if has_said_all {
                return Poll::Ready(Ok(end));
            }
        }
        // Whoever is busy looks at the time anyway.
        if moved || self.sleep(context, now_ms)? {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// The time: what the host said last, or what whoever put a note in has heard since. A host's clock stands still
    /// between its answers, and on a link that was silent for a minute a submit would be due before it was made.
    fn now_ms(&self) -> u64 {
        self.host.now_ms().max(self.shared.queue.now_ms())
    }

    /// Answers the deliveries that are taken.
    fn answer(&mut self, context: &mut Context<'_>) -> bool {
        let mut moved = false;
        while let Poll::Ready(Some((ticket, status))) = Pin::new(&mut self.taking).poll_next(context) {
            self.link.answer(ticket, status);
            moved = true;
        }
        moved
    }

    fn read(&mut self, context: &mut Context<'_>) -> bool {
        // What waits to be written holds nothing back once it never will be.
        if self.ended.is_some() || self.broke_ms.is_none() && !self.link.reads() {
            return false;
        }
        let (stream, host) = (self.stream, self.host);
        let reading = self.reading.get_or_insert_with(|| Box::pin(stream.read(host)));
        let Poll::Ready(read) = reading.as_mut().poll(context) else {
            return false;
        };
        self.reading = None;
        match read {
            Ok(octets) if !octets.is_empty() => self.link.receive(&octets, self.now_ms(), &mut self.events),
            Ok(_) | Err(_) => self.link.end(End::Lost, &mut self.events),
        }
        true
    }

    /// Waits until something is due, and says whether it is. An error is the host's end.
    fn sleep(&mut self, context: &mut Context<'_>, now_ms: u64) -> Result<bool, Failure> {
        let until_ms = self.wakes_at_ms(now_ms);
        // A wait that ends too soon costs a look; one that would end too late is replaced.
        if self.sleeping.as_ref().is_none_or(|sleeping| sleeping.0 > until_ms) {
            let sleep = Box::pin(self.host.sleep(until_ms.saturating_sub(now_ms)));
            self.sleeping = Some((until_ms, sleep));
        }
        let polled = self.sleeping.as_mut().map(|sleeping| sleeping.1.as_mut().poll(context));
        let Some(Poll::Ready(slept)) = polled else {
            return Ok(false);
        };
        self.sleeping = None;
        slept.map(|()| true)
    }

    fn wakes_at_ms(&mut self, now_ms: u64) -> u64 {
        if let Some((_, since_ms)) = self.ended {
            return since_ms + LAST_WORDS_MS;
        }
        let look_ms = if self.is_counted && self.broke_ms.is_none() && !self.shared.queue.is_empty() {
            (now_ms + QUEUE_LOOK_MS).min(self.link.submits_at_ms(now_ms).max(now_ms + 1))
        } else {
            u64::MAX
        };
        let gives_up_ms = self.broke_ms.map_or(u64::MAX, |broke_ms| broke_ms + LAST_WORDS_MS);
        self.link.wakes_at_ms().min(look_ms).min(gives_up_ms).max(now_ms + 1)
    }

    fn submit(&mut self, now_ms: u64) {
        while self.broke_ms.is_none() && self.link.has_room(now_ms) {
            let Some(job) = self.shared.queue.take(now_ms) else {
                return;
            };
            let body = job.body.clone();
            self.link.submit(&body, job, now_ms);
        }
        self.shared.queue.expire(now_ms);
    }

    /// Writes what there is, in one piece: what comes while it is under way goes with the next.
    fn write(&mut self, context: &mut Context<'_>, now_ms: u64) -> bool {
        let mut moved = false;
        while self.broke_ms.is_none() {
            if self.writing.is_none() {
                let octets = self.link.take_out(STREAM_WRITE_LEN_MAX);
                if octets.is_empty() {
                    return moved;
                }
                self.writing = Some(Box::pin(self.stream.write(self.host, octets)));
            }
            let Some(Poll::Ready(written)) = self.writing.as_mut().map(|writing| writing.as_mut().poll(context)) else {
                return moved;
            };
            self.writing = None;
            moved = true;
            match written {
                Ok(()) => self.link.written(),
                // A connection that broke has an end to be read as well: that ends the link.
                Err(_) => self.broke_ms = Some(now_ms),
            }
        }
        moved
    }

    fn happen(&mut self, now_ms: u64) {
        for event in std::mem::take(&mut self.events) {
            match event {
                Event::Bound => self.is_bound(),
                // It cannot be acknowledged, and comes again.
                Event::Delivered(..) if self.broke_ms.is_some() => {}
                Event::Delivered(ticket, delivery) => {
                    let (shared, host) = (self.shared, self.host);
                    self.taking.push(Box::pin(async move { (ticket, shared.inbox.take(delivery, host).await) }));
                }
                Event::Accepted(job, id) => job.end(Verdict::Accepted(id)),
                Event::Rejected(job, status) => self.rejected(job, status, now_ms),
                Event::Returned(job) => self.shared.queue.put_back(job),
                Event::Unanswered(job) => job.end(Verdict::Unanswered),
                Event::Ended(end) => {
                    self.is_gone();
                    self.ended = Some((end, now_ms));
                }
            }
        }
    }

    /// What is too much now is tried again, as long as there is time.
    fn rejected(&self, mut job: Job, status: u32, now_ms: u64) {
        if class(status) == Class::TooMuch && now_ms + PUT_OFF_MS < job.deadline_ms {
            job.put_off = Some(status);
            return self.shared.queue.put_back(job);
        }
        job.end(Verdict::Rejected(status));
    }

    fn is_bound(&mut self) {
        self.host.log(Level::Info, "a link to the SMSC is bound");
        if self.link.transmits() {
            self.is_counted = true;
            self.shared.queue.bound();
        }
    }

    fn is_gone(&mut self) {
        if std::mem::take(&mut self.is_counted) {
            self.shared.queue.unbound();
        }
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.is_gone();
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
