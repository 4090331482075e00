//! What the manifest says.

use serde_json::Value;

use super::{Verdict, apart, held};
use crate::Manifest;
use crate::frames::{CONTRACT, Version};

type DeclarationCheck = (&'static str, &'static str, fn(&str) -> Verdict);

pub(super) const CHECKS: &[DeclarationCheck] = &[
    ("manifest-readable", "the manifest can be read", can_be_read),
    ("manifest-consistent", "the manifest is complete and consistent", is_consistent),
    ("manifest-no-stray-key", "the manifest has no key that nobody reads", has_no_stray_key),
    ("manifest-doubt", "every order kind says how doubt about it ends", doubt_is_known),
    ("manifest-contract", "the contract is one that this kit speaks", contract_is_spoken),
];

fn read(json: &str) -> Result<Manifest, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

fn can_be_read(json: &str) -> Verdict {
    let manifest = read(json)?;
    held(format!("{} {}", manifest.name, manifest.version))
}

fn is_consistent(json: &str) -> Verdict {
    match read(json)?.defects().as_slice() {
        [] => held(""),
        defects => Err(defects.join("; ")),
    }
}

/// A misspelt key would be passed over in silence, as one of a later contract.
fn has_no_stray_key(json: &str) -> Verdict {
    let given: Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let known = serde_json::to_value(read(json)?).map_err(|error| error.to_string())?;
    let mut stray = Vec::new();
    collect_stray(&given, &known, "", &mut stray);
    if stray.is_empty() {
        return held("");
    }
    Err(stray.join(", "))
}

fn collect_stray(given: &Value, known: &Value, path: &str, stray: &mut Vec<String>) {
    let Some(given) = given.as_object() else {
        return;
    };
    for (key, value) in given {
        match known.get(key) {
            Some(known) => collect_stray(value, known, &format!("{path}{key}."), stray),
            None => stray.push(format!("{path}{key}")),
        }
    }
}

/// An unknown way to end doubt is taken for `statement`, as one of a later contract: a misspelt one would be too.
fn doubt_is_known(json: &str) -> Verdict {
    let given: Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let Some(orders) = given.pointer("/rail/orders").and_then(Value::as_object) else {
        return apart("no rail");
    };
    for (kind, doubt) in orders {
        let tag = doubt.get("doubt").and_then(Value::as_str);
        let known = ["idempotent", "inquirable", "reversible", "statement"];
        if !tag.is_some_and(|tag| known.contains(&tag)) {
            return Err(format!("`{kind}`: {doubt} is none of {known:?}"));
        }
    }
    held(format!("{} kinds", orders.len()))
}

fn contract_is_spoken(json: &str) -> Verdict {
    let contract = read(json)?.contract;
    let spoken = contract.parse::<Version>();
    if spoken.is_ok_and(|contract| CONTRACT.serves(contract)) {
        return held(contract);
    }
    Err(format!("the plugin is built for contract {contract}, and this kit speaks {CONTRACT}"))
}
