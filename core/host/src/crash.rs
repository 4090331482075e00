//! Says whose code it was that ended this program, where a plugin that shares it did: what shares a process cannot be kept
//! from ending it, and an operator must know whom to give one of its own.
//!
//! `unsafe` is here for signal handlers, which no crate has for faults; each says why it is sound. A handler does nothing
//! but read, write a line, and hand on to whatever would have happened without it (signal-safety(7)).

#![allow(unsafe_code)]

use std::cell::Cell;
use std::fs::File;
use std::io::Error;
use std::os::fd::IntoRawFd;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering};
use std::sync::{Mutex, PoisonError};

use libc::{c_int, c_void, siginfo_t};

/// What a crash ends a program with, and what it is called.
const SIGNALS: [(c_int, &str); 5] = [
    (libc::SIGSEGV, "SIGSEGV"),
    (libc::SIGBUS, "SIGBUS"),
    (libc::SIGILL, "SIGILL"),
    (libc::SIGFPE, "SIGFPE"),
    (libc::SIGABRT, "SIGABRT"),
];

/// What was there for each of them before.
static BEFORE: [AtomicPtr<libc::sigaction>; SIGNALS.len()] = [const { AtomicPtr::new(null_mut()) }; SIGNALS.len()];

/// The file that is written to; none before there is one.
static NOTES: AtomicI32 = AtomicI32::new(-1);

thread_local! {
    /// Whose code this thread is within: where the name begins, and its length. Nothing has to be dropped, so that a handler
    /// may look.
    static WITHIN: Cell<(*const u8, usize)> = const { Cell::new((null(), 0)) };
}

/// Has the name of an instance whose code ends this program, or of a plugin's that is loaded, written to standard error: from
/// then on and for ever.
///
/// # Errors
/// Why that cannot be had.
pub fn name_crashes() -> Result<(), Error> {
    static INSTALLED: Mutex<bool> = Mutex::new(false);

    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if std::mem::replace(&mut *installed, true) {
        return Ok(());
    }
    // SAFETY: the function that is registered reads a thread-local cell that has no destructor, and writes.
    if unsafe { libc::atexit(at_exit) } != 0 {
        return Err(Error::other("the end of this program cannot be watched"));
    }
    for ((signal, _), before) in SIGNALS.iter().zip(&BEFORE) {
        install(*signal, before)?;
    }
    Ok(())
}

/// The same with what it did so by written to `notes`: `NAME SIGNAL`, or `NAME exit`. A file that is given later takes the
/// place of the one before.
///
/// # Errors
/// Why that cannot be had.
pub fn note_crashes(notes: File) -> Result<(), Error> {
    // The one before stays open: a handler may be writing to it.
    NOTES.store(notes.into_raw_fd(), Ordering::SeqCst);
    name_crashes()
}

/// Polls code of this instance's plugin.
pub(crate) fn within<T>(instance: &str, poll: impl FnOnce() -> T) -> T {
    /// What was there before, however this ends.
    struct Before((*const u8, usize));
    impl Drop for Before {
        fn drop(&mut self) {
            WITHIN.set(self.0);
        }
    }
    let _before = Before(WITHIN.replace((instance.as_ptr(), instance.len())));
    poll()
}

fn install(signal: c_int, before: &AtomicPtr<libc::sigaction>) -> Result<(), Error> {
    // SAFETY: all zeros is a `sigaction` that says nothing.
    let mut old: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: it is only asked what there is, and `old` is there to be written to.
    if unsafe { libc::sigaction(signal, null(), &raw mut old) } != 0 {
        return Err(Error::last_os_error());
    }
    // It lasts as long as the program.
    before.store(Box::into_raw(Box::new(old)), Ordering::SeqCst);
    // SAFETY: as above.
    let mut new: libc::sigaction = unsafe { std::mem::zeroed() };
    new.sa_sigaction = handle as *const () as usize;
    // On the stack that is there for the case that a thread's own is used up.
    new.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: `handle` is of the kind that `SA_SIGINFO` asks for, lasts for ever, and keeps to signal-safety(7).
    if unsafe { libc::sigaction(signal, &raw const new, null_mut()) } != 0 {
        return Err(Error::last_os_error());
    }
    Ok(())
}

extern "C" fn handle(signal: c_int, info: *mut siginfo_t, _: *mut c_void) {
    let found = SIGNALS.iter().zip(&BEFORE).find(|((number, _), _)| *number == signal);
    let Some(((_, name), before)) = found else {
        return;
    };
    note(name);
    let before = before.load(Ordering::SeqCst);
    // SAFETY: it is what sigaction(2) answered when this was installed, and is never freed.
    unsafe { libc::sigaction(signal, before, null_mut()) };
    // SAFETY: the kernel hands over what is there.
    let was_sent = unsafe { info.as_ref() }.is_none_or(|info| info.si_code <= 0);
    if was_sent {
        // A fault comes again by itself as soon as this returns; what somebody has sent does not.
        // SAFETY: raise(3) may be called in a handler.
        unsafe { libc::raise(signal) };
    }
}

extern "C" fn at_exit() {
    note("exit");
}

/// Writes down whose code this thread is within, if it is within any.
fn note(how: &str) {
    let (start, len) = WITHIN.get();
    if start.is_null() {
        return;
    }
    // SAFETY: `within` holds the name for as long as the cell says so, and this runs on the same thread.
    let name = unsafe { std::slice::from_raw_parts(start, len) };
    let told: [&[u8]; 5] = [
        b"sportello: this program ends in the code of the plugin of ",
        name,
        b", which shares its process: ",
        how.as_bytes(),
        b". Give it one of its own: isolation = \"process\"\n",
    ];
    told.iter().for_each(|part| write(libc::STDERR_FILENO, part));
    let notes = NOTES.load(Ordering::SeqCst);
    [name, b" ", how.as_bytes(), b"\n"].iter().for_each(|part| write(notes, part));
}

fn write(file: c_int, bytes: &[u8]) {
    // SAFETY: the bytes are there for as long as this takes; write(2) may be called in a handler. Nobody could be told that
    // it failed.
    let _ = unsafe { libc::write(file, bytes.as_ptr().cast(), bytes.len()) };
}
