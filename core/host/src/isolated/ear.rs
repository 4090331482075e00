//! What is heard of a child: by the task that listens, or by a caller that has just asked it something.
//!
//! A child that has only to compute answers sooner than a thread falls asleep and is woken again. So a caller whose call is
//! the only one looks for the answer itself for a moment, where answers have come as soon as that, before it leaves it to
//! the event loop. One thread does so at a time: the others go on, and so does the child.

use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use rustix::net::RecvFlags;
use sportello_sdk::frames::{Peer, Reply};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::unix::pipe;

use super::connect::{Link, Silence};
use crate::link::{Asking, Far, READ_LEN, Reader, SocketOutbox};

/// How long a caller looks for its answer at most.
const LOOKS_FOR: Duration = Duration::from_micros(50);

/// How often it is not looked for, at most, after it was looked for in vain: two to this power.
const RESTS_MAX: u32 = 10;

/// Whether a caller looks for its answer, and there are processors for the child and for it.
static IS_LOOKING: LazyLock<AtomicBool> =
    LazyLock::new(|| AtomicBool::new(std::thread::available_parallelism().map_or(1, usize::from) == 1));

/// A caller that looks for its answer. Another one may once this is dropped, however that comes about.
struct Looking;

impl Drop for Looking {
    fn drop(&mut self) {
        IS_LOOKING.store(false, Ordering::Relaxed);
    }
}

/// Where a child is heard.
pub(super) struct Ear {
    heard: Mutex<Heard>,
    looks: Looks,
}

struct Heard {
    from: pipe::Receiver,
    reader: Reader,
    /// What a caller has come upon, for the task that listens.
    silence: Option<Silence>,
    /// Nothing that comes now is believed any more.
    is_over: bool,
    listener: Waker,
}

impl Ear {
    pub(super) fn new(from: pipe::Receiver) -> Self {
        let heard =
            Heard { from, reader: Reader::default(), silence: None, is_over: false, listener: Waker::noop().clone() };
        Self { heard: Mutex::new(heard), looks: Looks::default() }
    }
}

/// Whether to look for an answer. What was in vain is tried half as often, and what was not twice as often: most plugins
/// wait for somebody, and on a machine that is busy a child does not run at once.
#[derive(Default)]
struct Looks {
    in_vain: AtomicU32,
    rests: AtomicU32,
}

impl Looks {
    /// Whether to look this time.
    fn is_time(&self) -> bool {
        let rested = |rests: u32| rests.checked_sub(1);
        self.rests.fetch_update(Ordering::Relaxed, Ordering::Relaxed, rested).is_err()
    }

    /// It was looked for, and came or not.
    fn came(&self, is_answer: bool) {
        let in_vain = self.in_vain.load(Ordering::Relaxed);
        let in_vain = if is_answer { in_vain.saturating_sub(1) } else { (in_vain + 1).min(RESTS_MAX) };
        self.in_vain.store(in_vain, Ordering::Relaxed);
        self.rests.store((1 << in_vain) - 1, Ordering::Relaxed);
    }
}

impl Link {
    /// Takes what the child says, until there is no more of it.
    pub(super) async fn listen(self: Arc<Self>) -> Silence {
        std::future::poll_fn(|context| self.poll_listen(context)).await
    }

    fn poll_listen(self: &Arc<Self>, context: &mut Context<'_>) -> Poll<Silence> {
        let mut heard = self.ear.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.listener.clone_from(context.waker());
        loop {
            if let Some(silence) = heard.silence.take() {
                return Poll::Ready(silence);
            }
            // Not of its own memory: many links have nothing to read, most of the time.
            let mut piece = [const { MaybeUninit::uninit() }; READ_LEN];
            let mut piece = ReadBuf::uninit(&mut piece);
            match ready!(Pin::new(&mut heard.from).poll_read(context, &mut piece)) {
                Ok(()) if !piece.filled().is_empty() => heard.reader.extend(piece.filled()),
                Ok(()) | Err(_) => return Poll::Ready(Silence::Closed),
            }
            self.take_all(&mut heard);
        }
    }

    /// Takes what the child has said by now. Answers whether that was anything.
    fn look(self: &Arc<Self>) -> bool {
        // Whoever has it takes what there is.
        let Ok(mut heard) = self.ear.heard.try_lock() else { return false };
        let Heard { from, reader, is_over, .. } = &mut *heard;
        // An end, and whatever else goes wrong, is seen by the task that listens as well.
        if *is_over || !matches!(reader.read(&*from, RecvFlags::DONTWAIT), Ok(1..)) {
            return false;
        }
        self.take_all(&mut heard);
        if heard.silence.is_some() {
            heard.listener.wake_by_ref();
        }
        true
    }

    fn take_all(self: &Arc<Self>, heard: &mut Heard) {
        self.is_heard.store(true, Ordering::Relaxed);
        let silence = loop {
            match heard.reader.next() {
                Ok(Some(message)) => {
                    if let Err(silence) = self.take(message) {
                        break Some(silence);
                    }
                }
                Ok(None) if self.asker.outbox().is_unread() => {
                    break Some(Silence::Must("it does not read what it is answered".to_owned()));
                }
                Ok(None) => break None,
                Err(breach) => break Some(Silence::Must(breach.to_string())),
            }
        };
        heard.is_over = silence.is_some();
        heard.silence = silence;
    }
}

/// The child, as its host calls it.
pub(super) struct Near(pub(super) Arc<Link>);

impl Peer for Near {
    fn call(&self, parent: u64, method: &str, frame: Bytes, body: Bytes) -> BoxFuture<'static, Reply> {
        let Self(link) = self;
        match link.asker.ask(parent, method, &frame, &body) {
            Ok(asking) if asking.alone && link.ear.looks.is_time() => {
                Box::pin(Lone { asking, link: Arc::clone(link), is_new: true })
            }
            Ok(asking) => Box::pin(asking),
            Err(failure) => Box::pin(std::future::ready(Reply::failure(&failure))),
        }
    }

    fn notify(&self, method: &str, frame: Bytes) {
        Far(Arc::clone(&self.0.asker)).notify(method, frame);
    }
}

/// A call beside which there is no other, and whose answer is looked for.
struct Lone {
    asking: Asking<SocketOutbox>,
    link: Arc<Link>,
    is_new: bool,
}

impl Future for Lone {
    type Output = Reply;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Reply> {
        let this = self.get_mut();
        let reply = Pin::new(&mut this.asking).poll(context);
        if reply.is_ready() || !std::mem::take(&mut this.is_new) || IS_LOOKING.swap(true, Ordering::Relaxed) {
            return reply;
        }
        let looking = Looking;
        let began = Instant::now();
        // Once, whatever it is: a question of the child's is answered by a task that may want this thread.
        while !this.link.look() && began.elapsed() < LOOKS_FOR {
            std::hint::spin_loop();
        }
        drop(looking);
        let reply = Pin::new(&mut this.asking).poll(context);
        this.link.ear.looks.came(reply.is_ready());
        reply
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_for_in_vain_is_looked_for_half_as_often() {
        // L: it is looked for; -: it is not. An answer comes (a) or does not (n) each time.
        let check = |answers: &str, expected: &str| {
            let looks = Looks::default();
            let mut answers = answers.chars();
            let looked = (0..expected.len()).map(|_| {
                if !looks.is_time() {
                    return '-';
                }
                looks.came(answers.next() == Some('a'));
                'L'
            });
            assert_eq!(looked.collect::<String>(), expected);
        };
        check("aaaa", "LLLL");
        check("nnn", "L-L---L-------L");
        check("nnaaan", "L-L---L-LLL-L");
    }
}
