//! Which system calls a child may make. Whatever is not listed fails with EPERM, which a library that only looks around
//! bears, and is told of (`reached`); what is of use to an attacker alone ends the process.
//!
//! Memory may be written or executed and never both, never shared, and only anonymous: so no code runs in here but that of
//! this program, of the system's libraries, and of the library that was verified.

use std::collections::BTreeMap;

use libc::{c_int, c_long};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

/// What computing and speaking over an open socket takes.
const ALWAYS: &[c_long] = &[
    // The socket, and standard error.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_recvfrom,
    libc::SYS_sendto,
    libc::SYS_close,
    // Memory: that it is not executable and not shared is checked below, where it is made. None grows where it stands
    // (`mremap`): a page of the stack would, and no bound counts what that becomes. Allocators then copy.
    libc::SYS_munmap,
    libc::SYS_madvise,
    libc::SYS_brk,
    // Time, locks, randomness.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_sched_yield,
    libc::SYS_futex,
    libc::SYS_getrandom,
    libc::SYS_restart_syscall,
    // Its own signals, and its end.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_exit,
    libc::SYS_exit_group,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_time,
];

/// What loading a library takes besides. Landlock leaves nothing to be opened but the library itself.
const LOADING: &[c_long] = &[libc::SYS_openat, libc::SYS_fstat, libc::SYS_newfstatat, libc::SYS_pread64];

/// What no library that means well ever tries: other programs, other processes' memory, the kernel's own machinery.
const NEVER: &[c_long] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_kcmp,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_by_handle_at,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_personality,
];

/// What fails without a word. A thread or a process is made with all signals blocked, and one that could not be told then
/// would end this one.
const SILENT: &[c_long] = &[
    libc::SYS_clone,
    libc::SYS_clone3,
    // Every allocator asks whether a large block can grow where it stands, and copies where it cannot.
    libc::SYS_mremap,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_fork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_vfork,
];

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// From now on, until [`for_ever`]: what loads the library, and no more.
pub(super) fn while_loading() -> Result<(), String> {
    apply(SeccompAction::Allow, SeccompAction::KillProcess, rules(NEVER))?;
    apply(SeccompAction::Allow, SeccompAction::Errno(libc::EPERM.unsigned_abs()), silent()?)?;
    let mut may = computing()?;
    may.extend(rules(LOADING));
    // Code comes out of a file alone; and it is never written to: what is one is not the other, from the first on.
    let of_file = masked(3, SHARED | GROWS_DOWN | ANONYMOUS, 0)?;
    for never in [EXECUTABLE, WRITABLE] {
        let either = rule(&[masked(2, never | PROT_GROWS_DOWN, 0)?, of_file.clone()])?;
        may.entry(libc::SYS_mmap).or_default().push(either);
    }
    // The second list is still to come.
    let no_new_privs = libc::PR_SET_NO_NEW_PRIVS;
    may.insert(libc::SYS_prctl, vec![rule(&[equal(0, u64::try_from(no_new_privs).unwrap_or(0))?])?]);
    let set_filter = u64::from(libc::SECCOMP_SET_MODE_FILTER);
    may.insert(libc::SYS_seccomp, vec![rule(&[equal(0, set_filter)?, equal(1, 0)?])?]);
    apply(SeccompAction::Trap, SeccompAction::Allow, may)
}

/// From now on, to the end: computes, and speaks over what is open.
pub(super) fn for_ever() -> Result<(), String> {
    apply(SeccompAction::Trap, SeccompAction::Allow, computing()?)
}

/// A filter that changes next to nothing, to see whether there are any.
pub(in super::super) fn harmless() -> Result<(), String> {
    apply(SeccompAction::Allow, SeccompAction::KillProcess, rules(&[libc::SYS_reboot]))
}

const SHARED: u64 = 0x01;
const ANONYMOUS: u64 = 0x20;
const GROWS_DOWN: u64 = 0x100;
const HUGE: u64 = 0x4_0000;
const WRITABLE: u64 = 0x2;
const EXECUTABLE: u64 = 0x4;
const PROT_GROWS_DOWN: u64 = 0x0100_0000;

fn computing() -> Result<Rules, String> {
    let mut may = rules(ALWAYS);
    // Refused by another filter, of which this one must not make more.
    may.extend(silent()?);
    let no_code = masked(2, EXECUTABLE | PROT_GROWS_DOWN, 0)?;
    let own = masked(3, SHARED | GROWS_DOWN | HUGE | ANONYMOUS, ANONYMOUS)?;
    may.insert(libc::SYS_mmap, vec![rule(&[no_code.clone(), own])?]);
    may.insert(libc::SYS_mprotect, vec![rule(&[no_code])?]);
    // That something was refused is told, whatever it does: by a signal of which nobody else takes care, and where it is heard.
    may.insert(libc::SYS_rt_sigaction, vec![rule(&[other(0, libc::SIGSYS)?])?]);
    may.insert(libc::SYS_close, vec![rule(&[other(0, libc::STDERR_FILENO)?])?]);
    // It may end itself, by a signal too, and nobody else.
    may.insert(libc::SYS_tgkill, vec![rule(&[equal(0, u64::from(std::process::id()))?])?]);
    Ok(may)
}

fn silent() -> Result<Rules, String> {
    let mut silent = rules(SILENT);
    // Whether a file is open: a debug build asks before it closes one.
    silent.insert(libc::SYS_fcntl, vec![rule(&[equal(1, u64::from(libc::F_GETFD.unsigned_abs()))?])?]);
    Ok(silent)
}

fn rules(calls: &[c_long]) -> Rules {
    calls.iter().map(|call| (*call, Vec::new())).collect()
}

fn rule(conditions: &[SeccompCondition]) -> Result<SeccompRule, String> {
    SeccompRule::new(conditions.to_vec()).map_err(|error| error.to_string())
}

fn equal(argument: u8, value: u64) -> Result<SeccompCondition, String> {
    SeccompCondition::new(argument, Len::Dword, Op::Eq, value).map_err(|error| error.to_string())
}

fn other(argument: u8, value: c_int) -> Result<SeccompCondition, String> {
    let value = u64::from(value.unsigned_abs());
    SeccompCondition::new(argument, Len::Dword, Op::Ne, value).map_err(|error| error.to_string())
}

fn masked(argument: u8, mask: u64, value: u64) -> Result<SeccompCondition, String> {
    SeccompCondition::new(argument, Len::Dword, Op::MaskedEq(mask), value).map_err(|error| error.to_string())
}

fn apply(otherwise: SeccompAction, listed: SeccompAction, rules: Rules) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("its system calls cannot be bounded: {error}");
    let machine: TargetArch = std::env::consts::ARCH.try_into().map_err(|error| failed(&error))?;
    let filter = SeccompFilter::new(rules, otherwise, listed, machine).map_err(|error| failed(&error))?;
    let program: BpfProgram = filter.try_into().map_err(|error: seccompiler::BackendError| failed(&error))?;
    apply_filter(&program).map_err(|error| failed(&error))
}
