//! What a child is: it gives away all that it may do, loads its library, and serves calls.
//!
//! `unsafe` is here for what no crate wraps; each says why it is sound.

#![allow(unsafe_code)]

pub(super) mod filters;
mod sandbox;
mod serve;

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use sportello_sdk::abi::PluginModuleRef;

use crate::link::{Kind, Outgoing};
use crate::loaded::root_at;
pub(super) use sandbox::landlocked;

/// What the gateway says to a child when it starts it.
struct Orders {
    gateway: u32,
    memory_mb: u32,
    open_files: u32,
    needs: Vec<String>,
}

impl Orders {
    fn read(mut args: impl Iterator<Item = OsString>) -> Option<Self> {
        let mut next = || args.next()?.into_string().ok();
        let gateway = next()?.parse().ok()?;
        let memory_mb = next()?.parse().ok()?;
        let open_files = next()?.parse().ok()?;
        let needs = next()?.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Some(Self { gateway, memory_mb, open_files, needs })
    }
}

/// Is a child, to its end.
pub(super) fn be(args: impl Iterator<Item = OsString>) -> ! {
    let Some(orders) = Orders::read(args) else {
        eprintln!("this is started by the gateway alone, for a plugin that has a process of its own");
        std::process::exit(64);
    };
    // SAFETY: there is one thread, and nothing in here holds on to the environment. What was in it has been read by now.
    unsafe { libc::clearenv() };
    let (mut socket, library) = match inherit() {
        Ok(inherited) => inherited,
        Err(error) => {
            eprintln!("what the gateway hands over is not there: {error}");
            std::process::exit(64);
        }
    };
    match prepare(&orders, library) {
        Ok(root) => {
            say(&mut socket, true, "");
            serve::serve(socket, root)
        }
        Err(why) => say(&mut socket, false, &why),
    }
    // SAFETY: it ends this process and does not return. What a library has left to be done at the end of a process is not
    // done: nothing of it is wanted any more.
    unsafe { libc::_exit(0) }
}

fn say(socket: &mut UnixStream, ok: bool, why: &str) {
    let mut message = Vec::new();
    Outgoing { ok, frame: why.as_bytes(), ..Outgoing::bare(Kind::Hello, 0) }.write(&mut message);
    // Where nobody hears it, nobody is there.
    let _ = socket.write_all(&message);
}

/// The socket and the library, which stand in the places of standard input and output; nothing else is kept but standard
/// error.
fn inherit() -> std::io::Result<(UnixStream, File)> {
    // SAFETY: it closes what this program has from whoever started the gateway. Nothing in here owns any of it: this program
    // has opened nothing yet.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
    let socket = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let library = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 4)?;
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nothing)?;
    rustix::stdio::dup2_stdout(&nothing)?;
    Ok((socket.into(), library.into()))
}

/// Gives up what it may do, and loads the library in between.
fn prepare(orders: &Orders, library: File) -> Result<PluginModuleRef, String> {
    // What a plugin may need of the system's comes now: soon there is no file that could be opened.
    for name in &orders.needs {
        preload(name)?;
    }
    sandbox::enter(orders.gateway, orders.memory_mb, orders.open_files)?;
    filters::while_loading()?;
    let root = root_at(Path::new(&format!("/proc/self/fd/{}", library.as_raw_fd())))?;
    drop(library);
    filters::for_ever()?;
    Ok(root)
}

/// Has one of the system's own libraries in the process, for one that needs it.
fn preload(name: &str) -> Result<(), String> {
    // SAFETY: it is one of the few libraries of the system that a plugin may need (`vet`), which every program may load.
    let library = unsafe { libloading::os::unix::Library::open(Some(name), libloading::os::unix::RTLD_LAZY) };
    // It is to stay.
    std::mem::forget(library.map_err(|error| format!("a library of the system that it needs is not there: {error}"))?);
    Ok(())
}
