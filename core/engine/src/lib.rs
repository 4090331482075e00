//! Drives payments to their end: parse, resolve, confirm, route, order, outcome, notes; and the store that keeps it all.
//!
//! ```text
//!  message ──▶ intake ──┐                                   ┌──▶ Ports::submit / inquire ──▶ rail
//!  API ──────▶ request ─┼─▶ Payment::apply ─▶ one commit ─▶ effects ─▶ Ports::send ──▶ channel
//!  rail ─────▶ report ──┘        ▲            (store)        │
//!                                └───────── what came of it ─┘
//! ```
//!
//! A payment changes in one place ([`Payment::apply`](sportello_model::Payment::apply)) and becomes true in one commit,
//! together with what is to be done about it. Nothing is acknowledged, sent or told before that commit. Time, randomness,
//! rails, channels and the store are passed in.

mod agenda;
mod chatter;
mod code;
mod directory;
mod drive;
mod engine;
mod enrol;
mod intake;
mod job;
mod live;
mod notes;
mod obey;
mod ports;
mod proof;
mod reach;
mod receipt;
mod recover;
mod repeat;
mod request;
mod restraint;
mod reverse;
mod route;
mod setup;
pub mod store;
mod tell;
mod waiting;
mod word;

pub use code::CodeKey;
pub use engine::{ChangeError, Engine, OpenOrder, Parts};
pub use enrol::{Enrolment, EnrolmentError, EnrolmentWay};
pub use ports::{Clock, Entropy, Ports, RailAnswer, SystemClock};
pub use request::{Created, NotCreated, Request};
pub use setup::{ChannelSetup, Policy, Profile, RailSetup, Route, Setup};
pub use sportello_model::payment::{Side, Taker};
pub use store::Store;
pub use waiting::WaitingNote;
