//! The process in which the kit drives the plugin.

use std::path::Path;

use sportello_host::{Declared, Loaded};
use sportello_sdk::kit::{self, Progress};

use super::{Told, options};
use crate::cli::Failed;
use crate::command::say_json;

/// Loads the plugin, tries it, and tells where it is.
pub(super) fn run(file: &Path, settings: Option<&Path>, calls: usize) -> Result<(), Failed> {
    // A plugin's own process is spoken with by tasks.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failed::Trying(format!("the runtime cannot start: {error}")))?;
    let inside = runtime.enter();
    match prepare(file, settings) {
        Err(why) => say_json(&Told::Impossible(why)),
        Ok((loaded, manifest, read)) => {
            let facts = loaded.manifest();
            say_json(&Told::Plugin {
                sha256: loaded.fingerprint().map(|hash| hash.to_string()).unwrap_or_default(),
                name: facts.name.clone(),
                version: facts.version.clone(),
                contract: facts.contract.clone(),
                settings: read.from,
            });
            let options = kit::Options { calls, ..read.options };
            kit::check_watched(&manifest, &|host| loaded.connect(host), &options, &mut |progress| match progress {
                Progress::Begins(id) => say_json(&Told::Begins(id.to_owned())),
                Progress::Ended(check) => say_json(&Told::Ended(check.clone())),
            });
        }
    }
    drop(inside);
    // What threads the plugin may have left behind does not keep us.
    runtime.shutdown_background();
    Ok(())
}

fn prepare(file: &Path, settings: Option<&Path>) -> Result<(Loaded, String, options::Read), String> {
    let declared = Declared::read(file).map_err(|error| error.to_string())?;
    let manifest = declared.manifest_json();
    let loaded = declared.load().map_err(|error| error.to_string())?;
    let read = options::read(file, settings, &loaded)?;
    Ok((loaded, manifest, read))
}
