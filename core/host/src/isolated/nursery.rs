//! Where children are started: one thread, for ever. The system lets a child die with the *thread* that started it
//! (PR_SET_PDEATHSIG, prctl(2)), so that this must not be one of a pool.

use std::io::{Error, Result};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};

use super::Library;
use super::program::{ALLOCATOR, CHILD, program};
use crate::confine::Confinement;

/// What is done on that thread.
type Birth = Box<dyn FnOnce() + Send>;

/// Has `start` start a child that runs `library` and speaks over `socket`.
///
/// # Errors
/// Why it cannot even be tried.
pub(super) fn bear(
    library: &Library,
    confinement: Confinement,
    socket: UnixStream,
    start: impl FnOnce(Command) + Send + 'static,
) -> Result<()> {
    static NURSERY: OnceLock<std::result::Result<Sender<Birth>, String>> = OnceLock::new();

    let Some(program) = program() else {
        return Err(Error::other("this program does not serve as a plugin's own process"));
    };
    let nursery = NURSERY.get_or_init(|| open().map_err(|error| error.to_string()));
    let nursery = nursery.as_ref().map_err(|error| Error::other(error.clone()))?;
    let Confinement { memory_mb, open_files, .. } = confinement;
    let mut command = Command::new(program);
    command
        .arg0(CHILD)
        .args([std::process::id(), memory_mb, open_files].map(|number| number.to_string()))
        .arg(library.needs.join(","))
        // For whoever looks at the list of processes.
        .arg(&library.name)
        .env_clear()
        // A child takes even these away, once they are read.
        .envs(ALLOCATOR)
        .current_dir("/")
        // A keyboard's interrupt is the gateway's alone: a child must live until its calls are answered.
        .process_group(0)
        // What it needs stands where every process has something: nothing else has to be handed over.
        .stdin(OwnedFd::from(socket))
        .stdout(library.sealed.memory().try_clone()?)
        .stderr(Stdio::piped());
    nursery.send(Box::new(move || start(command))).map_err(|_| Error::other("the nursery is closed"))
}

fn open() -> Result<Sender<Birth>> {
    let (sender, births) = channel::<Birth>();
    let work = move || births.into_iter().for_each(|birth| birth());
    std::thread::Builder::new().name("nursery".to_owned()).spawn(work)?;
    Ok(sender)
}
