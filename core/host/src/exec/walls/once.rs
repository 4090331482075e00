//! How a process becomes the program that it was started for, and nothing else after that.
//!
//! A filter of system calls cannot count. So what tells the first `execve` from every other one are three numbers that are made
//! for each process, stand in its filter, which nobody can read, and are passed where the kernel looks for nothing. The memory in
//! which they stood is gone with what the process was before.
//!
//! Were it not the only one, a thread could make another program of the process that does not end with the gateway: that it is
//! to end with it (`PR_SET_PDEATHSIG`) is a matter of each thread, and only the first one has it.

use std::ffi::{CString, OsStr};
use std::io::Error;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use libc::c_char;
use ring::rand::{SecureRandom, SystemRandom};

/// What tells an `execve` from all others: its fourth, fifth and sixth argument.
pub(in crate::exec) type Marks = [u64; 3];

/// The `execve` that is allowed.
pub(super) struct Once {
    /// Program, arguments and environment, each ended as the kernel wants it.
    words: [Words; 3],
    pub(super) marks: Marks,
}

/// Words of the C language, and where each of them is.
struct Words {
    _owned: Vec<CString>,
    pointers: Vec<*const c_char>,
}

// SAFETY: the pointers are to what stands beside them, which nobody changes.
unsafe impl Send for Words {}
// SAFETY: the same.
unsafe impl Sync for Words {}

impl Words {
    fn new<'a>(words: impl Iterator<Item = &'a OsStr>) -> Result<Self, String> {
        let owned: Result<Vec<CString>, _> = words.map(|word| CString::new(word.as_bytes())).collect();
        let owned = owned.map_err(|_| "a word of its command has a zero byte in it".to_owned())?;
        let pointers = owned.iter().map(|word| word.as_ptr()).chain([std::ptr::null()]).collect();
        Ok(Self { _owned: owned, pointers })
    }
}

impl Once {
    /// What `command` would start, with the environment that it sets and no other.
    pub(super) fn of(command: &Command) -> Result<Self, String> {
        let program = command.get_program();
        let variable = |(name, value): (&OsStr, Option<&OsStr>)| {
            let mut both = name.to_owned();
            both.push("=");
            both.push(value?);
            Some(both)
        };
        let variables: Vec<_> = command.get_envs().filter_map(variable).collect();
        let words = [
            Words::new([program].into_iter())?,
            Words::new([program].into_iter().chain(command.get_args()))?,
            Words::new(variables.iter().map(std::ffi::OsString::as_os_str))?,
        ];
        let random = SystemRandom::new();
        let mut marks = Marks::default();
        for mark in &mut marks {
            let mut bytes = [0; 8];
            random.fill(&mut bytes).map_err(|_| "there is no randomness to be had".to_owned())?;
            *mark = u64::from_ne_bytes(bytes);
        }
        Ok(Self { words, marks })
    }

    /// Becomes it. Returns only where that fails.
    pub(super) fn perform(&self) -> Error {
        let [program, arguments, environment] = &self.words;
        let [first, second, third] = self.marks;
        // SAFETY: the path and both lists end in a null, and live until there is another program.
        unsafe {
            libc::syscall(
                libc::SYS_execve,
                program.pointers.first().copied().unwrap_or(std::ptr::null()),
                arguments.pointers.as_ptr(),
                environment.pointers.as_ptr(),
                first,
                second,
                third,
            );
        }
        Error::last_os_error()
    }
}
