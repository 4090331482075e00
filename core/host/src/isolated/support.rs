//! What this kernel has to confine a process with.

use std::sync::OnceLock;

use landlock::{LandlockStatus, RestrictionStatus};

use super::child::{filters, landlocked};

/// What there is to confine a plugin's own process with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Support {
    /// The version of Landlock's ABI, which keeps it from files (from 1 on), TCP (4), signals and abstract sockets (6); 0
    /// where there is none.
    pub landlock_abi: u32,
    /// Whether there are filters of system calls.
    pub seccomp: bool,
}

impl Support {
    /// What is missing, each with its remedy; empty where a plugin is confined as it should be.
    pub fn missing(&self) -> Vec<(&'static str, &'static str)> {
        let mut missing = Vec::new();
        if self.landlock_abi == 0 {
            missing.push((
                "this kernel has no Landlock, which keeps a plugin's own process from files while it loads",
                "use Linux 5.13 or later, with landlock among its security modules (the boot parameter lsm=)",
            ));
        }
        if !self.seccomp {
            missing.push((
                "this kernel has no seccomp filters, without which no plugin gets a process of its own",
                "use one that was built with CONFIG_SECCOMP_FILTER; where this is no production, isolation = \"in-process\" \
                 does without",
            ));
        }
        missing
    }
}

/// What this kernel has. It is tried out once, on a thread that is then thrown away: what confines one confines it for
/// ever.
pub fn support() -> &'static Support {
    static SUPPORT: OnceLock<Support> = OnceLock::new();
    SUPPORT.get_or_init(|| {
        let tried = std::thread::spawn(|| Support {
            landlock_abi: landlocked().map_or(0, |status| abi(&status)),
            seccomp: filters::harmless().is_ok(),
        });
        tried.join().unwrap_or(Support { landlock_abi: 0, seccomp: false })
    })
}

fn abi(status: &RestrictionStatus) -> u32 {
    match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => effective_abi as u32,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_a_remedy() {
        let check = |landlock_abi: u32, seccomp: bool, expected: &[&str]| {
            let missing = Support { landlock_abi, seccomp }.missing();
            assert_eq!(missing.len(), expected.len(), "{missing:?}");
            for ((what, remedy), expected) in missing.into_iter().zip(expected) {
                assert!(what.contains(expected) && remedy.starts_with("use "), "{what}: {remedy}");
            }
        };
        check(6, true, &[]);
        check(1, true, &[]);
        check(0, true, &["Landlock"]);
        check(6, false, &["seccomp"]);
        check(0, false, &["Landlock", "seccomp"]);
    }
}
