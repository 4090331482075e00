//! How long it takes from `sportello plugin new` to a kit that passes, the build included, once one was built before.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use super::{Figure, Folder};

/// Nothing where this is no checkout, in which there would be a kit to build with.
pub(super) fn measure(here: &Folder) -> Result<Vec<Figure>, String> {
    let Some(checkout) = checkout() else {
        eprintln!("plugin-new: not measured: neither the current folder nor this program is in a checkout");
        return Ok(Vec::new());
    };
    // What is built is kept apart, so that the first one builds what the second finds.
    let target = checkout.join("target/bench");
    let mut seconds = f64::MAX;
    for name in ["first-rail", "second-rail"] {
        let begun = Instant::now();
        let sdk = checkout.join("core/sdk");
        done(
            Command::new(&here.program).args(["plugin", "new", "rail", name, "--sdk"]).arg(sdk).current_dir(&here.path),
        )?;
        let plugin = here.path.join(name);
        done(Command::new("cargo").args(["test", "--quiet"]).env("CARGO_TARGET_DIR", &target).current_dir(plugin))?;
        seconds = begun.elapsed().as_secs_f64();
    }
    Ok(vec![Figure::at_most("plugin-new", seconds, "s", 30.0, None)])
}

fn checkout() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let folder = std::env::current_dir().ok()?;
    let is_checkout = |folder: &&Path| folder.join("core/sdk/Cargo.toml").is_file();
    folder.ancestors().chain(program.ancestors()).find(is_checkout).map(Path::to_path_buf)
}

fn done(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)))
}
