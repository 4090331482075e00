//! The programs and plugins, built as a newcomer has them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The folder in which the programs stand, with the plugins of a demo beside them.
pub(crate) fn built() -> PathBuf {
    let packages = ["sportello-gateway", "sandbox", "sportello-twitter", "sportello-bank-transfer"];
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--quiet", "--locked"]).args(packages.iter().flat_map(|p| ["--package", p]));
    assert!(build.current_dir(root()).status().unwrap().success());

    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    root().join(target).join("debug")
}
