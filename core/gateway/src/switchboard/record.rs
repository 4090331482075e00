//! One instance, recorded: a new copy of it takes the old one's place, with a recorder between it and the gateway.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use sportello_engine::{Clock, SystemClock};
use sportello_host::{Recorder, Subject};

use super::switch::known;
use super::{NotSwitched, Standing, Switchboard};
use crate::plugins::Member;
use crate::redact::{Redactor, hide_cards};
use crate::wire::Changed;

/// What an instance is recorded into.
pub(super) struct Recording {
    recorder: Arc<Recorder>,
    file: PathBuf,
}

/// What became of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recorded {
    /// The instance.
    pub instance: String,
    /// What has changed about it: a copy of it is there in its place.
    pub changed: Option<Changed>,
    /// The file, on the gateway's machine.
    pub file: PathBuf,
    /// Whether it has ended early, since it was too long or the disk was full.
    pub is_broken: bool,
}

impl Switchboard {
    /// Begins to record an instance: from the `open` of a new copy of it, which takes its place. Beside the store, in
    /// `recordings`, into a file that nobody else can read. Ends with [`Switchboard::record_end`], and with the program.
    ///
    /// # Errors
    /// As [`NotSwitched`] has it; then nothing has changed.
    pub async fn record(&self, name: &str) -> Result<Recorded, NotSwitched> {
        let mut standing = self.standing.lock().await;
        known(&standing, name)?;
        if let Some(there) = standing.recorded.get(name) {
            return Ok(there.told(name, None));
        }
        let recording = begin(&standing, name)?;
        standing.recorded.insert(name.to_owned(), recording);
        let switched = self.settle(&mut standing, name, None).await;
        let recording = standing.recorded.get(name);
        match (switched, recording) {
            (Ok(switched), Some(recording)) => Ok(recording.told(name, switched.changed)),
            (Ok(_), None) => Err(NotSwitched::Unknown(name.to_owned())),
            (Err(error), _) => {
                if let Some(recording) = standing.recorded.remove(name) {
                    recording.end().await;
                }
                Err(error)
            }
        }
    }

    /// Ends the recording of an instance, which goes on as a copy without it.
    ///
    /// # Errors
    /// As [`NotSwitched`] has it.
    pub async fn record_end(&self, name: &str) -> Result<Recorded, NotSwitched> {
        let mut standing = self.standing.lock().await;
        let recording = standing.recorded.remove(name).ok_or_else(|| NotSwitched::NotRecorded(name.to_owned()))?;
        // Where it was taken out of the file meanwhile, there is nothing to put in its place.
        let switched = match known(&standing, name).is_ok() {
            true => self.settle(&mut standing, name, None).await.map(|switched| switched.changed),
            false => Ok(None),
        };
        let told = recording.told(name, None);
        recording.end().await;
        Ok(Recorded { changed: switched?, ..told })
    }
}

/// Puts the recorders between instances and gateway.
pub(super) fn between(standing: &Standing, member: Member) -> Member {
    match standing.recorded.get(&member.instance.name) {
        Some(recording) => member.recorded_by(recording.recorder.clone()),
        None => member,
    }
}

fn begin(standing: &Standing, name: &str) -> Result<Recording, NotSwitched> {
    let deployment = &standing.deployment;
    let member = deployment.members.iter().find(|member| member.instance.name == name);
    let member = member.ok_or_else(|| NotSwitched::Unknown(name.to_owned()))?;
    let manifest = member.loaded.manifest();
    let at_ms = SystemClock.now_ms();
    let unwritable = |error: std::io::Error| NotSwitched::Unwritable(error.to_string());
    let folder = deployment.config.gateway.store.parent().map_or_else(|| "recordings".into(), |f| f.join("recordings"));
    std::fs::create_dir_all(&folder).map_err(unwritable)?;
    let file = folder.join(format!("{name}-{at_ms}.jsonl"));
    let out = private(&file).map_err(unwritable)?;
    let subject = Subject {
        instance: name.to_owned(),
        plugin: [manifest.name.clone(), manifest.version.clone()],
        sha256: member.loaded.fingerprint().map(|fingerprint| fingerprint.to_string()),
        sees_pan: member.sees_pan(),
        at_ms,
    };
    let redactor: Redactor = deployment.redactor();
    let redact = move |text: &str| hide_cards(&redactor.without_secrets(text)).into_owned();
    let recorder = Recorder::new(subject, Arc::new(redact), out).map_err(unwritable)?;
    Ok(Recording { recorder, file })
}

/// A new file that nobody else can read: what people wrote stands in it.
fn private(file: &std::path::Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)
}

impl Recording {
    fn told(&self, name: &str, changed: Option<Changed>) -> Recorded {
        let is_broken = self.recorder.is_broken();
        Recorded { instance: name.to_owned(), changed, file: self.file.clone(), is_broken }
    }

    /// Waits for the disk, elsewhere.
    async fn end(self) {
        let _ = tokio::task::spawn_blocking(move || self.recorder.finish()).await;
    }
}
