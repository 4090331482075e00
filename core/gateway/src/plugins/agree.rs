//! What stands in two places of the file, and must agree: addresses in settings with the grants, and handles of people
//! with the accounts of the channels.

use serde_json::Value;
use sportello_engine::ChannelSetup;
use sportello_host::{Grants, Ungranted};
use sportello_sdk::Manifest;

use super::{Member, path_of};
use crate::config::{Config, Notes, Wrong, joined};

impl Member {
    /// Addresses of byte streams that stand in the settings: nothing is done with one but to connect to it, so that one
    /// which is not granted never works. (A web address may be for somebody else's eyes.)
    pub(super) fn check_streams(&self, notes: &Notes<'_>) {
        let manifest = self.loaded.manifest();
        // What is no pattern was told by whoever read it.
        let Ok(grants) = Grants::new(&manifest.endpoints, &self.instance.grants) else { return };
        let path = path_of(&self.instance);
        let mut addresses = Vec::new();
        stream_addresses(&format!("{path}.settings"), &self.settings, &mut addresses);
        for (key, address) in addresses {
            if let Err(why) = grants.check_stream_address(address) {
                notes.add(&key, wrong(&path, address, &why));
            }
        }
    }
}

/// The addresses of byte streams in a setting, however deep, each with its key.
fn stream_addresses<'a>(key: &str, written: &'a Value, found: &mut Vec<(String, &'a str)>) {
    match written {
        Value::String(text) if text.starts_with("tcp://") || text.starts_with("tls://") => {
            found.push((key.to_owned(), text));
        }
        Value::Array(items) => {
            let each = items.iter().enumerate();
            each.for_each(|(at, item)| stream_addresses(&format!("{key}[{at}]"), item, found));
        }
        Value::Object(table) => table.iter().for_each(|(name, item)| stream_addresses(&joined(key, name), item, found)),
        _ => {}
    }
}

fn wrong(path: &str, address: &str, why: &Ungranted) -> Wrong {
    match why {
        Ungranted::NotGranted(_) => {
            let what = format!("{address:?} is not among the grants of {path}");
            Wrong::new(what, format!("write grants = [{address:?}] under [{path}]"))
        }
        Ungranted::NotAsked(_) => Wrong::new(why.to_string(), "the plugin cannot reach it: look for a typing mistake"),
        Ungranted::NotAUrl(because) => {
            Wrong::new(format!("{address:?} leads nowhere: {because}"), "write it as \"tls://host.example:3550\"")
        }
    }
}

/// What the engine goes by is the current version's: a canary must promise the same.
pub(super) fn check_canary(current: &Member, canary: &Member, notes: &Notes<'_>) {
    let (now, tried) = (current.loaded.manifest(), canary.loaded.manifest());
    let orders = |manifest: &Manifest| manifest.rail.as_ref().map(|facts| facts.orders.clone());
    let what = match () {
        () if orders(now) != orders(tried) => "which orders it carries out, or how doubt about them ends",
        () if now.channel != tried.channel => "what its channel knows of messages and of those who write them",
        () => return,
    };
    let what = format!("version {} says otherwise than {} {what}", tried.version, now.version);
    let remedy =
        format!("take `canary` out, and write version = {:?} where it is to take the other's place", tried.version);
    notes.add(&format!("{}.canary", path_of(&canary.instance)), Wrong::new(what, remedy));
}

/// Handles of people that no instance could carry, since each carries those of its own account alone. (Handles of a kind
/// that no channel has are nobody's mistake: their channel may be in another deployment.)
pub(super) fn check_handles(config: &Config, channels: &[ChannelSetup], notes: &Notes<'_>) {
    for profile in &config.profiles {
        for handle in &profile.handles {
            let scopes: Option<Vec<&str>> =
                channels.iter().filter(|c| c.scheme == handle.scheme()).map(|c| c.scope.as_deref()).collect();
            // One without a scope carries them all.
            let Some(scopes) = scopes.filter(|scopes| !scopes.is_empty()) else { continue };
            let is_under =
                |scope: &&str| handle.rest().strip_prefix(*scope).is_some_and(|id| id.len() > 1 && id.starts_with('/'));
            if handle.is_name() || scopes.iter().any(is_under) {
                continue;
            }
            let what = format!("{:?} belongs to no channel here", handle.as_str());
            let scope = scopes.first().unwrap_or(&"");
            let remedy =
                format!("write the channel's account before the person's id, as \"{}:{scope}/ID\"", handle.scheme());
            // By the handle itself: a profile that is left out must not shift the numbers of the others.
            let key = config.handle_keys.get(handle).map_or("profiles", String::as_str);
            notes.add(key, Wrong::new(what, remedy));
        }
    }
}
