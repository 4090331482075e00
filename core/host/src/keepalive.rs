//! Keeps a runtime's driver polled while a worker hangs.
//!
//! A worker that waits polls the driver for all others; when it is given a task that never yields, the others go on
//! sleeping, and no timer fires until something else wakes one: not even the timer of the call that hangs. So a thread
//! of its own spawns an empty task every 5 ms. A stall of 1,500 ms becomes one of 4. It takes work away, too, from threads
//! that a call keeps ([`errand`]).

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::{Handle, Id, RuntimeFlavor};
use tokio::task::AbortHandle;

use crate::errand;

const PERIOD: Duration = Duration::from_millis(5);

/// How often a timer is due that does nothing.
///
/// Whoever registers the timer that is due next must wake the driver, which costs a system call and the other worker's
/// sleep. Every call registers its deadline: while something is due sooner anyway, that is a lock and no more.
const NEXT_TIMER: Duration = Duration::from_millis(50);

/// As long as one of these lives, its runtime is kept awake.
pub(crate) struct KeepAlive {
    over: Arc<AtomicBool>,
    timer: AbortHandle,
}

impl KeepAlive {
    /// The one of this runtime. A runtime with a single thread has no other worker that could be woken.
    pub(crate) fn of(runtime: &Handle) -> Option<Arc<Self>> {
        static ALL: Mutex<Option<HashMap<Id, Weak<KeepAlive>>>> = Mutex::new(None);

        if runtime.runtime_flavor() == RuntimeFlavor::CurrentThread {
            return None;
        }
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        let all = all.get_or_insert_with(HashMap::new);
        all.retain(|_, one| one.strong_count() > 0);
        if let Some(one) = all.get(&runtime.id()).and_then(Weak::upgrade) {
            return Some(one);
        }
        let over = Arc::new(AtomicBool::new(false));
        let timer = runtime.spawn(async {
            loop {
                tokio::time::sleep(NEXT_TIMER).await;
            }
        });
        let one = Arc::new(Self { over: Arc::clone(&over), timer: timer.abort_handle() });
        let handle = runtime.clone();
        let tick = move || {
            while !over.load(Ordering::Relaxed) {
                std::thread::sleep(PERIOD);
                drop(handle.spawn(std::future::ready(())));
                errand::rescue();
            }
        };
        // Without it a hanging plugin is found out later; and as nobody takes work away, each call has a task of its own.
        if let Err(error) = std::thread::Builder::new().name("keep-alive".to_owned()).spawn(tick) {
            tracing::warn!(%error, "the keep-alive thread cannot be started");
            return None;
        }
        all.insert(runtime.id(), Arc::downgrade(&one));
        Some(one)
    }
}

impl Drop for KeepAlive {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.timer.abort();
    }
}
