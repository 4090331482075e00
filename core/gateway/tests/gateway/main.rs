//! The gateway as a whole, with plugins linked in: over HTTP, through restarts, and with mistakes in what it is told.

mod deployment;
mod payments;
mod restart;
mod webhooks;
mod world;
