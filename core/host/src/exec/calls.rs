//! Which system calls a program in any language may make.
//!
//! Three tables. What is in [`ALLOWED`] may be called with any arguments; what is in [`BY_ARGUMENT`] with all but those that
//! [`refused`] names; what is in [`REFUSED`] never, and says so: sockets, new processes, whatever reaches others. Whatever is
//! in none of them is answered as a kernel would that does not have it, which programs are prepared for.

#![cfg(target_os = "linux")]

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

/// Both filters, in the order in which they are put on: under the second none can be put on any more. The one `execve` that has
/// these marks as its fourth, fifth and sixth argument is allowed.
pub(super) fn filters(marks: [u64; 3]) -> Result<[BpfProgram; 2], String> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|error| error.to_string())?;
    let compiled = |filter: Result<SeccompFilter, BackendError>| {
        let compiled: Result<BpfProgram, _> = filter.and_then(TryInto::try_into);
        compiled.map_err(|error| format!("seccomp, which this needs, refuses: {error}"))
    };
    // What is refused by the other filter is none of this one's business.
    let known = [ALLOWED, BY_ARGUMENT, REFUSED].concat().into_iter().map(|call| (call, Vec::new())).collect();
    let [nosys, perm] = [libc::ENOSYS, libc::EPERM].map(|errno| SeccompAction::Errno(errno.unsigned_abs()));
    Ok([
        compiled(refused(marks).and_then(|rules| SeccompFilter::new(rules, SeccompAction::Allow, perm, arch)))?,
        compiled(SeccompFilter::new(known, nosys, SeccompAction::Allow, arch))?,
    ])
}

/// What is refused as not permitted: without a rule always, and else where one of its rules fits.
fn refused(marks: [u64; 3]) -> Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    use SeccompCmpArgLen::{Dword, Qword};
    use SeccompCmpOp::{Eq, MaskedEq, Ne};
    let when = |argument, len, op, value: i32| {
        let condition = SeccompCondition::new(argument, len, op, u64::from(value.unsigned_abs()))?;
        SeccompRule::new(vec![condition])
    };
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    // Threads it may have, and no processes.
    let threads = MaskedEq(u64::from(libc::CLONE_THREAD.unsigned_abs()));
    rules.insert(libc::SYS_clone, vec![when(0, Qword, threads, 0)?]);
    // Its own limits, and nobody else's.
    rules.insert(libc::SYS_prlimit64, vec![when(0, Dword, Ne, 0)?]);
    // A pair of connected sockets is a pipe, which event loops wake themselves by. One for datagrams could name others.
    let mut pairs = vec![when(0, Dword, Ne, libc::AF_UNIX)?];
    for kind in [libc::SOCK_DGRAM, libc::SOCK_RAW, libc::SOCK_SEQPACKET] {
        pairs.push(when(1, Dword, MaskedEq(0xf), kind)?);
    }
    rules.insert(libc::SYS_socketpair, pairs);
    // Memory that no limit counts: what is shared, and what grows by itself.
    let shared = when(3, Dword, MaskedEq(SHARED_ANONYMOUS), libc::MAP_SHARED | libc::MAP_ANONYMOUS)?;
    let growing = when(3, Dword, MaskedEq(u64::from(libc::MAP_GROWSDOWN.unsigned_abs())), libc::MAP_GROWSDOWN)?;
    rules.insert(libc::SYS_mmap, vec![shared, growing]);
    // The kernel sends signals in the name of whoever opened a pipe: to whom, and which, is not for it to say.
    let not_plain = FCNTL.iter().map(|command| SeccompCondition::new(1, Dword, Ne, u64::from(command.unsigned_abs())));
    rules.insert(libc::SYS_fcntl, vec![SeccompRule::new(not_plain.collect::<Result<_, _>>()?)?]);
    let owners = SIGNALLING.iter().map(|request| when(1, Dword, Eq, *request));
    rules.insert(libc::SYS_ioctl, owners.collect::<Result<_, _>>()?);
    // It becomes the program that it was started for, and nothing else after that.
    let other = (3..).zip(marks).map(|(at, mark)| SeccompRule::new(vec![SeccompCondition::new(at, Qword, Ne, mark)?]));
    rules.insert(libc::SYS_execve, other.collect::<Result<_, _>>()?);
    // It ends with its gateway.
    rules.insert(libc::SYS_prctl, vec![when(0, Dword, Eq, libc::PR_SET_PDEATHSIG)?]);
    Ok(rules)
}

/// Of the flags of a mapping, those that make it shared (`MAP_SHARED`, and with it `MAP_SHARED_VALIDATE`) and nobody's file.
const SHARED_ANONYMOUS: u64 = 0x21;

/// What may be asked of an open file.
const FCNTL: [i32; 6] =
    [libc::F_DUPFD, libc::F_DUPFD_CLOEXEC, libc::F_GETFD, libc::F_SETFD, libc::F_GETFL, libc::F_SETFL];

/// `FIOSETOWN`, `SIOCSPGRP` and `FIOASYNC` (asm-generic/sockios.h, ioctls.h): who is sent a signal when there is something to
/// read, and that somebody is.
const SIGNALLING: [i32; 3] = [0x8901, 0x8902, 0x5452];

/// What may be called, but not with all arguments: [`refused`] has a rule for each.
const BY_ARGUMENT: &[i64] = &[
    libc::SYS_clone,
    libc::SYS_execve,
    libc::SYS_fcntl,
    libc::SYS_ioctl,
    libc::SYS_mmap,
    libc::SYS_prctl,
    libc::SYS_prlimit64,
    libc::SYS_socketpair,
];

/// What is refused as not permitted, rather than as unknown: so the author of a plugin reads.
const REFUSED: &[i64] = &[
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_kill,
    libc::SYS_tgkill,
    libc::SYS_tkill,
    libc::SYS_ptrace,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_fork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_vfork,
];

/// What an interpreter needs beside that, to run one script and to read its library.
///
/// Not in it is `clone3`: what it is asked for stands in memory, where no filter sees it, and the C library then takes `clone`.
/// Nor is `io_uring`, by which a filter is gone around; nor `mremap`, which makes memory larger that no limit counts, and in
/// whose place the C library copies.
const ALLOWED: &[i64] = &[
    // Files, which Landlock bounds.
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_fadvise64,
    libc::SYS_dup,
    libc::SYS_dup3,
    // To wait.
    libc::SYS_pipe2,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_settime,
    libc::SYS_timerfd_gettime,
    libc::SYS_sendto,
    libc::SYS_recvfrom,
    libc::SYS_sendmsg,
    libc::SYS_recvmsg,
    libc::SYS_shutdown,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    // Memory, executable memory too.
    libc::SYS_munmap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_mincore,
    libc::SYS_brk,
    libc::SYS_membarrier,
    libc::SYS_pkey_alloc,
    libc::SYS_pkey_free,
    libc::SYS_pkey_mprotect,
    // Threads.
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_get_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_rseq,
    libc::SYS_gettid,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_get_priority_max,
    libc::SYS_sched_get_priority_min,
    libc::SYS_getcpu,
    // Signals to itself, as its C library handles them.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigpending,
    libc::SYS_sigaltstack,
    libc::SYS_signalfd4,
    libc::SYS_restart_syscall,
    // Time.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_times,
    // What it is, and where.
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_getresuid,
    libc::SYS_getresgid,
    libc::SYS_getgroups,
    libc::SYS_getpgid,
    libc::SYS_getsid,
    libc::SYS_capget,
    libc::SYS_getrusage,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_getrandom,
    // To end.
    libc::SYS_exit,
    libc::SYS_exit_group,
    // What only this machine still has beside the newer ones above.
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_stat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lstat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_access,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_readlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_getdents,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_dup2,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_pipe,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_select,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_create,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_eventfd,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_getrlimit,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_getpgrp,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_time,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_arch_prctl,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_is_in_one_table_and_what_depends_on_arguments_has_rules() {
        let mut all = [ALLOWED, BY_ARGUMENT, REFUSED].concat();
        let len = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), len, "a call is in two tables");
        filters([1, 2, 3]).unwrap();
        let refused = refused([1, 2, 3]).unwrap();
        for (call, rules) in &refused {
            let expected = if rules.is_empty() { REFUSED } else { BY_ARGUMENT };
            assert!(expected.contains(call), "{call}");
        }
        assert_eq!(refused.len(), BY_ARGUMENT.len() + REFUSED.len());
        assert_eq!(SHARED_ANONYMOUS, u64::from((libc::MAP_SHARED | libc::MAP_ANONYMOUS).unsigned_abs()));
        assert_eq!(libc::MAP_SHARED_VALIDATE & libc::MAP_SHARED, libc::MAP_SHARED);
    }
}
