//! The conformance kit: what every plugin must do, whoever wrote it.
//!
//! It drives a plugin through [`Peer`] alone. So it runs in a plugin's own tests, and against a loaded library
//! (`sportello plugin test FILE`):
//!
//! ```
//! # use sportello_sdk::*;
//! # settings! { struct Settings {} }
//! # struct Instant;
//! # #[async_trait]
//! # impl Rail for Instant {
//! #     type Settings = Settings;
//! #     async fn open(_: Settings, _: &Host) -> Result<Self, Failure> { Ok(Self) }
//! #     async fn submit(&self, _: Order, _: &Host) -> Result<Outcome, Failure> { Ok(Outcome::unknown("who knows")) }
//! # }
//! # const MANIFEST: &str = r#"{"name": "instant", "kind": "rail", "version": "1.0.0", "contract": "1.0",
//! #   "rail": {"accounts": ["iban"], "orders": {"collect": {"doubt": "statement"}}}}"#;
//! use sportello_sdk::{dispatch, kit};
//!
//! let options = kit::Options::new(serde_json::json!({}));
//! kit::check(MANIFEST, &dispatch::rail::<Instant>, &options).assert();
//! ```
//!
//! A new check is a function and one line in the table of its module, and a line in `docs/PLUGINS.md`, which names every
//! check beside the rule that it proves.

mod bench;
mod declaration;
mod deed;
mod delivery;
mod doubt;
mod drain;
mod endurance;
mod input;
mod lost;
mod money;
mod options;
mod page;
mod refused;
mod rules;
mod samples;
mod scorecard;
mod settings;
mod speech;
mod text;

use std::sync::Arc;

use crate::Manifest;
use crate::fence::contain;
use crate::frames::Peer;
use bench::Bench;
pub use options::{BadOptions, Options, Refusal, Resident};
pub use rules::Rule;
pub use scorecard::{Check, Scorecard};

/// Makes a new, unopened instance that asks the host it is given: [`dispatch::rail`](crate::dispatch::rail), or what a
/// loaded library's `connect` gives.
pub type Factory<'a> = &'a dyn Fn(Arc<dyn Peer>) -> Arc<dyn Peer>;

/// What came of one check: whether it applied, and a remark; or why it did not pass.
type Verdict = Result<Kept, String>;

enum Kept {
    /// The rule was tried, and kept.
    Held(String),
    /// There is nothing here that it could be tried on, and why.
    Apart(String),
}

fn held(remark: impl Into<String>) -> Verdict {
    Ok(Kept::Held(remark.into()))
}

fn apart(why: impl Into<String>) -> Verdict {
    Ok(Kept::Apart(why.into()))
}

/// So many of these were tried; with none there was nothing to try.
fn tried(count: usize, what: &str) -> Verdict {
    if count == 0 { apart(format!("no {what}")) } else { held(format!("{count} {what}")) }
}

/// A check's id, what it checks, and how.
type BenchCheck = (&'static str, &'static str, fn(&Bench<'_>) -> Verdict);

/// The checks that need more than a manifest, under what they are about.
const GROUPS: [(&str, &[&[BenchCheck]]); 8] = [
    ("settings", &[settings::CHECKS]),
    ("frames", &[input::CHECKS]),
    ("orders", &[doubt::CHECKS, lost::CHECKS, refused::CHECKS]),
    ("money", &[money::CHECKS]),
    ("texts", &[text::CHECKS]),
    ("pages", &[page::CHECKS]),
    ("speech", &[speech::CHECKS, delivery::CHECKS]),
    ("endurance", &[endurance::CHECKS, drain::CHECKS]),
];

const DECLARATION: &str = "declaration";

/// What a check is: its id, what it is about, and what it checks, in the order in which they run.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let declared = declaration::CHECKS.iter().map(|(id, check, _)| (*id, DECLARATION, *check));
    let others = GROUPS
        .iter()
        .flat_map(|(group, tables)| tables.iter().copied().flatten().map(move |(id, check, _)| (*id, *group, *check)));
    declared.chain(others)
}

/// Where the kit is.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// This check begins.
    Begins(&'static str),
    /// This check has ended.
    Ended(&'a Check),
}

/// Drives a plugin through every check. Neither panics nor stops at the first defect.
pub fn check(manifest_json: &str, plugin: Factory<'_>, options: &Options) -> Scorecard {
    check_watched(manifest_json, plugin, options, &mut |_| {})
}

/// The same, and tells where it is: whoever watches from another process then knows which check ended it.
pub fn check_watched(
    manifest_json: &str,
    plugin: Factory<'_>,
    options: &Options,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Scorecard {
    let mut card = Scorecard::default();
    let mut add = |id, group, check, act: &dyn Fn() -> Verdict| {
        watch(Progress::Begins(id));
        card.add(id, group, check, fenced(act));
        if let Some(ended) = card.checks.last() {
            watch(Progress::Ended(ended));
        }
    };
    for (id, check, act) in declaration::CHECKS {
        add(id, DECLARATION, check, &|| act(manifest_json));
    }
    // Without a manifest there is no telling what to ask for.
    if let Ok(manifest) = serde_json::from_str::<Manifest>(manifest_json) {
        let bench = Bench::new(manifest, plugin, options);
        for (group, tables) in GROUPS {
            for (id, check, act) in tables.iter().copied().flatten() {
                add(id, group, check, &|| act(&bench));
            }
        }
    }
    card
}

/// A check panics where a future is never woken, or where the factory does.
fn fenced(check: impl FnOnce() -> Verdict) -> Verdict {
    contain(check).unwrap_or_else(|panicked| Err(panicked.to_string()))
}
