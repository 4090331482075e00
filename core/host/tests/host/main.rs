//! Instances as the gateway uses them: linked in where a plugin must misbehave on command, and real libraries else.

// The lints know a test by its attribute, and not the functions that serve one.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod calls;
mod drain;
mod endpoints;
mod errors;
mod inbound;
mod library;
#[cfg(all(target_os = "linux", target_endian = "little"))]
mod mutated;
mod supervised;
mod world;
