//! What stays in this process: a library that was loaded here is never unloaded, so each version that was ever in use keeps
//! its memory until the process ends. And what a process holds altogether.

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

/// How much memory a process holds, in bytes; nothing where there is none of this number, or the system does not say.
pub fn resident_bytes(pid: u32) -> Option<u64> {
    // proc(5): the second number of `statm` is what is resident, in pages.
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = statm.split_ascii_whitespace().nth(1)?.parse().ok()?;
    #[cfg(target_os = "linux")]
    let page_len = rustix::param::page_size() as u64;
    #[cfg(not(target_os = "linux"))]
    let page_len = 4096;
    pages.checked_mul(page_len).filter(|bytes| *bytes > 0)
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
