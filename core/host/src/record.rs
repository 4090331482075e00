//! Keeps what passes between the host and one instance, so that another version can be tried against it later.
//!
//! A [`Recorder`] stands on both sides of an instance from its `open` on. What it notes goes to a thread of its own, which
//! takes out what nobody should read and writes a line for each [`Entry`]. It never slows the instance down: where the thread
//! does not keep up, or the disk is full, the recording ends early and says so.
//!
//! A recording is of one instance, opened once: what a replay has is one, too, and calls are numbered by each anew. It ends
//! where that instance is replaced, or opened a second time, and its last line says why.
//!
//! What is never written: the value of a secret, wherever it stands; what stands under a name that only secrets have; what the
//! vault gives or is given; what passes over byte streams, where a piece may hold half of something; whatever `redact` takes
//! out of a text, such as card numbers. Of an instance that may see card numbers no bytes beside a frame are written
//! at all: a stream to an acquirer holds card numbers in forms that no search finds.

mod enclosed;
mod entry;
mod redaction;
mod tap;
mod writer;
mod written;

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use sportello_sdk::frames::Peer;

use crate::life::Connected;
pub use entry::{Body, Entry, FORMAT};
pub(crate) use redaction::{SECRET_AT, is_left_out, unescaped};
use tap::{Asking, Called};
use writer::{Note, Writer};

/// How long a recording becomes at most, in bytes.
pub const RECORDING_LEN_MAX: u64 = 256 << 20;

/// Takes out of a text what nobody should read.
pub type Redact = dyn Fn(&str) -> String + Send + Sync;

/// What one instance is recorded by.
pub struct Recorder {
    writer: Writer,
    calls: AtomicU64,
    asks: AtomicU64,
    /// Whether there is an instance already that it is the recorder of.
    has_begun: AtomicBool,
    /// Why it ended before it was told to finish.
    ended: OnceLock<String>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

/// What is recorded, as the first line says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The instance.
    pub instance: String,
    /// The plugin's name and version.
    pub plugin: [String; 2],
    /// The SHA-256 of its bytes, in hexadecimal; nothing where it is linked into the program.
    pub sha256: Option<String>,
    /// Whether it may see card numbers.
    pub sees_pan: bool,
    /// When the recording begins, in milliseconds since 1970.
    pub at_ms: u64,
}

impl Recorder {
    /// Records into `out`, which is written to and flushed by a thread of its own.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn new(subject: Subject, redact: Arc<Redact>, out: impl Write + Send + 'static) -> std::io::Result<Arc<Self>> {
        let writer = Writer::start(subject, redact, Box::new(out))?;
        Ok(Arc::new(Self {
            writer,
            calls: AtomicU64::new(0),
            asks: AtomicU64::new(0),
            has_begun: AtomicBool::new(false),
            ended: OnceLock::new(),
        }))
    }

    /// Writes no more from now on, since there is nothing more to be recorded: the last line says why. Does not wait for the
    /// disk; [`Recorder::finish`] does.
    pub fn end(&self, because: &str) {
        if !self.is_broken() && self.ended.set(because.to_owned()).is_ok() {
            self.writer.end(because);
        }
    }

    /// Why it has ended by itself, if it has.
    pub fn ended(&self) -> Option<&str> {
        self.ended.get().map(String::as_str)
    }

    /// Writes no more from now on, and waits until all that was noted before is on its way to the disk.
    pub fn finish(&self) {
        self.writer.finish();
    }

    /// Whether it has ended before it was told to.
    pub fn is_broken(&self) -> bool {
        self.writer.is_broken()
    }

    /// Connects an instance with the recorder between it and its host.
    pub(crate) fn between(
        self: &Arc<Self>,
        host: Arc<dyn Peer>,
        connect: impl FnOnce(Arc<dyn Peer>) -> Connected,
    ) -> Connected {
        if self.has_begun.swap(true, Ordering::SeqCst) {
            let because = "the plugin had ended by itself, and was opened anew";
            self.end(because);
            tracing::warn!(because, "a recording has ended");
            return connect(host);
        }
        let Connected { peer: plugin, life } = connect(Arc::new(Asking { host, recorder: Arc::clone(self) }));
        Connected { peer: Arc::new(Called { plugin, recorder: Arc::clone(self) }), life }
    }

    fn note(&self, note: Note) {
        self.writer.note(note);
    }

    fn next_call(&self) -> u64 {
        self.calls.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn next_ask(&self) -> u64 {
        self.asks.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// What is noted on its way, to be written later: bytes that are shared, and nothing copied.
#[derive(Debug, Clone)]
pub(crate) struct Passed {
    pub(crate) frame: Bytes,
    pub(crate) body: Bytes,
}
