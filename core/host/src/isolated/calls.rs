//! Names of system calls that a plugin's process is refused and somebody may ask about.

use libc::c_long;

const NAMES: [(c_long, &str); 34] = [
    (libc::SYS_openat, "openat"),
    (libc::SYS_openat2, "openat2"),
    (libc::SYS_newfstatat, "newfstatat"),
    (libc::SYS_statx, "statx"),
    (libc::SYS_readlinkat, "readlinkat"),
    (libc::SYS_getdents64, "getdents64"),
    (libc::SYS_unlinkat, "unlinkat"),
    (libc::SYS_mkdirat, "mkdirat"),
    (libc::SYS_renameat2, "renameat2"),
    (libc::SYS_faccessat, "faccessat"),
    (libc::SYS_socket, "socket"),
    (libc::SYS_socketpair, "socketpair"),
    (libc::SYS_connect, "connect"),
    (libc::SYS_bind, "bind"),
    (libc::SYS_listen, "listen"),
    (libc::SYS_accept4, "accept4"),
    (libc::SYS_sendmsg, "sendmsg"),
    (libc::SYS_recvmsg, "recvmsg"),
    (libc::SYS_clone, "clone"),
    (libc::SYS_clone3, "clone3"),
    (libc::SYS_kill, "kill"),
    (libc::SYS_tkill, "tkill"),
    (libc::SYS_tgkill, "tgkill"),
    (libc::SYS_prctl, "prctl"),
    (libc::SYS_seccomp, "seccomp"),
    (libc::SYS_prlimit64, "prlimit64"),
    (libc::SYS_setsid, "setsid"),
    (libc::SYS_mmap, "mmap"),
    (libc::SYS_mprotect, "mprotect"),
    (libc::SYS_mremap, "mremap"),
    (libc::SYS_memfd_create, "memfd_create"),
    (libc::SYS_rt_sigaction, "rt_sigaction"),
    (libc::SYS_close, "close"),
    (libc::SYS_fcntl, "fcntl"),
];

/// The name of this call, or its number.
pub(super) fn name(number: u64) -> String {
    let found = NAMES.iter().find(|(known, _)| u64::try_from(*known) == Ok(number));
    found.map_or_else(|| number.to_string(), |(_, name)| (*name).to_owned())
}
