//! The HTTP surface.

pub mod caller;
pub mod idempotency;
pub mod prefer;
pub mod problem;
