//! Plugins that are programs: from `exec` in the file to what instances are made of.

use std::path::PathBuf;

use sportello_host::{Distrusted, Exec, ExecError, Loaded, Patience, read_signature};

use super::{Source, path_of};
use crate::config::{self, Instance, Isolation, Notes, Surroundings, Wrong};

/// Starts what `exec` names and asks it what it is; nothing where something is wrong, which is noted.
pub(super) async fn load(
    instance: &Instance,
    exec: &config::Exec,
    source: &Source<'_>,
    around: &Surroundings<'_>,
    notes: &Notes<'_>,
) -> Option<Loaded> {
    let trust = source.trust()?;
    let reads: Vec<PathBuf> = exec.reads.iter().map(|written| around.path(written)).collect();
    let bounds = match instance.isolation {
        Isolation::Process(bounds) => bounds,
        Isolation::InProcess => sportello_host::Confinement::default(),
    };
    let search = (around.variable)("PATH");
    let read = Exec::read(&exec.command, around.folder, search.as_ref().map(AsRef::as_ref));
    let read = read.map_err(|error| note(instance, &error, notes)).ok()?;
    let key = format!("{}.exec", path_of(instance));
    let distrusted = |why: Distrusted| notes.add(&key, Wrong::new(why.what(), why.remedy()));
    let (path, bytes) = (read.path().to_owned(), read.bytes().clone());
    let signature = read_signature(&path).map_err(|error| note(instance, &error.into(), notes)).ok()?;
    // Before anything of it runs. What it is it says itself: so whether its key may sign that is looked at afterwards.
    trust.authenticate(&path, &bytes, signature.as_deref()).map_err(distrusted).ok()?;
    let sha256 = read.fingerprint().to_string();
    let loaded = read.load(&reads, bounds, Patience::default()).await;
    let loaded = loaded.map_err(|error| note(instance, &error, notes)).ok()?;
    let manifest = loaded.manifest();
    let judged = trust.judge(&path, &bytes, manifest.kind, &manifest.name, signature.as_deref());
    let signer = judged.map_err(distrusted).ok()?;
    if let Some(wrong) = source.unproven(&path, &sha256, manifest) {
        notes.add(&key, wrong);
        return None;
    }
    source.of_kind(loaded.signed_by(signer), instance, notes)
}

fn note(instance: &Instance, error: &ExecError, notes: &Notes<'_>) {
    let path = path_of(instance);
    let (key, remedy) = match error {
        ExecError::NoFile => (
            "exec".to_owned(),
            "name it, as in: exec = [\"python3\", \"rail.py\"]; it is looked for from here".to_owned(),
        ),
        ExecError::NoProgram { .. } => {
            ("exec".to_owned(), "install it, or name it with its folder, as \"/usr/bin/python3\"".to_owned())
        }
        ExecError::Script { path } => {
            let script = path.file_name().unwrap_or_default().to_string_lossy();
            ("exec".to_owned(), format!("write it as in: exec = [\"python3\", \"{script}\"]"))
        }
        ExecError::Several { .. } => (
            "exec".to_owned(),
            "put all into one file; of an interpreter, name one that root alone can write, as \"/usr/bin/python3\""
                .to_owned(),
        ),
        ExecError::Before { .. } => {
            ("exec".to_owned(), "write the file before it, or an option and its value in one word".to_owned())
        }
        ExecError::Reads { at, .. } => (format!("reads[{at}]"), "name a file or folder that is there".to_owned()),
        ExecError::Start { reads: Some(library), .. } => {
            ("exec".to_owned(), format!("it may read nothing that `reads` does not name: try reads = [{library:?}]"))
        }
        ExecError::Start { .. } => (
            "exec".to_owned(),
            "see what it says there; what it reads must be named by `reads`, and docs/OPERATING.md has more".to_owned(),
        ),
        ExecError::Load(_) => ("exec".to_owned(), "install another build of it".to_owned()),
    };
    notes.add(&format!("{path}.{key}"), Wrong::new(error.to_string(), remedy));
}
