//! What a child is: it gives away all that it may do, loads its library, and serves calls.
//!
//! `unsafe` is here for what no crate wraps; each says why it is sound.

#![allow(unsafe_code)]

pub(super) mod filters;
pub(super) mod reached;
mod sandbox;
mod serve;

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use sportello_sdk::abi::PluginModuleRef;

use super::orders::Orders;
use super::program::NAME_ROOM;
use crate::link::{Kind, Outgoing};
use crate::loaded::root_at;
pub(super) use sandbox::landlocked;

/// Is a child, to its end.
pub(super) fn be(mut args: impl Iterator<Item = OsString>) -> ! {
    let Some(gateway) = args.next().and_then(|gateway| gateway.to_str()?.parse().ok()) else {
        eprintln!("this is started by the gateway alone, for a plugin that has a process of its own");
        std::process::exit(64);
    };
    // SAFETY: there is one thread, and nothing in here holds on to the environment. What was in it has been read by now.
    unsafe { libc::clearenv() };
    let (mut socket, orders, library) = match inherit().and_then(receive) {
        Ok(Some(received)) => received,
        // The gateway is gone, or has no plugin that it would be.
        Ok(None) => std::process::exit(0),
        Err(error) => {
            eprintln!("what the gateway hands over is not there: {error}");
            std::process::exit(64);
        }
    };
    name_itself(&orders.name);
    match prepare(gateway, &orders, library) {
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

/// The socket, which stands in the place of standard input; nothing else is kept but standard error.
fn inherit() -> std::io::Result<UnixStream> {
    // SAFETY: it closes what this program has from whoever started the gateway. Nothing in here owns any of it: this program
    // has opened nothing yet.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
    let socket = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nothing)?;
    Ok(socket.into())
}

/// Waits for its orders. Until then it ends with its gateway by the socket's end, and from then on by a signal.
fn receive(socket: UnixStream) -> std::io::Result<Option<(UnixStream, Orders, File)>> {
    let received = Orders::receive(&socket)?;
    Ok(received.map(|(orders, library)| (socket, orders, library.into())))
}

/// Has the plugin's name stand in the list of processes, where room was left for it.
fn name_itself(name: &str) {
    // proc_pid_stat(5): the fields behind the program's name, which may contain anything, are counted from the third on.
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else {
        return;
    };
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    // Field 49 is where the arguments end.
    let Some(end) = fields.get(49 - 3).and_then(|end| end.parse::<usize>().ok()) else {
        return;
    };
    let room = NAME_ROOM + 1;
    let mut written: Vec<u8> = name.bytes().take(NAME_ROOM).collect();
    written.resize(room, 0);
    let Some(start) = end.checked_sub(room) else {
        return;
    };
    let place = std::ptr::with_exposed_provenance_mut::<u8>(start);
    // SAFETY: the last argument is `NAME_ROOM` bytes and its end (`nursery`), which is writable memory of this process from
    // its start to its end (execve(2)). There is one thread, and nothing in here refers to the arguments: `std::env::args_os`
    // copies, and is not asked again.
    unsafe { std::ptr::copy_nonoverlapping(written.as_ptr(), place, room) };
}

/// Gives up what it may do, and loads the library in between.
fn prepare(gateway: u32, orders: &Orders, library: File) -> Result<PluginModuleRef, String> {
    // What a plugin may need of the system's comes now: soon there is no file that could be opened.
    for name in &orders.needs {
        preload(name)?;
    }
    sandbox::enter(gateway, orders.memory_mb, orders.open_files)?;
    reached::tell()?;
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
