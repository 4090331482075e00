//! `sportello plugin`: a file for each of its commands.

pub mod inspect;
pub mod keygen;
pub mod list;
pub mod new;
pub mod record;
pub mod replay;
pub mod schema;
pub mod sign;
mod subject;
pub mod switch;
pub mod test;
pub mod verify;

use clap::Subcommand;

use crate::cli::{Failed, Setting};

/// What there is to know and to do about plugins.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "a command says what it does where its options are")]
pub enum Plugin {
    Inspect(inspect::Inspect),
    Keygen(keygen::Keygen),
    List(list::List),
    Record(record::Record),
    New(new::New),
    Test(test::Test),
    Schema(schema::Schema),
    Replay(replay::Replay),
    Sign(sign::Sign),
    Verify(verify::Verify),
    /// Switch an instance on that is off.
    Enable(switch::Switch),
    /// Switch an instance off, also for later starts: it takes nothing new, finishes what it has, and is closed.
    Disable(switch::Switch),
    /// The same until it is switched on, or the gateway starts again.
    Drain(switch::Switch),
    /// Make an instance's canary its current version.
    Promote(switch::Switch),
    /// Send an instance's canary back; without one, go back to the version that was current before.
    Rollback(switch::Switch),
}

impl Plugin {
    /// Carries the command out.
    ///
    /// # Errors
    /// Its own.
    pub fn run(self, setting: &Setting) -> Result<(), Failed> {
        match self {
            Self::Inspect(inspect) => inspect.run(setting),
            Self::Keygen(keygen) => keygen.run(setting),
            Self::List(list) => list.run(setting),
            Self::Record(record) => record.run(setting),
            Self::New(new) => new.run(setting),
            Self::Test(test) => test.run(setting),
            Self::Schema(schema) => schema.run(setting),
            Self::Replay(replay) => replay.run(setting),
            Self::Sign(sign) => sign.run(setting),
            Self::Verify(verify) => verify.run(setting),
            Self::Enable(switch) => switch.run(setting, "enable"),
            Self::Disable(switch) => switch.run(setting, "disable"),
            Self::Drain(switch) => switch.run(setting, "drain"),
            Self::Promote(switch) => switch.run(setting, "promote"),
            Self::Rollback(switch) => switch.run(setting, "rollback"),
        }
    }
}
