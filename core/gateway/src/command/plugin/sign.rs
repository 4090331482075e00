//! `sportello plugin sign`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Args;
use serde_json::json;
use sha2::{Digest, Sha256};
use sportello_host::{Declared, Trust, TrustedKey, read_signed, signature_path};

use crate::cli::{Failed, Setting};
use crate::command::{say, say_json};
use crate::signing::{SecretKey, SecretKeyError, password, sign};

/// Sign plugins, as minisign does: FILE.minisig lies beside each FILE then.
#[derive(Debug, Args)]
pub struct Sign {
    /// Libraries, or whatever else a plugin is made of.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The secret key. Its password is asked for, or stands in SPORTELLO_KEY_PASSWORD.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

impl Sign {
    /// Signs them.
    ///
    /// # Errors
    /// When the key cannot be used; then nothing is signed. At the first file that cannot be.
    pub fn run(self, setting: &Setting) -> Result<(), Failed> {
        let key = SecretKey::read(&self.key, || Ok(password::existing()?)).map_err(|error| {
            let remedy = match &error {
                SecretKeyError::Open => format!("; chmod 600 {}", self.key.display()),
                _ => String::new(),
            };
            Failed::Asking(format!("the key {}: {error}{remedy}", self.key.display()))
        })?;
        let mut signed = Vec::new();
        for file in &self.files {
            let comment = sign_file(file, &key)?;
            let signature = signature_path(file);
            if setting.json {
                let id = key.public().id().to_string();
                signed.push(json!({
                    "file": file.display().to_string(), "signature": signature.display().to_string(),
                    "key_id": id, "trusted_comment": comment,
                }));
            } else {
                say(format_args!("{}: signed by the key {}.", signature.display(), key.public().id()));
            }
        }
        if setting.json {
            say_json(&json!({ "signed": signed }));
        }
        Ok(())
    }
}

/// Signs a file, and says with what comment.
fn sign_file(file: &Path, key: &SecretKey) -> Result<String, Failed> {
    let trying = |error: &dyn std::fmt::Display| Failed::Trying(error.to_string());
    let (bytes, _) = read_signed(file).map_err(|error| trying(&error))?;
    let mut comment = format!("timestamp:{}\tfile:{}", now_s(), file.file_name().unwrap_or_default().to_string_lossy());
    match Declared::read_bytes(file, bytes.clone()) {
        Ok(declared) => {
            let manifest = declared.manifest();
            comment.push_str(&format!("\tplugin:{}\tversion:{}", manifest.name, manifest.version));
        }
        Err(error) if error.is_other_file() => {}
        // A signature would make nothing better of a plugin that does not load.
        Err(error) => return Err(trying(&error)),
    }
    comment.push_str(&format!("\tsha256:{}\thashed", hex::encode(Sha256::digest(&bytes))));
    let signature = sign(key, &bytes, &comment);
    // What a machine computes wrong once is better noticed here than by everybody else.
    let itself = TrustedKey { name: "itself".into(), key: key.public().clone(), kinds: Vec::new(), names: Vec::new() };
    let trust = Trust { keys: vec![itself], required: true, ..Trust::default() };
    trust.authenticate(file, &bytes, Some(signature.as_bytes())).map_err(|error| trying(&error))?;
    let place = signature_path(file);
    let mut new = place.clone().into_os_string();
    new.push(".new");
    write_anew(Path::new(&new), &signature)
        .and_then(|()| std::fs::rename(&new, &place))
        .map_err(|error| Failed::Trying(format!("{}: it cannot be written: {error}", place.display())))?;
    Ok(comment)
}

/// Writes a file that was not there, whatever stands at its place: not through a link.
fn write_anew(file: &Path, content: &str) -> std::io::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => std::fs::File::create_new(file)?.write_all(content.as_bytes()),
    }
}

fn now_s() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs())
}
