//! `sportello plugin keygen`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::cli::{Failed, Setting};
use crate::command::{say, say_json};
use crate::signing::{SecretKey, password};

/// Make a key to sign plugins with: NAME.key for whoever signs, and NAME.pub for everybody else.
#[derive(Debug, Args)]
pub struct Keygen {
    /// What the files are called, without their endings.
    #[arg(value_name = "NAME")]
    name: PathBuf,
    /// Do not protect the secret key with a password: for machines that sign, where nobody else reads the file.
    #[arg(long)]
    no_password: bool,
}

impl Keygen {
    /// Makes it.
    ///
    /// # Errors
    /// When there is one already, nobody gives a password, or the files cannot be written.
    pub fn run(self, setting: &Setting) -> Result<(), Failed> {
        let with = |ending: &str| {
            let mut file = self.name.clone().into_os_string();
            file.push(ending);
            PathBuf::from(file)
        };
        let (secret_file, public_file) = (with(".key"), with(".pub"));
        for file in [&secret_file, &public_file] {
            if std::fs::symlink_metadata(file).is_ok() {
                return Err(Failed::Asking(format!(
                    "{}: it is there already, and is not written over",
                    file.display()
                )));
            }
        }
        let password = if self.no_password { None } else { Some(password::new()) };
        let password = password.transpose().map_err(|error| Failed::Asking(error.to_string()))?;
        let failed =
            |file: &Path, error: &dyn std::fmt::Display| Failed::Trying(format!("{}: {error}", file.display()));
        let key = SecretKey::generate().map_err(|error| Failed::Trying(error.to_string()))?;
        key.write(&secret_file, password.as_ref().map(|password| password.as_str()))
            .map_err(|error| failed(&secret_file, &error))?;
        let public = key.public();
        std::fs::File::create_new(&public_file)
            .and_then(|mut file| file.write_all(public.to_file().as_bytes()))
            .map_err(|error| failed(&public_file, &error))?;
        if setting.json {
            say_json(&json!({
                "key_id": public.id().to_string(), "public_key": public.to_string(),
                "public_key_file": public_file.display().to_string(),
                "secret_key_file": secret_file.display().to_string(),
            }));
            return Ok(());
        }
        let name = self.name.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        say(format_args!("The key {} is made.", public.id()));
        say(format_args!("{}: keep it to yourself, and keep a copy of it.", secret_file.display()));
        say(format_args!("{}: give it to whoever is to trust you. They write:", public_file.display()));
        say(format_args!("\n[[trust.keys]]\nname = {name:?}\nkey = \"{public}\""));
        Ok(())
    }
}
