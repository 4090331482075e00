//! `sportello plugin`.

use serde_json::json;
use sportello_host::{Declared, scan};

use super::{say, say_json, table};
use crate::cli::{Failed, Setting};
use crate::config::Config;

/// Lists the plugins that were found, and why a library cannot be used.
///
/// # Errors
/// When the configuration does not say where to look.
pub fn list(setting: &Setting) -> Result<(), Failed> {
    // Mistakes elsewhere in the file do not matter for what lies in the folders.
    let config = Config::open(&setting.config).map_err(|problems| Failed::Asking(problems.to_string()))?.config;
    let found = scan(&config.gateway.plugins);
    let users = |declared: &Declared| -> Vec<&str> {
        let is_used =
            found.pick(&declared.manifest().name).is_ok_and(|picked| picked.fingerprint() == declared.fingerprint());
        let uses = |instance: &&crate::config::Instance| is_used && instance.plugin == declared.manifest().name;
        config.instances.iter().filter(uses).map(|instance| instance.name.as_str()).collect()
    };
    if setting.json {
        let plugins: Vec<_> = found
            .all()
            .map(|declared| {
                let manifest = declared.manifest();
                json!({
                    "name": manifest.name, "kind": manifest.kind, "version": manifest.version,
                    "contract": manifest.contract, "description": manifest.description,
                    "sha256": declared.fingerprint().to_string(), "path": declared.path(),
                    "instances": users(declared),
                })
            })
            .collect();
        let unusable: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
        say_json(&json!({ "plugins": plugins, "unusable": unusable }));
        return Ok(());
    }
    let mut rows = table(["plugin", "kind", "version", "contract", "sha256", "used by", "description"]);
    for declared in found.all() {
        let manifest = declared.manifest();
        let kind = format!("{:?}", manifest.kind).to_lowercase();
        let hash: String = declared.fingerprint().to_string().chars().take(12).collect();
        let users = users(declared).join(", ");
        rows.add_row([
            &manifest.name,
            &kind,
            &manifest.version,
            &manifest.contract,
            &hash,
            &users,
            &manifest.description,
        ]);
    }
    if rows.is_empty() {
        say("There is no plugin in the folders of gateway.plugins.");
    } else {
        say(rows);
    }
    for problem in &found.problems {
        say(format_args!("cannot be used: {problem}"));
    }
    Ok(())
}
