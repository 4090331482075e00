//! `sportello plugin`: a file for each of its commands.

pub mod keygen;
pub mod list;
pub mod replay;
pub mod sign;
pub mod verify;

use clap::Subcommand;

use crate::cli::{Failed, Setting};

/// What there is to know and to do about plugins.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "a command says what it does where its options are")]
pub enum Plugin {
    Keygen(keygen::Keygen),
    List(list::List),
    Replay(replay::Replay),
    Sign(sign::Sign),
    Verify(verify::Verify),
}

impl Plugin {
    /// Carries the command out.
    ///
    /// # Errors
    /// Its own.
    pub fn run(self, setting: &Setting) -> Result<(), Failed> {
        match self {
            Self::Keygen(keygen) => keygen.run(setting),
            Self::List(list) => list.run(setting),
            Self::Replay(replay) => replay.run(setting),
            Self::Sign(sign) => sign.run(setting),
            Self::Verify(verify) => verify.run(setting),
        }
    }
}
