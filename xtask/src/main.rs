//! The commands of developers: `cargo xtask test`, `cargo xtask demo`, `cargo xtask bench`.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};

/// What a developer, or a newcomer, does here.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run all checks: format, lints, build, unit, integration and doc tests.
    Test,
    /// Start the sandbox (X, SMS, Messenger and a bank) and the gateway, and say what to try.
    Demo {
        /// Given on to `sportello demo`: `--once` plays the stories and prints what became of them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measure, and print each figure beside its limit.
    Bench {
        /// Given on to `sportello bench`: `--json`, `--only NAME`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

/// The programs and plugins that the demo needs.
const DEMO: [&str; 8] = [
    "sportello-gateway",
    "sandbox",
    "sportello-twitter",
    "sportello-sms",
    "sportello-messenger",
    "sportello-bank-transfer",
    "sportello-card",
    "sportello-wallet-token",
];
/// The program and plugins that are measured, and the SMSC that is at the other end of some of it.
const BENCH: [&str; 8] = [
    "sportello-gateway",
    "sandbox",
    "hello-rail",
    "hello-channel",
    "sportello-twitter",
    "sportello-sms",
    "sportello-bank-transfer",
    "sportello-card",
];
/// The packages of whose own code there are figures, each in an example of its own.
const FIGURES: [&str; 2] = ["sportello-iso8583", "sportello-wallet-token"];

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Test => test(),
        Task::Demo { arguments } => {
            build(&DEMO, &[]).and_then(|()| go_on_as(Command::new(built("debug")).arg("demo").args(arguments)))
        }
        Task::Bench { arguments } => build(&BENCH, &["--release"])
            .and_then(|()| build(&FIGURES, &["--release", "--examples"]))
            .and_then(|()| go_on_as(Command::new(built("release")).arg("bench").args(arguments))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}

fn test() -> Result<(), String> {
    cargo(&["fmt", "--all", "--", "--check"])?;
    cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])?;
    // Plugins are libraries that tests load: they must be there before.
    cargo(&["build", "--workspace", "--locked"])?;
    let has_nextest = Command::new("cargo").args(["nextest", "--version"]).output().is_ok_and(|o| o.status.success());
    if has_nextest {
        cargo(&["nextest", "run", "--workspace", "--locked", "--no-fail-fast"])?;
    } else {
        cargo(&["test", "--workspace", "--locked", "--lib", "--bins", "--tests", "--examples", "--no-fail-fast"])?;
    }
    cargo(&["test", "--workspace", "--locked", "--doc"])
}

fn build(packages: &[&str], more: &[&str]) -> Result<(), String> {
    let mut arguments = vec!["build", "--locked"];
    arguments.extend(packages.iter().flat_map(|package| ["--package", package]));
    arguments.extend(more);
    cargo(&arguments)
}

fn cargo(arguments: &[&str]) -> Result<(), String> {
    println!("$ cargo {}", arguments.join(" "));
    run(Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())).args(arguments))
}

fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.current_dir(root()).status().map_err(|e| format!("{name}: {e}"))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{name} ended with {status}"))
}

/// Goes on as another program, so that whoever ends this one (a terminal, a `kill`) ends that one, and sees its exit code.
fn go_on_as(command: &mut Command) -> Result<(), String> {
    let error = command.current_dir(root()).exec();
    Err(format!("{}: {error}", command.get_program().to_string_lossy()))
}

/// Where the program `sportello` stands after a build.
fn built(profile: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    root().join(target).join(profile).join("sportello")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}
