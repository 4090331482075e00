//! Loads a library where it can do no harm, before it is loaded here: of damaged files one in eight kills whoever loads
//! it, vetted as it is.

use std::collections::HashSet;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::process::{Child, ExitStatus};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::RecvFlags;

use super::Library;
use super::nursery::bear;
use super::program::program;
use super::verdict::verdict;
use crate::confine::Confinement;
use crate::declared::{Declared, Fingerprint, LoadError};
use crate::link::{Kind, Reader};
use crate::sealed::Sealed;

/// How long that may take. A loaded machine takes its time.
const WITHIN: Duration = Duration::from_secs(10);

/// How long one that is through may take to end. It ends by itself: a loaded machine takes its time for that as well.
const END_WITHIN: Duration = Duration::from_secs(1);

/// The libraries that went well.
static REHEARSED: Mutex<Option<HashSet<Fingerprint>>> = Mutex::new(None);

impl Declared {
    /// Loads the library in a process of its own, which is then thrown away; once for the same bytes. Where this program has
    /// no such processes, nothing is done.
    ///
    /// # Errors
    /// [`LoadError::Refused`], with what became of that process.
    pub fn rehearse(&self) -> Result<(), LoadError> {
        self.rehearsed().map(drop)
    }

    /// The same, with the bytes that were tried out, where they were.
    pub(crate) fn rehearsed(&self) -> Result<Option<Arc<Sealed>>, LoadError> {
        if program().is_none() || is_known(self.fingerprint) {
            return Ok(None);
        }
        let refused = |because: String| LoadError::Refused { path: self.path.clone(), because };
        let library = Library::of(self).map_err(refused)?;
        try_out(&library).map_err(refused)?;
        REHEARSED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().insert(self.fingerprint);
        Ok(Some(Arc::clone(&library.sealed)))
    }
}

fn is_known(fingerprint: Fingerprint) -> bool {
    let rehearsed = REHEARSED.lock().unwrap_or_else(PoisonError::into_inner);
    rehearsed.as_ref().is_some_and(|rehearsed| rehearsed.contains(&fingerprint))
}

fn try_out(library: &Library) -> Result<(), String> {
    let not_started = |error: std::io::Error| format!("it could not be tried out: {error}");
    let confinement = Confinement::default();
    let (sender, births) = channel();
    let ours = bear(library, confinement, move |child| drop(sender.send(child))).map_err(not_started)?;
    let born = births.recv().map_err(|_| not_started(std::io::Error::other("the nursery is closed")))?;
    let mut child = born.map_err(not_started)?;
    let unheard = match hear(&ours) {
        Ok(()) => {
            // It has said all that it is asked for, and nobody waits until the system has taken its memory back.
            let _ = child.kill();
            let child = Arc::new(Mutex::new(child));
            let reap = |child: &Mutex<Child>| drop(child.lock().unwrap_or_else(PoisonError::into_inner).wait());
            let mine = Arc::clone(&child);
            let reaping = std::thread::Builder::new().name("reaping".to_owned()).spawn(move || reap(&mine));
            if reaping.is_err() {
                reap(&child);
            }
            return Ok(());
        }
        Err(unheard) => unheard,
    };
    if matches!(unheard, Unheard::Late) {
        let _ = child.kill();
    }
    let (status, is_helped) = end(&mut child);
    Err(match unheard {
        Unheard::NotLoaded(why) => why,
        Unheard::Late => format!("it was tried out, and did not come up within {} s", WITHIN.as_secs()),
        Unheard::Closed if is_helped => "it was tried out, and closed its socket and went on".to_owned(),
        Unheard::Closed => {
            let mut said = String::new();
            if let Some(mut stderr) = child.stderr.take() {
                let _ = stderr.by_ref().take(4_000).read_to_string(&mut said);
            }
            let why = verdict(status, &said, confinement.memory_mb);
            format!("it killed the process that it was tried out in: {why}")
        }
    })
}

/// Waits for its end, which is helped where it does not come soon: one that closed its socket may go on for ever. Answers
/// how it ended, and whether it was helped.
fn end(child: &mut Child) -> (Option<ExitStatus>, bool) {
    let until = Instant::now() + END_WITHIN;
    while Instant::now() < until {
        match child.try_wait() {
            Ok(None) => std::thread::sleep(Duration::from_millis(2)),
            Ok(Some(status)) => return (Some(status), false),
            Err(_) => break,
        }
    }
    let _ = child.kill();
    (child.wait().ok(), true)
}

/// Why a child did not say that it is up.
enum Unheard {
    NotLoaded(String),
    Closed,
    Late,
}

fn hear(socket: &UnixStream) -> Result<(), Unheard> {
    let until = Instant::now() + WITHIN;
    let mut reader = Reader::default();
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || socket.set_read_timeout(Some(left)).is_err() {
            return Err(Unheard::Late);
        }
        match reader.read(socket, RecvFlags::empty()) {
            Ok(1..) | Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Err(Unheard::Late),
            Ok(_) | Err(_) => return Err(Unheard::Closed),
        }
        match reader.next() {
            Ok(None) => {}
            Ok(Some(message)) if message.kind == Kind::Hello && message.ok => return Ok(()),
            Ok(Some(message)) => return Err(Unheard::NotLoaded(String::from_utf8_lossy(&message.frame).into_owned())),
            Err(breach) => return Err(Unheard::NotLoaded(breach.to_string())),
        }
    }
}
