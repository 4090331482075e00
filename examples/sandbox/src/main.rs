//! The program: a command line around [`sandbox::start`].

use std::{
    io::{Read, Write},
    process::ExitCode,
};

use clap::Parser;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _nobody_reads_it = writeln!(std::io::stderr(), "sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    let options = sandbox::Options::parse();
    let until_stdin_closes = options.until_stdin_closes;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let running = sandbox::start(options).await?;
    {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", serde_json::to_string(&running)?)?;
        out.flush()?;
    }
    let closed = stdin_closed(until_stdin_closes);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = closed => {}
    }
    Ok(())
}

/// Resolves when standard input ends, or never where nobody asked for it.
async fn stdin_closed(asked: bool) {
    if !asked {
        return std::future::pending().await;
    }
    let (ended, end) = oneshot::channel();
    // A thread, because a read of standard input cannot be cancelled and must not hold the runtime back at the end.
    std::thread::spawn(move || {
        let mut buffer = [0; 512];
        let mut stdin = std::io::stdin().lock();
        while matches!(stdin.read(&mut buffer), Ok(n) if n > 0) {}
        ended.send(())
    });
    let _either_way_it_ended = end.await;
}
