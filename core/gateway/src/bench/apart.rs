//! Figures of a plugin's own code, which this program cannot know: its package has an example that measures them, and says
//! each in a line of JSON.

use serde::Deserialize;
use tokio::process::Command;

use super::{Figure, Folder};

#[derive(Deserialize)]
struct Line {
    name: String,
    value: f64,
    unit: String,
    at_most: f64,
    /// The same primitives by themselves.
    #[serde(default)]
    limit: Option<f64>,
}

/// Runs the example of this name, which was built beside this program.
pub(super) async fn measure(here: &Folder, example: &str) -> Result<Vec<Figure>, String> {
    let program = here.plugins.join("examples").join(example);
    let ran = Command::new(&program).output().await.map_err(|e| format!("{}: {e}", program.display()))?;
    if !ran.status.success() {
        return Err(format!("{}: {}", program.display(), String::from_utf8_lossy(&ran.stderr)));
    }
    let mut figures = Vec::new();
    for line in String::from_utf8_lossy(&ran.stdout).lines() {
        let Line { name, value, unit, at_most, limit } = serde_json::from_str(line).map_err(|e| e.to_string())?;
        let unit = if unit == "ms" { "ms" } else { "µs" };
        figures.push(Figure::at_most(&name, value, unit, at_most, limit));
    }
    Ok(figures)
}
