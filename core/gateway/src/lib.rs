//! The program: configuration, HTTP, command line.
//!
//! ```text
//!  gateway.toml ─▶ config ─▶ plugins (found, judged, loaded, checked) ─▶ gateway ─▶ listens
//!                                                                          │
//!                                               api ─▶ engine ◀─ wire ─▶ host
//! ```

pub mod api;
pub mod bench;
pub mod cli;
pub mod client;
pub mod command;
pub mod config;
mod connections;
mod crash;
pub mod demo;
pub mod gateway;
pub mod iban;
pub mod instant;
pub mod key;
pub mod logging;
pub mod memory;
pub mod pages;
pub mod pan;
pub mod plugins;
pub mod redact;
pub mod scorecard;
pub mod signing;
pub mod switchboard;
pub mod vault;
pub mod wire;

pub use gateway::{Gateway, RunningGateway, StartError};
