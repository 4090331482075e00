//! The end of a shift at the counter: first nobody new is let in, then those inside are served, then whoever waits for
//! something that may take long is sent home.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::{Notify, watch};

/// Who is being served, and whether anybody still will be.
pub struct Shift {
    is_over: AtomicBool,
    inside: AtomicUsize,
    left: Notify,
    closing: watch::Sender<bool>,
}

/// Somebody who is being served, until this is dropped.
pub struct Inside<'a>(&'a Shift);

impl Shift {
    /// Everybody is let in.
    pub fn new() -> Self {
        Self {
            is_over: AtomicBool::new(false),
            inside: AtomicUsize::new(0),
            left: Notify::new(),
            closing: watch::Sender::new(false),
        }
    }

    /// Lets somebody in, unless the shift is over.
    pub fn enter(&self) -> Option<Inside<'_>> {
        // Counted before the look at the door: whoever passes it is seen by the one who closes it.
        self.inside.fetch_add(1, Ordering::SeqCst);
        let inside = Inside(self);
        (!self.is_over()).then_some(inside)
    }

    /// Whether nobody new is let in.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// Lets nobody in from now on, and returns when all who are inside have been served.
    pub async fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        loop {
            let left = self.left.notified();
            tokio::pin!(left);
            // Registered before the look at the count: who leaves in between is heard.
            left.as_mut().enable();
            if self.inside.load(Ordering::SeqCst) == 0 {
                return;
            }
            left.await;
        }
    }

    /// Sends home whoever only waits.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Returns when those who only wait are sent home.
    pub async fn closed(&self) {
        // The sender is `self`: it cannot be gone.
        let _ = self.closing.subscribe().wait_for(|closing| *closing).await;
    }
}

impl Default for Shift {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        if self.0.inside.fetch_sub(1, Ordering::SeqCst) == 1 && self.0.is_over() {
            self.0.left.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_shift_ends_when_all_inside_have_left() {
        let shift = Shift::new();
        let inside = shift.enter().unwrap();
        let mut end = std::pin::pin!(shift.end());
        tokio::select! {
            biased;
            () = &mut end => panic!("somebody is still inside"),
            () = std::future::ready(()) => {}
        }
        assert!(shift.enter().is_none());
        drop(inside);
        end.await;
    }

    #[tokio::test]
    async fn who_waits_is_sent_home() {
        let shift = Shift::new();
        shift.close();
        shift.closed().await;
    }
}
