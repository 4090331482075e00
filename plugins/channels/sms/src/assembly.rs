//! Long messages, put together from parts that come one by one, in any order, over any link.
//!
//! Every part is stored before it is acknowledged, and nothing is kept in memory. A part that had to wait for the others
//! instead, unacknowledged, would take a place in the SMSC's window, and a few messages that never become whole would
//! stop the link. The last part is not stored: it is acknowledged when the whole message is durable.
//!
//! What is stored stands in a fixed number of buckets, chosen by the sender, so that all of it is found again after a
//! restart, and there is an end to it: see [`crate::bucket`].

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::lock::Mutex;
use futures_util::task::AtomicWaker;
use sportello_sdk::{Failure, Host, Level};

use crate::bucket::{Added, Bucket, Key, Piece};

/// How many buckets there are.
const BUCKETS: usize = 256;

/// How often the race for a bucket is tried, against an instance that is being replaced.
const TRIES: usize = 5;

/// What became of a part.
#[derive(PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) enum Assembled {
    /// It is durable, and not the last.
    Waits,
    /// The message is complete. It is to be [closed](Assembly::close) once it is durable.
    Whole(Vec<Piece>),
    /// No message will come of it.
    Refused,
    /// There is no room at the time.
    Full,
}

/// Where the parts are.
pub(crate) struct Assembly {
    wait_ms: u64,
    /// Parts of one sender come at once: each waits for the one before, and not for a lost race.
    slots: Vec<Slot>,
    sweeper: AtomicWaker,
}

struct Slot {
    lock: Mutex<()>,
    /// Whether there may be something in it.
    is_used: AtomicBool,
}

impl Assembly {
    /// Parts are waited for as long as this.
    pub(crate) fn new(wait_ms: u64) -> Self {
        // What an instance before this one has left is found by the first sweep.
        let slot = || Slot { lock: Mutex::new(()), is_used: AtomicBool::new(true) };
        Self { wait_ms, slots: (0..BUCKETS).map(|_| slot()).collect(), sweeper: AtomicWaker::new() }
    }

    /// Takes a part. It is durable when this returns [`Assembled::Waits`].
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub(crate) async fn add(&self, key: &Key, piece: Piece, host: &Host) -> Result<Assembled, Failure> {
        self.change(slot_of(key), host, |bucket, now_ms| match bucket.add(key, piece.clone(), now_ms) {
            Added::Stored { given_up } => (Change { given_up, is_changed: true }, Assembled::Waits),
            Added::Known => (Change::NONE, Assembled::Waits),
            Added::Whole(pieces) => (Change::NONE, Assembled::Whole(pieces)),
            Added::Spoilt => (Change::NONE, Assembled::Refused),
            Added::Full => (Change::NONE, Assembled::Full),
        })
        .await
    }

    /// Forgets the parts of a message that is durable.
    ///
    /// # Errors
    /// When the store cannot be reached: the parts are then forgotten when their time is over.
    pub(crate) async fn close(&self, key: &Key, host: &Host) -> Result<(), Failure> {
        self.change(slot_of(key), host, |bucket, _| {
            bucket.remove(key);
            (Change { given_up: 0, is_changed: true }, ())
        })
        .await
    }

    /// Forgets what has waited too long: what an instance before this one has left, and then whatever is stored.
    ///
    /// # Errors
    /// When the host is going away.
    pub(crate) async fn sweep(&self, host: &Host) -> Result<(), Failure> {
        loop {
            for (at, slot) in self.slots.iter().enumerate() {
                if !slot.is_used.load(Ordering::Relaxed) {
                    continue;
                }
                let is_empty = self.change(at, host, |bucket, _| (Change::NONE, bucket.is_empty())).await;
                if is_empty.is_ok_and(|is_empty| is_empty) {
                    slot.is_used.store(false, Ordering::Relaxed);
                }
            }
            poll_fn(|context| self.poll_used(context)).await;
            host.sleep(self.wait_ms).await?;
        }
    }

    /// Waits until there may be something in a bucket.
    fn poll_used(&self, context: &Context<'_>) -> Poll<()> {
        self.sweeper.register(context.waker());
        let is_used = self.slots.iter().any(|slot| slot.is_used.load(Ordering::Relaxed));
        if is_used { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Loads a bucket, lets what has waited too long go, changes it and stores it if it is another one.
    async fn change<T>(
        &self,
        at: usize,
        host: &Host,
        mut change: impl FnMut(&mut Bucket, u64) -> (Change, T),
    ) -> Result<T, Failure> {
        let slot = self.slots.get(at);
        let _turn = match slot {
            Some(slot) => Some(slot.lock.lock().await),
            None => None,
        };
        let name = format!("parts/{at}");
        for _ in 0..TRIES {
            let (version, value) = host.load(&name).await?;
            // What cannot be read is of another version of this plugin, and older than anybody waits.
            let mut bucket: Bucket = serde_json::from_slice(&value).unwrap_or_default();
            let now_ms = host.now_ms();
            let expired = bucket.expire(self.wait_ms, now_ms);
            let (changed, result) = change(&mut bucket, now_ms);
            if changed.is_changed || expired.is_changed {
                let value = if bucket.is_empty() { Vec::new() } else { written(&bucket)? };
                if !host.save(&name, version, value).await?.stored {
                    continue;
                }
                if let Some(slot) = slot.filter(|_| !bucket.is_empty()) {
                    slot.is_used.store(true, Ordering::Relaxed);
                    self.sweeper.wake();
                }
            }
            let given_up = expired.given_up + changed.given_up;
            if given_up > 0 {
                host.log(Level::Warn, format!("{given_up} long messages are given up: parts never came, or differed"));
            }
            return Ok(result);
        }
        let what = "another instance is at work on the same long messages";
        Err(Failure::new(sportello_sdk::Source::Plugin, "conflict", what).retry_after(1000))
    }
}

/// What a change was.
struct Change {
    given_up: usize,
    is_changed: bool,
}

impl Change {
    const NONE: Self = Self { given_up: 0, is_changed: false };
}

fn written(bucket: &Bucket) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(bucket).map_err(|_| Failure::new(sportello_sdk::Source::Plugin, "not_json", "parts are JSON"))
}

fn slot_of(key: &Key) -> usize {
    // FNV-1a: spreads senders evenly, the same in every version of this plugin.
    let hash = (key.from().bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    usize::try_from(hash % BUCKETS as u64).unwrap_or(0)
}

#[cfg(test)]
#[path = "assembly_tests.rs"]
mod tests;
