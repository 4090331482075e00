//! The gateway as a whole, with plugins linked in: over HTTP, through restarts, and with mistakes in what it is told.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may fail loudly")]

mod counter;
mod deployment;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod dropped;
mod exec;
#[cfg(target_os = "linux")]
mod full;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod isolated;
mod live;
mod marks;
mod pages;
mod payments;
mod program;
mod recordings;
mod reload;
mod restart;
mod seats;
mod secrecy;
mod switches;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod trust;
mod versions;
mod webhooks;
mod words;
mod world;
