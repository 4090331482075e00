//! `sportello run`.

use std::sync::PoisonError;

use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{say, say_json};
use crate::cli::{Failed, Setting};
use crate::gateway::{Gateway, StartError};
use crate::logging;
use crate::plugins::prepare;
use crate::switchboard::By;
use crate::wire::Wire;

/// Starts the gateway, and stops it when the program is told to.
///
/// # Errors
/// When it does not start.
pub fn run(setting: &Setting) -> Result<(), Failed> {
    // People's names, accounts and memos stand in the store: what this program writes, no other user reads.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    crate::memory::keep_to_ourselves()
        .map_err(|error| Failed::Trying(format!("core dumps cannot be turned off: {error}")))?;
    // Plugins that share this program are loaded before there is a store to note anything beside.
    if let Err(error) = sportello_host::name_crashes() {
        eprintln!("sportello: a plugin that ends this program would not be named: {error}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failed::Trying(format!("the runtime cannot start: {error}")))?;
    let done = runtime.block_on(serve(setting));
    // A plugin that hangs keeps its thread: the program ends all the same.
    runtime.shutdown_background();
    done
}

async fn serve(setting: &Setting) -> Result<(), Failed> {
    // From here on a signal is noticed, so that one that comes during the start is not lost.
    let mut signals = Signals::new().map_err(|error| Failed::Trying(format!("signals cannot be caught: {error}")))?;
    let config = setting.config.clone();
    // In a task of its own: whatever a plugin keeps it waiting with, a signal is heard.
    let mut preparing = tokio::spawn(async move { prepare(&config, Wire::unconnected()).await });
    let mut is_outdated = false;
    let prepared = loop {
        tokio::select! {
            prepared = &mut preparing => break prepared.map_err(|error| Failed::Trying(error.to_string()))?,
            told = signals.next() => match told {
                RELOAD => is_outdated = true,
                told => return Err(Failed::Trying(format!("stopped by {told} before it had started"))),
            },
        }
    };
    let deployment = prepared.map_err(|problems| Failed::Asking(problems.to_string()))?;
    let redactors = logging::start(deployment.config.gateway.log, deployment.redactor())
        .map_err(|error| Failed::Trying(error.to_string()))?;
    for lack in deployment.unconfined() {
        tracing::warn!("plugins are not confined as they should be: {lack}");
    }
    let gateway = Gateway::start(deployment).await.map_err(|error| match error {
        StartError::Key(_) | StartError::VaultKey(_) | StartError::Vault(_) | StartError::Settings(_) => {
            Failed::Asking(error.to_string())
        }
        StartError::Store(_) | StartError::Listen { .. } => Failed::Trying(error.to_string()),
    })?;
    gateway.switchboard().tell(move |deployment| {
        // Versions that leave keep their secrets: nothing is ever taken off this list.
        redactors.write().unwrap_or_else(PoisonError::into_inner).extend(deployment.redactor());
    });
    let listening = format!("http://{}", gateway.address());
    if setting.json {
        say_json(&json!({ "listening": listening }));
    } else {
        say(format_args!("Sportello listens on {listening}"));
    }
    tracing::info!(address = %gateway.address(), "ready");
    // What is wrong is logged, and stands in /v1/instances. A signal that comes meanwhile does not wait for it.
    let reload = || {
        let switchboard = gateway.switchboard().clone();
        tokio::spawn(async move { drop(switchboard.reload(By::Signal).await) });
    };
    if is_outdated {
        reload();
    }
    let told = loop {
        match signals.next().await {
            RELOAD => reload(),
            told => break told,
        }
    };
    tracing::info!(signal = told, "finishing what is in flight; a second signal stops at once");
    tokio::select! {
        is_done = gateway.drain() => {
            tracing::info!(is_done, "stopped");
            Ok(())
        }
        signal = signals.stop() => {
            tracing::warn!(signal, "stopped at once; what was in flight is taken up at the next start");
            Err(Failed::Trying(String::new()))
        }
    }
}

/// What has the configuration read again.
const RELOAD: &str = "SIGHUP";

/// SIGTERM, as a service manager sends it, and SIGINT, as a keyboard does; and SIGHUP, which stops nothing.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The next one that stops.
    async fn stop(&mut self) -> &'static str {
        loop {
            match self.next().await {
                RELOAD => {}
                told => return told,
            }
        }
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.hang_up.recv() => RELOAD,
        }
    }
}
