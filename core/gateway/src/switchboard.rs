//! Where a gateway is changed while it runs: its configuration read again, its instances switched off and on, their versions
//! promoted and gone back to. One change at a time, each whole or not at all.

mod pinned;
mod record;
mod switch;
mod watch;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use serde::Serialize;
use sportello_engine::store::StoreError;
use sportello_engine::{Clock, Engine, SystemClock};

use crate::api::caller::Callers;
use crate::config::{Config, Instance, Problem, Problems, Wrong};
use crate::plugins::{Deployment, path_of};
use crate::wire::{Changed, Gone, Intended, NotOpened, Off, Returned, Ruling, Wanted, Wire, setup};

pub use record::Recorded;
pub use switch::{NotSwitched, Switched};

/// What told a gateway to read its configuration again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// SIGHUP.
    Signal,
    /// A request.
    Request,
    /// That a file has changed.
    Watch,
}

/// How the last reload went.
#[derive(Debug, Clone, Serialize)]
pub struct LastReload {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// What brought it about.
    pub by: By,
    /// What has changed; nothing where it was refused.
    pub changed: Vec<Changed>,
    /// Why it was refused; nothing where it was not.
    pub problems: Vec<Problem>,
}

/// Told of each deployment before anything of it is opened.
type Hearer = Box<dyn Fn(&Deployment) + Send + Sync>;

/// Where a gateway is changed while it runs.
pub struct Switchboard {
    wire: Arc<Wire>,
    engine: Engine,
    callers: Arc<Callers>,
    /// One change at a time.
    standing: tokio::sync::Mutex<Standing>,
    /// Those that are recorded.
    recorded: record::Recordings,
    last: Mutex<Option<LastReload>>,
    /// How long what is in flight may take to end when the program is told to stop.
    drain_within: Mutex<Duration>,
    hearer: OnceLock<Hearer>,
    /// Whether files are watched.
    watched: tokio::sync::watch::Sender<Watched>,
}

/// What is watched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Watched {
    is_on: bool,
    /// The configuration, and the programs that are plugins.
    files: Vec<PathBuf>,
    /// Where libraries are.
    plugins: Vec<PathBuf>,
}

/// What holds now.
struct Standing {
    deployment: Deployment,
    /// The instances as the file has them, by name.
    file: BTreeMap<String, Instance>,
    /// Those that are drained: off until the program ends or they are switched on.
    drained: BTreeMap<String, Off>,
}

/// A deployment as it is to be, and what stands beside it.
pub(crate) struct Plan {
    pub(crate) deployment: Deployment,
    file: BTreeMap<String, Instance>,
    drained: BTreeMap<String, Off>,
    pub(crate) intended: BTreeMap<String, Intended>,
}

impl Plan {
    /// What a deployment comes to with what was decided beside the file.
    ///
    /// # Errors
    /// When what was decided cannot be read.
    pub(crate) async fn new(engine: &Engine, deployment: Deployment, wire: &Arc<Wire>) -> Result<Self, StoreError> {
        let file = by_name(&deployment.config);
        let (deployment, drained) = pinned::as_decided(engine, deployment, wire).await?;
        let intended = intended(engine, wire, &deployment, &file, &drained).await?;
        Ok(Self { deployment, file, drained, intended })
    }
}

fn by_name(config: &Config) -> BTreeMap<String, Instance> {
    config.instances.iter().map(|instance| (instance.name.clone(), instance.clone())).collect()
}

async fn apply_rulings(engine: &Engine, config: &mut Config) -> Result<(), StoreError> {
    for instance in &mut config.instances {
        *instance = Ruling::of(engine.store(), &instance.name).await?.applied(instance);
    }
    Ok(())
}

/// The instances of a deployment as they are to be: without canaries that were sent back, and off where they are.
async fn intended(
    engine: &Engine,
    wire: &Wire,
    deployment: &Deployment,
    file: &BTreeMap<String, Instance>,
    drained: &BTreeMap<String, Off>,
) -> Result<BTreeMap<String, Intended>, StoreError> {
    let mut intended = BTreeMap::new();
    for member in &deployment.members {
        let name = &member.instance.name;
        let ruling = Ruling::of(engine.store(), name).await?;
        let named = file.get(name).and_then(|instance| instance.canary.as_ref());
        // One that went back by itself a moment ago may not be written down yet.
        let unwritten = wire.slot(name).and_then(|slot| slot.standing().returned);
        let is_named = |returned: &Returned| named.is_some_and(|c| c.version == returned.version);
        let returned = ruling.returned.filter(is_named).or(unwritten.filter(is_named));
        let canary = deployment.canaries.iter().find(|(canary, _)| canary.instance.name == *name);
        let canary = canary.filter(|(canary, _)| returned.as_ref().is_none_or(|returned| !returned.is(canary)));
        let returned = returned.filter(|_| canary.is_none());
        let off = ruling.off.or_else(|| drained.get(name).cloned());
        let wanted = Wanted { member: member.clone(), canary: canary.cloned() };
        intended.insert(name.clone(), Intended { wanted, off, returned });
    }
    Ok(intended)
}

impl Switchboard {
    pub(crate) fn new(wire: Arc<Wire>, engine: Engine, callers: Arc<Callers>, plan: Plan) -> Arc<Self> {
        let Plan { deployment, file, drained, .. } = plan;
        let watched = Watched::of(&deployment.config);
        let drain_within = Mutex::new(deployment.config.gateway.drain);
        let standing = Standing { deployment, file, drained };
        Arc::new(Self {
            wire,
            engine,
            callers,
            standing: tokio::sync::Mutex::new(standing),
            recorded: record::Recordings::default(),
            last: Mutex::new(None),
            drain_within,
            hearer: OnceLock::new(),
            watched: tokio::sync::watch::Sender::new(watched),
        })
    }

    /// Has somebody told of each deployment before anything of it is opened. The first one who asks is told.
    pub fn tell(&self, hearer: impl Fn(&Deployment) + Send + Sync + 'static) {
        // A second one is not foreseen.
        let _ = self.hearer.set(Box::new(hearer));
    }

    /// How long what is in flight may take to end when the program is told to stop.
    pub(crate) fn drain_within(&self) -> Duration {
        *self.drain_within.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nothing is being changed.
    pub(crate) async fn at_rest(&self) {
        drop(self.standing.lock().await);
    }

    /// Which orders that are open were taken by versions that are not here any more.
    pub async fn gone(&self) -> Vec<Gone> {
        self.wire.gone(&self.engine).await
    }

    /// How the last reload went; nothing before the first.
    pub fn last_reload(&self) -> Option<LastReload> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the configuration again, and goes by it: what is new is opened beside the old, and if all of that works it
    /// takes the old one's place, which finishes what it was given.
    ///
    /// # Errors
    /// Everything that is wrong; then nothing has changed.
    pub async fn reload(&self, by: By) -> Result<Vec<Changed>, Problems> {
        let mut standing = self.standing.lock().await;
        let done = self.reload_into(&mut standing).await;
        let (changed, problems) = match &done {
            Ok(changed) => (changed.clone(), Vec::new()),
            Err(problems) => (Vec::new(), problems.0.clone()),
        };
        for Changed { instance, from, to, canary } in &changed {
            tracing::info!(instance, ?from, ?to, ?canary, "an instance has changed");
        }
        match problems.is_empty() {
            true => tracing::info!(?by, changed = changed.len(), "the configuration was read again"),
            false => tracing::error!(?by, "the configuration is wrong, and nothing has changed"),
        }
        for problem in &problems {
            tracing::error!("{problem}");
        }
        self.remember(LastReload { at_ms: SystemClock.now_ms(), by, changed, problems });
        done
    }

    fn remember(&self, now: LastReload) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let was_wrong = last.as_ref().is_some_and(|last| !last.problems.is_empty());
        // Nobody asked for what is watched to be read: that it came to nothing takes no news away.
        if now.by != By::Watch || !now.changed.is_empty() || !now.problems.is_empty() || was_wrong {
            *last = Some(now);
        }
    }

    async fn reload_into(&self, standing: &mut Standing) -> Result<Vec<Changed>, Problems> {
        if self.wire.is_stopping() {
            return Err(said(&reading_file(standing), &"the gateway is about to stop"));
        }
        let mut reading = Config::open(&standing.deployment.config.file)?;
        reading.problems.extend(standing.deployment.config.fixed_until_restart(&reading.config));
        let file = by_name(&reading.config);
        let said_by_store = |error| said(&reading_file(standing), &error);
        apply_rulings(&self.engine, &mut reading.config).await.map_err(said_by_store)?;
        let config = reading.config.clone();
        let prepared = standing.deployment.prepare_next(reading, self.wire.clone()).await;
        let deployment = prepared.map_err(|problems| pinned::told(problems, &file, &config))?;
        let changed = self.put(standing, deployment, file).await?;
        self.tidy_rulings(standing, &changed).await;
        Ok(changed)
    }

    /// Puts a deployment in the place of the one before.
    async fn put(
        &self,
        standing: &mut Standing,
        deployment: Deployment,
        file: BTreeMap<String, Instance>,
    ) -> Result<Vec<Changed>, Problems> {
        let mut intended = intended(&self.engine, &self.wire, &deployment, &file, &standing.drained)
            .await
            .map_err(|error| said(&reading_file(standing), &error))?;
        let ending = self.recorded.between(&mut intended);
        deployment.check_beside(&self.wire.members())?;
        if let Some(hearer) = self.hearer.get() {
            hearer(&deployment);
        }
        let setup = setup(&deployment);
        let keys = &deployment.config.keys;
        let at_once = || {
            self.engine.reconfigure(setup);
            self.callers.replace(keys);
        };
        let changed = self.wire.exchange(intended, at_once).await.map_err(|failed| not_opened(&deployment, failed))?;
        for ending in ending {
            ending.end().await;
        }
        self.wire.set_drain_versions(deployment.config.gateway.drain_versions);
        *self.drain_within.lock().unwrap_or_else(PoisonError::into_inner) = deployment.config.gateway.drain;
        self.watched.send_if_modified(|watched| {
            let now = Watched::of(&deployment.config);
            let is_other = *watched != now;
            *watched = now;
            is_other
        });
        standing.drained.retain(|name, _| file.contains_key(name));
        standing.deployment = deployment;
        standing.file = file;
        Ok(changed)
    }

    /// Writes down which versions were current before, and forgets what the file has overtaken.
    async fn tidy_rulings(&self, standing: &Standing, changed: &[Changed]) {
        for (name, instance) in &standing.file {
            let before = changed.iter().find(|changed| changed.instance == *name);
            let before =
                before.and_then(|changed| changed.from.clone().filter(|from| Some(from) != changed.to.as_ref()));
            let change = |ruling: &mut Ruling| {
                if let Some(before) = &before {
                    ruling.previous = Some(before.clone());
                }
                ruling.forget_overtaken(instance);
            };
            if let Err(error) = Ruling::change(self.engine.store(), name, change).await {
                tracing::error!(instance = name, %error, "what was decided about an instance cannot be written down");
            }
        }
    }
}

fn reading_file(standing: &Standing) -> String {
    standing.deployment.config.file.display().to_string()
}

/// Why a file was not taken that nothing is wrong with.
fn said(file: &str, why: &dyn std::fmt::Display) -> Problems {
    let what = format!("it cannot be taken now: {why}");
    Problems(vec![Problem { file: file.to_owned(), line: 1, key: String::new(), what, remedy: String::new() }])
}

/// What did not open, where it stands in the file.
fn not_opened(deployment: &Deployment, failed: Vec<NotOpened>) -> Problems {
    let config = &deployment.config;
    let problem = |NotOpened { instance, version, because }: NotOpened| {
        let found = config.instances.iter().find(|other| other.name == instance);
        let key = found.map(path_of).unwrap_or_default();
        let what = format!("version {version} does not open: {because}");
        let remedy = "what was there goes on as it was; mend this, and have the file read again";
        config.problem(&key, Wrong::new(what, remedy))
    };
    Problems(failed.into_iter().map(problem).collect())
}
