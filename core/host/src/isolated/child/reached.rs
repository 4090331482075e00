//! Tells of a system call that was refused: on standard error, in a line of which the gateway knows what it is. A plugin that
//! stands in for this one tells on itself alone; one that keeps it from being told ends its process.
//!
//! The filter sends a signal in place of the call (`SECCOMP_RET_TRAP`, seccomp(2)); the handler has the call fail with EPERM.

use std::ffi::{c_int, c_void};

use rustix::io::Errno;

/// What such a line begins with; the number of the call follows.
pub(in super::super) const REFUSED: &str = "sportello: refused the system call ";

/// The longest line, with its ends.
const LINE_LEN: usize = REFUSED.len() + 22;

/// Has refused calls told of, and fail.
///
/// # Errors
/// When the handler cannot be had.
pub(super) fn tell() -> Result<(), String> {
    // SAFETY: all zeros is a `sigaction` that says nothing.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = refuse as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: the handler is of the kind that `SA_SIGINFO` asks for, lasts for ever, and keeps to signal-safety(7).
    let done = unsafe { libc::sigaction(libc::SIGSYS, &raw const action, std::ptr::null_mut()) };
    if done == 0 {
        Ok(())
    } else {
        Err(format!("refused calls cannot be told of: {}", std::io::Error::last_os_error()))
    }
}

extern "C" fn refuse(_: c_int, _: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel hands over the state of the thread, which is this handler's alone for as long as it runs.
    let Some(context) = (unsafe { context.cast::<libc::ucontext_t>().as_mut() }) else {
        return;
    };
    let number = answered(context, i64::from(-Errno::PERM.raw_os_error()));
    let mut line = [0; LINE_LEN];
    let written = write_line(&mut line, number.unsigned_abs());
    // Nobody could be told that it cannot be told.
    let _ = rustix::io::write(rustix::stdio::stderr(), line.get(..written).unwrap_or_default());
}

/// Has the call answer `result`. Answers which one it is.
#[cfg(target_arch = "x86_64")]
fn answered(context: &mut libc::ucontext_t, result: i64) -> i64 {
    let place = usize::try_from(libc::REG_RAX).unwrap_or(0);
    context.uc_mcontext.gregs.get_mut(place).map_or(-1, |register| std::mem::replace(register, result))
}

/// Has the call answer `result`. Answers which one it is.
#[cfg(target_arch = "aarch64")]
fn answered(context: &mut libc::ucontext_t, result: i64) -> i64 {
    let [first, .., eighth] = &mut context.uc_mcontext.regs[..9] else { return -1 };
    *first = result.cast_unsigned();
    eighth.cast_signed()
}

/// Has the call answer `result`. Answers which one it is.
#[cfg(target_arch = "riscv64")]
fn answered(context: &mut libc::ucontext_t, result: i64) -> i64 {
    // a0 and a7.
    let [.., answer, _, _, _, _, _, _, number] = &mut context.uc_mcontext.__gregs[..18] else { return -1 };
    *answer = result.cast_unsigned();
    number.cast_signed()
}

/// The line, without memory of its own. Answers its length.
fn write_line(line: &mut [u8], number: u64) -> usize {
    let mut digits = [0; 20];
    let (mut left, mut count) = (number, 0);
    loop {
        for (digit, value) in digits.iter_mut().rev().skip(count).take(1).zip([left % 10]) {
            *digit = b'0' + u8::try_from(value).unwrap_or(0);
        }
        (left, count) = (left / 10, count + 1);
        if left == 0 {
            break;
        }
    }
    let digits = digits.iter().skip(digits.len() - count);
    // Whatever was written before is another line.
    let all = b"\n".iter().chain(REFUSED.as_bytes()).chain(digits).chain(b"\n");
    line.iter_mut().zip(all).map(|(place, byte)| *place = *byte).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_number() {
        for number in [0, 7, 41, 1_000, u64::MAX] {
            let mut line = [0; LINE_LEN];
            let len = write_line(&mut line, number);
            assert_eq!(std::str::from_utf8(&line[..len]).unwrap(), format!("\n{REFUSED}{number}\n"));
        }
    }
}
