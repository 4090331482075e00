//! The program.

use clap::Parser;
use sportello_gateway::cli::Cli;

fn main() -> std::process::ExitCode {
    Cli::parse().run()
}
