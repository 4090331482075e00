//! The fence around a plugin's code: a panic stays inside, whether in a future's construction, its polls or its drop.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::{Failure, Source};

thread_local! {
    /// How many fences this thread is inside of: what panics there is told through the log and not printed.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// Where the last panic inside of a fence was, as the panic hook noted it.
    static LOCATION: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Something panicked: its message, and where if a hook noted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panicked {
    /// What it said.
    pub message: String,
    /// File and line, where the [panic hook](note_panics) of this library is set.
    pub location: Option<String>,
}

impl Panicked {
    fn new(payload: Box<dyn Any + Send>) -> Self {
        let message = match payload.downcast_ref::<&str>() {
            Some(text) => (*text).to_owned(),
            None => payload.downcast_ref::<String>().cloned().unwrap_or_else(|| "(it left no message)".to_owned()),
        };
        // A payload's drop can panic in its turn. What that one leaves is forgotten: it would go on for ever.
        if let Err(again) = catch_unwind(AssertUnwindSafe(move || drop(payload))) {
            std::mem::forget(again);
        }
        Self { message, location: LOCATION.with(|location| location.borrow_mut().take()) }
    }

    /// The same as a failure of the plugin.
    pub fn of_plugin(&self) -> Failure {
        Failure::new(Source::Plugin, "panicked", format!("the plugin {self}"))
    }

    /// The same as a failure of the host.
    pub fn of_host(&self) -> Failure {
        Failure::new(Source::Host, "panicked", format!("the host {self}"))
    }
}

impl std::fmt::Display for Panicked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "panicked: {}", self.message)?;
        match &self.location {
            Some(location) => write!(f, " (at {location})"),
            None => Ok(()),
        }
    }
}

/// Runs `act`; a panic in it comes back as an error.
///
/// # Errors
/// What it panicked with.
pub fn contain<T>(act: impl FnOnce() -> T) -> Result<T, Panicked> {
    DEPTH.with(|depth| depth.set(depth.get() + 1));
    // Nothing that `act` touched is looked at again after a panic, but for plugins' own state, which is theirs.
    let result = catch_unwind(AssertUnwindSafe(act));
    DEPTH.with(|depth| depth.set(depth.get() - 1));
    result.map_err(Panicked::new)
}

/// Makes panics inside of fences silent and their place known; all others go on as before. Once for each library.
///
/// Each dynamic library has a standard library of its own, and so a panic hook of its own.
pub fn note_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if DEPTH.with(Cell::get) == 0 {
                return before(info);
            }
            let place = info.location().map(ToString::to_string);
            // A thread on its way out may have no place left to note it in.
            let _ = LOCATION.try_with(|location| *location.borrow_mut() = place);
        }));
    });
}

pin_project! {
    /// A future whose polls and whose drop are fenced.
    ///
    /// A panic in the drop of a future that crossed the boundary would abort the process: here it ends in the fence.
    pub struct Fenced<F> {
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for Fenced<F> {
        fn drop(this: Pin<&mut Self>) {
            this.clear();
        }
    }
}

impl<F> Fenced<F> {
    /// Puts `future` behind a fence.
    pub fn new(future: F) -> Self {
        Self { future: Some(future) }
    }

    fn clear(self: Pin<&mut Self>) {
        let mut slot = self.project().future;
        if slot.is_some() {
            // It panicked, or was given up: what its drop says now changes nothing.
            let _ = contain(|| slot.set(None));
        }
    }
}

impl<F: Future> Future for Fenced<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut slot = self.as_mut().project().future;
        // One fence for the poll and, once it is ready, the drop: this is on the path of every call, several times.
        let polled = contain(|| match slot.as_mut().as_pin_mut() {
            None => Poll::Pending,
            Some(future) => {
                let polled = future.poll(context);
                if polled.is_ready() {
                    slot.set(None);
                }
                polled
            }
        });
        match polled {
            Ok(polled) => polled.map(Ok),
            Err(panicked) => {
                self.clear();
                Poll::Ready(Err(panicked))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::block_on;

    struct PanicsWhenDropped;
    impl Drop for PanicsWhenDropped {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }

    #[test]
    fn panics_stay_inside() {
        let check = |future: Pin<Box<dyn Future<Output = u8>>>, expected: Result<u8, &str>| {
            let got = block_on(Fenced::new(future));
            assert_eq!(got.map_err(|panicked| panicked.message), expected.map_err(str::to_owned));
        };
        check(Box::pin(async { 7 }), Ok(7));
        check(Box::pin(async { panic!("polled") }), Err("polled"));
        check(Box::pin(async { panic!("{} and {}", 1, 2) }), Err("1 and 2"));
        check(Box::pin(async { std::panic::panic_any(7u8) }), Err("(it left no message)"));
        check(Box::pin(async { std::panic::panic_any(PanicsWhenDropped) }), Err("(it left no message)"));
        check(
            Box::pin(async {
                let _guard = PanicsWhenDropped;
                7
            }),
            Err("dropped"),
        );
    }

    #[test]
    fn a_call_given_up_may_panic_in_its_drop() {
        let guard = PanicsWhenDropped;
        drop(Fenced::new(Box::pin(async move {
            let _guard = guard;
        })));
        let mut started = Fenced::new(Box::pin(async {
            let _guard = PanicsWhenDropped;
            std::future::pending::<()>().await;
        }));
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(Pin::new(&mut started).poll(&mut context).is_pending());
        drop(started);
    }
}
