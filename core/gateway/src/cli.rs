//! The command line.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::command;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  it was tried, and failed
  2  the command line or the configuration is wrong";

/// A payment gateway for people who write.
#[derive(Debug, Parser)]
#[command(name = "sportello", version, after_help = EXIT_CODES)]
pub struct Cli {
    /// The configuration.
    #[arg(long, global = true, env = "SPORTELLO_CONFIG", default_value = "gateway.toml", value_name = "FILE")]
    config: PathBuf,
    /// Write JSON, for programs to read.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the gateway; SIGTERM or SIGINT makes it finish what is in flight and stop.
    Run,
    /// Have the running gateway read its configuration again (as SIGHUP does), and say what has changed; what is wrong
    /// changes nothing.
    Reload,
    /// Say everything that is wrong with the configuration and its plugins, without starting.
    Check,
    /// Make a payment.
    Pay(command::pay::Pay),
    /// List payments, the latest first.
    Payments(command::payments::Payments),
    /// Show one payment's life.
    Show(command::show::Show),
    /// Show what a message is understood to say, without paying.
    Parse(command::parse::Parse),
    /// Start the sandbox and a gateway, and say what to try; or play fifteen stories.
    Demo(crate::demo::Demo),
    /// Measure what this machine does, each figure beside its limit.
    Bench(crate::bench::Bench),
    #[command(subcommand)]
    Plugin(command::plugin::Plugin),
    /// What keeps card numbers.
    #[command(subcommand)]
    Vault(Vault),
}

#[derive(Debug, Subcommand)]
enum Vault {
    Rotate(command::vault::Rotate),
}

/// Where a command writes to, and how.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The configuration file.
    pub config: PathBuf,
    /// Whether a program reads the answer.
    pub json: bool,
}

/// Why a command ends without having done what it should.
#[derive(Debug)]
pub enum Failed {
    /// It was tried: exit code 1.
    Trying(String),
    /// The command line or the configuration is wrong: exit code 2.
    Asking(String),
}

impl Cli {
    /// Carries the command out.
    pub fn run(self) -> ExitCode {
        let json = self.json;
        let setting = Setting { config: self.config, json };
        let done = match self.command {
            Command::Run => command::run::run(&setting),
            Command::Reload => command::asynchronously(command::reload::reload(&setting)),
            Command::Check => command::check::check(&setting),
            Command::Pay(pay) => command::asynchronously(pay.run(&setting)),
            Command::Payments(payments) => command::asynchronously(payments.run(&setting)),
            Command::Show(show) => command::asynchronously(show.run(&setting)),
            Command::Parse(parse) => parse.run(&setting),
            Command::Demo(demo) => command::asynchronously(demo.run(&setting)),
            Command::Bench(bench) => command::on_all_cores(bench.run(&setting)),
            Command::Plugin(plugin) => plugin.run(&setting),
            Command::Vault(Vault::Rotate(rotate)) => rotate.run(&setting),
        };
        match done {
            Ok(()) if command::is_unwritten() => said("what was to be said could not be written", json, 1),
            Ok(()) => ExitCode::SUCCESS,
            Err(Failed::Trying(why)) => said(&why, json, 1),
            Err(Failed::Asking(why)) => said(&why, json, 2),
        }
    }
}

/// An empty reason has been told already.
fn said(why: &str, json: bool, code: u8) -> ExitCode {
    match (why, json) {
        ("", _) => {}
        (why, true) => command::say_json(&serde_json::json!({ "error": why })),
        (why, false) => {
            // Whoever closed it does not want to read.
            let _ = writeln!(std::io::stderr().lock(), "{}", command::harmless(why));
        }
    }
    ExitCode::from(code)
}
