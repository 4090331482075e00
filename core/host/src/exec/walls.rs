//! What stands between a program in any language and everything else: put up in the process that is to become it, before
//! the first of its instructions.
//!
//! Between the fork and the program's start nothing may be allocated: another thread may have held the allocator's lock. So all is
//! prepared before, and what is left are system calls.
//!
//! The kernel's part of isolation on Linux; elsewhere there is none, and such a plugin is not for production.

#![allow(unsafe_code)]

#[cfg(target_os = "linux")]
mod once;

use tokio::process::Command;

use super::Program;
use super::copy::Copy;

#[cfg(not(target_os = "linux"))]
pub(super) fn raise_around(_: &mut Command, _: &Program, _: &Copy) -> Result<(), String> {
    Ok(())
}

/// Has `command` start behind walls.
#[cfg(target_os = "linux")]
pub(super) fn raise_around(command: &mut Command, program: &Program, copy: &Copy) -> Result<(), String> {
    let once = once::Once::of(command.as_std())?;
    let mut walls = linux::Walls::around(program, copy, once.marks)?;
    // It becomes the program here, and not after this: the `execve` that the standard library makes is none that is allowed.
    // SAFETY: what runs between fork and exec are system calls, with nothing allocated and no lock taken.
    unsafe { command.pre_exec(move || walls.raise().and_then(|()| Err(once.perform()))) };
    Ok(())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::DirEntry;
    use std::io::Error;
    use std::path::{Path, PathBuf};

    use landlock::{
        ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
        RulesetCreated, RulesetCreatedAttr, Scope,
    };
    use rustix::process::{Resource, Rlimit, Signal, getuid, set_parent_process_death_signal, setrlimit};
    use rustix::thread::{
        CapabilitySet, CapabilitySets, Gid, Uid, set_capabilities, set_thread_groups, set_thread_res_gid,
        set_thread_res_uid,
    };
    use seccompiler::BpfProgram;

    use super::super::calls;
    use super::once::Marks;
    use crate::exec::Program;
    use crate::exec::copy::{Copy, NOBODY};
    use crate::exec::process::field;

    /// The stack of the first thread, and of each that names no other size, in bytes. Its address space counts as memory.
    const STACK_LEN: u64 = 2 << 20;

    /// How many threads there may be beyond those that its user has already. It is ended long before: this is for the moments
    /// between one look and the next.
    const THREADS_MAX: u64 = 1_024;

    /// How much address space it gets beside what it has, in bytes: engines that compile reserve some GB, and use little of it.
    const ADDRESS_SPACE_MIN: u64 = 16 << 30;

    pub(super) struct Walls {
        /// Taken when they are raised.
        ruleset: Option<RulesetCreated>,
        filters: [BpfProgram; 2],
        limits: [(Resource, u64); 7],
    }

    impl Walls {
        pub(super) fn around(program: &Program, copy: &Copy, marks: Marks) -> Result<Self, String> {
            let bounds = &program.bounds;
            let memory = u64::from(bounds.memory_mb) << 20;
            let limits = [
                (Resource::Data, memory),
                // For what the limit above does not count.
                (Resource::As, memory.saturating_add(ADDRESS_SPACE_MIN)),
                (Resource::Nofile, u64::from(bounds.open_files)),
                (Resource::Stack, STACK_LEN),
                (Resource::Nproc, tasks_of(user()).saturating_add(THREADS_MAX)),
                (Resource::Fsize, 0),
                (Resource::Core, 0),
            ];
            let ruleset =
                files(program, copy).map_err(|error| format!("Landlock, which this needs, refuses: {error}"))?;
            Ok(Self { ruleset: Some(ruleset), filters: calls::filters(marks)?, limits })
        }

        pub(super) fn raise(&mut self) -> Result<(), Error> {
            for (resource, most) in self.limits {
                setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
            }
            become_nobody()?;
            // A gateway that dies takes it along, as long as it becomes nothing else. After the change of its user, which takes this back.
            set_parent_process_death_signal(Some(Signal::KILL))?;
            let none = CapabilitySet::empty();
            set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
            close_all_but_standard_streams()?;
            let refused = || Error::from_raw_os_error(libc::EPERM);
            self.ruleset.take().ok_or_else(refused)?.restrict_self().map_err(|_| refused())?;
            for filter in &self.filters {
                seccompiler::apply_filter(filter).map_err(|_| refused())?;
            }
            Ok(())
        }
    }

    /// Who it will be.
    fn user() -> u32 {
        if getuid().is_root() { NOBODY } else { getuid().as_raw() }
    }

    /// How many threads this user's processes have now: the kernel counts them together.
    fn tasks_of(user: u32) -> u64 {
        let is_process = |entry: &DirEntry| entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit);
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten().filter(is_process);
        let statuses = processes.filter_map(|entry| std::fs::read_to_string(entry.path().join("status")).ok());
        let of_user = statuses.filter(|status| field(status, "Uid:") == Some(user.into()));
        of_user.filter_map(|status| field(&status, "Threads:")).sum()
    }

    /// Root is bounded in nothing that is counted by user, and owns every file; so where it is root, it becomes somebody who
    /// owns none.
    fn become_nobody() -> Result<(), Error> {
        if !getuid().is_root() {
            return Ok(());
        }
        let (nobody, nogroup) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
        let changed = set_thread_groups(&[])
            .and_then(|()| set_thread_res_gid(nogroup, nogroup, nogroup))
            .and_then(|()| set_thread_res_uid(nobody, nobody, nobody));
        match changed {
            // A root that may not become another, as in some containers, is one without that right.
            Err(rustix::io::Errno::PERM) => Ok(()),
            changed => Ok(changed?),
        }
    }

    /// What the gateway was started with may not be marked as its own.
    fn close_all_but_standard_streams() -> Result<(), Error> {
        // SAFETY: marks open files, and touches no memory.
        let done = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
        if done == 0 { Ok(()) } else { Err(Error::last_os_error()) }
    }

    /// Files that may be read, and no network at all.
    fn files(program: &Program, copy: &Copy) -> Result<RulesetCreated, String> {
        let said = |error: landlock::RulesetError| error.to_string();
        let newest = ABI::V6;
        let mut ruleset = Ruleset::default()
            // Without these there would be no wall.
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(ABI::V1))
            .map_err(said)?
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(newest))
            .map_err(said)?
            .handle_access(AccessNet::from_all(newest))
            .map_err(said)?
            .scope(Scope::from_all(newest))
            .map_err(said)?
            .create()
            .map_err(said)?;
        let mut allow = |path: &Path, access| {
            let at = PathFd::new(path).map_err(|error| error.to_string())?;
            (&mut ruleset).add_rule(PathBeneath::new(at, access)).map(drop).map_err(said)
        };
        let itself = program.interpreter.is_none().then(|| copy.file().to_owned());
        for path in program.runs.iter().chain(&itself) {
            allow(path, AccessFs::Execute | AccessFs::ReadFile)?;
        }
        for path in program.reads.iter().map(PathBuf::as_path).chain([copy.path()]) {
            let access = if path.is_dir() { AccessFs::ReadFile | AccessFs::ReadDir } else { AccessFs::ReadFile.into() };
            allow(path, access)?;
        }
        Ok(ruleset)
    }
}
