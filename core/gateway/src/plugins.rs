//! From a configuration to plugins that are loaded and checked: what could not be said from the file alone.

mod agree;
mod exclusive;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use sportello_engine::ChannelSetup;
use sportello_host::{
    Declared, Found, Limits, LoadError, Loaded, OpenError, PickError, Services, Spec, TlsOptions, Trust,
};
use sportello_sdk::marks::{self, Held};
use sportello_sdk::{Kind, Manifest, Secret, Strength};

use crate::config::{Config, Instance, Isolation, Notes, Problems, Reading, Surroundings, Wrong, joined, nearest};
use crate::redact::Redactor;
use crate::vault::key::KeySource;

/// Where plugins come from.
pub enum Plugins {
    /// The folders that the configuration names.
    Folders,
    /// Linked into the program, for a simulation, a benchmark or a test.
    BuiltIn(Vec<Loaded>),
}

/// A configuration, all of which is right as far as can be known without opening anything.
pub struct Deployment {
    /// What `gateway.toml` says.
    pub config: Config,
    /// What is to be opened.
    pub members: Vec<Member>,
}

/// An instance and its plugin.
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
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Problems> {
        let Reading { config, mut problems } = reading;
        let file = config.file.display().to_string();
        let notes = Notes::new(&file, &config.lines);
        let around = Surroundings { folder: config.folder(), production: config.gateway.production, variable };
        let source = Source::new(plugins, &config, &notes);
        let mut members = Vec::with_capacity(config.instances.len());
        for instance in &config.instances {
            let path = path_of(instance);
            match source.load(instance) {
                Err(Some(wrong)) => notes.add(&format!("{path}.plugin"), wrong),
                Err(None) => {}
                Ok(loaded) if loaded.manifest().kind != instance.kind => {
                    let (is, under) = match loaded.manifest().kind {
                        Kind::Channel => ("a channel", "channels"),
                        Kind::Rail => ("a rail", "rails"),
                    };
                    let what = format!("the plugin {:?} is {is}", instance.plugin);
                    let remedy = format!("write it under [{under}.{}]", instance.name);
                    notes.add(&format!("{path}.plugin"), Wrong::new(what, remedy));
                }
                Ok(loaded) => {
                    let schema = loaded.schema().await;
                    let member = Member::new(instance, loaded, schema.as_ref().ok(), &around, &notes);
                    match schema {
                        Ok(schema) => member.check(&schema, &services, &notes).await,
                        Err(error) => {
                            let what = format!("the plugin does not say what its settings are: {error}");
                            notes.add(&format!("{path}.plugin"), Wrong::new(what, "install another build of it"));
                        }
                    }
                    member.check_streams(&notes);
                    members.push(member);
                }
            }
        }
        exclusive::check(&members, &config.lines, &notes);
        // With a profile left out, the others would be called by wrong numbers.
        if problems.is_empty() {
            let channels: Vec<ChannelSetup> = members.iter().filter_map(Member::channel_setup).collect();
            agree::check_handles(&config.profiles, &channels, &notes);
        }
        problems.extend(notes.into_sorted());
        problems.sort_by_key(|problem| problem.line);
        if problems.is_empty() { Ok(Self { config, members }) } else { Err(Problems(problems)) }
    }

    /// What takes this deployment's secrets out of the log.
    pub fn redactor(&self) -> Redactor {
        let of_members = self.members.iter().flat_map(|member| member.secrets.values());
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
        Self { instance: instance.clone(), loaded, settings, secrets, tls, held: marks.held }
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
                notes.add(&format!("{path}.plugin"), Wrong::new(error.to_string(), remedy));
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

/// Where plugins are taken from.
enum Source<'a> {
    Found {
        found: Found,
        folders: &'a [PathBuf],
        /// Whether every folder could be read: what was not found is then not there.
        is_whole: bool,
        /// Who may have made what is loaded; nothing where that is not said and has to be.
        trust: Option<&'a Trust>,
    },
    BuiltIn(Vec<Loaded>),
}

impl<'a> Source<'a> {
    fn new(plugins: Plugins, config: &'a Config, notes: &Notes<'_>) -> Self {
        let folders = config.gateway.plugins.as_slice();
        let found = match plugins {
            Plugins::BuiltIn(loaded) => return Self::BuiltIn(loaded),
            Plugins::Folders => sportello_host::scan(folders),
        };
        let mut is_whole = !folders.is_empty();
        for problem in &found.problems {
            let said = problem.to_string();
            let of = |folder: &PathBuf| said.starts_with(&format!("{}: ", folder.display()));
            // What lies inside a folder matters to whoever names it, and to nobody else.
            if let Some(at) = folders.iter().position(of) {
                is_whole = false;
                notes.add(&format!("gateway.plugins[{at}]"), Wrong::new(said, "name a folder with plugins"));
            }
        }
        let trusts_nobody = config.trust.required && config.trust.keys.is_empty();
        if trusts_nobody && !config.instances.is_empty() {
            let what = "in production plugins are signed, and no key is trusted";
            let remedy = "write [trust] and keys = [{ name = \"acme\", key = \"RWQ…\" }], as docs/OPERATING.md has it";
            notes.add("trust", Wrong::new(what, remedy));
        }
        Self::Found { found, folders, is_whole, trust: (!trusts_nobody).then_some(&config.trust) }
    }

    /// Nothing is said of what may lie in a folder that could not be read, nor of who signed it where nobody is trusted:
    /// that has been said.
    fn load(&self, instance: &Instance) -> Result<Loaded, Option<Wrong>> {
        let name = instance.plugin.as_str();
        match self {
            Self::BuiltIn(all) => {
                let found = all.iter().find(|loaded| loaded.manifest().name == name);
                found.cloned().ok_or_else(|| Some(Wrong::new(format!("no plugin is called {name:?}"), "")))
            }
            Self::Found { found, folders, is_whole, trust } => match found.pick(name) {
                Ok(declared) => {
                    let Some(trust) = trust else { return Err(None) };
                    // Before anything of it runs: what was judged are the bytes that are loaded.
                    let declared = declared.clone().judge(trust).map_err(|error| Some(refused(&error)))?;
                    let signer = declared.signer().cloned();
                    let loaded = match instance.isolation {
                        Isolation::InProcess => declared.load(),
                        Isolation::Process(confinement) => declared.isolate(confinement),
                    };
                    loaded.map(|loaded| loaded.signed_by(signer)).map_err(|error| Some(refused(&error)))
                }
                Err(PickError::Unknown { .. }) if !is_whole => Err(None),
                Err(error) => Err(Some(unpicked(&error, found, folders))),
            },
        }
    }
}

/// Why a plugin that was found is not loaded.
fn refused(error: &LoadError) -> Wrong {
    match error {
        LoadError::Distrusted(distrusted) => Wrong::new(distrusted.what(), distrusted.remedy()),
        error => Wrong::new(error.to_string(), "install another build of it"),
    }
}

/// What an instance's `[….tls]` names, read.
fn tls(instance: &Instance, around: &Surroundings<'_>, notes: &Notes<'_>) -> TlsOptions {
    let key_of = |key: &str| format!("{}.tls.{key}", path_of(instance));
    let file = |key: &str, written: &String| {
        let path = around.path(written);
        let read = std::fs::read_to_string(&path).map_err(|error| {
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

/// Why no plugin was taken; with those that might have been meant and cannot be used.
fn unpicked(error: &PickError, found: &Found, folders: &[PathBuf]) -> Wrong {
    let PickError::Unknown { name, known } = error else {
        return Wrong::new(error.to_string(), "");
    };
    let broken = found.problems.iter().map(ToString::to_string).find(|problem| problem.contains(name.as_str()));
    let broken = broken.or_else(|| impostor(name, folders));
    let remedy = match (broken, nearest(name, known.iter().map(String::as_str))) {
        (Some(broken), _) => format!("a library cannot be used: {broken}"),
        (None, Some(meant)) => format!("did you mean \"{meant}\"?"),
        (None, None) if known.is_empty() => "put its library into one of the folders of gateway.plugins".to_owned(),
        (None, None) => format!("there are: {}", known.join(", ")),
    };
    Wrong::new(format!("no plugin is called {name:?}"), remedy)
}

/// What is wrong with a file that is called as the plugin's would be. Of what is no plugin at all the host says nothing by
/// itself, since a build folder is full of it.
fn impostor(name: &str, folders: &[PathBuf]) -> Option<String> {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
    let file = format!("{DLL_PREFIX}{}{DLL_SUFFIX}", name.replace('-', "_"));
    let places = folders.iter().flat_map(|folder| [folder.join(&file), folder.join(name).join(&file)]);
    places.filter(|path| path.is_file()).find_map(|path| Declared::read(path).err()).map(|error| error.to_string())
}

/// The instance's table in the file.
pub(crate) fn path_of(instance: &Instance) -> String {
    let table = match instance.kind {
        Kind::Channel => "channels",
        Kind::Rail => "rails",
    };
    joined(table, &instance.name)
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
