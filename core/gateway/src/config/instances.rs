//! `[channels.NAME]` and `[rails.NAME]`: the plugins in use, each under a name of its own.

use std::time::Duration;

use serde_json::{Map, Value};
use sportello_host::Confinement;
use sportello_model::Currency;
use sportello_sdk::Kind;

use super::canary::{Canary, canary};
use super::exec::{self, Exec};
use super::gateway::Gateway;
use super::problem::Wrong;
use super::section::Section;
use super::value::{currency, duration, grant, is_plain_name, number, one_of, text, version};

/// `[channels.NAME]` or `[rails.NAME]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// Channel or rail.
    pub kind: Kind,
    /// The instance's name, unlike any other's of either kind.
    pub name: String,
    /// The plugin's name, or its command line where it is a program.
    pub plugin: String,
    /// Which of several versions; nothing for the highest, where there is no canary of that one.
    pub version: Option<String>,
    /// The version that is tried on a share of the payments.
    pub canary: Option<Canary>,
    /// The program, where the plugin is one and no library.
    pub exec: Option<Exec>,
    /// How long one call may take.
    pub deadline: Duration,
    /// Where it runs.
    pub isolation: Isolation,
    /// The origins that it may reach, as far as its manifest asks for them too; and `pan`, where it may see card numbers.
    pub grants: Vec<String>,
    /// `[….tls]`: whom its connections trust, and as whom they show themselves.
    pub tls: TlsFiles,
    /// How many calls may be under way at once.
    pub in_flight: u32,
    /// How many calls may begin in a second; nothing for no limit.
    pub per_second: Option<u32>,
    /// How much its plugin may keep in the store, in MB.
    pub stored_mb: u32,
    /// A channel's currency where a message names none.
    pub default_currency: Option<Currency>,
    /// `[….settings]` as it stands, its secrets not resolved.
    pub settings: Map<String, Value>,
}

impl Instance {
    /// Whether it has a process of its own.
    pub fn is_isolated(&self) -> bool {
        matches!(self.isolation, Isolation::Process(_))
    }
}

/// Where an instance runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// In this program, whose memory it shares.
    InProcess,
    /// In a process of its own, within these bounds.
    Process(Confinement),
}

/// `[….tls]`, its files not read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TlsFiles {
    /// The file of the authorities that are trusted in place of the operating system's.
    pub authorities: Option<String>,
    /// The file of the instance's own certificate, and the secret that is the key to it.
    pub identity: Option<(String, Value)>,
}

/// The most that the host has room for.
const IN_FLIGHT_MAX: u32 = 2_000;
const _: () = assert!(IN_FLIGHT_MAX as usize == sportello_host::IN_FLIGHT_MAX);

/// How much a plugin may keep in the store unless the file says so, in MB: a rail that keeps a few hundred bytes of each of
/// its orders for ever has room for some million.
pub(crate) const STORED_MB: u32 = 1_024;
/// The most that the file may let it keep, in MB.
const STORED_MB_MAX: u32 = 1_048_576;

/// The least and the most memory of a process of its own, in MB: a library of code alone takes some.
const MEMORY_MB: [u32; 2] = [16, 65_536];

/// The fewest and the most open files of one: its socket, its standard error, and what its event loop needs come first.
const OPEN_FILES: [u32; 2] = [16, 4_096];

/// How isolation is written.
pub(super) fn isolation(value: &Value) -> Result<bool, Wrong> {
    one_of(&[("process", true), ("in-process", false)])(value)
}

pub(super) fn instances(kind: Kind, sections: Vec<(&str, Section<'_>)>, gateway: &Gateway) -> Vec<Instance> {
    let production = gateway.production;
    let mut instances = Vec::with_capacity(sections.len());
    for (name, section) in sections {
        if !is_plain_name(name) {
            let what = format!("{name:?} cannot be an instance's name");
            let remedy = "use small letters, digits and hyphens, 64 at most";
            section.wrong_here(Wrong::new(what, remedy));
        }
        let (plugin, exec) = exec::plugin(&section);
        let version = section.optional("version", version);
        let canary = section.table("canary").and_then(canary);
        if let Some(canary) = canary.as_ref().filter(|canary| version.as_ref() == Some(&canary.version)) {
            let what = format!("{:?} is the current version, too", canary.version);
            section.wrong("canary", Wrong::new(what, "name another version, or take the canary out"));
        }
        let deadline = section.optional("deadline", duration);
        let grants = section.list("grants", |value| grant(value, production));
        let is_isolated = section.optional("isolation", isolation).unwrap_or(gateway.is_isolated) || exec.is_some();
        if production && !is_isolated {
            check_in_process(name, &section, &grants, gateway);
        }
        let (mut in_flight, mut per_second, mut stored_mb, mut bounds) = (None, None, None, Confinement::default());
        if let Some(limits) = section.table("limits") {
            in_flight = limits.optional("in_flight", number(1, IN_FLIGHT_MAX));
            per_second = limits.optional("per_second", number(1, 10_000_000));
            stored_mb = limits.optional("stored_mb", number(1, STORED_MB_MAX));
            bounds = bounds_of(&limits, is_isolated);
            limits.close();
        }
        let tls = section.table("tls").map(tls).unwrap_or_default();
        let default_currency = match kind {
            Kind::Channel => section.optional("default_currency", currency),
            Kind::Rail => None,
        };
        let settings = match section.raw("settings") {
            Some(Value::Object(settings)) => settings.clone(),
            Some(_) => {
                let remedy = format!("write [{}.settings] above them", section.path);
                section.wrong("settings", Wrong::new("this must be a table", remedy));
                Map::new()
            }
            None => Map::new(),
        };
        section.close();
        let Some(plugin) = plugin else {
            continue;
        };
        instances.push(Instance {
            kind,
            name: name.to_owned(),
            plugin,
            version,
            canary,
            exec,
            deadline: deadline.unwrap_or(Duration::from_secs(10)),
            isolation: if is_isolated { Isolation::Process(bounds) } else { Isolation::InProcess },
            grants,
            tls,
            in_flight: in_flight.unwrap_or(64),
            per_second,
            stored_mb: stored_mb.unwrap_or(STORED_MB),
            default_currency,
            settings,
        });
    }
    instances
}

/// What production asks of an instance that shares this program's memory.
fn check_in_process(name: &str, section: &Section<'_>, grants: &[String], gateway: &Gateway) {
    if grants.iter().any(|grant| grant == sportello_host::PAN_GRANT) {
        let what = "in production card numbers are not given to a plugin that shares this program's memory";
        section.wrong("grants", Wrong::new(what, "write isolation = \"process\""));
    } else if !gateway.in_process.iter().any(|named| named == name) {
        let what = "in production a plugin does not share this program's memory, unless that is said";
        let remedy = format!("write isolation = \"process\" here, or in_process = [{name:?}] under [gateway]");
        section.wrong("isolation", Wrong::new(what, remedy));
    }
}

/// The bounds of a process of its own.
fn bounds_of(limits: &Section<'_>, is_isolated: bool) -> Confinement {
    let mut bounds = Confinement::default();
    let [least, most] = MEMORY_MB;
    if let Some(memory_mb) = limits.optional("memory_mb", number(least, most)) {
        bounds.memory_mb = memory_mb;
    }
    let [least, most] = OPEN_FILES;
    if let Some(open_files) = limits.optional("open_files", number(least, most)) {
        bounds.open_files = open_files;
    }
    for key in ["memory_mb", "open_files"].into_iter().filter(|key| !is_isolated && limits.has(key)) {
        let what = "this bounds a process of its own, and the plugin shares this program's";
        limits.wrong(key, Wrong::new(what, "write isolation = \"process\", or take it out"));
    }
    bounds
}

fn tls(section: Section<'_>) -> TlsFiles {
    let authorities = section.optional("authorities", text);
    let certificate = section.optional("certificate", text);
    let key = section.raw("key").cloned();
    if certificate.is_some() != key.is_some() {
        let remedy = "write both, as in: certificate = \"client.pem\" and key = { file = \"client-key.pem\" }";
        section.wrong_here(Wrong::new("a certificate and its key come together", remedy));
    }
    section.close();
    TlsFiles { authorities, identity: certificate.zip(key) }
}
