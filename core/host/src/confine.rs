//! What a plugin in a process of its own may have.

use std::time::Duration;

/// The bounds of a plugin's own process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confinement {
    /// The most memory that is its own to write to, in MB.
    pub memory_mb: u32,
    /// The most files that it may have open at once. It has no use for any but its socket and its standard error, and
    /// nothing to open another one with: this is there for the day on which that does not hold.
    pub open_files: u32,
    /// How long it may leave the host without an answer to whether it is there: one that computes for longer, and lets
    /// nothing else go on meanwhile, hangs, and is killed.
    pub hang_grace: Duration,
}

impl Default for Confinement {
    fn default() -> Self {
        Self { memory_mb: 256, open_files: 32, hang_grace: Duration::from_secs(5) }
    }
}
