//! Which program a child is: this one, where it says so.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// What a child is called, by which it knows itself.
pub(super) const CHILD: &str = "sportello-plugin";

/// How many bytes there are for a plugin's name behind it.
pub(super) const NAME_ROOM: usize = 64;

/// What the program's allocator is told, where it is mimalloc: to have no more memory than it uses. It would take a gigabyte
/// at once, of which all would be the child's to write to, bound or no bound.
pub(super) const ALLOCATOR: [(&str, &str); 2] = [("MIMALLOC_ARENA_EAGER_COMMIT", "0"), ("MIMALLOC_EAGER_COMMIT", "0")];

static PROGRAM: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Is what a plugin's own process is, where this is one, and then does not return. To be called before all else in the
/// program's `main`: a program that does not is never started again as a child, and has no isolation.
pub fn main_if_child() {
    let mut args = std::env::args_os();
    if args.next().is_some_and(|name| name == CHILD) {
        super::child::be(args);
    }
    // The very program that runs, even if its file is another one by now.
    use_program("/proc/self/exe");
}

/// Takes `program`, which calls [`main_if_child`], for plugins' own processes: for a test, which is no such program itself.
pub fn use_program(program: impl Into<PathBuf>) {
    *PROGRAM.lock().unwrap_or_else(PoisonError::into_inner) = Some(program.into());
}

pub(super) fn program() -> Option<PathBuf> {
    PROGRAM.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
