//! Everything a plugin author depends on: traits, Host, manifest, export macros, conformance kit
