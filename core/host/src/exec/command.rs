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
///
/// One file is verified, so all that is the plugin's must be in it: of the words at most one is a file, but for a program
/// that is the system's.
pub(super) fn understand(command: &[String], folder: &Path, search: Option<&OsStr>) -> Result<Understood, ExecError> {
    let Some((first, arguments)) = command.split_first() else {
        return Err(ExecError::NoFile);
    };
    let program = find(first, folder, search)?;
    let is_file = |argument: &String| !argument.starts_with('-') && folder.join(argument).is_file();
    let mut files = arguments.iter().enumerate().filter(|&(_, argument)| is_file(argument));
    let at = files.next().map(|(at, _)| at);
    // Of an interpreter without its script nothing could be verified; what is looked for on the path is one.
    let may_be_plugin = first.contains('/');
    let (file, others) = match at.and_then(|at| arguments.get(at)) {
        Some(argument) => {
            // As in `-c CODE rail.py`, of which the file is none.
            let before = arguments.iter().take(at.unwrap_or(0)).find(|word| !word.starts_with('-'));
            if let Some(word) = before {
                return Err(ExecError::Before { word: word.clone(), file: folder.join(argument) });
            }
            let is_interpreter = !may_be_plugin || is_systems(&program);
            (folder.join(argument), (!is_interpreter).then_some(first).or(files.next().map(|(_, argument)| argument)))
        }
        None if may_be_plugin => (folder.join(first), None),
        None => return Err(ExecError::NoFile),
    };
    match others {
        Some(other) => Err(ExecError::Several { file, other: folder.join(other) }),
        None => Ok(Understood { program, arguments: arguments.to_vec(), at, file }),
    }
}

/// Where programs lie that belong to the system.
const SYSTEMS: [&str; 6] = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/nix/store"];

/// Whether nobody but root can have made this program, or can put another one into its place. `program` has no links in it.
fn is_systems(program: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    let is_roots_alone = |path: &Path| {
        path.symlink_metadata().is_ok_and(|facts| {
            let writers = if facts.gid() == 0 { 0o002 } else { 0o022 };
            facts.uid() == 0 && facts.mode() & writers == 0 && !facts.is_symlink()
        })
    };
    SYSTEMS.iter().any(|folder| program.starts_with(folder)) && program.ancestors().all(is_roots_alone)
}

/// Finds the program `name`: seen from `folder` where it names one, else on `search`.
pub(super) fn find(name: &str, folder: &Path, search: Option<&OsStr>) -> Result<PathBuf, ExecError> {
    if name.contains('/') {
        let path = folder.join(name);
        return match is_script(&path) {
            Some(true) => Err(ExecError::Script { path }),
            // Where it leads to now: a link could lead elsewhere by the time that it is started.
            Some(false) => path.canonicalize().map_err(|_| ExecError::NoProgram { name: name.to_owned() }),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_is_the_plugin_and_all_of_it() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["rail", "rail.py", "settings.json", "-x"] {
            std::fs::write(folder.path().join(name), "\u{7f}ELF").unwrap();
        }
        let check = |command: &[&str], expected: &str| {
            let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
            let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
            let told = match understand(&command, folder.path(), Some("/usr/bin:/bin".as_ref())) {
                Ok(understood) => format!("{} at {:?}", name(&understood.file), understood.at),
                Err(ExecError::Before { word, file }) => format!("{word} before {}", name(&file)),
                Err(ExecError::Several { file, other }) => format!("{} and {}", name(&file), name(&other)),
                Err(error) => error.to_string(),
            };
            assert_eq!(told, expected, "{command:?}");
        };
        let own = folder.path().join("rail").display().to_string();
        check(&["./rail"], "rail at None");
        check(&["./rail", "--fast", "no-file"], "rail at None");
        // What runs would be `./rail`, and what is verified the other.
        check(&["./rail", "settings.json"], "settings.json and rail");
        check(&[&own, "rail.py"], "rail.py and rail");
        check(&["env", "rail.py"], "rail.py at Some(0)");
        check(&["/usr/bin/env", "-x", "rail.py"], "rail.py at Some(1)");
        check(&["env", "rail.py", "settings.json"], "rail.py and settings.json");
        check(&["env", "-r", "./rail.py", "settings.json"], "rail.py and settings.json");
        check(&["env", "-c", "print(1)", "rail.py"], "print(1) before rail.py");
        check(&["env", "no-file"], "no argument names a file, which is the plugin");
    }

    #[test]
    fn the_systems_programs_are_those_that_root_alone_can_write() {
        use std::os::unix::fs::PermissionsExt;

        let check = |path: &Path, expected: bool| assert_eq!(is_systems(path), expected, "{}", path.display());
        check(&Path::new("/usr/bin/env").canonicalize().unwrap(), true);
        check(Path::new("/usr/bin/no-such-program"), false);
        // Root's as well where root runs this, and still nobody's but the operator's.
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("rail");
        std::fs::write(&program, "").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        check(&program, false);
    }
}
