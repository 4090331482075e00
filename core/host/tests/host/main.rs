//! Instances as the gateway uses them: linked in where a plugin must misbehave on command, and real libraries else.

// The lints know a test by its attribute, and not the functions that serve one.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod calls;
mod careless;
mod drain;
mod encrypted;
mod endpoints;
mod errands;
mod errors;
mod exec;
mod first_contract;
mod inbound;
#[cfg(target_os = "linux")]
mod isolated;
mod library;
mod mutated;
mod replay;
mod streams;
mod supervised;
mod trusted;
mod vault;
mod world;
