//! What is tried, by the kit or by a recording: a library, or a program.

use std::path::{Path, PathBuf};

use serde_json::Value;
use sportello_host::{Confinement, Declared, Exec, LoadError, Loaded, Patience};

/// A plugin that is to be tried.
pub(super) struct Subject {
    /// The file that is the plugin.
    pub(super) file: PathBuf,
    /// What it says of itself, as JSON.
    pub(super) manifest: String,
    /// It, each instance in a process of its own where the system can confine one.
    pub(super) loaded: Loaded,
}

impl Subject {
    /// One word is a library, or a program that is the plugin; several are a command, as `exec` has it. Of a program the
    /// first process starts here.
    pub(super) async fn read(command: &[String], reads: &[PathBuf]) -> Result<Self, String> {
        if let [file] = command {
            let file = Path::new(file);
            match Declared::read(file) {
                Ok(declared) => {
                    let (file, manifest) = (file.to_path_buf(), declared.manifest_json());
                    let loaded = load(declared).map_err(|error| error.to_string())?;
                    return Ok(Self { file, manifest, loaded });
                }
                Err(error) if is_program(&error, file) => {}
                Err(error) if error.is_other_file() => {
                    return Err(format!(
                        "{error}; a script is named after its interpreter: -- python3 {}",
                        file.display()
                    ));
                }
                Err(error) => return Err(error.to_string()),
            }
        }
        program(command, reads).await
    }
}

/// Whether what is no library may be a program that is a plugin: it is named with its folder then.
fn is_program(error: &LoadError, file: &Path) -> bool {
    error.is_other_file() && file.components().count() > 1
}

/// Where it can, each instance lives in a process of its own, behind the walls that it has in a gateway: it reaches nothing
/// then but its host, and what is said of it is none of its doing. Elsewhere it shares this process.
fn load(declared: Declared) -> Result<Loaded, LoadError> {
    if cfg!(target_os = "linux") { declared.isolate(Confinement::default()) } else { declared.load() }
}

async fn program(command: &[String], reads: &[PathBuf]) -> Result<Subject, String> {
    let search = std::env::var_os("PATH");
    let exec = Exec::read(command, Path::new(""), search.as_deref()).map_err(|error| error.to_string())?;
    let file = exec.path().to_path_buf();
    // What its language brings along is none of its secrets.
    let reads: Vec<PathBuf> = reads.iter().cloned().chain(exec.library()).collect();
    let loaded = exec.load(&reads, Confinement::default(), Patience::default()).await;
    let loaded = loaded.map_err(|error| error.to_string())?;
    let mut manifest = serde_json::to_value(&**loaded.manifest()).map_err(|error| error.to_string())?;
    take_out_nulls(&mut manifest);
    Ok(Subject { file, manifest: manifest.to_string(), loaded })
}

/// What it did not say is not there, rather than nothing.
fn take_out_nulls(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.retain(|_, value| !value.is_null());
        fields.values_mut().for_each(take_out_nulls);
    }
}
