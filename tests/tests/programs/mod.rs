//! The programs and plugins, built as a newcomer has them.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "each test uses a part of it, and may fail loudly"
)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// The sandbox's providers, as it names them, and where `gateway.toml` has them.
const PLACES: [(&str, &str); 9] = [
    ("x", "127.0.0.1:7001"),
    ("bank", "127.0.0.1:7002"),
    ("smsc", "127.0.0.1:2775"),
    ("phones", "127.0.0.1:7003"),
    ("messenger", "127.0.0.1:7004"),
    ("acquirer", "127.0.0.1:8583"),
    ("cards", "127.0.0.1:7005"),
    ("threeds", "127.0.0.1:7006"),
    ("wallets", "127.0.0.1:7007"),
];

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The folder in which the programs stand, with all plugins beside them. Everything is built, and never a part: chosen for a
/// part, features would be others, and what is there already would be built again.
pub(crate) fn built() -> PathBuf {
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--quiet", "--locked", "--workspace"]);
    assert!(build.current_dir(root()).status().unwrap().success());

    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    root().join(target).join("debug")
}

/// Has the scorecard beside this file say that it was made with as many calls as `scorecards = "required"` wants. They
/// take a minute for each plugin: a test makes fewer, and says so itself.
pub(crate) fn claim_all_calls(file: &Path) {
    let card = PathBuf::from(format!("{}.scorecard.json", file.display()));
    let mut claimed: Value = serde_json::from_slice(&std::fs::read(&card).unwrap()).unwrap();
    claimed["calls"] = 100_000.into();
    std::fs::write(card, claimed.to_string()).unwrap();
}

/// A program that says in one line of JSON where it listens. Killed when dropped.
pub(crate) struct Program(pub(crate) Child, Value);

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said = serde_json::from_str(&line).expect("it says where it listens");
        Self(child, said)
    }

    /// The gateway, with this configuration.
    pub(crate) fn gateway(programs: &Path, config: &Path) -> Self {
        Self::gateway_logging(programs, config, Stdio::null())
    }

    /// The same, with its log going there.
    pub(crate) fn gateway_logging(programs: &Path, config: &Path, log: Stdio) -> Self {
        let mut gateway = Command::new(programs.join("sportello"));
        // To look up what a panic passed through takes seconds of a thread, which a plugin that panics is then said to
        // keep.
        gateway.env_remove("RUST_BACKTRACE");
        Self::start(gateway.arg("--config").arg(config).args(["--json", "run"]).stderr(log))
    }

    /// The sandbox on free ports.
    pub(crate) fn sandbox(programs: &Path, more: &[&str]) -> Self {
        let mut sandbox = Command::new(programs.join("sandbox"));
        for (place, _) in PLACES {
            sandbox.arg(format!("--{place}")).arg("127.0.0.1:0");
        }
        Self::start(sandbox.arg("--until-stdin-closes").args(more).stdin(Stdio::piped()).stderr(Stdio::null()))
    }

    pub(crate) fn address(&self, name: &str) -> String {
        self.1[name].as_str().unwrap_or_else(|| panic!("no {name:?} in {}", self.1)).to_owned()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Writes the deployment that runs out of the box into `folder`, for this sandbox. Answers where.
pub(crate) fn deployment(folder: &Path, programs: &Path, sandbox: &Program) -> PathBuf {
    let mut config = std::fs::read_to_string(root().join("gateway.toml")).unwrap();
    for (place, usual) in PLACES {
        config = config.replace(usual, sandbox.address(place).trim_start_matches("http://"));
    }
    let config = config
        .replace("127.0.0.1:8080", "127.0.0.1:0")
        .replace("target/debug", programs.to_str().unwrap())
        .replace("var/", "")
        .replace("examples/", &format!("{}/examples/", root().display()));
    let file = folder.join("gateway.toml");
    std::fs::write(&file, config).unwrap();
    file
}
