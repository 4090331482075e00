//! The program: configuration, HTTP, command line.

pub mod api;
pub mod config;
pub mod iban;
pub mod logging;
pub mod redact;
