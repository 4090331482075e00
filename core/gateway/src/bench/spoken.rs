//! One call of a plugin in Python, over JSON-RPC to a process of its own.

use std::time::Instant;

use sportello_host::{Ask, Confinement, Exec, Patience, Spec};
use sportello_model::Outcome;
use sportello_sdk::frames::plugin_method;

use super::{Figure, Folder, call};
use crate::wire::Wire;

/// A rail that settles everything, and does nothing besides.
const SCRIPT: &str = include_str!("settles.py");

const CALLS: u32 = 2_000;
const ROUNDS: u32 = 5;

/// What one may take and still be of use, in µs. There is nothing to compare it with: most of it is Python's.
const TARGET_US: f64 = 2_000.0;

/// The best of some rounds; nothing where there is no Python.
pub(super) async fn measure(here: &Folder) -> Result<Option<Figure>, String> {
    std::fs::write(here.path.join("settles.py"), SCRIPT).map_err(|e| e.to_string())?;
    let search = std::env::var_os("PATH");
    let command = ["python3", "settles.py"].map(str::to_owned);
    let Ok(exec) = Exec::read(&command, &here.path, search.as_deref()) else {
        return Ok(None);
    };
    let reads: Vec<_> = exec.library().into_iter().collect();
    let bounds = Confinement { open_files: 64, ..Confinement::default() };
    let loaded = exec.load(&reads, bounds, Patience::default()).await.map_err(|e| e.to_string())?;
    let running = loaded.open(Spec::new("bench", Wire::unconnected())).await.map_err(|e| e.to_string())?;
    let order = call::order()?.to_json();
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        for _ in 0..CALLS {
            let asked = running.ask(Ask::new(plugin_method::SUBMIT, &order)).await;
            let outcome = asked.and_then(|answer| answer.read(Outcome::from_json)).map_err(|e| e.to_string())?;
            std::hint::black_box(outcome);
        }
        best = best.min(begun.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS));
    }
    Ok(Some(Figure::at_most("call-in-python", best, "µs", TARGET_US, None)))
}
