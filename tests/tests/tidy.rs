//! Absences are invariants: the edges between the crates, the words of plugins in the core, the size of files.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly: that is what it is for")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Every file below `folder` that ends so.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            found.extend(files(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found
}

fn sources() -> Vec<PathBuf> {
    ["core", "plugins", "examples", "tests", "xtask"].iter().flat_map(|room| files(&root().join(room), ".rs")).collect()
}

/// The lines of a file that are neither comments nor below its own tests.
fn code(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let before_tests = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    before_tests.lines().filter(|line| !line.trim_start().starts_with("//")).map(str::to_owned).collect()
}

fn is_test(path: &Path) -> bool {
    path.to_string_lossy().contains("tests")
}

#[test]
fn the_crates_know_only_whom_they_may() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("sportello-model", &[][..]),
        ("sportello-sdk", &["sportello-model"]),
        ("sportello-host", &["sportello-sdk"]),
        ("sportello-engine", &["sportello-model", "sportello-sdk"]),
        ("sportello-gateway", &["sportello-model", "sportello-sdk", "sportello-host", "sportello-engine"]),
        ("sportello-messenger", &["sportello-sdk"]),
        ("sportello-sms", &["sportello-sdk"]),
        ("sportello-twitter", &["sportello-sdk"]),
        ("sportello-bank-transfer", &["sportello-sdk"]),
        ("sportello-iso8583", &["sportello-sdk"]),
        ("sportello-threeds", &["sportello-sdk"]),
        ("sportello-card", &["sportello-sdk", "sportello-iso8583", "sportello-threeds"]),
        ("sportello-wallet-token", &["sportello-sdk", "sportello-iso8583", "sportello-threeds"]),
        ("hello-rail", &["sportello-sdk"]),
        ("hello-channel", &["sportello-sdk"]),
        ("hostile-escapes", &["sportello-sdk"]),
        ("hostile-panics", &["sportello-sdk"]),
        ("hostile-panics-channel", &["sportello-sdk"]),
        ("hostile-next-contract", &["sportello-sdk"]),
        ("hostile-next-layout", &["sportello-sdk"]),
        ("hostile-shouts", &["sportello-sdk"]),
        ("hostile-villain", &["sportello-sdk"]),
        ("sandbox", &[]),
        ("sportello-tests", &[]),
        ("xtask", &[]),
    ]);
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap();
    let ours: BTreeSet<String> = metadata.packages.iter().map(|p| p.name.to_string()).collect();
    for package in &metadata.packages {
        let may = allowed.get(package.name.as_str()).unwrap_or_else(|| panic!("say whom {} may know", package.name));
        for dependency in package.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal) {
            let is_fine = !ours.contains(&dependency.name) || may.contains(&dependency.name.as_str());
            assert!(is_fine, "{} must not know {}", package.name, dependency.name);
        }
    }
}

#[test]
fn the_model_has_no_clock_no_input_and_no_async() {
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap();
    let model = metadata.packages.iter().find(|p| p.name.as_str() == "sportello-model").unwrap();
    let known = ["serde", "serde_json", "iso_currency", "schemars", "hex", "thiserror"];
    for dependency in model.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal) {
        assert!(known.contains(&dependency.name.as_str()), "the model must not know {}", dependency.name);
    }
    let absent = ["std::time", "std::fs", "std::net", "std::env", "std::thread", "async fn", ".await", "println!"];
    for path in files(&root().join("core/model/src"), ".rs") {
        for line in code(&path) {
            assert!(!absent.iter().any(|word| line.contains(word)), "{}: {line}", path.display());
        }
    }
}

#[test]
fn no_channel_and_no_rail_is_named_in_the_core() {
    let names = ["twitter", "tweet", "messenger", "smpp", "iso8583", "iso 8583", "apple", "pain.00", "sepa", "psd2"];
    // The demo and the benchmark are about these very plugins, and no part of what routes payments.
    let about_them = ["core/gateway/src/demo", "core/gateway/src/bench"];
    for path in files(&root().join("core"), ".rs") {
        let place = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
        if !place.contains("/src/") || is_test(&path) || about_them.iter().any(|part| place.starts_with(part)) {
            continue;
        }
        for line in code(&path) {
            let line = line.to_lowercase().replace("separat", "");
            assert!(!names.iter().any(|name| line.contains(name)), "{place} names a plugin: {line}");
        }
    }
}

#[test]
fn a_file_is_one_idea() {
    for path in sources() {
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 500, "{} has {lines} lines: is that one idea?", path.display());
    }
}

#[test]
fn nothing_is_left_for_later() {
    let words = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X:"),
        concat!("for n", "ow,"),
        concat!("todo", "!("),
    ];
    for path in sources() {
        let text = std::fs::read_to_string(&path).unwrap();
        for word in words {
            assert!(!text.contains(word), "{} says {word}", path.display());
        }
    }
}

#[test]
fn unsafe_code_stands_where_it_may() {
    let may = [
        "core/sdk/src/abi",
        "core/sdk/src/export",
        "core/host/src/loaded",
        "core/host/src/isolated/child",
        "core/host/src/exec/walls",
    ];
    for path in sources() {
        let place = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
        if may.iter().any(|part| place.starts_with(part)) || place.starts_with("tests/") {
            continue;
        }
        for line in code(&path) {
            let is_unsafe = line.contains("unsafe {") || line.contains("unsafe fn") || line.contains("unsafe impl");
            assert!(!is_unsafe, "{place}: {line}");
        }
    }
}

/// Every name of a test in the table of invariants is the name of a function somewhere.
#[test]
fn the_tests_that_the_invariants_name_are_there() {
    let page = std::fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    let (_, table) = page.split_once("## Invariants").unwrap();
    let rows = table.lines().filter(|line| line.starts_with('|'));
    let is_name =
        |word: &&str| word.matches('_').count() > 1 && word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let named: Vec<&str> = rows.flat_map(|row| row.split('`').skip(1).step_by(2)).filter(is_name).collect();
    assert!(named.len() > 20, "{named:?}");
    let sources: Vec<String> = sources().iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let is_there = |name: &str| sources.iter().any(|source| source.contains(&format!("fn {name}(")));
    let missing: Vec<_> = named.into_iter().filter(|name| !is_there(name)).collect();
    assert!(missing.is_empty(), "docs/ARCHITECTURE.md names tests that are not there: {missing:?}");
}
