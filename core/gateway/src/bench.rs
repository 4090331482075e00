//! `sportello bench`: what this machine does, each figure beside its limit from the same run.
//!
//! Absolute times say little on a machine that others use as well; ratios hold. So every figure has beside it what the
//! same work costs here without the gateway.

mod acquirer;
mod apart;
mod authored;
mod authorizations;
mod bare;
mod call;
mod isolated;
mod link;
mod load;
mod messages;
mod payments;
mod plugins;
mod replace;
mod spoken;
mod start;

use std::path::{Path, PathBuf};

use clap::Args;
use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use serde::Serialize;

use crate::cli::{Failed, Setting};

/// The names of what is measured, as `--only` takes them.
pub const NAMES: [&str; 18] = [
    "plugin-call",
    "isolated-call",
    "load",
    "instances",
    "isolated-share",
    "call-in-python",
    "payments-per-second",
    "share-of-bare",
    "latency-added",
    "start-and-memory",
    "messages-per-second",
    "notes-per-second",
    "memory-growth",
    "codec",
    "token",
    "authorizations-per-second",
    "replaced-failed",
    "plugin-new",
];

/// Measure what this machine does.
#[derive(Debug, Args)]
pub struct Bench {
    /// Measure this alone.
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(NAMES))]
    only: Option<String>,
    /// Connections of the load generator.
    #[arg(long, default_value_t = 256)]
    connections: usize,
    /// How long each load lasts, in seconds.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How many messages come while the growth of memory is measured.
    #[arg(long, default_value_t = 1_000_000)]
    messages: u32,
    /// End with 1 where a figure falls short.
    #[arg(long)]
    strict: bool,
    /// Serve the bare path that payments are compared with, on this store. Used by the benchmark itself.
    #[arg(long, hide = true)]
    serve_bare: Option<PathBuf>,
    /// Answer so many bytes with so many, over standard input, which is a socket. Used by the benchmark itself.
    #[arg(long, hide = true)]
    echo: Option<String>,
}

/// One figure.
#[derive(Debug, Serialize)]
pub struct Figure {
    /// Its name.
    pub name: String,
    /// What was measured.
    pub value: f64,
    /// In which unit.
    pub unit: &'static str,
    /// What is to be reached.
    pub target: f64,
    /// The same without the gateway, from the same run; where there is such a thing.
    pub limit: Option<f64>,
    /// Whether it was reached.
    pub met: bool,
}

impl Figure {
    /// A figure that should be at most `target`.
    fn at_most(name: &str, value: f64, unit: &'static str, target: f64, limit: Option<f64>) -> Self {
        Self { name: name.to_owned(), value, unit, target, limit, met: value <= target }
    }

    /// A figure that should be at least `target`.
    fn at_least(name: &str, value: f64, unit: &'static str, target: f64, limit: Option<f64>) -> Self {
        Self { name: name.to_owned(), value, unit, target, limit, met: value >= target }
    }
}

impl Bench {
    /// Measures, and prints.
    ///
    /// # Errors
    /// Something could not be measured. A figure that falls short is reported as it is, and is no error unless it is to be.
    pub async fn run(self, setting: &Setting) -> Result<(), Failed> {
        let failed = |why: String| Failed::Trying(why);
        if let Some(store) = &self.serve_bare {
            return bare::serve(store).await.map_err(failed);
        }
        if let Some(sizes) = &self.echo {
            return isolated::echo(sizes).map_err(failed);
        }
        let here = Folder::new().map_err(failed)?;
        let wanted = |name: &str| self.only.as_deref().is_none_or(|only| only == name);
        let mut figures = Vec::new();
        if wanted("plugin-call") {
            figures.push(call::measure(&here.plugins).await.map_err(failed)?);
        }
        if wanted("isolated-call") {
            figures.extend(isolated::measure(&here).await.map_err(failed)?);
        }
        if wanted("call-in-python") {
            figures.extend(spoken::measure(&here).await.map_err(failed)?);
        }
        if wanted("load") {
            figures.extend(plugins::loads(&here).await.map_err(failed)?);
        }
        if wanted("instances") {
            figures.extend(plugins::instances(&here).await.map_err(failed)?);
        }
        if wanted("start-and-memory") {
            figures.extend(start::measure(&here).await.map_err(failed)?);
        }
        let load = payments::Plan { connections: self.connections, seconds: self.seconds };
        if wanted("payments-per-second") || wanted("share-of-bare") || wanted("latency-added") {
            let measured = payments::measure(&here, load, wanted("latency-added")).await.map_err(failed)?;
            figures.extend(measured.into_iter().filter(|f| wanted(&f.name) || f.name.starts_with("latency-added")));
        }
        if wanted("isolated-share") {
            figures.push(payments::isolated(&here, load).await.map_err(failed)?);
        }
        if wanted("messages-per-second") {
            figures.push(messages::received(&here).await.map_err(failed)?);
        }
        if wanted("notes-per-second") {
            figures.push(messages::sent(&here, self.seconds).await.map_err(failed)?);
        }
        if wanted("memory-growth") {
            figures.push(messages::memory(&here, self.messages).await.map_err(failed)?);
        }
        for (name, program) in [("codec", "iso8583_figures"), ("token", "token_figures")] {
            if wanted(name) {
                figures.extend(apart::measure(&here, program).await.map_err(failed)?);
            }
        }
        if wanted("authorizations-per-second") {
            figures.extend(authorizations::measure(&here, self.seconds).await.map_err(failed)?);
        }
        if wanted("replaced-failed") {
            figures.extend(replace::measure(&here).await.map_err(failed)?);
        }
        if wanted("plugin-new") {
            figures.extend(authored::measure(&here).map_err(failed)?);
        }
        print(&figures, setting.json);
        let short: Vec<&str> = figures.iter().filter(|figure| !figure.met).map(|figure| figure.name.as_str()).collect();
        match self.strict && !short.is_empty() {
            true => Err(Failed::Trying(format!("these fall short: {}", short.join(", ")))),
            false => Ok(()),
        }
    }
}

fn print(figures: &[Figure], json: bool) {
    if json {
        for figure in figures {
            println!("{}", serde_json::to_string(figure).unwrap_or_default());
        }
        return;
    }
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(["what", "measured", "to reach", "without the gateway", "met"]);
    for figure in figures {
        let in_unit = |value: f64| format!("{} {}", rounded(value), figure.unit);
        table.add_row([
            figure.name.clone(),
            in_unit(figure.value),
            in_unit(figure.target),
            figure.limit.map(in_unit).unwrap_or_default(),
            if figure.met { "yes" } else { "no" }.to_owned(),
        ]);
    }
    println!("{table}");
}

fn rounded(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// Where the benchmark keeps its stores, on the disk that the program itself stands on (a temporary folder may be in
/// memory, where a sync costs nothing); and where the plugins are. Gone when dropped.
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    pub(crate) plugins: PathBuf,
    pub(crate) program: PathBuf,
}

impl Folder {
    fn new() -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|e| e.to_string())?;
        let plugins = program.parent().unwrap_or(Path::new(".")).to_path_buf();
        let path = plugins.join(format!("bench-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Self { path, plugins, program })
    }

    /// The library of a plugin.
    pub(crate) fn library(plugins: &Path, name: &str) -> PathBuf {
        let file =
            format!("{}{}{}", std::env::consts::DLL_PREFIX, name.replace('-', "_"), std::env::consts::DLL_SUFFIX);
        plugins.join(file)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
