//! Notes on their way to a link: whoever sends puts short messages in and waits, and whichever link has room takes them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::task::AtomicWaker;

/// The most that wait.
const JOBS_MAX: usize = 8192;

/// What became of a short message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The SMSC has it, under this id where it told one.
    Accepted(Option<String>),
    /// The SMSC does not take it, with this status.
    Rejected(u32),
    /// It may have left; the link ended before it was answered.
    Unanswered,
    /// There is no link. It has not left.
    NoLink,
    /// It came to no link's turn in time. It has not left.
    Late,
}

/// A short message, and who waits for it.
#[cfg_attr(test, derive(Debug))]
pub(crate) struct Job {
    /// The body of its `submit_sm`.
    pub(crate) body: Bytes,
    /// Until when it may leave.
    pub(crate) deadline_ms: u64,
    /// What the SMSC said to it before, where it wanted it later.
    pub(crate) put_off: Option<u32>,
    waiter: oneshot::Sender<Verdict>,
}

impl Job {
    /// A short message, and what will tell what became of it.
    pub(crate) fn new(body: Bytes, deadline_ms: u64) -> (Self, oneshot::Receiver<Verdict>) {
        let (waiter, verdict) = oneshot::channel();
        (Self { body, deadline_ms, put_off: None, waiter }, verdict)
    }

    /// Tells what became of it. Whoever has stopped waiting is not told.
    pub(crate) fn end(self, verdict: Verdict) {
        let _ = self.waiter.send(verdict);
    }

    fn end_late(self) {
        let verdict = self.put_off.map_or(Verdict::Late, Verdict::Rejected);
        self.end(verdict);
    }

    fn is_wanted(&self) -> bool {
        !self.waiter.is_canceled()
    }
}

/// What waits, for all links.
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    /// The latest time that anybody knew who put one in: a link that nothing else woke has heard of none since.
    now_ms: AtomicU64,
    links: Vec<AtomicWaker>,
}

#[derive(Default)]
struct Inner {
    jobs: VecDeque<Job>,
    /// How many links can take one.
    bound: usize,
}

/// Whether somebody is there to take what was put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// A link is.
    Taken,
    /// None is: it waits for one.
    Waits,
}

impl Queue {
    /// For so many links.
    pub(crate) fn new(links: usize) -> Self {
        Self {
            inner: Mutex::default(),
            now_ms: AtomicU64::new(0),
            links: (0..links).map(|_| AtomicWaker::new()).collect(),
        }
    }

    /// Puts one in at `now_ms`; nothing where there is no room.
    pub(crate) fn put(&self, job: Job, now_ms: u64) -> Option<Put> {
        self.now_ms.fetch_max(now_ms, Ordering::Relaxed);
        let mut inner = self.inner();
        if inner.jobs.len() >= JOBS_MAX {
            inner.jobs.retain(Job::is_wanted);
        }
        if inner.jobs.len() >= JOBS_MAX {
            return None;
        }
        inner.jobs.push_back(job);
        let put = if inner.bound > 0 { Put::Taken } else { Put::Waits };
        drop(inner);
        self.links.iter().for_each(AtomicWaker::wake);
        Some(put)
    }

    /// Puts one back in front: it was here before.
    pub(crate) fn put_back(&self, job: Job) {
        self.inner().jobs.push_front(job);
        self.links.iter().for_each(AtomicWaker::wake);
    }

    /// Takes the next that somebody still waits for and that is in time.
    pub(crate) fn take(&self, now_ms: u64) -> Option<Job> {
        let mut inner = self.inner();
        while let Some(job) = inner.jobs.pop_front() {
            if !job.is_wanted() {
                continue;
            }
            if job.deadline_ms > now_ms {
                return Some(job);
            }
            job.end_late();
        }
        None
    }

    /// Lets go of those whose time is over. They wait in the order in which they came, which is nearly that of their
    /// deadlines; a later one behind an earlier one waits with it.
    pub(crate) fn expire(&self, now_ms: u64) {
        let mut inner = self.inner();
        while let Some(job) = inner.jobs.pop_front_if(|job| job.deadline_ms <= now_ms || !job.is_wanted()) {
            job.end_late();
        }
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.inner().jobs.is_empty()
    }

    /// A link can take some.
    pub(crate) fn bound(&self) {
        self.inner().bound += 1;
    }

    /// A link cannot take any more. With the last one, whoever waits is told.
    pub(crate) fn unbound(&self) {
        let mut inner = self.inner();
        inner.bound = inner.bound.saturating_sub(1);
        let left = if inner.bound == 0 { std::mem::take(&mut inner.jobs) } else { VecDeque::new() };
        drop(inner);
        left.into_iter().for_each(|job| job.end(Verdict::NoLink));
    }

    /// The latest time at which one was put in, in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    /// Wakes this waker from now on, when something was put in.
    pub(crate) fn wakes(&self, link: usize, waker: &Waker) {
        if let Some(link) = self.links.get(link) {
            link.register(waker);
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(queue: &Queue, deadline_ms: u64) -> (Option<Put>, oneshot::Receiver<Verdict>) {
        let (job, verdict) = Job::new(Bytes::new(), deadline_ms);
        (queue.put(job, 0), verdict)
    }

    #[test]
    fn what_waits_is_told() {
        let queue = Queue::new(1);
        let (waits, mut first) = put(&queue, 10);
        assert_eq!(waits, Some(Put::Waits));
        queue.bound();
        queue.bound();
        let (taken, mut second) = put(&queue, 20);
        assert_eq!(taken, Some(Put::Taken));
        // Too late for the first.
        let job = queue.take(10).unwrap();
        assert_eq!((first.try_recv(), job.deadline_ms), (Ok(Some(Verdict::Late)), 20));
        queue.put_back(Job { put_off: Some(0x58), ..job });
        queue.expire(19);
        assert_eq!(second.try_recv(), Ok(None));
        queue.expire(20);
        assert_eq!(second.try_recv(), Ok(Some(Verdict::Rejected(0x58))));
        // Only without any link is there none.
        let (_, mut third) = put(&queue, 100);
        queue.unbound();
        assert_eq!(third.try_recv(), Ok(None));
        queue.unbound();
        assert_eq!(third.try_recv(), Ok(Some(Verdict::NoLink)));
    }

    #[test]
    fn there_is_an_end_to_room_and_whoever_has_gone_takes_none() {
        let queue = Queue::new(0);
        let verdicts: Vec<_> = (0..JOBS_MAX).map(|_| put(&queue, 10).1).collect();
        assert_eq!(put(&queue, 10).0, None);
        drop(verdicts);
        assert_eq!(put(&queue, 10).0, Some(Put::Waits));
        let (_, verdict) = put(&queue, 10);
        drop(verdict);
        assert!(queue.take(0).is_none() && queue.is_empty());
    }
}
