//! What this process keeps to itself: a dump of its memory would hold card numbers and keys.

/// Has the system write no dump of this process when it crashes, and lets no other process of this user look into it.
///
/// # Errors
/// What the system says.
pub fn keep_to_ourselves() -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    // A limit says nothing to a program that dumps are piped to (core(5), "Piping core dumps to a program").
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn memory_is_dumped_nowhere() {
        use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};
        keep_to_ourselves().unwrap();
        let limit = getrlimit(Resource::Core);
        assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        // What plugins are loaded by is still there.
        assert!(std::fs::read_dir("/proc/self/fd").unwrap().count() > 0);
    }
}
