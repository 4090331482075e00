//! The store: what is durable, in one commit or not at all.
//!
//! One thread writes. It takes whatever writes are waiting, puts them into one transaction, and answers all of them
//! after one sync to disk (group commit): so a busy gateway pays for a sync once for many payments, and an idle one
//! waits for nobody.

mod effects;
mod keys;
mod read;
mod room;
mod schema;
mod vault;
mod write;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use sportello_model::payment::State;
use sportello_model::{PaymentId, Posting};
use tokio::sync::{mpsc, oneshot};

pub use read::{Balance, Entry, Page, StoredEffect, StoredPayment};
use vault::Change;
pub use vault::Sealed;

/// How many writes may wait before whoever writes has to wait, too.
const QUEUE_LEN: usize = 16 * 1024;

/// What belongs into one commit.
#[derive(Debug, Default)]
pub struct Write {
    /// New or changed payments, each compared with the version that is there.
    pub payments: Vec<PaymentRow>,
    /// What the ledger gets.
    pub postings: Vec<Posting>,
    /// What is to be done afterwards.
    pub effects: Vec<EffectRow>,
    /// What is to be done later than was thought: their names, with what stands there from now on.
    pub later: Vec<EffectRow>,
    /// What has been done.
    pub done: Vec<EffectId>,
    /// What must not have been there yet.
    pub keys: Vec<Key>,
    /// What points to something else from now on.
    pub links: Vec<Link>,
}

/// A key that comes to stand for something else.
#[derive(Debug, Clone)]
pub struct Link {
    /// The key, with what it stands for from now on.
    pub key: Key,
    /// What it must have stood for until now; nothing where it must not have been there.
    pub before: Option<Found>,
}

/// A payment's new snapshot, and the journal entries that led to it.
#[derive(Debug)]
pub struct PaymentRow {
    /// The payment.
    pub id: PaymentId,
    /// The version that must be there; 0 for a payment that is not there yet.
    pub expected: u64,
    /// The version that is there afterwards.
    pub version: u64,
    /// Where it stands.
    pub state: State,
    /// When it was made, in milliseconds since 1970.
    pub made_at_ms: u64,
    /// When it changed, in milliseconds since 1970.
    pub changed_at_ms: u64,
    /// What changes in the payment, as JSON: see [`Payment::snapshot`](sportello_model::Payment::snapshot). The rest stands
    /// in its entries.
    pub snapshot: Vec<u8>,
    /// The events and postings of this commit as JSON.
    pub entry: Vec<u8>,
    /// SHA-256 over the hash of the payment's entry before this one (32 zeros for the first) and `entry`.
    pub hash: [u8; 32],
}

/// The name of an effect: whose, and which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EffectId {
    /// The payment, or the conversation, that it belongs to.
    pub owner: PaymentId,
    /// Which of its effects.
    pub number: u64,
}

/// Something to be done after the commit.
#[derive(Debug)]
pub struct EffectRow {
    /// Its name.
    pub id: EffectId,
    /// When, in milliseconds since 1970.
    pub due_ms: u64,
    /// How often it was tried.
    pub tries: u32,
    /// What, as JSON.
    pub body: Vec<u8>,
}

/// Something that may be there once.
#[derive(Debug, Clone)]
pub struct Key {
    /// Whose names these are.
    pub scope: String,
    /// The name.
    pub key: String,
    /// What it stands for.
    pub payment: PaymentId,
    /// What else must be equal for a repeat to be the same thing.
    pub fingerprint: Vec<u8>,
}

/// What a key stands for, and the fingerprint that was stored with it.
pub type Found = (PaymentId, Vec<u8>);

/// Why nothing was written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// One of the keys was there.
    #[error("this was seen before")]
    Seen {
        /// What the key stands for.
        payment: PaymentId,
        /// What was stored with it.
        fingerprint: Vec<u8>,
    },
    /// The payment, or what a key stands for, had moved on.
    #[error("the payment has changed in the meantime")]
    Stale,
    /// The plugin keeps as much as it may.
    #[error("what this instance keeps is full: it may keep {} MB", .max >> 20)]
    Full {
        /// How many bytes it may keep.
        max: u64,
    },
    /// What is stored makes no sense.
    #[error("the store holds what cannot be read: {0}")]
    Unreadable(String),
    /// The disk or the database failed.
    #[error("the store failed: {0}")]
    Failed(String),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Failed(format!("this cannot be written: {error}"))
    }
}

/// A value that a plugin keeps.
struct PluginPut {
    instance: String,
    name: String,
    expected: u64,
    value: Vec<u8>,
    /// How many bytes all that the instance keeps may take.
    room_max: Option<u64>,
}

/// What waits for the writer.
enum Job {
    Commit(Write, oneshot::Sender<Result<(), StoreError>>),
    Put(PluginPut, oneshot::Sender<Result<(bool, u64), StoreError>>),
    Find {
        scope: String,
        key: String,
        /// Taken with the answer.
        done: Option<oneshot::Sender<Result<Option<Found>, StoreError>>>,
    },
    Vault(Change, oneshot::Sender<Result<u64, StoreError>>),
    Forget(Vec<EffectId>),
    PutOff(EffectRow),
    Close(oneshot::Sender<()>),
}

impl Job {
    /// Whether nobody waits for it.
    fn can_wait(&self) -> bool {
        matches!(self, Self::Forget(_) | Self::PutOff(_))
    }
}

/// A store on SQLite. Cheap to clone; closes when it is told to, or when the last clone is dropped.
#[derive(Clone)]
pub struct Store {
    jobs: mpsc::Sender<Job>,
    /// Whether the last write failed.
    failing: Arc<AtomicBool>,
    reader: Arc<Mutex<rusqlite::Connection>>,
}

impl Store {
    /// Opens the file, and makes it if it is not there.
    ///
    /// # Errors
    /// The file cannot be opened, is no database, or was written by a later version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|e| StoreError::Failed(format!("{}: {e}", folder.display())))?;
        }
        let lock = lock(path)?;
        let at = |error| match error {
            StoreError::Failed(why) => StoreError::Failed(format!("{}: {why}", path.display())),
            other => other,
        };
        let writer = schema::open(path).map_err(at)?;
        let memory = write::Memory::load(&writer).map_err(at)?;
        let reader = schema::open_to_read(path).map_err(at)?;
        let (jobs, waiting) = mpsc::channel(QUEUE_LEN);
        let failing = Arc::new(AtomicBool::new(false));
        let told = failing.clone();
        std::thread::Builder::new()
            .name("store".into())
            .spawn(move || {
                if let Err(error) = write::run(&writer, memory, waiting, &told) {
                    tracing::error!(%error, "the store was not closed as it should be");
                }
                drop((writer, lock));
            })
            .map_err(|e| StoreError::Failed(e.to_string()))?;
        Ok(Self { jobs, failing, reader: Arc::new(Mutex::new(reader)) })
    }

    /// Whether it writes: not once a write failed, as on a full disk, until one succeeds. Where one failed, one more is
    /// tried: what has been mended is noticed although nobody else writes.
    pub async fn is_writable(&self) -> bool {
        // No instance has an empty name, so this is nobody's value.
        if self.failing.load(Ordering::SeqCst)
            && let Ok((false, version)) = self.put("", "probe", 0, Vec::new()).await
        {
            let _ = self.put("", "probe", version, Vec::new()).await;
        }
        !self.jobs.is_closed() && !self.failing.load(Ordering::SeqCst)
    }

    /// Writes what waits, leaves the files so that the next start has nothing to do, and closes for everybody. To be
    /// stopped without it loses nothing: then the next start does it.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.jobs.send(Job::Close(done)).await.is_ok() {
            // It ends without a word where that failed, which is in the log.
            let _ = closed.await;
        }
    }

    /// Writes all of it, durably, or nothing.
    ///
    /// # Errors
    /// As [`StoreError`] has it; then nothing of it was written.
    pub async fn write(&self, write: Write) -> Result<(), StoreError> {
        let (done, written) = oneshot::channel();
        self.jobs.send(Job::Commit(write, done)).await.map_err(|_| StoreError::Closed)?;
        written.await.map_err(|_| StoreError::Closed)?
    }

    /// What a key or link stands for, and its fingerprint.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn key(&self, scope: &str, key: &str) -> Result<Option<Found>, StoreError> {
        let (done, found) = oneshot::channel();
        let job = Job::Find { scope: scope.into(), key: key.into(), done: Some(done) };
        self.jobs.send(job).await.map_err(|_| StoreError::Closed)?;
        found.await.map_err(|_| StoreError::Closed)?
    }

    /// Forgets effects that have been done, with the next commit. Nobody waits for it: if it is lost in a crash, they
    /// are done again, as they would have been a moment earlier.
    pub async fn forget(&self, done: Vec<EffectId>) {
        // The receiver is gone only when the store is closed, and then there is nothing to forget in.
        let _ = self.jobs.send(Job::Forget(done)).await;
    }

    /// Puts an effect off, with the next commit. Nobody waits for it: if it is lost, the effect is due as it was.
    pub async fn put_off(&self, later: EffectRow) {
        let _ = self.jobs.send(Job::PutOff(later)).await;
    }

    /// Stores a plugin's value if its version is still `expected` (0 for none). Answers whether it did, and the version
    /// that is there now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn put(
        &self,
        instance: &str,
        name: &str,
        expected: u64,
        value: Vec<u8>,
    ) -> Result<(bool, u64), StoreError> {
        let put = PluginPut { instance: instance.into(), name: name.into(), expected, value, room_max: None };
        self.put_state(put).await
    }

    /// The same, where all that the instance keeps then takes no more than `room_max` bytes, its names counted in. What
    /// grows nothing is stored in any case.
    ///
    /// # Errors
    /// [`StoreError::Full`], or when the store fails; then nothing was stored.
    pub async fn put_within(
        &self,
        room_max: u64,
        instance: &str,
        name: &str,
        expected: u64,
        value: Vec<u8>,
    ) -> Result<(bool, u64), StoreError> {
        let room_max = Some(room_max);
        self.put_state(PluginPut { instance: instance.into(), name: name.into(), expected, value, room_max }).await
    }

    async fn put_state(&self, put: PluginPut) -> Result<(bool, u64), StoreError> {
        let (done, written) = oneshot::channel();
        self.jobs.send(Job::Put(put, done)).await.map_err(|_| StoreError::Closed)?;
        written.await.map_err(|_| StoreError::Closed)?
    }
}

/// One file, one gateway: a second one would carry out the same effects, and pay twice.
fn lock(path: &Path) -> Result<std::fs::File, StoreError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let failed = |what: &dyn std::fmt::Display| StoreError::Failed(format!("{}: {what}", path.display()));
    let file = std::fs::File::create(&beside).map_err(|e| failed(&e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(failed(&"another gateway is running on this store")),
        Err(std::fs::TryLockError::Error(error)) => Err(failed(&error)),
    }
}
