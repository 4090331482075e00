//! `sportello check`.

use serde_json::json;

use super::{asynchronously, say, say_json};
use crate::cli::{Failed, Setting};
use crate::key::read_or_make;
use crate::plugins::{Deployment, prepare};
use crate::vault::key::KeyError;
use crate::wire::Wire;

/// Says everything that is wrong with the configuration and its plugins.
///
/// # Errors
/// When something is.
pub fn check(setting: &Setting) -> Result<(), Failed> {
    asynchronously(async {
        match prepare(&setting.config, Wire::unconnected()).await {
            Ok(deployment) => {
                keys(&deployment).await?;
                let lacks = deployment.unconfined();
                if setting.json {
                    let mut said = json!({ "problems": [] });
                    if let (Some(said), false) = (said.as_object_mut(), lacks.is_empty()) {
                        said.insert("lacks".to_owned(), json!(lacks));
                    }
                    say_json(&said);
                } else {
                    lacks.iter().for_each(|lack| say(format_args!("Production would refuse this: {lack}.")));
                    let count = deployment.members.len();
                    let file = setting.config.display();
                    let instances = if count == 1 { "instance" } else { "instances" };
                    say(format_args!("{file} is right, and so are the settings of its {count} {instances}."));
                }
                Ok(())
            }
            Err(problems) if setting.json => {
                say_json(&json!({ "problems": problems }));
                Err(Failed::Asking(String::new()))
            }
            Err(problems) => Err(Failed::Asking(problems.to_string())),
        }
    })
}

/// Reads the keys that a start would read; it makes none.
async fn keys(deployment: &Deployment) -> Result<(), Failed> {
    let gateway = &deployment.config.gateway;
    if gateway.key.exists() {
        read_or_make(&gateway.key, gateway.production).map_err(|error| Failed::Asking(error.to_string()))?;
    }
    if let Some(vault) = &deployment.config.vault {
        let failed = |error: KeyError| Failed::Asking(error.to_string());
        if vault.key.is_there() {
            vault.key.read(gateway.production).await.map_err(failed)?;
        }
        for old in &vault.old_keys {
            old.read(true).await.map_err(failed)?;
        }
    }
    Ok(())
}
