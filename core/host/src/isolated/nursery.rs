//! Where children are started: one thread, for ever. The system lets a child die with the *thread* that started it
//! (PR_SET_PDEATHSIG, prctl(2)), so that this must not be one of a pool.
//!
//! One child more than there are plugins is always there, started and waiting for its orders: what a start takes is
//! mostly the program's own, and a plugin that comes then does not wait for it.

use std::io::{Error, Result};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::Library;
use super::orders::Orders;
use super::program::{ALLOCATOR, CHILD, NAME_ROOM, program};
use crate::confine::Confinement;

/// What is to be started.
enum Birth {
    /// A child whose orders are given already, and who is told of it.
    Child { program: PathBuf, socket: UnixStream, born: Box<dyn FnOnce(Result<Child>) + Send> },
    /// The one that waits.
    Spare,
}

/// A child that waits for its orders.
struct Spare {
    program: PathBuf,
    child: Child,
    socket: UnixStream,
}

static SPARE: Mutex<Option<Spare>> = Mutex::new(None);

/// Has a child be an instance of `library`, and answers with what to speak with it over. `born` is told when it has
/// started, here or on another thread.
///
/// # Errors
/// Why it cannot even be tried.
pub(super) fn bear(
    library: &Library,
    confinement: Confinement,
    born: impl FnOnce(Result<Child>) + Send + 'static,
) -> Result<UnixStream> {
    static NURSERY: OnceLock<std::result::Result<Sender<Birth>, String>> = OnceLock::new();

    let Some(program) = program() else {
        return Err(Error::other("this program does not serve as a plugin's own process"));
    };
    let nursery = NURSERY.get_or_init(|| open().map_err(|error| error.to_string()));
    let nursery = nursery.as_ref().map_err(|error| Error::other(error.clone()))?;
    let orders = Orders {
        name: library.name.clone(),
        memory_mb: confinement.memory_mb,
        open_files: confinement.open_files,
        needs: library.needs.iter().copied().map(str::to_owned).collect(),
    };
    let closed = |_| Error::other("the nursery is closed");
    if let Some(spare) = Spare::take(&program) {
        // One that is gone in this very moment ends its instance, as one that is gone in the next does.
        if orders.give(&spare.socket, library.sealed.memory()).is_ok() {
            nursery.send(Birth::Spare).map_err(closed)?;
            born(Ok(spare.child));
            return Ok(spare.socket);
        }
        spare.discard();
    }
    let (ours, socket) = UnixStream::pair()?;
    orders.give(&ours, library.sealed.memory())?;
    nursery.send(Birth::Child { program, socket, born: Box::new(born) }).map_err(closed)?;
    Ok(ours)
}

fn open() -> Result<Sender<Birth>> {
    let (sender, births) = channel();
    std::thread::Builder::new().name("nursery".to_owned()).spawn(move || work(&births))?;
    Ok(sender)
}

fn work(births: &Receiver<Birth>) {
    while let Ok(birth) = births.recv() {
        let mut next = Some(birth);
        while let Some(birth) = next {
            if let Birth::Child { program, socket, born } = birth {
                born(start(&program, socket));
            }
            next = births.try_recv().ok();
        }
        // Those who are waited for come first.
        Spare::prepare();
    }
}

/// Starts a child that waits for its orders at `socket`.
fn start(program: &Path, socket: UnixStream) -> Result<Child> {
    let mut command = Command::new(program);
    command
        .arg0(CHILD)
        .arg(std::process::id().to_string())
        // Where its name will stand.
        .arg(" ".repeat(NAME_ROOM))
        .env_clear()
        // A child takes even these away, once they are read.
        .envs(ALLOCATOR)
        .current_dir("/")
        // A keyboard's interrupt is the gateway's alone: a child must live until its calls are answered.
        .process_group(0)
        // What it needs stands where every process has something: nothing else has to be handed over.
        .stdin(OwnedFd::from(socket))
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command.spawn()
}

impl Spare {
    fn lock() -> std::sync::MutexGuard<'static, Option<Self>> {
        SPARE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one that waits, if it is there, and of this program.
    fn take(program: &Path) -> Option<Self> {
        let mut spare = Self::lock().take()?;
        if spare.program == program && matches!(spare.child.try_wait(), Ok(None)) {
            return Some(spare);
        }
        spare.discard();
        None
    }

    /// Starts the one that waits, if there is none. Where that fails the next plugin's is started when it comes.
    fn prepare() {
        let Some(program) = program() else {
            return;
        };
        if Self::lock().is_some() {
            return;
        }
        let started = UnixStream::pair().and_then(|(ours, theirs)| Ok((start(&program, theirs)?, ours)));
        if let Ok((child, socket)) = started {
            *Self::lock() = Some(Self { program, child, socket });
        }
    }

    fn discard(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
