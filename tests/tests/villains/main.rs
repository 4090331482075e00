//! A villain for each promise: a plugin misbehaves in every way, and while it does, payments by another plugin go on without
//! one that fails, and the operator is told.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly: that is what it is for"
)]

mod canaries;
mod channel;
mod commands;
mod ends;
mod leaving;
mod lies;
mod played;
#[path = "../programs/mod.rs"]
mod programs;
mod provider;
mod replaced;
mod scene;
mod scripts;
mod shouts;
mod strangers;
