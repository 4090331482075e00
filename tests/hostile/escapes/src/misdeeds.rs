//! What no rail may do.

use std::io::{Error, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::os::unix::process::CommandExt;
use std::process::Command;

use libc::{c_int, c_long, c_void};

/// Tries `what`, and says what came of it, if it still can.
pub(crate) fn perform(what: &str) -> String {
    let (verb, rest) = what.split_once(' ').unwrap_or((what, ""));
    let came = match verb {
        "segfault" => segfault(),
        "abort" => std::process::abort(),
        "exit" => std::process::exit(3),
        "loop" => endless(),
        "stack" => Ok(format!("{}", deeper(1))),
        "memory" => hoard(),
        "panic" => panic!("told to panic with {rest}"),
        "fork-bomb" => loop {
            // SAFETY: none of this is; that is what it is for. So for all below.
            unsafe { libc::fork() };
        },
        "stderr" => shout(rest),
        "garbage" => garbage(),
        "flood" => flood(),
        "answers-nobody" => answers_nobody(),
        "close" => number(unsafe { libc::close(3) }.into()),
        "fork" => number(unsafe { libc::fork() }.into()),
        "thread" => std::thread::Builder::new().spawn(|| ()).map(|_| "a thread".to_owned()),
        "file" => std::fs::read(rest).map(|bytes| format!("{} bytes", bytes.len())),
        "write" => std::fs::write(rest, "x").map(|()| rest.to_owned()),
        "list" => std::fs::read_dir(rest).map(|entries| format!("{} entries", entries.count())),
        "remove" => std::fs::remove_file(rest).map(|()| rest.to_owned()),
        "chdir" => std::env::set_current_dir(rest).map(|()| rest.to_owned()),
        "tcp" => TcpStream::connect(rest).map(|_| rest.to_owned()),
        "listen" => TcpListener::bind("127.0.0.1:0").map(|_| "a port".to_owned()),
        "udp" => UdpSocket::bind("127.0.0.1:0").map(|_| "a port".to_owned()),
        "unix" => UnixStream::connect(rest).map(|_| rest.to_owned()),
        "abstract" => SocketAddr::from_abstract_name(rest)
            .and_then(|address| UnixStream::connect_addr(&address))
            .map(|_| rest.to_owned()),
        "exec" => Err(Command::new("/bin/true").exec()),
        "ptrace" => number(unsafe { libc::ptrace(libc::PTRACE_ATTACH, pid(rest), 0, 0) }),
        "peek" => peek(pid(rest)),
        "kill" => number(unsafe { libc::kill(pid(rest), libc::SIGCONT) }.into()),
        "kill-group" => number(unsafe { libc::kill(0, libc::SIGCONT) }.into()),
        "map-code" => map(libc::PROT_READ | libc::PROT_EXEC, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS),
        "map-all" => map(7, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS),
        "shared" => map(libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS),
        "grows" => map(3, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_GROWSDOWN),
        "stretch" => stretch(),
        "grow" => grow(),
        "map-own-code" => map_own_code(),
        "make-code" => make_code(),
        "memfd" => number(unsafe { libc::memfd_create(c"x".as_ptr(), 0) }.into()),
        "ring" => syscall(libc::SYS_io_uring_setup, 1),
        "bpf" => syscall(libc::SYS_bpf, 0),
        "keys" => syscall(libc::SYS_keyctl, 0),
        "unshare" => number(unsafe { libc::unshare(libc::CLONE_NEWUSER) }.into()),
        "become-root" => number(unsafe { libc::setuid(0) }.into()),
        "more-files" => more_files(),
        "outlive" => number(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, 0) }.into()),
        "dump" => number(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 1) }.into()),
        "environment" => none(std::env::vars_os().map(|(name, _)| name).collect()),
        "arguments" => none(std::env::args_os().filter(|arg| arg.to_string_lossy().contains(rest)).collect()),
        other => Ok(format!("nothing is called {other}")),
    };
    match came {
        Ok(what) => format!("done {what}"),
        Err(error) => format!("refused {error}"),
    }
}

fn pid(text: &str) -> c_int {
    text.parse().unwrap()
}

fn number(returned: c_long) -> Result<String, Error> {
    if returned < 0 { Err(Error::last_os_error()) } else { Ok(returned.to_string()) }
}

fn none(found: Vec<std::ffi::OsString>) -> Result<String, Error> {
    if found.is_empty() { Err(Error::other("there is none")) } else { Ok(format!("{found:?}")) }
}

fn syscall(which: c_long, first: c_long) -> Result<String, Error> {
    number(unsafe { libc::syscall(which, first, 0, 0, 0, 0, 0) })
}

fn segfault() -> Result<String, Error> {
    unsafe { std::ptr::without_provenance_mut::<u8>(8).write_volatile(1) };
    Ok("a write to address 8".to_owned())
}

fn endless() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

#[expect(unconditional_recursion, reason = "that is what it is for")]
fn deeper(level: u64) -> u64 {
    let room = std::hint::black_box([level; 512]);
    deeper(level + 1) + room[0]
}

fn hoard() -> Result<String, Error> {
    let mut all = Vec::new();
    loop {
        all.push(std::hint::black_box(vec![1u8; 1 << 20]));
    }
}

fn shout(rest: &str) -> Result<String, Error> {
    let (lines, text) = rest.split_once(' ').unwrap_or((rest, ""));
    for _ in 0..lines.parse().unwrap_or(1) {
        let _ = writeln!(std::io::stderr(), "{text}");
    }
    Ok("said".to_owned())
}

/// Writes to the socket what is no message.
fn garbage() -> Result<String, Error> {
    let bytes = [0xff_u8; 64];
    number(unsafe { libc::write(3, bytes.as_ptr().cast::<c_void>(), bytes.len()) } as c_long)
}

/// Answers what it was never asked.
fn answers_nobody() -> Result<String, Error> {
    let mut reply = [0_u8; 28];
    reply[..2].copy_from_slice(&[3, 1]);
    reply[12..20].copy_from_slice(&(1_u64 << 40).to_le_bytes());
    number(unsafe { libc::write(3, reply.as_ptr().cast::<c_void>(), reply.len()) } as c_long)
}

/// Asks without end whether its host is there, and never reads that it is.
fn flood() -> Result<String, Error> {
    let mut ping = [0_u8; 28];
    ping[..2].copy_from_slice(&[6, 1]);
    let pings = ping.repeat(2_000);
    // Whole messages: what the socket did not take of one comes next.
    let mut at = 0;
    loop {
        let rest = &pings[at..];
        let written = unsafe { libc::write(3, rest.as_ptr().cast::<c_void>(), rest.len()) };
        let written = usize::try_from(written).map_err(|_| Error::last_os_error())?;
        at = (at + written) % pings.len();
    }
}

fn peek(pid: c_int) -> Result<String, Error> {
    let mut byte = 0_u8;
    let here = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    number(unsafe { libc::process_vm_readv(pid, &here, 1, &here, 1, 0) } as c_long)
}

fn map(protection: c_int, flags: c_int) -> Result<String, Error> {
    let mapped = unsafe { libc::mmap(std::ptr::null_mut(), 4096, protection, flags, -1, 0) };
    if mapped == libc::MAP_FAILED { Err(Error::last_os_error()) } else { Ok("a page".to_owned()) }
}

/// Makes 128 MB of a page of the stack, on which nothing stands.
fn stretch() -> Result<String, Error> {
    let mut room = std::hint::black_box([0_u8; 64 << 10]);
    let page = room.as_mut_ptr().map_addr(|at| (at + (32 << 10)) & !4095);
    let stretched = unsafe { libc::mremap(page.cast(), 4096, 128 << 20, libc::MREMAP_MAYMOVE) };
    if stretched == libc::MAP_FAILED { Err(Error::last_os_error()) } else { Ok("128 MB".to_owned()) }
}

/// Has what it holds grow, as any program does.
fn grow() -> Result<String, Error> {
    let mut all = vec![7_u8; 1 << 20];
    while all.len() < 8 << 20 {
        all.reserve_exact(all.len());
        all.resize(2 * all.len(), 7);
    }
    if all.iter().any(|byte| *byte != 7) {
        return Err(Error::other("it is not what it was"));
    }
    Ok(format!("{} bytes", all.len()))
}

/// Maps its own file, which is open while it is loaded, to be written and executed at once.
fn map_own_code() -> Result<String, Error> {
    let mapped = unsafe { libc::mmap(std::ptr::null_mut(), 4096, 7, libc::MAP_PRIVATE, 4, 0) };
    if mapped == libc::MAP_FAILED { Err(Error::last_os_error()) } else { Ok("a page".to_owned()) }
}

fn make_code() -> Result<String, Error> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    let page = unsafe { libc::mmap(std::ptr::null_mut(), 4096, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
    assert_ne!(page, libc::MAP_FAILED);
    number(unsafe { libc::mprotect(page, 4096, libc::PROT_READ | libc::PROT_EXEC) }.into())
}

fn more_files() -> Result<String, Error> {
    let most = libc::rlimit { rlim_cur: 1 << 20, rlim_max: 1 << 20 };
    number(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &most) }.into())
}
