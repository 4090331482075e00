//! From a configuration to plugins that are loaded and checked: what could not be said from the file alone.

mod agree;
mod exclusive;
mod exec;
mod source;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use sportello_engine::{ChannelSetup, Taker};
use sportello_host::{Limits, Loaded, OpenError, PAN_GRANT, Recorder, Services, Spec, TlsOptions, blocking, support};
use sportello_sdk::marks::{self, Held};
use sportello_sdk::{Kind, Manifest, Secret, Strength};

use crate::config::{
    Config, Instance, Notes, Problems, Reading, Share, Surroundings, Wrong, joined, nearest, read_small,
};
use crate::redact::Redactor;
use crate::vault::key::KeySource;
use source::Source;

/// Where plugins come from.
#[derive(Clone)]
pub enum Plugins {
    /// The folders that the configuration names.
    Folders,
    /// Linked into the program, for a simulation, a benchmark or a test.
    BuiltIn(Vec<Loaded>),
}

/// A configuration, all of which is right as far as can be known without opening anything.
#[derive(Clone)]
pub struct Deployment {
    /// What `gateway.toml` says.
    pub config: Config,
    /// What is to be opened: the current version of each instance.
    pub members: Vec<Member>,
    /// The versions that are tried, each on a share of what is its instance's, by name.
    pub canaries: Vec<(Member, Share)>,
    /// Where the plugins came from, to take others from there.
    plugins: Plugins,
}

/// An instance and its plugin.
#[derive(Clone)]
pub struct Member {
    /// What the configuration says of it.
    pub instance: Instance,
    /// The plugin.
    pub loaded: Loaded,
    /// Its settings, without its secrets.
    settings: Value,
    secrets: BTreeMap<String, Secret>,
    tls: TlsOptions,
    /// What belongs to this instance alone.
    held: Vec<Held>,
    /// What it is recorded by.
    recorder: Option<Arc<Recorder>>,
}

impl Deployment {
    /// Finds, loads and checks the plugins of a configuration that was read from a file; `variable` is the environment.
    /// Must run inside a tokio runtime.
    ///
    /// # Errors
    /// Everything that is wrong, with the file and with the plugins, in the order of the file's lines.
    pub async fn prepare(
        reading: Reading,
        plugins: Plugins,
        services: Arc<dyn Services>,
        variable: &(dyn Fn(&str) -> Option<String> + Sync),
    ) -> Result<Self, Problems> {
        Self::prepare_within(reading, plugins, services, variable, None).await
    }

    async fn prepare_within(
        reading: Reading,
        plugins: Plugins,
        services: Arc<dyn Services>,
        variable: &(dyn Fn(&str) -> Option<String> + Sync),
        resident_max: Option<u64>,
    ) -> Result<Self, Problems> {
        let Reading { config, mut problems } = reading;
        let file = config.file.display().to_string();
        let notes = Notes::new(&file, &config.lines);
        let around = Surroundings { folder: config.folder(), production: config.gateway.production, variable };
        let source = blocking(|| Source::new(plugins.clone(), &config, resident_max, &notes));
        let (mut members, mut canaries) = (Vec::with_capacity(config.instances.len()), Vec::new());
        for instance in &config.instances {
            let beside = instance.canary.as_ref().map(|canary| canary.version.as_str());
            let current = match &instance.exec {
                Some(exec) => exec::load(instance, exec, &source, &around, &notes).await,
                None => blocking(|| source.load(instance, instance.version.as_deref(), beside, &notes)),
            };
            let is_there = current.is_some();
            if let Some(loaded) = current {
                members.push(Member::checked(instance, loaded, &around, &services, &notes).await);
            }
            if let Some(canary) = instance.canary.as_ref().filter(|_| is_there) {
                let loaded = blocking(|| source.load(instance, Some(&canary.version), None, &notes));
                if let Some(loaded) = loaded {
                    let member = Member::checked(instance, loaded, &around, &services, &notes).await;
                    if let Some(current) = members.last() {
                        agree::check_canary(current, &member, &notes);
                    }
                    canaries.push((member, canary.share));
                }
            }
        }
        if config.gateway.production {
            let first = config.instances.iter().find(|instance| instance.is_isolated());
            for (what, remedy) in first.into_iter().flat_map(|_| support().missing()) {
                let at = first.map(|instance| format!("{}.isolation", path_of(instance))).unwrap_or_default();
                notes.add(&at, Wrong::new(what, remedy));
            }
        }
        let versions = members.iter().chain(canaries.iter().map(|(canary, _)| canary));
        exclusive::check(versions, &config.lines, &notes);
        // A channel that is missing because something is wrong with it would be missed by its people, too.
        if problems.is_empty() && members.len() == config.instances.len() {
            let channels: Vec<ChannelSetup> = members.iter().filter_map(Member::channel_setup).collect();
            agree::check_handles(&config, &channels, &notes);
        }
        problems.extend(notes.into_sorted());
        problems.sort_by_key(|problem| problem.line);
        // What is wrong with both versions of an instance is said once.
        problems.dedup();
        match problems.is_empty() {
            true => Ok(Self { config, members, canaries, plugins }),
            false => Err(Problems(problems)),
        }
    }

    /// Prepares what `reading` says, with plugins from where this deployment's came from, and the process's environment.
    ///
    /// # Errors
    /// As for [`Deployment::prepare`]; and a library that would leave more in this process than
    /// `gateway.resident_libraries_mb`.
    pub async fn prepare_next(&self, reading: Reading, services: Arc<dyn Services>) -> Result<Self, Problems> {
        let resident_max = u64::from(reading.config.gateway.resident_libraries_mb) << 20;
        let variable = |name: &str| std::env::var(name).ok();
        Self::prepare_within(reading, self.plugins.clone(), services, &variable, Some(resident_max)).await
    }

    /// Whether the very library that a member is of lies where plugins are looked for; or is a part of this program.
    pub(crate) fn is_in_folders(&self, member: &Member) -> bool {
        let facts = member.loaded.manifest();
        match &self.plugins {
            Plugins::BuiltIn(_) => true,
            Plugins::Folders => {
                let found = blocking(|| sportello_host::scan(&self.config.gateway.plugins));
                let picked = found.pick_version(&facts.name, Some(&facts.version), None);
                picked.is_ok_and(|picked| Some(picked.fingerprint()) == member.loaded.fingerprint())
            }
        }
    }

    /// What this system lacks to confine the plugins that have processes of their own, each as a sentence. In production
    /// there is no deployment where anything is.
    pub fn unconfined(&self) -> Vec<String> {
        let is_isolated = self.members.iter().any(|member| member.instance.is_isolated());
        let missing = if is_isolated { support().missing() } else { Vec::new() };
        missing.into_iter().map(|(what, remedy)| format!("{what}: {remedy}")).collect()
    }

    /// What takes this deployment's secrets out of the log.
    pub fn redactor(&self) -> Redactor {
        let canaries = self.canaries.iter().map(|(member, _)| member);
        let of_members = self.members.iter().chain(canaries).flat_map(|member| member.secrets.values());
        let of_keys = self.config.keys.iter().map(|key| &key.secret);
        let of_vault = self.config.vault.iter().flat_map(|vault| std::iter::once(&vault.key).chain(&vault.old_keys));
        let given = of_vault.filter_map(|key| match key {
            KeySource::Given(secret) => Some(secret),
            KeySource::File(_) | KeySource::Command(_) => None,
        });
        Redactor::new(of_members.chain(of_keys).chain(given).map(Secret::reveal))
    }
}

impl Member {
    /// An instance of a plugin that was loaded; what is wrong with it is noted.
    async fn checked(
        instance: &Instance,
        loaded: Loaded,
        around: &Surroundings<'_>,
        services: &Arc<dyn Services>,
        notes: &Notes<'_>,
    ) -> Self {
        let schema = loaded.schema().await;
        let member = Self::new(instance, loaded, schema.as_ref().ok(), around, notes);
        match schema {
            Ok(schema) => member.check(&schema, services, notes).await,
            Err(error) => {
                let what = format!("the plugin does not say what its settings are: {error}");
                notes.add(&format!("{}.plugin", path_of(instance)), Wrong::new(what, "install another build of it"));
            }
        }
        member.check_streams(notes);
        member
    }

    fn new(
        instance: &Instance,
        loaded: Loaded,
        schema: Option<&Value>,
        around: &Surroundings<'_>,
        notes: &Notes<'_>,
    ) -> Self {
        let mut settings = instance.settings.clone();
        let written = Value::Object(settings.clone());
        let marks = schema.map(|schema| marks::read(schema, &written)).unwrap_or_default();
        for defect in &marks.defects {
            let what = format!("the plugin's own schema of its settings is broken: {defect}");
            notes.add(&format!("{}.plugin", path_of(instance)), Wrong::new(what, "install another build of it"));
        }
        let is_needed = |name: &String| !marks.conditional.contains(name) || marks.needed.contains(name);
        let mut secrets = BTreeMap::new();
        for name in &loaded.manifest().secrets {
            let key = format!("{}.settings.{name}", path_of(instance));
            let Some(written) = settings.remove(name) else {
                if !is_needed(name) {
                    continue;
                }
                let remedy = format!("write it as in: {name} = {{ env = \"NAME\" }}");
                notes.add(&key, Wrong::new("the plugin needs this secret", remedy));
                continue;
            };
            match around.secret(&written) {
                Ok(secret) => drop(secrets.insert(name.clone(), secret)),
                Err(wrong) => {
                    notes.add(&key, wrong);
                    // In its place, so that the check below does not complain of it again.
                    secrets.insert(name.clone(), Secret::new("?"));
                }
            }
        }
        let tls = tls(instance, around, notes);
        let settings = Value::Object(settings);
        Self { instance: instance.clone(), loaded, settings, secrets, tls, held: marks.held, recorder: None }
    }

    /// Whether this would be opened in the same way from the same bytes.
    pub fn is_like(&self, other: &Self) -> bool {
        self.loaded.fingerprint() == other.loaded.fingerprint()
            && self.loaded.manifest().version == other.loaded.manifest().version
            && self.is_set_like(other)
            && self.recorder.as_ref().map(Arc::as_ptr) == other.recorder.as_ref().map(Arc::as_ptr)
    }

    /// Whether what `other` was given can be asked of this: another version of the same plugin at most, with the same
    /// provider behind it, to whom it is the same party, and with the same promises about doubt.
    pub(crate) fn stands_in_for(&self, other: &Self) -> bool {
        let doubts = |member: &Self| member.loaded.manifest().rail.as_ref().map(|facts| facts.orders.clone());
        self.is_set_like(other) && doubts(self) == doubts(other)
    }

    /// Whether it is the same plugin, in some version, with the same table in the file and all that this names.
    fn is_set_like(&self, other: &Self) -> bool {
        // Which version the file names is not what was found.
        let unnamed = |instance: &Instance| Instance { version: None, canary: None, ..instance.clone() };
        self.loaded.manifest().name == other.loaded.manifest().name
            && unnamed(&self.instance) == unnamed(&other.instance)
            && self.settings == other.settings
            && self.secrets == other.secrets
            && self.tls == other.tls
    }

    /// What takes its secrets out of what it says.
    pub(crate) fn redactor(&self) -> Redactor {
        Redactor::new(self.secrets.values().map(Secret::reveal))
    }

    /// What is kept of it with the orders that it takes.
    pub(crate) fn taker(&self) -> Taker {
        let manifest = self.loaded.manifest();
        Taker {
            plugin: manifest.name.clone(),
            version: manifest.version.clone(),
            sha256: self.loaded.fingerprint().map(|fingerprint| fingerprint.to_string()),
        }
    }

    /// The same, recorded by this.
    pub(crate) fn recorded_by(self, recorder: Option<Arc<Recorder>>) -> Self {
        Self { recorder, ..self }
    }

    /// Whether there is a recorder between it and the gateway.
    pub(crate) fn is_recorded(&self) -> bool {
        self.recorder.is_some()
    }

    /// Whether it may see card numbers.
    pub fn sees_pan(&self) -> bool {
        self.loaded.manifest().pan && self.instance.grants.iter().any(|grant| grant == PAN_GRANT)
    }

    /// What the host opens.
    pub fn spec(&self, services: Arc<dyn Services>) -> Spec {
        let limits = Limits {
            in_flight: usize::try_from(self.instance.in_flight).unwrap_or(usize::MAX),
            per_second: self.instance.per_second.unwrap_or(0),
            ..Limits::default()
        };
        Spec {
            settings: self.settings.clone(),
            secrets: self.secrets.clone(),
            grants: self.instance.grants.clone(),
            tls: self.tls.clone(),
            limits,
            deadline: self.instance.deadline,
            recorder: self.recorder.clone(),
            ..Spec::new(self.instance.name.clone(), services)
        }
    }

    /// A channel as the engine knows it.
    pub fn channel_setup(&self) -> Option<ChannelSetup> {
        let facts = self.loaded.manifest().channel.as_ref()?;
        let setting = |name: &Option<String>| Some(self.settings.get(name.as_ref()?)?.as_str()?.to_owned());
        let own_name = setting(&facts.own_name_setting);
        Some(ChannelSetup {
            instance: self.instance.name.clone(),
            scheme: facts.scheme.clone(),
            own_names: own_name.filter(|name| !name.is_empty()).into_iter().collect(),
            default_currency: self.instance.default_currency,
            ids_are_strong: facts.message_ids == Strength::Strong,
            senders_are_strong: facts.senders == Strength::Strong,
            // Where the setting is not there, no handle is this instance's: none that would be another's is taken.
            scope: facts.scope_setting.as_ref().map(|_| setting(&facts.scope_setting).unwrap_or_default()),
            handles_change_hands: facts.handles_change_hands,
            receipts: facts.receipts,
        })
    }

    async fn check(&self, schema: &Value, services: &Arc<dyn Services>, notes: &Notes<'_>) {
        let path = path_of(&self.instance);
        let mut spec = self.spec(services.clone());
        self.unknown_settings(schema, &mut spec.settings, notes);
        match self.loaded.check(&spec).await {
            Ok(()) => {}
            Err(OpenError::Spec { errors, .. }) => {
                for error in errors.0 {
                    // A missing secret was told already, with how to write one.
                    let named = error.pointer.strip_prefix("/settings/").unwrap_or_default();
                    if !self.loaded.manifest().secrets.iter().any(|secret| secret == named) {
                        notes.add(&key_of(&path, &error.pointer), Wrong::new(error.message, ""));
                    }
                }
            }
            Err(error @ OpenError::Failed { .. }) => {
                let remedy = "install another build of it";
                notes.add(&format!("{path}.{}", key_of_plugin(&self.instance)), Wrong::new(error.to_string(), remedy));
            }
        }
    }

    /// Settings that the plugin does not know, each with its own line; they are taken out, so that the schema does not
    /// complain of them again.
    fn unknown_settings(&self, schema: &Value, settings: &mut Value, notes: &Notes<'_>) {
        let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
        let (Some(properties), Some(settings)) =
            (schema.get("properties").and_then(Value::as_object), settings.as_object_mut())
        else {
            return;
        };
        if !closed {
            return;
        }
        let manifest: &Manifest = self.loaded.manifest();
        let known: Vec<&str> =
            properties.keys().map(String::as_str).chain(manifest.secrets.iter().map(String::as_str)).collect();
        let base = format!("{}.settings", path_of(&self.instance));
        settings.retain(|key, _| {
            if properties.contains_key(key) {
                return true;
            }
            let remedy = match nearest(key, known.iter().copied()) {
                Some(meant) => format!("did you mean \"{meant}\"?"),
                None => format!("the plugin's settings are {}", known.join(", ")),
            };
            notes.add(&joined(&base, key), Wrong::new("unknown key", remedy));
            false
        });
    }
}

/// What an instance's `[….tls]` names, read.
fn tls(instance: &Instance, around: &Surroundings<'_>, notes: &Notes<'_>) -> TlsOptions {
    let key_of = |key: &str| format!("{}.tls.{key}", path_of(instance));
    let file = |key: &str, written: &String| {
        let path = around.path(written);
        let read = read_small(&path).and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other));
        let read = read.map_err(|error| {
            let what = format!("the file {} cannot be read: {error}", path.display());
            notes.add(&key_of(key), Wrong::new(what, "write certificates into it, in PEM"));
        });
        read.ok()
    };
    let authorities = instance.tls.authorities.as_ref().and_then(|path| file("authorities", path));
    let identity = instance.tls.identity.as_ref().and_then(|(certificate, key)| {
        let key = around.secret(key).map_err(|wrong| notes.add(&key_of("key"), wrong)).ok();
        file("certificate", certificate).zip(key)
    });
    TlsOptions { authorities, identity }
}

/// The instance's table in the file.
pub(crate) fn path_of(instance: &Instance) -> String {
    let table = match instance.kind {
        Kind::Channel => "channels",
        Kind::Rail => "rails",
    };
    joined(table, &instance.name)
}

/// The key in that table that says what the plugin is.
fn key_of_plugin(instance: &Instance) -> &'static str {
    if instance.exec.is_some() { "exec" } else { "plugin" }
}

/// A JSON Pointer (RFC 6901) under a table, as a key path.
fn key_of(path: &str, pointer: &str) -> String {
    let mut key = path.to_owned();
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        if part.parse::<usize>().is_ok() {
            key = format!("{key}[{part}]");
        } else {
            key = joined(&key, &part);
        }
    }
    key
}

/// Reads `file` and prepares what it says, with the process's environment.
///
/// # Errors
/// Everything that is wrong with it.
pub async fn prepare(file: &Path, services: Arc<dyn Services>) -> Result<Deployment, Problems> {
    let reading = Config::open(file)?;
    Deployment::prepare(reading, Plugins::Folders, services, &|name| std::env::var(name).ok()).await
}
