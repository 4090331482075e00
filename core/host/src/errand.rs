//! Work that calls plugins of this process without a task for each call.
//!
//! A future that does not yield cannot be timed out where it is awaited, and a task for each call costs the wake of
//! another worker, which takes longer than most calls. So work that was [started here](spawn) steps aside: it stops where
//! it awaits a call, and the call is polled beside it, on the same thread, with nothing of the work on its stack.
//!
//! ```text
//!  a call that is over at once     the work goes on at once
//!  a call that waits               becomes a task, and the work waits for that
//!  a call that keeps the thread    keeps it: the work is taken to another one, and waits there as long as it wants to
//! ```
//!
//! For the last, every thread says when it is within a call, and whoever keeps the runtime awake looks ([`rescue`]).

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};

use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::task::coop;

/// Something to be done.
type Work = BoxFuture<'static, ()>;

/// Starts `work`, which may call plugins, as a task of the present runtime.
///
/// # Panics
/// Outside of a runtime, as `tokio::spawn` does.
pub fn spawn(work: impl Future<Output = ()> + Send + 'static) {
    let state = State { work: Some(Box::pin(work)), ..State::default() };
    Errand::go_on(&Arc::new(Errand { runtime: Handle::current(), state: Mutex::new(state) }), 0);
}

/// Has `call` done, which never panics: beside the work that awaits this, if it was started here, and else in a task of
/// `runtime`. Returns when it is over or waits for something: in a task, then.
pub(crate) async fn aside(runtime: &Handle, call: Work) {
    let mut call = Some(call);
    poll_fn(|context| {
        let Some(doing) = call.take() else {
            return Poll::Ready(());
        };
        ASIDE.with_borrow_mut(|aside| match aside {
            Some(aside) => {
                aside.push_back(Call { doing, caller: context.waker().clone() });
                Poll::Pending
            }
            None => {
                runtime.spawn(doing);
                Poll::Ready(())
            }
        })
    })
    .await;
}

/// Takes work away from every thread that is within the same call as it was when this was last asked.
pub(crate) fn rescue() {
    for visit in all_visits().iter().filter_map(Weak::upgrade) {
        let turn = visit.turn.load(Ordering::SeqCst);
        if turn % 2 == 1 && visit.seen.swap(turn, Ordering::Relaxed) == turn {
            visit.rescue(turn);
        }
    }
}

/// A call, and who awaits it.
struct Call {
    doing: Work,
    caller: Waker,
}

thread_local! {
    /// The calls that work which is being polled on this thread has stopped at; nothing where none is.
    static ASIDE: RefCell<Option<VecDeque<Call>>> = const { RefCell::new(None) };
    /// What call this thread is within.
    static VISIT: Arc<Visit> = Visit::new();
}

/// Work, and where it stands.
struct Errand {
    runtime: Handle,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Nothing once it is over.
    work: Option<Work>,
    /// Which task has it: the last one.
    driver: u64,
    /// What is to be polled before the work goes on.
    aside: VecDeque<Call>,
    /// Who awaits the call that is being polled.
    caller: Option<Waker>,
}

/// The task that has an errand, until another one has it.
struct Driver {
    errand: Arc<Errand>,
    number: u64,
}

impl Errand {
    fn go_on(this: &Arc<Self>, number: u64) {
        this.runtime.spawn(Driver { errand: Arc::clone(this), number });
    }

    /// The state, if it is still this driver's.
    fn of(&self, number: u64) -> Option<MutexGuard<'_, State>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.driver == number).then_some(state)
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut makes_way = true;
        loop {
            ready!(self.work(context));
            // What the work woke last, this worker does next, and no other may take it from where it is kept (tokio's LIFO
            // slot): another task that comes to that place sends it to where all may. Once is enough in a turn, in which the
            // work has waited for nothing but calls.
            if mem::take(&mut makes_way) {
                drop(self.errand.runtime.spawn(std::future::ready(())));
            }
            if self.calls(context).is_none() {
                return Poll::Ready(());
            }
            // A task that never waits lets others have a turn.
            ready!(coop::poll_proceed(context)).made_progress();
        }
    }
}

impl Driver {
    /// Lets the work go on. Ready where it has stopped at calls.
    fn work(&self, context: &mut Context<'_>) -> Poll<()> {
        /// What the thread has aside, put back however this ends.
        struct Outer(Option<VecDeque<Call>>);
        impl Drop for Outer {
            fn drop(&mut self) {
                ASIDE.set(self.0.take());
            }
        }
        let Some(mut state) = self.errand.of(self.number) else {
            return Poll::Ready(());
        };
        let Some(mut work) = state.work.take() else {
            return Poll::Ready(());
        };
        let outer = Outer(ASIDE.replace(Some(mem::take(&mut state.aside))));
        let polled = work.as_mut().poll(context);
        let aside = ASIDE.take().unwrap_or_default();
        drop(outer);
        if polled.is_ready() {
            // What it awaits no more is nobody's; and no call is dropped while the state is held.
            drop(state);
            return Poll::Ready(());
        }
        let has_calls = !aside.is_empty();
        (state.work, state.aside) = (Some(work), aside);
        if has_calls { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Polls the calls that the work has stopped at. Nothing where it is over, or was taken away meanwhile.
    fn calls(&self, context: &mut Context<'_>) -> Option<()> {
        loop {
            let mut doing = {
                let mut state = self.errand.of(self.number)?;
                state.work.as_ref()?;
                let Some(call) = state.aside.pop_front() else {
                    return Some(());
                };
                state.caller = Some(call.caller);
                call.doing
            };
            let polled = VISIT.with(|visit| visit.within(self, || doing.as_mut().poll(context)));
            if polled.is_pending() {
                self.errand.runtime.spawn(doing);
            }
            let caller = self.errand.of(self.number)?.caller.take()?;
            // The work is polled next, which is all that most callers would be woken for.
            if !caller.will_wake(context.waker()) {
                caller.wake();
            }
        }
    }
}

/// A thread that may be within a call.
struct Visit {
    /// How often it went into one or came out: odd within one.
    turn: AtomicU64,
    /// The turn that [`rescue`] saw last.
    seen: AtomicU64,
    /// Whose call that is, and the number of its driver.
    errand: Mutex<Option<(Arc<Errand>, u64)>>,
}

fn all_visits() -> MutexGuard<'static, Vec<Weak<Visit>>> {
    static VISITS: Mutex<Vec<Weak<Visit>>> = Mutex::new(Vec::new());
    VISITS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Visit {
    fn new() -> Arc<Self> {
        let visit = Arc::new(Self { turn: AtomicU64::new(0), seen: AtomicU64::new(0), errand: Mutex::default() });
        let mut all = all_visits();
        all.retain(|visit| visit.strong_count() > 0);
        all.push(Arc::downgrade(&visit));
        visit
    }

    fn errand(&self) -> MutexGuard<'_, Option<(Arc<Errand>, u64)>> {
        self.errand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn within<T>(&self, driver: &Driver, poll: impl FnOnce() -> T) -> T {
        *self.errand() = Some((Arc::clone(&driver.errand), driver.number));
        self.turn.fetch_add(1, Ordering::SeqCst);
        let polled = poll();
        self.turn.fetch_add(1, Ordering::SeqCst);
        *self.errand() = None;
        polled
    }

    /// Gives the errand to another task, if this thread is still where it was at this turn.
    fn rescue(&self, turn: u64) {
        let Some((errand, number)) = self.errand().clone() else {
            return;
        };
        // Held, it is being polled: then no call keeps it.
        let Ok(mut state) = errand.state.try_lock() else {
            return;
        };
        if state.driver != number || self.turn.load(Ordering::SeqCst) != turn {
            return;
        }
        let Some(caller) = state.caller.take() else {
            return;
        };
        state.driver += 1;
        let driver = state.driver;
        drop(state);
        Errand::go_on(&errand, driver);
        caller.wake();
    }
}
