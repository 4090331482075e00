//! The contract as it is published, and the page that says it in words.

#![allow(clippy::unwrap_used)] // A test may fail loudly, in its helpers too.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sportello_sdk::{contract, kit};

fn docs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

#[test]
fn the_published_schema_is_the_current_one() {
    let path = docs("contract.schema.json");
    let current = serde_json::to_string_pretty(&contract::schema()).unwrap() + "\n";
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    let why = "docs/contract.schema.json is not the contract's: write it with `sportello plugin schema`";
    assert!(published == current, "{why}");
}

#[test]
fn every_type_that_a_schema_names_is_there() {
    fn names(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|value| names(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| names(value, found)),
            _ => {}
        }
    }
    let schema = contract::schema();
    let mut found = BTreeSet::new();
    names(&schema, &mut found);
    assert!(found.contains("#/$defs/Order") && found.len() > 20, "{found:?}");
    for name in found {
        assert!(schema.pointer(name.trim_start_matches('#')).is_some(), "{name} is not there");
    }
}

/// The rules of the page: what each block that says MUST or SHOULD is proven by.
fn proofs(block: &str) -> Vec<(String, String)> {
    let marks = block.split("[kit: ").skip(1).map(|rest| ("kit", rest));
    let marks = marks.chain(block.split("[host: ").skip(1).map(|rest| ("host", rest)));
    let marks = marks.chain(block.split("[yours").skip(1).map(|rest| ("yours", rest)));
    marks
        .flat_map(|(by, rest)| {
            let list = rest.split(']').next().unwrap_or_default().replace('\n', " ");
            list.split(',').map(|id| (by.to_owned(), id.trim().to_owned())).collect::<Vec<_>>()
        })
        .collect()
}

/// Paragraphs, points of lists and rows of tables.
fn blocks(page: &str) -> Vec<String> {
    let mut blocks = vec![String::new()];
    for line in page.lines() {
        let begins = line.trim().is_empty() || line.starts_with('#') || line.starts_with("- ") || line.starts_with('|');
        if begins {
            blocks.push(String::new());
        }
        if let Some(block) = blocks.last_mut() {
            block.push_str(line);
            block.push('\n');
        }
    }
    blocks
}

#[test]
fn every_rule_names_its_proof_and_every_check_its_rule() {
    let page = std::fs::read_to_string(docs("PLUGINS.md")).unwrap();
    let known: BTreeSet<&str> = kit::all().map(|(id, _, _)| id).collect();
    let mut named = BTreeSet::new();
    let mut unproven = Vec::new();
    for block in blocks(&page) {
        let proofs = proofs(&block);
        let is_rule = block.contains("MUST") || block.contains("SHOULD");
        if is_rule && proofs.is_empty() && !block.contains("RFC 2119") {
            unproven.push(block.clone());
        }
        named.extend(proofs.into_iter().filter(|(by, _)| by == "kit").map(|(_, id)| id));
    }
    assert!(unproven.is_empty(), "these say what must be, and not what proves it:\n{}", unproven.join("\n"));
    let named: BTreeSet<&str> = named.iter().map(String::as_str).collect();
    let unknown: Vec<_> = named.difference(&known).collect();
    let missing: Vec<_> = known.difference(&named).collect();
    assert!(unknown.is_empty(), "docs/PLUGINS.md names checks that are not there: {unknown:?}");
    assert!(missing.is_empty(), "docs/PLUGINS.md does not name these checks: {missing:?}");
}

/// A test of the host's that the page names is a function somewhere.
#[test]
fn the_hosts_tests_that_the_page_names_are_there() {
    fn sources(folder: &Path, found: &mut String) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("target") {
                sources(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut all = String::new();
    for room in ["core", "plugins", "examples", "tests"] {
        sources(&root.join(room), &mut all);
    }
    let page = std::fs::read_to_string(docs("PLUGINS.md")).unwrap();
    for (by, name) in blocks(&page).iter().flat_map(|block| proofs(block)) {
        if by == "host" {
            assert!(all.contains(&format!("fn {name}(")), "docs/PLUGINS.md names the test {name}, which is not there");
        }
    }
}
