//! The process in which the kit drives the plugin.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use sportello_host::Life;
use sportello_sdk::kit::{self, Progress};

use super::{Told, options};
use crate::cli::Failed;
use crate::command::plugin::subject::Subject;
use crate::command::say_json;

/// The process of the instance that was made last.
type Latest = Mutex<Option<Weak<dyn Life>>>;

/// Loads the plugin, tries it, and tells where it is.
pub(super) fn run(plugin: &[String], reads: &[PathBuf], settings: Option<&Path>, calls: usize) -> Result<(), Failed> {
    // A plugin's own process is spoken with by tasks.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failed::Trying(format!("the runtime cannot start: {error}")))?;
    let inside = runtime.enter();
    let subject = runtime.block_on(Subject::read(plugin, reads));
    let prepared = subject.and_then(|it| Ok((options::read(&it.file, settings, &it.loaded)?, it)));
    match prepared {
        Err(why) => say_json(&Told::Impossible(why)),
        Ok((read, Subject { file, manifest, loaded })) => {
            let facts = loaded.manifest();
            say_json(&Told::Plugin {
                file,
                sha256: loaded.fingerprint().map(|hash| hash.to_string()).unwrap_or_default(),
                name: facts.name.clone(),
                version: facts.version.clone(),
                contract: facts.contract.clone(),
                settings: read.from,
            });
            let latest: Arc<Latest> = Arc::default();
            let options = kit::Options { calls, resident: resident(&latest), ..read.options };
            let connect = |host| {
                let connected = loaded.connected(host);
                *latest.lock().unwrap_or_else(PoisonError::into_inner) = connected.life.as_ref().map(Arc::downgrade);
                connected.into_peer()
            };
            kit::check_watched(&manifest, &connect, &options, &mut |progress| match progress {
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

/// How much memory the latest instance's process has; the kit measures this one where there is none.
fn resident(latest: &Arc<Latest>) -> Option<kit::Resident> {
    let latest = Arc::clone(latest);
    let of_latest = move || {
        let life = latest.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.upgrade()?;
        life.resident_bytes()
    };
    if cfg!(target_os = "linux") { Some(Arc::new(of_latest)) } else { None }
}
