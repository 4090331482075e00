//! The copy that runs: the bytes that were read and verified, and not the file, which may be another one by then. Nor an earlier
//! copy, which lay in a folder of temporary files for as long as a process: each process gets one of its own.

use std::fs::{DirEntry, File};
use std::io::{Error, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

/// "nobody" and "nogroup", who own nothing (Linux: `overflowuid`): what a plugin's process becomes where the gateway is root.
pub(crate) const NOBODY: u32 = 65_534;

/// What the names of these folders begin with.
const PREFIX: &str = "sportello-exec-";

/// How old a folder is before anybody takes it for one that was left behind: it is locked as soon as it is made.
const LEFT_AFTER: Duration = Duration::from_secs(60);

/// A folder that is this user's alone, with one file in it. It is gone when this is let go of; where this program is killed,
/// when the next one begins.
#[derive(Debug)]
pub(crate) struct Copy {
    folder: TempDir,
    file: PathBuf,
    /// Locked for as long as somebody needs it.
    _lock: File,
}

impl Copy {
    /// Writes `bytes` under the name that `path` has, by which its own errors call it.
    pub(crate) fn new(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        static SWEPT: Once = Once::new();

        SWEPT.call_once(|| sweep(&std::env::temp_dir(), SystemTime::now()));
        let only_ours = std::fs::Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().prefix(PREFIX).permissions(only_ours).tempdir()?;
        let lock = File::open(folder.path())?;
        // Where there are no locks, nothing is taken for left behind either.
        let _ = lock.lock_shared();
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
        Ok(Self { folder, file, _lock: lock })
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

/// Removes what programs have left behind in `places` that were killed. What cannot be removed stays.
fn sweep(places: &Path, now: SystemTime) {
    let Ok(entries) = std::fs::read_dir(places) else {
        return;
    };
    for entry in entries.flatten().filter(|entry| is_left(entry, now).unwrap_or(false)) {
        let _ = std::fs::remove_dir_all(entry.path());
    }
}

fn is_left(entry: &DirEntry, now: SystemTime) -> Result<bool, Error> {
    if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
        return Ok(false);
    }
    // Of the entry itself, wherever it may lead.
    let found = entry.metadata()?;
    let is_ours = found.is_dir() && found.uid() == rustix::process::geteuid().as_raw();
    let is_old = now.duration_since(found.modified()?).is_ok_and(|age| age > LEFT_AFTER);
    Ok(is_ours && is_old && File::open(entry.path())?.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_program_leaves_behind_is_removed_and_nothing_else() {
        let places = tempfile::tempdir().unwrap();
        let at = |name: &str| places.path().join(name);
        for name in ["sportello-exec-left", "sportello-exec-held", "sportello-else", "other"] {
            std::fs::create_dir(at(name)).unwrap();
            std::fs::write(at(name).join("rail.py"), "pass").unwrap();
        }
        std::os::unix::fs::symlink(at("other"), at("sportello-exec-link")).unwrap();
        let held = File::open(at("sportello-exec-held")).unwrap();
        held.lock_shared().unwrap();
        let there = || {
            let entries = std::fs::read_dir(places.path()).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        let all = there();
        sweep(places.path(), SystemTime::now());
        assert_eq!(there(), all, "they are not old");
        sweep(places.path(), SystemTime::now() + 2 * LEFT_AFTER);
        assert_eq!(there(), ["other", "sportello-else", "sportello-exec-held", "sportello-exec-link"]);
        drop(held);
        sweep(places.path(), SystemTime::now() + 2 * LEFT_AFTER);
        assert_eq!(there(), ["other", "sportello-else", "sportello-exec-link"]);
    }

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
