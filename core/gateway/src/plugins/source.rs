//! Where plugins are taken from, and why one is not there.

use std::path::{Path, PathBuf};

use sportello_host::{Declared, Found, LoadError, Loaded, PickError, Trust, choose_version, read_signature, residents};
use sportello_sdk::{Kind, Manifest};

use super::{Plugins, key_of_plugin, path_of};
use crate::config::{Config, Instance, Isolation, Notes, Wrong, nearest};
use crate::scorecard;

/// Where plugins are taken from.
pub(super) enum Source<'a> {
    Found {
        found: Found,
        folders: &'a [PathBuf],
        /// Whether every folder could be read: what was not found is then not there.
        is_whole: bool,
        /// How much all libraries may keep of this process's memory, in bytes, once another one is loaded.
        resident_max: Option<u64>,
        /// Who may have made what is loaded; nothing where that is not said and has to be.
        trust: Option<&'a Trust>,
        /// Whether what has no scorecard is not taken.
        scorecards_required: bool,
    },
    BuiltIn(Vec<Loaded>, &'a Trust),
}

impl<'a> Source<'a> {
    pub(super) fn new(plugins: Plugins, config: &'a Config, resident_max: Option<u64>, notes: &Notes<'_>) -> Self {
        let folders = config.gateway.plugins.as_slice();
        let found = match plugins {
            Plugins::BuiltIn(loaded) => return Self::BuiltIn(loaded, &config.trust),
            Plugins::Folders => sportello_host::scan(folders),
        };
        let mut is_whole = !folders.is_empty();
        for problem in &found.problems {
            let said = problem.to_string();
            let of = |folder: &PathBuf| said.starts_with(&format!("{}: ", folder.display()));
            // What lies inside a folder matters to whoever names it, and to nobody else.
            if let Some(at) = folders.iter().position(of) {
                is_whole = false;
                notes.add(
                    &format!("gateway.plugins[{at}]"),
                    Wrong::new(said, "name a folder with plugins, or a library; one of your own has to be built first"),
                );
            }
        }
        let trusts_nobody = config.trust.required && config.trust.keys.is_empty();
        if trusts_nobody && !config.instances.is_empty() {
            let what = "in production plugins are signed, and no key is trusted";
            let remedy = "write [trust] and keys = [{ name = \"acme\", key = \"RWQ…\" }], as docs/OPERATING.md has it";
            notes.add("trust", Wrong::new(what, remedy));
        }
        let trust = (!trusts_nobody).then_some(&config.trust);
        let scorecards_required = config.gateway.scorecards_required;
        Self::Found { found, folders, is_whole, resident_max, trust, scorecards_required }
    }

    /// The plugin of an instance: in the version that is named, or the highest that is not `beside`. Why it is not there is
    /// noted.
    pub(super) fn load(
        &self,
        instance: &Instance,
        version: Option<&str>,
        beside: Option<&str>,
        notes: &Notes<'_>,
    ) -> Option<Loaded> {
        let path = path_of(instance);
        match self.find(instance, version, beside) {
            Err(Some(Unloaded::Version(wrong))) => {
                let key = if instance.version.as_deref() == version { "version" } else { "canary.version" };
                notes.add(&format!("{path}.{key}"), wrong);
                None
            }
            Err(Some(Unloaded::Plugin(wrong))) => {
                notes.add(&format!("{path}.plugin"), wrong);
                None
            }
            Err(None) => None,
            Ok(loaded) => self.of_kind(loaded, instance, notes),
        }
    }

    /// The plugin, if it is of the kind under which it stands.
    pub(super) fn of_kind(&self, loaded: Loaded, instance: &Instance, notes: &Notes<'_>) -> Option<Loaded> {
        if loaded.manifest().kind == instance.kind {
            return Some(loaded);
        }
        let (is, under) = match loaded.manifest().kind {
            Kind::Channel => ("a channel", "channels"),
            Kind::Rail => ("a rail", "rails"),
        };
        let what = format!("the plugin {:?} is {is}", instance.plugin);
        let remedy = format!("write it under [{under}.{}]", instance.name);
        notes.add(&format!("{}.{}", path_of(instance), key_of_plugin(instance)), Wrong::new(what, remedy));
        None
    }

    /// Who may have made what runs; nothing where nobody is named and somebody has to be, which has been said.
    pub(super) fn trust(&self) -> Option<&Trust> {
        match self {
            Self::Found { trust, .. } => *trust,
            Self::BuiltIn(_, trust) => Some(trust),
        }
    }

    /// Why a file has no scorecard that is enough, where it needs one.
    pub(super) fn unproven(&self, file: &Path, sha256: &str, manifest: &Manifest) -> Option<Wrong> {
        match self {
            Self::Found { trust: Some(trust), scorecards_required: true, .. } => {
                proven(file, sha256, manifest, trust).err()
            }
            _ => None,
        }
    }

    /// Nothing is said of what may lie in a folder that could not be read, nor of who signed it where nobody is trusted:
    /// that has been said.
    fn find(
        &self,
        instance: &Instance,
        version: Option<&str>,
        beside: Option<&str>,
    ) -> Result<Loaded, Option<Unloaded>> {
        let name = instance.plugin.as_str();
        match self {
            Self::BuiltIn(..) if instance.is_isolated() => {
                let what = format!("the plugin {name:?} is a part of this program, and gets no process of its own");
                Err(Some(Unloaded::Plugin(Wrong::new(what, "write isolation = \"in-process\""))))
            }
            Self::BuiltIn(all, _) => {
                let named = || all.iter().filter(|loaded| loaded.manifest().name == name);
                let versions: Vec<&str> = named().map(|loaded| loaded.manifest().version.as_str()).collect();
                let unknown = || match versions.is_empty() {
                    true => Unloaded::Plugin(Wrong::new(format!("no plugin is called {name:?}"), "")),
                    false => Unloaded::Version(Wrong::new(
                        format!("the plugin `{name}` is not there in this version"),
                        format!("there are: {}", versions.join(", ")),
                    )),
                };
                let chosen = choose_version(versions.iter().copied(), version, beside);
                let found = named().find(|loaded| Some(loaded.manifest().version.as_str()) == chosen);
                found.cloned().ok_or_else(|| Some(unknown()))
            }
            Self::Found { found, folders, is_whole, resident_max, trust, scorecards_required } => {
                match found.pick_version(name, version, beside) {
                    Ok(declared) => {
                        let Some(trust) = trust else { return Err(None) };
                        // Before anything of it runs: what was judged are the bytes that are loaded.
                        let library = declared.clone().judge(trust).map_err(|error| Some(refused(&error)))?;
                        let signer = library.signer().cloned();
                        if *scorecards_required {
                            let sha256 = library.fingerprint().to_string();
                            proven(library.path(), &sha256, library.manifest(), trust)
                                .map_err(|wrong| Some(Unloaded::Plugin(wrong)))?;
                        }
                        let loaded = match instance.isolation {
                            Isolation::InProcess => {
                                resident_max.map_or(Ok(()), |max| check_resident(declared, max))?;
                                library.load()
                            }
                            // That goes with its process.
                            Isolation::Process(confinement) => library.isolate(confinement),
                        };
                        loaded.map(|loaded| loaded.signed_by(signer)).map_err(|error| Some(refused(&error)))
                    }
                    Err(PickError::Unknown { .. }) if !is_whole => Err(None),
                    Err(error @ PickError::NoVersion { .. }) => {
                        let remedy = "put that version's library into one of the folders, or name one of these";
                        Err(Some(Unloaded::Version(Wrong::new(error.to_string(), remedy))))
                    }
                    Err(error) => Err(Some(Unloaded::Plugin(unpicked(&error, found, folders)))),
                }
            }
        }
    }
}

/// Whether a file has a scorecard that says so, of these very bytes; and a signature, where plugins need one.
fn proven(file: &Path, sha256: &str, manifest: &Manifest, trust: &Trust) -> Result<(), Wrong> {
    let unproven = |why: String| {
        let remedy = "prove it: sportello plugin test FILE --save; and sign FILE.scorecard.json as you sign FILE";
        Wrong::new(format!("the plugin {:?} is not proven: {why}", manifest.name), remedy)
    };
    let card = scorecard::judge(file, sha256).map_err(|error| unproven(error.to_string()))?;
    // Anybody can write a card: it is believed as the plugin is.
    let path = scorecard::scorecard_path(file);
    let signature = read_signature(&path).map_err(|error| unproven(error.to_string()))?;
    let judged = trust.judge(&path, &card, manifest.kind, &manifest.name, signature.as_deref());
    judged.map(drop).map_err(|distrusted| unproven(distrusted.to_string()))
}

/// Why a plugin that was found is not loaded.
fn refused(error: &LoadError) -> Unloaded {
    Unloaded::Plugin(match error {
        LoadError::Distrusted(distrusted) => Wrong::new(distrusted.what(), distrusted.remedy()),
        error => Wrong::new(error.to_string(), "install another build of it"),
    })
}

/// Whether there is room for a library that would stay until the process ends.
fn check_resident(declared: &Declared, max: u64) -> Result<(), Option<Unloaded>> {
    let there = residents();
    if there.iter().any(|resident| resident.fingerprint == declared.fingerprint()) {
        return Ok(());
    }
    let kept: u64 = there.iter().map(|resident| resident.bytes).sum();
    let more = declared.resident().bytes;
    if kept.saturating_add(more) <= max {
        return Ok(());
    }
    let mb = |bytes: u64| bytes.div_ceil(1 << 20);
    let what = format!(
        "it would leave {} MB more in this process, where the libraries that were loaded keep {} MB and may keep {}",
        mb(more),
        mb(kept),
        mb(max)
    );
    let remedy = "restart the program, set gateway.resident_libraries_mb, or write isolation = \"process\"";
    Err(Some(Unloaded::Plugin(Wrong::new(what, remedy))))
}

/// Why a plugin was not loaded.
enum Unloaded {
    /// There is none, or none that can be used.
    Plugin(Wrong),
    /// There is none in that version.
    Version(Wrong),
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
