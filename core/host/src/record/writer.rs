//! The thread that writes a recording.

use std::io::{BufWriter, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::redaction::Redaction;
use super::{Entry, FORMAT, Passed, RECORDING_LEN_MAX, Redact, Subject};

/// How many notes may wait to be written. The frames that they hold are shared with whoever sent them.
const WAITING_MAX: usize = 16_384;

/// Something that passed, as it was.
pub(crate) enum Note {
    Called { call: u64, method: String, passed: Passed },
    Answered { call: u64, ok: bool, passed: Passed },
    GivenUp { call: u64 },
    Asked { ask: u64, parent: u64, method: Arc<str>, passed: Passed },
    Given { ask: u64, method: Arc<str>, ok: bool, passed: Passed },
    Finish { because: Option<String> },
}

pub(crate) struct Writer {
    notes: SyncSender<Note>,
    broken: Arc<AtomicBool>,
    finished: AtomicBool,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(crate) fn start(subject: Subject, redact: Arc<Redact>, out: Box<dyn Write + Send>) -> std::io::Result<Self> {
        let (notes, noted) = sync_channel(WAITING_MAX);
        let broken = Arc::new(AtomicBool::new(false));
        let mut sheet = Sheet {
            out: BufWriter::new(out),
            written: 0,
            redaction: Redaction { redact, without_bodies: subject.sees_pan },
        };
        let is_broken = Arc::clone(&broken);
        let work = move || {
            if let Err(error) = sheet.fill(subject, &noted, &is_broken) {
                is_broken.store(true, Ordering::Relaxed);
                tracing::warn!(%error, "a recording has ended early");
            }
        };
        let thread = std::thread::Builder::new().name("recording".to_owned()).spawn(work)?;
        Ok(Self { notes, broken, finished: AtomicBool::new(false), thread: Mutex::new(Some(thread)) })
    }

    pub(crate) fn note(&self, note: Note) {
        if self.is_broken() || self.finished.load(Ordering::Relaxed) {
            return;
        }
        if let Err(TrySendError::Full(_)) = self.notes.try_send(note) {
            self.broken.store(true, Ordering::Relaxed);
        }
    }

    /// As [`Writer::finish`], without a wait.
    pub(crate) fn end(&self, because: &str) {
        let note = Note::Finish { because: Some(because.to_owned()) };
        if !self.finished.swap(true, Ordering::Relaxed)
            && let Err(TrySendError::Full(_)) = self.notes.try_send(note)
        {
            self.broken.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn finish(&self) {
        if !self.finished.swap(true, Ordering::Relaxed) {
            // The thread is gone where the disk was full.
            let _ = self.notes.send(Note::Finish { because: None });
        }
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = thread.join();
        }
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.finish();
    }
}

/// What is written to.
struct Sheet {
    out: BufWriter<Box<dyn Write + Send>>,
    written: u64,
    redaction: Redaction,
}

impl Sheet {
    fn fill(&mut self, subject: Subject, noted: &Receiver<Note>, broken: &AtomicBool) -> std::io::Result<()> {
        let Subject { instance, plugin: [plugin, version], sha256, sees_pan, at_ms } = subject;
        self.line(&Entry::Began {
            format: FORMAT,
            instance,
            plugin,
            version,
            sha256,
            without_bodies: sees_pan,
            at_ms,
        })?;
        while let Ok(note) = noted.recv() {
            if broken.load(Ordering::Relaxed) {
                return Err(std::io::Error::other("more came than could be written"));
            }
            let entry = self.entry(note);
            self.line(&entry)?;
            if matches!(entry, Entry::Ended { .. }) {
                break;
            }
        }
        self.out.flush()
    }

    fn entry(&self, note: Note) -> Entry {
        let of = |method: &str, passed: &Passed, is_answer| self.redaction.of(method, passed, is_answer);
        match note {
            Note::Called { call, method, passed } => {
                let (frame, body) = of(&method, &passed, false);
                Entry::Called { call, method, frame, body }
            }
            Note::Answered { call, ok, passed } => {
                let (frame, body) = of("", &passed, true);
                Entry::Answered { call, ok, frame, body }
            }
            Note::GivenUp { call } => Entry::GivenUp { call },
            Note::Asked { ask, parent, method, passed } => {
                let (frame, body) = of(&method, &passed, false);
                Entry::Asked { ask, parent, method: (*method).to_owned(), frame, body }
            }
            Note::Given { ask, method, ok, passed } => {
                let (frame, body) = of(&method, &passed, true);
                Entry::Given { ask, ok, frame, body }
            }
            Note::Finish { because } => Entry::Ended { because },
        }
    }

    fn line(&mut self, entry: &Entry) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        self.written += line.len() as u64;
        if self.written > RECORDING_LEN_MAX {
            return Err(std::io::Error::other(format!("it has {} MB", RECORDING_LEN_MAX >> 20)));
        }
        self.out.write_all(&line)
    }
}
