//! Bytes that nobody can change any more, under a path that the loader can open.

use std::io::{Error, Write};
use std::path::{Path, PathBuf};

/// Bytes as the loader will map them. Once they are loaded they must be kept for as long as the process lives: the
/// loader tells libraries apart by path and file, and a descriptor used again for another library would be taken for
/// the first.
pub(crate) struct Sealed {
    path: PathBuf,
    #[cfg(target_os = "linux")]
    memory: std::fs::File,
    #[cfg(not(target_os = "linux"))]
    _folder: tempfile::TempDir,
}

impl Sealed {
    /// Where the loader finds them.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The memory, for another process.
    #[cfg(target_os = "linux")]
    pub(crate) fn memory(&self) -> &std::fs::File {
        &self.memory
    }

    /// Copies `bytes` into anonymous memory and seals it: whatever happens to the file on disk, what was verified is
    /// what is mapped.
    #[cfg(target_os = "linux")]
    pub(crate) fn new(name: &str, bytes: &[u8]) -> Result<Self, Error> {
        use std::os::fd::AsRawFd;

        use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        // Nobody is to execute it as a program; mapping code from it is another matter, and stays allowed. Kernels
        // before 6.3 do not know the flag.
        let memory = match memfd_create(name, flags | MemfdFlags::NOEXEC_SEAL) {
            Err(rustix::io::Errno::INVAL) => memfd_create(name, flags)?,
            created => created?,
        };
        let mut memory = std::fs::File::from(memory);
        memory.write_all(bytes)?;
        fcntl_add_seals(&memory, SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", memory.as_raw_fd()));
        Ok(Self { path, memory })
    }

    /// Copies `bytes` into a folder that is this user's alone: other systems have no sealed memory to load from.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn new(name: &str, bytes: &[u8]) -> Result<Self, Error> {
        let folder = tempfile::Builder::new().prefix("sportello-").tempdir()?;
        let path = folder.path().join(format!("{name}{}", std::env::consts::DLL_SUFFIX));
        std::fs::File::create_new(&path)?.write_all(bytes)?;
        Ok(Self { path, _folder: folder })
    }
}
