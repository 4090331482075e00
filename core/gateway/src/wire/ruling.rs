//! What was decided about an instance beside `gateway.toml`, durably: that it is off, which version was promoted or gone
//! back to, and which canary was sent back. What the file says wins as soon as it says something else.

use serde::{Deserialize, Serialize};
use sportello_engine::Store;
use sportello_engine::store::StoreError;

use crate::config::Instance;
use crate::plugins::Member;

/// Where these stand in the store. No instance can be called so.
const SPACE: &str = "gateway:rulings";

/// How often one is changed while somebody else changes it.
const CHANGES_MAX: u32 = 16;

/// What was decided about an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// It is off.
    #[serde(default)]
    pub off: Option<Off>,
    /// It runs in this version, whatever the file said then.
    #[serde(default)]
    pub pin: Option<Pin>,
    /// This canary is not tried again.
    #[serde(default)]
    pub returned: Option<Returned>,
    /// The version that was current before.
    #[serde(default)]
    pub previous: Option<String>,
}

/// That an instance takes nothing new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Off {
    /// Since when, in milliseconds since 1970.
    pub since_ms: u64,
    /// Whether until the program ends, and not beyond.
    #[serde(default)]
    pub is_passing: bool,
}

/// A version that was decided on, and what the file said then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The version.
    pub version: String,
    /// The file's `plugin`: another plugin's versions are others. Nothing where this was written before it was kept.
    #[serde(default)]
    pub plugin: Option<String>,
    /// The file's `version`.
    pub file_version: Option<String>,
    /// The version of the file's `canary`.
    pub file_canary: Option<String>,
}

/// A canary that was sent back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    /// Its version.
    pub version: String,
    /// The SHA-256 of its bytes, in hexadecimal notation: another build of the same version is another try.
    pub sha256: Option<String>,
    /// Why.
    pub because: String,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
}

impl Pin {
    /// This version, as long as the file says what it says now.
    pub fn new(version: &str, file: &Instance) -> Self {
        Self {
            version: version.to_owned(),
            plugin: Some(file.plugin.clone()),
            file_version: file.version.clone(),
            file_canary: file.canary.as_ref().map(|canary| canary.version.clone()),
        }
    }

    /// Whether the file still says what it said then.
    fn holds(&self, file: &Instance) -> bool {
        self.plugin.as_ref().is_none_or(|plugin| *plugin == file.plugin)
            && self.file_version == file.version
            && self.file_canary.as_deref() == file.canary.as_ref().map(|canary| canary.version.as_str())
    }
}

impl Returned {
    /// That this version goes back, now.
    pub(crate) fn new(canary: &Member, because: String, at_ms: u64) -> Self {
        let sha256 = canary.loaded.fingerprint().map(|fingerprint| fingerprint.to_string());
        Self { version: canary.loaded.manifest().version.clone(), sha256, because, at_ms }
    }

    /// Whether this is the one.
    pub fn is(&self, member: &Member) -> bool {
        let sha256 = member.loaded.fingerprint().map(|fingerprint| fingerprint.to_string());
        member.loaded.manifest().version == self.version && sha256 == self.sha256
    }
}

impl Ruling {
    /// The instance as it is to be, where the file says `file`.
    pub fn applied(&self, file: &Instance) -> Instance {
        match &self.pin {
            Some(pin) if pin.holds(file) => {
                Instance { version: Some(pin.version.clone()), canary: None, ..file.clone() }
            }
            _ => file.clone(),
        }
    }

    /// Forgets what the file says by itself now, or says otherwise than it did.
    pub(crate) fn forget_overtaken(&mut self, file: &Instance) {
        self.pin = self.pin.take().filter(|pin| pin.holds(file));
        let is_named = |returned: &Returned| file.canary.as_ref().is_some_and(|c| c.version == returned.version);
        self.returned = self.returned.take().filter(is_named);
    }

    /// What was decided about this instance.
    ///
    /// # Errors
    /// When the store fails, or holds what cannot be read.
    pub async fn of(store: &Store, instance: &str) -> Result<Self, StoreError> {
        Ok(read(store, instance).await?.1)
    }

    /// Decides something about this instance, durably. Answers what holds then.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn change(store: &Store, instance: &str, change: impl Fn(&mut Self)) -> Result<Self, StoreError> {
        for _ in 0..CHANGES_MAX {
            let (version, before) = read(store, instance).await?;
            let mut next = before.clone();
            change(&mut next);
            if next == before {
                return Ok(next);
            }
            let written = serde_json::to_vec(&next)?;
            if store.put(SPACE, instance, version, written).await?.0 {
                return Ok(next);
            }
        }
        Err(StoreError::Stale)
    }
}

async fn read(store: &Store, instance: &str) -> Result<(u64, Ruling), StoreError> {
    let (version, written) = store.get(SPACE, instance).await?;
    if written.is_empty() {
        return Ok((version, Ruling::default()));
    }
    let ruling = serde_json::from_slice(&written)
        .map_err(|error| StoreError::Unreadable(format!("what was decided about {instance}: {error}")))?;
    Ok((version, ruling))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    #[test]
    fn a_pin_holds_as_long_as_the_file_says_the_same() {
        let file = |plugin: &str, more: &str| {
            let text = format!("[gateway]\nplugins = [\"x\"]\n[rails.bank]\nplugin = \"{plugin}\"\n{more}\n");
            Config::read(Path::new("gateway.toml"), &text, &|_| None).config.instances.remove(0)
        };
        let pin = Pin::new("1.1.0", &file("one", "version = \"1.0.0\""));
        let ruling = Ruling { pin: Some(pin), ..Ruling::default() };
        let check = |plugin: &str, more: &str, expected: Option<&str>| {
            let applied = ruling.applied(&file(plugin, more));
            assert_eq!(applied.version.as_deref(), expected, "{plugin} {more}");
        };
        check("one", "version = \"1.0.0\"", Some("1.1.0"));
        check("one", "version = \"1.0.0\"\nsettings = { limit = 5 }", Some("1.1.0"));
        check("one", "version = \"1.2.0\"", Some("1.2.0"));
        check("one", "", None);
        // Another plugin's versions are others, whatever they are called.
        check("other", "version = \"1.0.0\"", Some("1.0.0"));
    }
}
