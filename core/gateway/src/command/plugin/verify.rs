//! `sportello plugin verify`.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sportello_host::{Declared, Distrusted, PublicKey, Signer, Trust, TrustedKey, read_signed};
use sportello_sdk::Manifest;

use crate::cli::{Failed, Setting};
use crate::command::{say, say_json};
use crate::config::{Config, Problems, read_key};

/// Say who signed a plugin, and whether it would be let run; by the configuration's [trust] unless a key is given.
///
/// The exit code is 0 where a key that may has signed it, and 1 where not.
#[derive(Debug, Args)]
pub struct Verify {
    /// The library, or whatever else a plugin is made of. Its signature lies beside it, in FILE.minisig.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Whose signature it must be: a public key as it stands, or the file that it is in.
    #[arg(long, value_name = "PUB")]
    key: Option<String>,
}

impl Verify {
    /// Verifies it.
    ///
    /// # Errors
    /// When it is not signed by whom it should be, or there is nothing to judge by.
    pub fn run(self, setting: &Setting) -> Result<(), Failed> {
        let trust = match &self.key {
            Some(key) => of_key(key)?,
            None => of_config(setting)?,
        };
        let (bytes, signature) = read_signed(&self.file).map_err(|error| Failed::Trying(error.to_string()))?;
        let declared = match Declared::read_bytes(&self.file, bytes.clone()) {
            Ok(declared) => Some(declared),
            Err(error) if error.is_other_file() => None,
            Err(error) => return Err(Failed::Trying(error.to_string())),
        };
        let manifest = declared.as_ref().map(Declared::manifest);
        let judged = match manifest {
            Some(it) => trust.judge(&self.file, &bytes, it.kind, &it.name, signature.as_deref()),
            None => trust.authenticate(&self.file, &bytes, signature.as_deref()),
        };
        let sha256 = hex::encode(Sha256::digest(&bytes));
        if setting.json {
            say_json(&as_json(&self, manifest, &sha256, &judged));
            return judged.map(|_| ()).map_err(|_| Failed::Trying(String::new()));
        }
        match judged {
            Ok(Some(signer)) => {
                self.tell(&signer, manifest, &sha256);
                Ok(())
            }
            // A signature is required above.
            Ok(None) => Err(Failed::Trying(format!("{}: it is not signed", self.file.display()))),
            Err(distrusted) => Err(Failed::Trying(distrusted.to_string())),
        }
    }

    fn tell(&self, signer: &Signer, manifest: Option<&Manifest>, sha256: &str) {
        say(format_args!("{}: signed by {} (the key {}).", self.file.display(), signer.key, signer.id));
        match manifest {
            Some(it) => {
                let kind = format!("{:?}", it.kind).to_lowercase();
                say(format_args!("plugin   {} {}, a {kind}", it.name, it.version));
            }
            None => say("plugin   none by itself: what the key may sign is judged where it is used"),
        }
        say(format_args!("comment  {}", signer.comment.replace('\t', "  ")));
        say(format_args!("sha256   {sha256}"));
    }
}

fn as_json(
    verify: &Verify,
    manifest: Option<&Manifest>,
    sha256: &str,
    judged: &Result<Option<Signer>, Distrusted>,
) -> Value {
    let signer = judged.as_ref().ok().and_then(Option::as_ref);
    json!({
        "file": verify.file.display().to_string(),
        "verified": signer.is_some(),
        "error": judged.as_ref().err().map(ToString::to_string),
        "code": judged.as_ref().err().map(|distrusted| distrusted.why.code()),
        "signer": signer.map(|signer| &signer.key),
        "key_id": signer.map(|signer| signer.id.to_string()),
        "trusted_comment": signer.map(|signer| &signer.comment),
        "sha256": sha256,
        "plugin": manifest.map(|it| json!({ "name": it.name, "kind": it.kind, "version": it.version })),
    })
}

/// Trust in this key alone, with anything.
fn of_key(written: &str) -> Result<Trust, Failed> {
    let key = match written.parse::<PublicKey>() {
        Ok(key) => key,
        Err(_) => read_key(written.as_ref())
            .map_err(|error| format!("{written}: this is no public key, and no file with one: {error}"))
            .and_then(|text| text.parse().map_err(|error| format!("{written}: {error}")))
            .map_err(Failed::Asking)?,
    };
    let trusted = TrustedKey { name: key.id().to_string(), key, kinds: Vec::new(), names: Vec::new() };
    Ok(Trust { keys: vec![trusted], required: true, ..Trust::default() })
}

/// What `[trust]` says. Mistakes elsewhere in the file do not matter for that.
fn of_config(setting: &Setting) -> Result<Trust, Failed> {
    let reading = Config::open(&setting.config).map_err(|problems| Failed::Asking(problems.to_string()))?;
    let of_trust = |key: &str| key == "trust" || key.starts_with("trust.") || key.is_empty();
    let problems: Vec<_> = reading.problems.into_iter().filter(|problem| of_trust(&problem.key)).collect();
    if !problems.is_empty() {
        return Err(Failed::Asking(Problems(problems).to_string()));
    }
    if reading.config.trust.keys.is_empty() {
        let file = setting.config.display();
        let what = format!("{file} trusts no key; write one under [trust], or give one with --key");
        return Err(Failed::Asking(what));
    }
    Ok(Trust { required: true, ..reading.config.trust })
}
