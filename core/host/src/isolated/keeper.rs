//! A child's life, as its instance knows it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use rustix::process::{Signal, pidfd_send_signal};
use tokio::sync::watch;

use crate::life::Life;
use crate::resident::resident_bytes;

/// Holds a child: until it ends, and why.
pub(super) struct Keeper {
    state: Mutex<State>,
    ended: watch::Sender<Option<String>>,
}

#[derive(Default)]
struct State {
    /// The child; nothing before it is born and after it has ended.
    alive: Option<(u32, OwnedFd)>,
    /// Why it is to end, where that was decided here.
    doom: Option<String>,
    is_over: bool,
}

impl Keeper {
    pub(super) fn new() -> Self {
        Self { state: Mutex::default(), ended: watch::Sender::new(None) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The child has begun; its end may have been decided before.
    pub(super) fn born(&self, pid: u32, process: BorrowedFd<'_>) {
        let mut state = self.state();
        let process = match process.try_clone_to_owned() {
            Ok(process) if state.doom.is_none() => process,
            // Nobody could end it later on; or its end was decided before.
            _ => return kill(process),
        };
        state.alive = Some((pid, process));
    }

    /// Ends it, because of this. The first reason is the one that is told.
    pub(super) fn doom(&self, because: impl Into<String>) {
        let mut state = self.state();
        if state.is_over {
            return;
        }
        state.doom.get_or_insert_with(|| because.into());
        if let Some((_, process)) = &state.alive {
            kill(process.as_fd());
        }
    }

    /// Why it was ended, if it was.
    pub(super) fn doomed(&self) -> Option<String> {
        self.state().doom.clone()
    }

    /// It has ended.
    pub(super) fn over(&self, why: String) {
        let mut state = self.state();
        state.alive = None;
        state.is_over = true;
        self.ended.send_replace(Some(why));
    }
}

fn kill(process: BorrowedFd<'_>) {
    // One that is dead already is as dead as it should be.
    let _ = pidfd_send_signal(process, Signal::KILL);
}

impl Life for Keeper {
    fn kill(&self) {
        self.doom("it was stopped");
    }

    fn ended(&self) -> BoxFuture<'static, String> {
        let mut ended = self.ended.subscribe();
        Box::pin(async move {
            let why = ended.wait_for(Option::is_some).await.ok().and_then(|why| why.clone());
            why.unwrap_or_else(|| "the gateway has let go of it".to_owned())
        })
    }

    fn pid(&self) -> Option<u32> {
        self.state().alive.as_ref().map(|(pid, _)| *pid)
    }

    fn resident_bytes(&self) -> Option<u64> {
        resident_bytes(self.pid()?)
    }
}
