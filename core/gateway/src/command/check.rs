//! `sportello check`.

use serde_json::json;

use super::{asynchronously, say, say_json};
use crate::cli::{Failed, Setting};
use crate::plugins::prepare;
use crate::wire::Wire;

/// Says everything that is wrong with the configuration and its plugins.
///
/// # Errors
/// When something is.
pub fn check(setting: &Setting) -> Result<(), Failed> {
    asynchronously(async {
        match prepare(&setting.config, Wire::unconnected()).await {
            Ok(deployment) => {
                if setting.json {
                    say_json(&json!({ "problems": [] }));
                } else {
                    let count = deployment.members.len();
                    let file = setting.config.display();
                    say(format_args!("{file} is right, and so are the settings of its {count} instances."));
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
