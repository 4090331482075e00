//! Versions that an operator has decided on, and that are not to be had any more: a file may have been written over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sportello_engine::store::StoreError;
use sportello_engine::{Clock, Engine, SystemClock};

use super::apply_rulings;
use crate::config::{Config, Instance, Problems, Reading};
use crate::plugins::{Deployment, Member, path_of};
use crate::wire::{Off, Wire};

/// What a deployment comes to at a start with what was decided beside the file, and which instances are off: those that were
/// to run in a version which cannot be had. Another one is not what was decided; and all others go on.
pub(super) async fn as_decided(
    engine: &Engine,
    deployment: Deployment,
    wire: &Arc<Wire>,
) -> Result<(Deployment, BTreeMap<String, Off>), StoreError> {
    let file = deployment.config.clone();
    let mut left_out = BTreeSet::new();
    let deployment = loop {
        let config = decided(engine, &file, &left_out).await?;
        if config.instances == file.instances {
            break deployment;
        }
        let pinned = pinned(&file, &config);
        let problems = match deployment.prepare_next(Reading { config, problems: Vec::new() }, wire.clone()).await {
            Ok(next) => break next,
            Err(problems) => problems,
        };
        for problem in &problems.0 {
            tracing::error!("what was decided beside the file cannot be done: {problem}");
        }
        let is_about = |instance: &&Instance| {
            let path = format!("{}.", path_of(instance));
            problems.0.iter().any(|one| one.key.starts_with(&path))
        };
        let named: BTreeSet<String> = pinned.iter().copied().filter(is_about).map(|one| one.name.clone()).collect();
        let named = if named.is_empty() { pinned.iter().map(|one| one.name.clone()).collect() } else { named };
        for instance in &named {
            tracing::error!(
                instance,
                "the version that an operator went to is not there, so this instance is off: put that version's library back \
                 and start again, or write in gateway.toml which version runs; until the next start the one that is there \
                 runs after: sportello plugin enable {instance}"
            );
        }
        left_out.extend(named);
    };
    let off = |name| (name, Off { since_ms: SystemClock.now_ms(), is_passing: true });
    Ok((deployment, left_out.into_iter().map(off).collect()))
}

/// The file with what was decided beside it, but for these.
async fn decided(engine: &Engine, file: &Config, left_out: &BTreeSet<String>) -> Result<Config, StoreError> {
    let mut config = file.clone();
    apply_rulings(engine, &mut config).await?;
    for (instance, as_filed) in config.instances.iter_mut().zip(&file.instances) {
        if left_out.contains(&instance.name) {
            instance.clone_from(as_filed);
        }
    }
    Ok(config)
}

/// The instances of the file for which something else was decided.
fn pinned<'a>(file: &'a Config, config: &Config) -> Vec<&'a Instance> {
    let all = file.instances.iter().zip(&config.instances);
    all.filter(|(as_filed, instance)| as_filed != instance).map(|(as_filed, _)| as_filed).collect()
}

/// What is wrong at a reload: of an instance for which something was decided, with that.
pub(super) fn told(mut problems: Problems, file: &BTreeMap<String, Instance>, config: &Config) -> Problems {
    for instance in &config.instances {
        let key = format!("{}.version", path_of(instance));
        let is_pinned = file.get(&instance.name).is_some_and(|as_filed| as_filed.version != instance.version);
        for problem in problems.0.iter_mut().filter(|problem| is_pinned && problem.key == key) {
            "an operator went to that version by command: put its library back, or write in gateway.toml which version runs"
                .clone_into(&mut problem.remedy);
        }
    }
    problems
}

/// What an operator should know who goes to this version by command.
pub(super) fn beware(deployment: &Deployment, member: &Member, file: &Instance) -> Option<String> {
    let version = &member.loaded.manifest().version;
    if file.exec.is_some() {
        return Some(format!(
            "a program is the version that its file is: put that of {version} back, or the next reload ends this"
        ));
    }
    if !deployment.is_in_folders(member) {
        return Some(format!(
            "no folder has the library of {version} any more: put it back, or a reload is refused and the next start has this \
             instance off"
        ));
    }
    let settings = |instance: &Instance| Instance { version: None, canary: None, ..instance.clone() };
    (settings(&member.instance) != settings(file)).then(|| {
        "it has the settings that it had then: from the next reload or start on it has those of gateway.toml".to_owned()
    })
}
