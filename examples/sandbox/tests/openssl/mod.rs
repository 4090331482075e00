//! OpenSSL's command line, as a judge of what the wallets mint: another implementation, which trusts nothing of ours.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

/// A folder to hand it files in.
pub struct OpenSsl(tempfile::TempDir);

impl OpenSsl {
    /// `None` where it is not installed; a test that needs it says that it skips.
    #[allow(clippy::print_stdout, reason = "a test that skips says so")]
    pub fn here() -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            println!("skipped: openssl is not here");
            return None;
        }
        Some(Self(tempfile::tempdir().unwrap()))
    }

    /// Writes a file; its path.
    pub fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// What it wrote, or what it complained of.
    pub fn run(&self, arguments: &[&str]) -> Result<Vec<u8>, String> {
        let output = Command::new("openssl").args(arguments).output().unwrap();
        if output.status.success() { Ok(output.stdout) } else { Err(String::from_utf8_lossy(&output.stderr).into()) }
    }

    /// The X coordinate that the owner of the private key in `file` shares with the owner of a SubjectPublicKeyInfo.
    pub fn shared(&self, file: &Path, theirs: &[u8]) -> Vec<u8> {
        let peer = self.file("peer.der", theirs);
        let key = file.to_str().unwrap();
        self.run(&["pkeyutl", "-derive", "-inkey", key, "-peerkey", &peer, "-peerform", "DER"]).unwrap()
    }

    /// The SubjectPublicKeyInfo of a certificate.
    pub fn public_key_info(&self, certificate: &Path) -> Vec<u8> {
        let pem = self.run(&["x509", "-in", certificate.to_str().unwrap(), "-noout", "-pubkey"]).unwrap();
        let pem = self.file("public.pem", &pem);
        self.run(&["pkey", "-pubin", "-in", &pem, "-outform", "DER"]).unwrap()
    }
}

/// A file of the folder of test keys.
pub fn key(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("keys").join(name)
}

pub fn base64(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}
