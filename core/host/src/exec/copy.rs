//! The copy that runs: the bytes that were read and verified, and not the file, which may be another one by then. Nor an earlier
//! copy, which lay in a folder of temporary files for as long as a process: each process gets one of its own.

use std::io::{Error, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// "nobody" and "nogroup", who own nothing (Linux: `overflowuid`): what a plugin's process becomes where the gateway is root.
pub(crate) const NOBODY: u32 = 65_534;

/// A folder that is this user's alone, with one file in it. It is gone when this is let go of.
#[derive(Debug)]
pub(crate) struct Copy {
    folder: TempDir,
    file: PathBuf,
}

impl Copy {
    /// Writes `bytes` under the name that `path` has, by which its own errors call it.
    pub(crate) fn new(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};

        let only_ours = std::fs::Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().prefix("sportello-").permissions(only_ours).tempdir()?;
        let file = folder.path().join(path.file_name().unwrap_or("plugin".as_ref()));
        // Executable, since it may be the program itself.
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o500).open(&file)?.write_all(bytes)?;
        if cfg!(target_os = "linux") && folder.path().metadata()?.uid() == 0 {
            // Still root's: who runs it may read it, and no more.
            for (path, mode) in [(folder.path(), 0o750), (&*file, 0o550)] {
                std::os::unix::fs::chown(path, None, Some(NOBODY))?;
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
            }
        }
        Ok(Self { folder, file })
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The file.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_copy_is_made_anew_and_goes_with_its_process() {
        let path = Path::new("/srv/rail.py");
        let first = Copy::new(path, b"pass").unwrap();
        let there = first.file().to_owned();
        std::fs::remove_file(&there).unwrap();
        std::fs::write(&there, "other").unwrap();
        let second = Copy::new(path, b"pass").unwrap();
        assert_ne!(second.file(), there);
        assert_eq!(std::fs::read(second.file()).unwrap(), b"pass");
        assert_eq!(second.file().file_name(), path.file_name());
        drop(first);
        assert!(!there.exists());
    }
}
