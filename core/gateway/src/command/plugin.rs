//! `sportello plugin`: a file for each of its commands.

pub mod list;
pub mod replay;

use clap::Subcommand;

use crate::cli::{Failed, Setting};

/// What there is to know and to do about plugins.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "a command says what it does where its options are")]
pub enum Plugin {
    List(list::List),
    Replay(replay::Replay),
}

impl Plugin {
    /// Carries the command out.
    ///
    /// # Errors
    /// Its own.
    pub fn run(self, setting: &Setting) -> Result<(), Failed> {
        match self {
            Self::List(list) => list.run(setting),
            Self::Replay(replay) => replay.run(setting),
        }
    }
}
