//! Instances as the gateway uses them: linked in where a plugin must misbehave on command, and real libraries else.

mod calls;
mod drain;
mod endpoints;
mod errors;
mod inbound;
mod library;
mod mutated;
mod supervised;
mod world;
