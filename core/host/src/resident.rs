//! What stays in this process: a library that was loaded here is never unloaded, so each version that was ever in use keeps
//! its memory until the process ends.

use object::{Object, ObjectSegment, SegmentFlags, elf};

use crate::declared::Fingerprint;

/// A library in this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resident {
    /// The plugin's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The SHA-256 of its bytes.
    pub fingerprint: Fingerprint,
    /// How much memory it keeps, in bytes.
    pub bytes: u64,
}

/// How much memory a library keeps once it is loaded, in bytes: the sealed copy of its file, from which its code is mapped,
/// and of what it can write to, a copy of its own.
pub(crate) fn footprint(library: &[u8]) -> u64 {
    let writable = object::File::parse(library).map_or(0, |file| {
        let is_writable = |flags: SegmentFlags| match flags {
            SegmentFlags::Elf { p_flags, .. } => p_flags & elf::PF_W != elf::ProgramFlags(0),
            _ => false,
        };
        file.segments().filter(|segment| is_writable(segment.flags())).map(|segment| segment.size()).sum()
    });
    (library.len() as u64).saturating_add(writable)
}
