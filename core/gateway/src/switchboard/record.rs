//! One instance, recorded: a new copy of it takes the old one's place, with a recorder between it and the gateway. A recording
//! is of that copy alone, and ends with it: where another version, build or setting takes its place, or nothing does.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use sportello_engine::{Clock, SystemClock};
use sportello_host::{Recorder, Subject};

use super::switch::known;
use super::{NotSwitched, Standing, Switchboard};
use crate::plugins::Member;
use crate::redact::{Redactor, hide_cards};
use crate::wire::{Changed, Intended};

/// What an instance is recorded into.
#[derive(Clone)]
struct Recording {
    recorder: Arc<Recorder>,
    file: PathBuf,
    /// What is recorded.
    of: Member,
}

/// The recordings by instance, until somebody ends them: also those that have ended by themselves, so that this can be told.
#[derive(Default)]
pub(super) struct Recordings(Mutex<BTreeMap<String, Recording>>);

/// A recording that ends as soon as something else is in its instance's place.
pub(super) struct Ending {
    instance: String,
    recording: Recording,
    because: String,
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
    /// Why it has ended by itself, if it has: what it is of was replaced.
    pub ended: Option<String>,
}

impl Switchboard {
    /// Begins to record an instance: from the `open` of a new copy of it, which takes its place. Beside the store, in
    /// `recordings`, into a file that nobody else can read. Ends with [`Switchboard::record_end`], where that copy is
    /// replaced, and with the program.
    ///
    /// # Errors
    /// As [`NotSwitched`] has it; then nothing has changed.
    pub async fn record(&self, name: &str) -> Result<Recorded, NotSwitched> {
        let mut standing = self.standing.lock().await;
        known(&standing, name)?;
        if self.wire.slot(name).is_some_and(|slot| slot.standing().off.is_some()) {
            return Err(NotSwitched::Off(name.to_owned()));
        }
        if let Some(there) = self.recorded.get(name).filter(Recording::is_on) {
            return Ok(there.told(name, None));
        }
        let recording = begin(&standing, name)?;
        self.recorded.all().insert(name.to_owned(), recording.clone());
        match self.settle(&mut standing, name, None).await {
            Ok(switched) => Ok(recording.told(name, switched.changed)),
            Err(error) => {
                self.recorded.all().remove(name);
                recording.finish().await;
                // Nothing that anybody could play stands in it.
                let _ = std::fs::remove_file(&recording.file);
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
        let recording = self.recorded.all().remove(name).ok_or_else(|| NotSwitched::NotRecorded(name.to_owned()))?;
        // Where something else has taken its place meanwhile, or it was taken out of the file, there is nothing to replace.
        let current = self.wire.slot(name).and_then(|slot| slot.current());
        let switched =
            match current.is_some_and(|version| version.member.is_recorded()) && known(&standing, name).is_ok() {
                true => self.settle(&mut standing, name, None).await.map(|switched| switched.changed),
                false => Ok(None),
            };
        let told = recording.told(name, None);
        recording.finish().await;
        Ok(Recorded { changed: switched?, ..told })
    }

    /// How the recording of an instance is; nothing where there is none.
    pub fn recording(&self, name: &str) -> Option<Recorded> {
        Some(self.recorded.get(name)?.told(name, None))
    }
}

impl Recordings {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Recording>> {
        // Nothing in here is left half done by a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, name: &str) -> Option<Recording> {
        self.all().get(name).cloned()
    }

    /// Puts the recorders between instances and gateway: each into what it is of, and into nothing else. Answers which
    /// recordings end once these instances are there.
    pub(super) fn between(&self, intended: &mut BTreeMap<String, Intended>) -> Vec<Ending> {
        let all = self.all();
        for (name, there) in intended.iter_mut() {
            let member = there.wanted.member.clone().recorded_by(None);
            let recording = all.get(name).filter(|recording| there.off.is_none() && recording.of.is_like(&member));
            there.wanted.member = member.recorded_by(recording.map(|recording| recording.recorder.clone()));
        }
        let ending = |(name, recording): (&String, &Recording)| {
            let because = recording.is_over_by(intended.get(name))?;
            Some(Ending { instance: name.clone(), recording: recording.clone(), because })
        };
        all.iter().filter(|(_, recording)| recording.is_on()).filter_map(ending).collect()
    }
}

impl Ending {
    /// Ends it, and waits for the disk: whoever has replaced the instance can play the file.
    pub(super) async fn end(self) {
        let Self { instance, recording, because } = self;
        recording.recorder.end(&because);
        recording.finish().await;
        let file = recording.file.display();
        tracing::warn!(instance, because, %file, "a recording has ended: what it is of was replaced");
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
    Ok(Recording { recorder, file, of: member.clone().recorded_by(None) })
}

/// A new file that nobody else can read: what people wrote stands in it.
fn private(file: &std::path::Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)
}

impl Recording {
    /// Whether something is still written.
    fn is_on(&self) -> bool {
        self.recorder.ended().is_none() && !self.recorder.is_broken()
    }

    /// Why this ends, where this is what is to be in the instance's place; nothing where it goes on.
    fn is_over_by(&self, there: Option<&Intended>) -> Option<String> {
        let Some(there) = there else { return Some("it was taken out of gateway.toml".to_owned()) };
        if there.off.is_some() {
            return Some("it was switched off".to_owned());
        }
        let member = &there.wanted.member;
        if member.is_recorded() {
            return None;
        }
        let [was, is] = [&self.of, member].map(|member| member.loaded.manifest());
        let is_same_build = self.of.loaded.fingerprint() == member.loaded.fingerprint();
        Some(match (was.name == is.name, was.version == is.version && is_same_build) {
            (false, _) => format!("{} {} has taken the place of {} {}", is.name, is.version, was.name, was.version),
            (true, true) => format!("version {} was opened anew with other settings", is.version),
            (true, false) if was.version == is.version => {
                format!("another build of version {} has taken its place", is.version)
            }
            (true, false) => format!("version {} has taken the place of {}", is.version, was.version),
        })
    }

    fn told(&self, name: &str, changed: Option<Changed>) -> Recorded {
        Recorded {
            instance: name.to_owned(),
            changed,
            file: self.file.clone(),
            is_broken: self.recorder.is_broken(),
            ended: self.recorder.ended().map(str::to_owned),
        }
    }

    /// Waits for the disk, elsewhere.
    async fn finish(&self) {
        let recorder = self.recorder.clone();
        let _ = tokio::task::spawn_blocking(move || recorder.finish()).await;
    }
}
