//! What a plugin in a process of its own may have.

/// The bounds of a plugin's own process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confinement {
    /// The most memory that it may have written to at once, in MB.
    pub memory_mb: u32,
    /// The most files that it may have open at once. It has no use for any but those that it is given: its socket, its
    /// standard error, and what its event loop needs.
    pub open_files: u32,
}

impl Default for Confinement {
    fn default() -> Self {
        Self { memory_mb: 256, open_files: 32 }
    }
}
