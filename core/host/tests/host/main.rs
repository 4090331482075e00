//! Instances as the gateway uses them: linked in where a plugin must misbehave on command, and real libraries else.

// The lints know a test by its attribute, and not the functions that serve one.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod calls;
mod careless;
mod drain;
mod encrypted;
mod endpoints;
mod errors;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod first_contract;
mod inbound;
mod library;
#[cfg(all(target_os = "linux", target_endian = "little"))]
mod mutated;
mod streams;
mod supervised;
mod vault;
mod world;
