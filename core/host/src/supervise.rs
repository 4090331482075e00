//! Keeps a plugin's `run` running, for as long as it has something to do.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use sportello_sdk::frames::plugin_method;

use crate::attest::Sent;
use crate::call::{Reason, answer_of};
use crate::frame::{Circumstances, Params};
use crate::running::{NUMBER_MAX, Running, Shared};
use crate::solo::{End, Solo};
use crate::stats::Counters;
use crate::task::Presence;

/// What became of one `run`.
enum Ended {
    /// There is nothing more to do, or nothing more that could be done.
    Done,
    /// It must be started again, because of this.
    Fell(String),
}

impl Running {
    /// Lets the plugin do what it has to do by itself, from now until it is drained: its `run` is started again, after
    /// pauses that grow, whenever it ends in an error or a panic. Said again, it changes nothing.
    pub fn start(&self) {
        let shared = &self.0;
        if shared.started.swap(true, Ordering::SeqCst) || shared.is_stopping() {
            return;
        }
        let supervised = shared.world.runtime.spawn(supervise(Arc::clone(shared)));
        *shared.supervisor.lock().unwrap_or_else(PoisonError::into_inner) = Some(supervised);
    }
}

async fn supervise(shared: Arc<Shared>) {
    let mut tries = 0;
    while !shared.is_stopping() {
        let began = tokio::time::Instant::now();
        match run(&shared).await {
            Ended::Done => return,
            Ended::Fell(because) => {
                if began.elapsed() >= shared.backoff.steady_after {
                    tries = 0;
                }
                let pause = shared.backoff.pause(tries, shared.world.services.random());
                tries = tries.saturating_add(1);
                Counters::count(&shared.counters.restarts);
                let instance = &*shared.world.instance;
                tracing::warn!(
                    instance,
                    because,
                    ?pause,
                    "the plugin's `run` ended and is started again after a pause"
                );
                tokio::time::sleep(pause).await;
            }
        }
    }
}

async fn run(shared: &Arc<Shared>) -> Ended {
    let world = &shared.world;
    let mut presence = Presence::of_run(shared);
    if let Err(reason) = presence.begin(u64::MAX, 0) {
        return Ended::Fell(reason.to_string());
    }
    let circumstances = Circumstances {
        call: presence.call,
        now_ms: world.services.now_ms(),
        // It ends with the instance and no sooner.
        deadline_ms: NUMBER_MAX,
        seed: world.services.random() & NUMBER_MAX,
        trace: None,
    };
    let frame = Params::raw(b"").frame(&circumstances);
    let mut solo = match Solo::start(presence, plugin_method::RUN, frame) {
        Ok(solo) => solo,
        Err(error) => return Ended::Fell(format!("it gets no thread: {error}")),
    };
    match solo.end().await {
        End::Replied(reply) => match answer_of(reply, Sent::MaybeBytes) {
            Ok(_) => Ended::Done,
            Err(error) if error.failure().is_some_and(|failure| failure.code == "unsupported") => Ended::Done,
            // Whoever opens it again starts it again: in a process that is gone, nothing runs any more.
            Err(error) if error.failure().is_some_and(|failure| failure.code == "crashed") => Ended::Done,
            Err(error) => {
                if error.is_panic() {
                    Counters::count(&shared.counters.panics);
                }
                Ended::Fell(error.to_string())
            }
        },
        End::Panicked => {
            Counters::count(&shared.counters.panics);
            Ended::Fell(Reason::Panicked.to_string())
        }
        End::Hangs => {
            shared.quarantine();
            Ended::Done
        }
    }
}
