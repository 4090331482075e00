//! The program.

use clap::Parser;
use sportello_gateway::cli::Cli;

/// A payment is some hundred small allocations, freed on whatever thread comes to it: the system's allocator spent a fifth
/// of the time on them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    sportello_host::main_if_child();
    Cli::parse().run()
}
