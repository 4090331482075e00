//! Absences are invariants: the edges between the crates, the words of plugins in the core, the size of files.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly: that is what it is for")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The packages of the workspace, as cargo has them, by name.
fn packages() -> BTreeMap<String, Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let told = std::process::Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    let named = |package: &Value| (package["name"].as_str().unwrap().to_owned(), package.clone());
    told["packages"].as_array().unwrap().iter().map(named).collect()
}

/// What a package depends on when it is no test.
fn dependencies(package: &Value) -> impl Iterator<Item = &str> {
    let all = package["dependencies"].as_array().unwrap().iter();
    all.filter(|dependency| dependency["kind"].is_null()).map(|dependency| dependency["name"].as_str().unwrap())
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
    let packages = packages();
    assert!(packages.len() >= allowed.len());
    for (name, package) in &packages {
        let may = allowed.get(name.as_str()).unwrap_or_else(|| panic!("say whom {name} may know"));
        for dependency in dependencies(package) {
            let is_fine = !packages.contains_key(dependency) || may.contains(&dependency);
            assert!(is_fine, "{name} must not know {dependency}");
        }
    }
}

#[test]
fn the_model_has_no_clock_no_input_and_no_async() {
    let model = &packages()["sportello-model"];
    let known = ["serde", "serde_json", "iso_currency", "schemars", "hex", "thiserror"];
    for dependency in dependencies(model) {
        assert!(known.contains(&dependency), "the model must not know {dependency}");
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
        "core/host/src/crash",
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
