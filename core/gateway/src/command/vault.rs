//! `sportello vault`.

use clap::Parser;
use serde_json::json;
use sportello_engine::Store;

use super::{asynchronously, say, say_json};
use crate::cli::{Failed, Setting};
use crate::config::{Config, Problems};
use crate::vault::{Rotation, Vault, key};

/// Seal all that the vault holds under its present key, with the gateway stopped. A gateway that starts does the same.
#[derive(Debug, Parser)]
pub struct Rotate {}

impl Rotate {
    /// Does it, and says how much is left.
    ///
    /// # Errors
    /// When something is left, or it cannot be tried.
    pub fn run(self, setting: &Setting) -> Result<(), Failed> {
        asynchronously(async {
            let Rotation { resealed, left } = rotated(setting).await?;
            if setting.json {
                say_json(&json!({ "resealed": resealed, "left": left }));
            } else {
                say(format_args!("{resealed} records were sealed under the present key; {left} are left."));
            }
            if left == 0 { Ok(()) } else { Err(Failed::Trying(String::new())) }
        })
    }
}

async fn rotated(setting: &Setting) -> Result<Rotation, Failed> {
    let asking = |error: &dyn std::fmt::Display| Failed::Asking(error.to_string());
    let trying = |error: &dyn std::fmt::Display| Failed::Trying(error.to_string());
    let reading = Config::open(&setting.config).map_err(|error| asking(&error))?;
    if !reading.problems.is_empty() {
        return Err(asking(&Problems(reading.problems)));
    }
    let gateway = reading.config.gateway;
    let none = "there is no vault: write [vault] in the configuration";
    let keys = reading.config.vault.ok_or_else(|| asking(&none))?;
    let ring = key::ring(&keys.key, &keys.old_keys, gateway.production).await.map_err(|error| asking(&error))?;
    let store = Store::open(&gateway.store).map_err(|error| trying(&error))?;
    let rotation = match Vault::open(store.clone(), ring).await {
        Ok(vault) => vault.rotate().await,
        Err(error) => Err(error),
    };
    store.close().await;
    rotation.map_err(|error| trying(&error))
}
