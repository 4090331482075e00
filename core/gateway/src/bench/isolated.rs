//! One call of a plugin in a process of its own, beside an echo of as many bytes between two bare processes.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use sportello_host::{Ask, Confinement, Declared, Limits, Running, Spec};
use sportello_model::Outcome;
use sportello_sdk::frames::plugin_method;
use tokio::task::JoinSet;

use super::{Figure, Folder, call};
use crate::wire::Wire;

const CALLS: u32 = 20_000;
const ROUNDS: u32 = 9;
const AT_ONCE: u32 = 64;

/// What stands around an order on its way: the message's head, the method, and the circumstances of the call.
const AROUND_ORDER_LEN: usize = 28 + 6 + 112;
/// What stands around its outcome.
const AROUND_OUTCOME_LEN: usize = 28;

/// Calls one after the other, which may take 1.8 times what the echo takes, and 64 at once. The best of some rounds, in
/// turns: whatever else the machine does only adds.
pub(super) async fn measure(here: &Folder) -> Result<Vec<Figure>, String> {
    let library = Folder::library(&here.plugins, "hello-rail");
    let loaded = Declared::read(&library).and_then(|library| library.isolate(Confinement::default()));
    let mut spec = Spec::new("bench", Wire::unconnected());
    spec.limits = Limits { in_flight: AT_ONCE as usize, ..spec.limits };
    let running = loaded.map_err(|e| e.to_string())?.open(spec).await.map_err(|e| e.to_string())?;
    let order = call::order()?.to_json();
    let outcome = submit(&running, &order).await?;
    let (there, back) = (order.len() + AROUND_ORDER_LEN, outcome.to_json().len() + AROUND_OUTCOME_LEN);
    let mut echo = Echo::start(here, there, back)?;

    let (mut alone, mut bare, mut many) = (f64::MAX, f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        echo = tokio::task::spawn_blocking(move || echo.measured()).await.map_err(|e| e.to_string())??;
        bare = bare.min(echo.each_us);
        // On workers of the runtime, where a gateway's calls are made too.
        for (at_once, best) in [(1, &mut alone), (AT_ONCE, &mut many)] {
            let begun = Instant::now();
            let mut callers = JoinSet::new();
            for _ in 0..at_once {
                let (running, order) = (running.clone(), order.clone());
                callers.spawn(async move {
                    for _ in 0..CALLS / at_once {
                        std::hint::black_box(submit(&running, &order).await?);
                    }
                    Ok::<_, String>(())
                });
            }
            while let Some(called) = callers.join_next().await {
                called.map_err(|e| e.to_string())??;
            }
            *best = best.min(begun.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS / at_once * at_once));
        }
    }
    Ok(vec![
        Figure::at_most("isolated-call", alone, "µs", 1.8 * bare, Some(bare)),
        Figure::at_most("isolated-call-64", many, "µs", 5.0, None),
    ])
}

/// As the gateway itself submits an order.
async fn submit(running: &Running, order: &[u8]) -> Result<Outcome, String> {
    let asked = running.ask(Ask::new(plugin_method::SUBMIT, order)).await;
    asked.and_then(|answer| answer.read(Outcome::from_json)).map_err(|e| e.to_string())
}

/// A process that answers so many bytes with so many, and this side of it.
struct Echo {
    child: Child,
    socket: UnixStream,
    there: Vec<u8>,
    back: Vec<u8>,
    each_us: f64,
}

impl Echo {
    fn start(here: &Folder, there: usize, back: usize) -> Result<Self, String> {
        let (socket, theirs) = UnixStream::pair().map_err(|e| e.to_string())?;
        let mut command = Command::new(&here.program);
        command.args(["bench", "--echo", &format!("{there},{back}")]).stdin(Stdio::from(OwnedFd::from(theirs)));
        let child = command.spawn().map_err(|e| e.to_string())?;
        Ok(Self { child, socket, there: vec![0; there], back: vec![0; back], each_us: f64::MAX })
    }

    /// The same, with what one exchange took.
    fn measured(mut self) -> Result<Self, String> {
        let begun = Instant::now();
        for _ in 0..CALLS {
            self.socket.write_all(&self.there).map_err(|e| e.to_string())?;
            self.socket.read_exact(&mut self.back).map_err(|e| e.to_string())?;
        }
        self.each_us = begun.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS);
        Ok(self)
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Is the other side of an [`Echo`], whose socket is its standard input.
pub(super) fn echo(sizes: &str) -> Result<(), String> {
    let (there, back) = sizes.split_once(',').ok_or("two sizes are needed")?;
    let mut there = vec![0; there.parse().map_err(|_| "no size")?];
    let back = vec![0; back.parse().map_err(|_| "no size")?];
    let socket = rustix::io::dup(std::io::stdin()).map_err(|e| e.to_string())?;
    let mut socket = UnixStream::from(socket);
    while socket.read_exact(&mut there).is_ok() && socket.write_all(&back).is_ok() {}
    Ok(())
}
