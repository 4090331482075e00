//! Why a child ended, in words, from what the system and its last words say.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// What Rust's standard library, and the allocator of this program, say before they end a process for want of memory.
const WANT_OF_MEMORY: [&str; 2] = ["memory allocation of ", "unable to allocate"];

/// Why a child ended that nobody here ended. `said` is what it wrote last on its standard error.
pub(super) fn verdict(status: Option<ExitStatus>, said: &str, memory_mb: u32) -> String {
    let Some(status) = status else {
        return "it has ended, and the system does not say how".to_owned();
    };
    let Some(signal) = status.signal() else {
        return format!("it exited with status {}", status.code().unwrap_or_default());
    };
    if signal == libc::SIGABRT && WANT_OF_MEMORY.iter().any(|words| said.contains(words)) {
        return format!("its memory bound of {memory_mb} MB was reached (SIGABRT)");
    }
    match signal {
        libc::SIGSEGV => "SIGSEGV: it touched memory that is not its own, or used up its stack".to_owned(),
        libc::SIGABRT => "SIGABRT: it gave itself up".to_owned(),
        libc::SIGSYS => "SIGSYS: it tried what it may not, a system call that no plugin has a use for".to_owned(),
        libc::SIGKILL => "SIGKILL: somebody killed it, or the system did for want of memory".to_owned(),
        libc::SIGBUS => "SIGBUS: it touched memory that is not there".to_owned(),
        libc::SIGILL => "SIGILL: it came to an instruction that is none".to_owned(),
        libc::SIGFPE => "SIGFPE: it divided by zero, or the like".to_owned(),
        libc::SIGTRAP => "SIGTRAP: it came to a breakpoint".to_owned(),
        libc::SIGXFSZ => "SIGXFSZ: it wrote more into a file than it may".to_owned(),
        libc::SIGTERM => "SIGTERM: somebody ended it".to_owned(),
        other => format!("signal {other} ended it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_told_by_their_names() {
        let check = |status: i32, said: &str, expected: &str| {
            let told = verdict(Some(ExitStatus::from_raw(status)), said, 64);
            assert!(told.starts_with(expected), "{told}");
        };
        check(libc::SIGSEGV, "", "SIGSEGV: ");
        check(libc::SIGABRT, "", "SIGABRT: ");
        check(libc::SIGABRT, "memory allocation of 99 bytes failed", "its memory bound of 64 MB was reached");
        check(libc::SIGSEGV, "memory allocation of 99 bytes failed", "SIGSEGV: ");
        check(libc::SIGSYS, "", "SIGSYS: it tried what it may not");
        check(libc::SIGURG, "", "signal 23");
        check(3 << 8, "", "it exited with status 3");
        assert!(verdict(None, "", 64).contains("does not say"));
    }
}
