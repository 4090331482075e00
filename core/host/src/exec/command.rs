//! What `exec` means: which program, and which file is the plugin.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::ExecError;

/// `exec`, understood.
pub(super) struct Understood {
    /// The program, where it lies.
    pub(super) program: PathBuf,
    /// What it is started with.
    pub(super) arguments: Vec<String>,
    /// Which of the arguments is the plugin; nothing where the program itself is.
    pub(super) at: Option<usize>,
    /// The plugin.
    pub(super) file: PathBuf,
}

/// Finds the program, on `search` (as `PATH`) where no folder is named, and the plugin; `folder` is what paths are seen from.
pub(super) fn understand(command: &[String], folder: &Path, search: Option<&OsStr>) -> Result<Understood, ExecError> {
    let Some((first, arguments)) = command.split_first() else {
        return Err(ExecError::NoFile);
    };
    let program = find(first, folder, search)?;
    let of_argument = |argument: &String| folder.join(argument);
    let at = arguments.iter().position(|argument| !argument.starts_with('-') && of_argument(argument).is_file());
    let file = match at.and_then(|at| arguments.get(at)) {
        Some(argument) => of_argument(argument),
        // Of an interpreter without its script nothing could be verified; what is looked for on the path is one.
        None if first.contains('/') => program.clone(),
        None => return Err(ExecError::NoFile),
    };
    Ok(Understood { program, arguments: arguments.to_vec(), at, file })
}

fn find(name: &str, folder: &Path, search: Option<&OsStr>) -> Result<PathBuf, ExecError> {
    if name.contains('/') {
        let path = folder.join(name);
        return match is_script(&path) {
            Some(true) => Err(ExecError::Script { path }),
            Some(false) => Ok(path),
            None => Err(ExecError::NoProgram { name: name.to_owned() }),
        };
    }
    let folders = search.map(std::env::split_paths).into_iter().flatten();
    // A script that starts another program is no interpreter: behind the walls there is no starting others.
    let is_program = |path: &PathBuf| path.is_absolute() && is_executable(path) && is_script(path) == Some(false);
    folders
        .map(|folder| folder.join(name))
        .find(is_program)
        .ok_or_else(|| ExecError::NoProgram { name: name.to_owned() })
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
}

/// Whether a file is a script, which names its interpreter in its first line; nothing where it cannot be read.
fn is_script(path: &Path) -> Option<bool> {
    let mut begin = [0; 2];
    if !path.is_file() {
        return None;
    }
    std::fs::File::open(path).ok()?.read_exact(&mut begin).ok()?;
    Some(begin == *b"#!")
}
