//! What a child gives up before it loads anything: memory without end, files, other users' rights, and its own.

use landlock::{
    ABI, Access, AccessFs, AccessNet, RestrictionStatus, Ruleset, RulesetAttr, RulesetError, RulesetStatus, Scope,
};
use rustix::process::{DumpableBehavior, Resource, Rlimit, Signal, getppid, getrlimit, getuid, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, Gid, Uid};

/// "nobody" and "nogroup", who own nothing (Linux: `overflowuid`).
const NOBODY: u32 = 65_534;

/// How much address space it gets beside what it has: reserved is not used, and what is used is bounded by itself.
const ADDRESS_SPACE_MIN: u64 = 4 << 30;

/// How large its stack becomes. It is not counted as memory, and many systems have no bound on it.
const STACK_MAX: u64 = 8 << 20;

/// The version of Landlock up to which all is refused that it knows to refuse.
const LANDLOCK: ABI = ABI::V7;

/// Confines this process, for ever.
pub(super) fn enter(gateway: u32, memory_mb: u32, open_files: u32) -> Result<(), String> {
    let failed = |what: &'static str| move |error: rustix::io::Errno| format!("{what}: {error}");
    limit(memory_mb, open_files).map_err(failed("its limits cannot be set"))?;
    become_nobody().map_err(failed("it cannot give up its user"))?;
    let none = CapabilitySet::empty();
    rustix::thread::clear_ambient_capability_set().map_err(failed("it cannot give up its rights"))?;
    rustix::thread::set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
        .map_err(failed("it cannot give up its rights"))?;
    // Nobody of this user looks into its memory, and it is dumped nowhere.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(failed("its memory cannot be closed to others"))?;
    // After the change of its user, which takes this back.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(failed("it cannot be made to end with its gateway"))?;
    let parent = getppid().and_then(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok());
    if parent != Some(gateway) {
        return Err("its gateway is gone".to_owned());
    }
    rustix::thread::set_no_new_privs(true).map_err(failed("it cannot be kept from new rights"))?;
    let status = landlocked().map_err(|error| format!("Landlock does not work: {error}"))?;
    // Where there is none, `check` says so, and production refuses; where there is, it must hold.
    let is_there = matches!(status.landlock, landlock::LandlockStatus::Available { .. });
    if is_there && status.ruleset == RulesetStatus::NotEnforced {
        return Err("Landlock is there and does not hold".to_owned());
    }
    Ok(())
}

/// Keeps this thread, and whatever it starts, from every file, TCP port, and process and abstract socket outside of it:
/// there is no rule that would allow any.
pub(in super::super) fn landlocked() -> Result<RestrictionStatus, RulesetError> {
    Ruleset::default()
        .handle_access(AccessFs::from_all(LANDLOCK))?
        .handle_access(AccessNet::from_all(LANDLOCK))?
        .scope(Scope::from_all(LANDLOCK))?
        .create()?
        .restrict_self()
}

fn limit(memory_mb: u32, open_files: u32) -> rustix::io::Result<()> {
    let memory = u64::from(memory_mb) << 20;
    let limits = [
        // All that is its own to write to; what its program and libraries take from files is not.
        (Resource::Data, memory),
        // For what the limit above does not count.
        (Resource::As, memory.saturating_add(ADDRESS_SPACE_MIN)),
        (Resource::Stack, STACK_MAX),
        (Resource::Nofile, u64::from(open_files)),
        (Resource::Nproc, 0),
        (Resource::Core, 0),
        (Resource::Fsize, 0),
        (Resource::Memlock, 0),
        (Resource::Msgqueue, 0),
        (Resource::Sigpending, 64),
        (Resource::Nice, 0),
        (Resource::Rtprio, 0),
    ];
    for (resource, most) in limits {
        // A bound that is tighter already stays: raising it takes a right.
        let most = getrlimit(resource).maximum.map_or(most, |there| most.min(there));
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

/// Root's files are not kept from root by anything but Landlock; so where it is root, it becomes somebody who owns nothing.
fn become_nobody() -> rustix::io::Result<()> {
    if !getuid().is_root() {
        return Ok(());
    }
    let (nobody, nogroup) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    let changed = rustix::thread::set_thread_groups(&[])
        .and_then(|()| rustix::thread::set_thread_res_gid(nogroup, nogroup, nogroup))
        .and_then(|()| rustix::thread::set_thread_res_uid(nobody, nobody, nobody));
    match changed {
        // A root that may not become another, as in some containers, is one without that right.
        Err(rustix::io::Errno::PERM) => Ok(()),
        changed => changed,
    }
}
