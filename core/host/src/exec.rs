//! A plugin in any language: a program that speaks JSON-RPC 2.0 on its standard input and output.
//!
//! ```text
//!  exec = […] ──read──▶ Exec ──load──▶ Loaded
//!                       one file read once,    started from a private copy of those bytes, behind walls,
//!                       hashed; nothing has    and asked for its manifest: from here on it is like any other
//!                       run
//! ```
//!
//! docs/PLUGINS.md, "In any language", has the protocol.

#[cfg(target_os = "linux")]
mod calls;
mod command;
mod copy;
mod doom;
mod link;
mod message;
mod needs;
mod outbox;
mod process;
mod walls;

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use sha2::{Digest, Sha256};
use sportello_sdk::frames::{LogLine, Peer, Reply, host_method, plugin_method};
use sportello_sdk::{Failure, Source};
use tokio::sync::OnceCell;

use crate::confine::Confinement;
use crate::declared::{Fingerprint, LoadError, MANIFEST_LEN_MAX, read_whole, understand_manifest};
use crate::expansion;
use crate::frame::{Circumstances, Params};
use crate::loaded::Loaded;
use command::Understood;
use copy::Copy;
use needs::Image;

/// The largest file that is run as a plugin, in bytes.
pub const EXEC_LEN_MAX: u64 = 256 << 20;

/// The method that a plugin in any language answers before all others: nothing → the manifest.
const MANIFEST: &str = "manifest";

/// A plugin in any language, read and hashed. Nothing of it has run.
///
/// It holds the bytes: what is started later is what was read now, whatever becomes of the file.
#[derive(Debug, Clone)]
pub struct Exec {
    program: PathBuf,
    arguments: Vec<String>,
    at: Option<usize>,
    file: PathBuf,
    bytes: Bytes,
    fingerprint: Fingerprint,
}

/// How long one waits for a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// From its start to its manifest.
    pub start: Duration,
    /// From a ping to the answer. It is asked after a call that was given up.
    pub ping: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        // An interpreter starts in a twentieth of a second, and on a machine that has much else to do in some.
        Self { start: Duration::from_secs(30), ping: Duration::from_secs(5) }
    }
}

/// Why `exec` does not become a plugin.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// No argument names a file.
    #[error("no argument names a file, which is the plugin")]
    NoFile,
    /// There is no such program.
    #[error("there is no program {name:?}")]
    NoProgram {
        /// As it was named.
        name: String,
    },
    /// The program is a script, which has an interpreter.
    #[error("{} is a script: name its interpreter before it", path.display())]
    Script {
        /// The script.
        path: PathBuf,
    },
    /// Two of its words are files, of which one alone would be verified.
    #[error("{} and {} are both files, and one file is what is verified", file.display(), other.display())]
    Several {
        /// What would be the plugin.
        file: PathBuf,
        /// The other one: a further argument, or the program, where that is not the system's.
        other: PathBuf,
    },
    /// A word stands before the plugin's file that may be a program itself.
    #[error("{word:?} stands before {}, which is what is verified: write options there alone, each with its value in one word", file.display())]
    Before {
        /// The word.
        word: String,
        /// The plugin.
        file: PathBuf,
    },
    /// A path of `reads` is not there.
    #[error("{} cannot be read: {error}", path.display())]
    Reads {
        /// Which of them.
        at: usize,
        /// The path.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It does not start.
    #[error("{}: does not start: {why}", path.display())]
    Start {
        /// The plugin.
        path: PathBuf,
        /// Why.
        why: String,
        /// What it may have wanted to read, and is there.
        reads: Option<PathBuf>,
    },
    /// As for a library.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// What is needed to start a process: shared by all instances.
#[derive(Debug)]
struct Program {
    /// Its interpreter; nothing where the plugin is the program.
    interpreter: Option<PathBuf>,
    arguments: Vec<String>,
    /// Which of the arguments is the plugin.
    at: Option<usize>,
    /// Where it was read. What runs are the bytes.
    file: PathBuf,
    bytes: Bytes,
    /// What may be executed beside the plugin: its interpreter, and what starts either.
    runs: Vec<PathBuf>,
    /// What may be read besides.
    reads: Vec<PathBuf>,
    bounds: Confinement,
    patience: Patience,
}

impl Program {
    /// What is executed, and with which arguments, where `copy` is what runs.
    fn command(&self, copy: &Copy) -> (PathBuf, Vec<String>) {
        let mut arguments = self.arguments.clone();
        if let Some(argument) = self.at.and_then(|at| arguments.get_mut(at)) {
            *argument = copy.file().display().to_string();
        }
        (self.interpreter.clone().unwrap_or_else(|| copy.file().to_owned()), arguments)
    }
}

impl Exec {
    /// Reads the plugin that `command` names, once: the one argument that is a file, or the program itself where none is and
    /// that is named with its folder. A program beside such an argument is an interpreter, and must be the system's: looked for,
    /// or where root alone writes. Paths are seen from `folder`; a program named without one is looked for in `search`,
    /// as `PATH` has it.
    ///
    /// # Errors
    /// As [`ExecError`] has it, in its order.
    pub fn read(command: &[String], folder: &Path, search: Option<&OsStr>) -> Result<Self, ExecError> {
        let Understood { program, arguments, at, file } = command::understand(command, folder, search)?;
        let bytes = read_whole(&file, EXEC_LEN_MAX)?.ok_or_else(|| LoadError::TooLarge { path: file.clone() })?;
        let fingerprint = Fingerprint(Sha256::digest(&bytes).into());
        Ok(Self { program, arguments, at, file, bytes, fingerprint })
    }

    /// The plugin.
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// Its content.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The SHA-256 of that.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Starts it, and asks it for its manifest: each instance is a process of its own from now on, that may read what is
    /// below `reads`, within these bounds. Must run inside a tokio runtime.
    ///
    /// # Errors
    /// As [`ExecError`] has it, in its order.
    pub async fn load(self, reads: &[PathBuf], bounds: Confinement, patience: Patience) -> Result<Loaded, ExecError> {
        for (at, path) in reads.iter().enumerate() {
            if let Err(error) = std::fs::metadata(path) {
                return Err(ExecError::Reads { at, path: path.clone(), error });
            }
        }
        let path = self.file.clone();
        let fingerprint = self.fingerprint;
        let suggested = self.library().filter(|library| !reads.iter().any(|path| library.starts_with(path)));
        let starts = |why| ExecError::Start { path: path.clone(), why, reads: suggested.clone() };
        let program = Arc::new(self.program(reads, bounds, patience));
        let listener = Arc::new(Listener::default());
        let plugin = process::connect(&program, Arc::clone(&listener) as Arc<dyn Peer>).into_peer();
        let asking = async {
            // Both of one process: to start one is most of what they take.
            let manifest = ask(&*plugin, MANIFEST).await?;
            Ok::<_, String>((manifest, ask(&*plugin, plugin_method::SCHEMA).await?))
        };
        let late = || format!("it did not say what it is within {} ms", patience.start.as_millis());
        let asked = tokio::time::timeout(patience.start, asking).await;
        let why = asked.map_err(|_| late()).and_then(|answers| answers);
        let (manifest, schema) = why.map_err(|why| starts(listener.with_words(why)))?;
        if manifest.len() > MANIFEST_LEN_MAX {
            let because = format!("it has more than {} kB", MANIFEST_LEN_MAX >> 10);
            return Err(LoadError::Manifest { path, because }.into());
        }
        let manifest = understand_manifest(&path, &manifest)?;
        let schema = serde_json::from_slice(&schema).map_err(|error| starts(format!("its schema is none: {error}")))?;
        expansion::check(&schema).map_err(|why| starts(format!("its schema is of no use: {why}")))?;
        let loaded = Loaded::new(manifest, Some(fingerprint), move |host| process::connect(&program, host));
        Ok(loaded.with_schema(Arc::new(OnceCell::new_with(Some(schema)))))
    }

    fn program(self, reads: &[PathBuf], bounds: Confinement, patience: Patience) -> Program {
        let Self { program, arguments, at, file, bytes, .. } = self;
        let interpreter = at.map(|_| program);
        let image = match &interpreter {
            None => Some(Image::Bytes(&bytes)),
            Some(interpreter) => std::fs::File::open(interpreter).ok().map(Image::File),
        };
        let needs = image.as_ref().map(needs::needs).unwrap_or_default();
        let runs = interpreter.iter().cloned().chain(needs.loader).collect();
        let reads = reads.iter().cloned().chain(needs.libraries).collect();
        Program { interpreter, arguments, at, file, bytes, runs, reads, bounds, patience }
    }

    /// Where its interpreter has its library, if it lies where it usually does: `/usr/lib/python3.11` of `/usr/bin/python3`.
    pub fn library(&self) -> Option<PathBuf> {
        library(&self.program)
    }

    /// The same of an interpreter that is yet to be given a plugin, looked for as [`Self::read`] does.
    pub fn library_of(interpreter: &str, search: Option<&OsStr>) -> Option<PathBuf> {
        library(&command::find(interpreter, Path::new(""), search).ok()?)
    }
}

fn library(program: &Path) -> Option<PathBuf> {
    let program = program.canonicalize().ok()?;
    let name = program.file_name()?;
    let library = program.parent()?.parent()?.join("lib").join(name);
    library.is_dir().then_some(library)
}

/// What a process that is not open answers to `method`.
async fn ask(plugin: &dyn Peer, method: &str) -> Result<Bytes, String> {
    let circumstances = Circumstances { call: 0, now_ms: 0, deadline_ms: 0, seed: 0, trace: None };
    let reply = plugin.call(0, method, Params::raw(b"").frame(&circumstances), Bytes::new()).await;
    if reply.ok {
        return Ok(reply.frame);
    }
    let failure = serde_json::from_slice::<Failure>(&reply.frame).map_err(|error| error.to_string())?;
    Err(failure.message)
}

/// How many lines are remembered, to say what a process ended with that never became a plugin.
const LAST_WORDS_MAX: usize = 20;

/// The host of a process that is only asked for its manifest: there is nothing to ask, and what it says last is remembered.
#[derive(Default)]
struct Listener(Mutex<VecDeque<String>>);

impl Listener {
    /// `why`, and what it said last.
    fn with_words(&self, why: String) -> String {
        let mut words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let words = words.make_contiguous();
        if words.is_empty() { why } else { format!("{why}; the last that it said: {}", words.join(" / ")) }
    }
}

impl Peer for Listener {
    fn call(&self, _: u64, _: &str, _: Bytes, _: Bytes) -> BoxFuture<'static, Reply> {
        let failure = Failure::new(Source::Host, "call_over", "the instance is not open");
        Box::pin(std::future::ready(Reply::failure(&failure)))
    }

    fn notify(&self, method: &str, frame: Bytes) {
        let mut words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if method == host_method::LOG
            && let Ok(LogLine { message, .. }) = serde_json::from_slice(&frame)
        {
            if words.len() == LAST_WORDS_MAX {
                words.pop_front();
            }
            words.push_back(message);
        }
    }
}
