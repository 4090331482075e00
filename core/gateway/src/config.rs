//! `gateway.toml`: read whole, every mistake in it reported in one run.
//!
//! The file is read in two steps. [`Config::read`] needs the file and the environment alone; what a plugin must be asked
//! for (whether it is there, what its settings look like) is checked by [`crate::plugins`], and both report together.

mod canary;
mod document;
mod exec;
mod fixed;
mod gateway;
mod instances;
mod nearest;
mod people;
mod problem;
mod routes;
mod secret;
mod section;
#[cfg(test)]
mod tests;
mod trust;
mod value;
mod vault;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sportello_engine::Profile;
use sportello_host::Trust;
use sportello_model::{Handle, Party};
use sportello_sdk::Kind;

pub use canary::{Canary, Share};
pub use exec::Exec;
pub use gateway::{Gateway, Key, Log, LogFormat, LogLevel, Policy, Scope};
pub(crate) use instances::STORED_MB;
pub use instances::{Instance, Isolation};
pub use problem::{Problem, Problems};
pub use routes::{Path as RoutePath, Route};
pub use vault::Vault;

pub(crate) use document::{Lines, joined};
pub(crate) use nearest::nearest;
pub(crate) use problem::Wrong;
pub(crate) use secret::{Surroundings, is_open_to_all, read_small};
pub(crate) use section::Notes;
pub(crate) use trust::read_key;

use document::Document;
use section::Section;

/// What `gateway.toml` says.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file, as it was named.
    pub file: PathBuf,
    /// `[gateway]`.
    pub gateway: Gateway,
    /// `[policy]`.
    pub policy: Policy,
    /// `[vault]`; nothing where nobody asks for one.
    pub vault: Option<Vault>,
    /// `[trust]`: who may have signed plugins.
    pub trust: Trust,
    /// `[house]`: who pays out what was collected.
    pub house: Option<Party>,
    /// `[[keys]]`.
    pub keys: Vec<Key>,
    /// `[[profiles]]`.
    pub profiles: Vec<Profile>,
    /// `[channels.…]`, then `[rails.…]`.
    pub instances: Vec<Instance>,
    /// `[[routes]]`.
    pub routes: Vec<Route>,
    pub(crate) lines: Lines,
    /// Where each handle of somebody stands, as `profiles[0].handles[1]`.
    pub(crate) handle_keys: HashMap<Handle, String>,
}

/// What could be read, and what was wrong with the rest.
pub struct Reading {
    /// What is right in the file, with defaults in place of what is not.
    pub config: Config,
    /// What is wrong, in the order of the lines.
    pub problems: Vec<Problem>,
}

impl Config {
    /// Reads the file and the process's environment.
    ///
    /// # Errors
    /// One problem, where the file cannot be read at all.
    pub fn open(file: &Path) -> Result<Reading, Problems> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            Problems(vec![Problem {
                file: file.display().to_string(),
                line: 1,
                key: String::new(),
                what: format!("the file cannot be read: {error}"),
                remedy: "name another with --config".to_owned(),
            }])
        })?;
        Ok(Self::read(file, &text, &|name| std::env::var(name).ok()))
    }

    /// Reads `text` as the content of `file`; `variable` is the environment.
    pub fn read(file: &Path, text: &str, variable: &(dyn Fn(&str) -> Option<String> + Sync)) -> Reading {
        let document = Document::parse(text);
        let file_name = file.display().to_string();
        let notes = Notes::new(&file_name, &document.lines);
        for (line, what) in &document.broken {
            let remedy = "see https://toml.io for how TOML is written";
            notes.add_at(*line, "", Wrong::new(what.clone(), remedy));
        }
        let root = Section::new(&notes, String::new(), &document.root);
        let production =
            matches!(document.root.get("gateway").and_then(|g| g.get("production")), Some(Value::Bool(true)));
        let around = Surroundings { folder: file.parent().unwrap_or(Path::new("")), production, variable };
        let gateway = gateway::gateway(root.table("gateway"), &around);
        let policy = gateway::policy(root.table("policy"));
        let keys = gateway::keys(root.tables("keys"), &around);
        let (profiles, handle_keys) = people::profiles(root.tables("profiles"), policy.enrolment);
        if policy.enrolment && gateway.public_url.is_none() {
            let remedy = "write public_url = \"https://pay.example\" under [gateway]: links to it are sent to people";
            notes.add("policy.enrolment", Wrong::new("there is no address that people could open", remedy));
        }
        let channels = root.named("channels");
        let rails = root.named("rails");
        let rail_names: Vec<&str> = rails.iter().map(|(name, _)| *name).collect();
        for (name, section) in &rails {
            if channels.iter().any(|(other, _)| other == name) {
                let what = format!("a channel is called {name:?} too");
                section.wrong_here(Wrong::new(what, "give each instance its own name"));
            }
        }
        let routes = routes::routes(root.tables("routes"), &rail_names);
        let mut instances = instances::instances(Kind::Channel, channels, &gateway);
        instances.extend(instances::instances(Kind::Rail, rails, &gateway));
        for (at, named) in gateway.in_process.iter().enumerate() {
            let shares = |instance: &Instance| instance.name == *named && instance.isolation == Isolation::InProcess;
            if !instances.iter().any(shares) {
                let what = format!("no instance called {named:?} shares this program's memory");
                notes.add(&format!("gateway.in_process[{at}]"), Wrong::new(what, "take it out"));
            }
        }
        let sees_pan = |instance: &Instance| instance.grants.iter().any(|grant| grant == sportello_host::PAN_GRANT);
        let is_wanted = instances.iter().any(sees_pan);
        let section = root.table("vault");
        if production && is_wanted && section.is_none() {
            let what = "card numbers are granted, and the key to the vault is not named";
            let remedy = "write [vault] and key = { file = \"/etc/sportello/vault.key\" }";
            notes.add("vault", Wrong::new(what, remedy));
        }
        let vault = vault::vault(section, is_wanted, &around);
        let section = root.table("house");
        if section.is_none()
            && let Some(at) = document.root.get("routes").and_then(routes::first_that_collects)
        {
            let remedy = "write [house] with the name and account that it is paid out from";
            let what = "what is collected is held by nobody, and no payment would take this route";
            notes.add(&format!("routes[{at}].collect"), Wrong::new(what, remedy));
        }
        let house = vault::house(section);
        let trust = trust::trust(root.table("trust"), &around);
        // Where folders are named, what is wrong with them has been noted.
        let folders = document.root.get("gateway").and_then(|gateway| gateway.get("plugins"));
        let names_none = folders.is_none_or(|folders| folders.as_array().is_some_and(Vec::is_empty));
        // A program is named by itself, and lies in no folder of plugins.
        if names_none && instances.iter().any(|instance| instance.exec.is_none()) {
            let remedy = "name the folders: plugins = [\"plugins\"]";
            notes.add("gateway.plugins", Wrong::new("no folder with plugins is named", remedy));
        }
        root.close();
        let problems = notes.into_sorted();
        let config = Self {
            file: file.to_owned(),
            gateway,
            policy,
            vault,
            trust,
            house,
            keys,
            profiles,
            instances,
            routes,
            lines: document.lines,
            handle_keys,
        };
        Reading { config, problems }
    }

    /// The folder that paths in the file are seen from.
    pub fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new(""))
    }
}
