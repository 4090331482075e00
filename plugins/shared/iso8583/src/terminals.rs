//! Terminal ids, each used by one instance at a time, and the numbers that are given under them.
//!
//! A terminal id is taken by a lease in the host's store: one record for each id, changed by compare-and-set alone, that
//! says who has it, until when, and up to where its numbers may have been used. Whoever lost the record to another cannot
//! change it any more, so that two versions of a plugin, or two nodes, never give numbers under one id at a time. Without a
//! terminal there are no numbers, and nothing is sent.

mod lease;
mod trace;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use futures_util::future::select;
use futures_util::task::AtomicWaker;
use sportello_sdk::{Failure, Host, Level};
use thiserror::Error;

use crate::turn::turn;
use lease::{Held, LEASE_MARGIN_MS};
pub use trace::{TerminalId, Trace};

/// How often a lease is renewed, and how often one is tried for where there is none, in milliseconds.
const RENEW_EVERY_MS: u64 = 10_000;
const TRY_EVERY_MS: u64 = 1_000;

/// Why there is no number to send a request under.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoTrace {
    /// Others have all terminal ids.
    #[error("no terminal id is free")]
    NoneFree,
    /// The store could not be asked, or could not keep it.
    #[error("the terminal id could not be taken or kept: {}", .0.code)]
    Store(Failure),
}

/// The terminal ids of an instance, and the one that it has.
pub struct Terminals {
    ids: Vec<TerminalId>,
    owner: String,
    held: Mutex<Option<Held>>,
    /// Whoever changes the record holds this over it.
    changing: futures_util::lock::Mutex<()>,
    /// Wakes `run` when numbers run low.
    waker: AtomicWaker,
    now_ms: AtomicU64,
    /// Until when nobody looks again whether one is free: every order would, where none is.
    none_free_until_ms: AtomicU64,
    /// Whether it was said that none is free.
    was_told: AtomicBool,
}

impl Terminals {
    /// Of these ids one is taken when it is needed, the first that is free. `host` is that of `open`.
    ///
    /// Every id needs room for those that crashed: it is free again 35 seconds after its holder was last heard of. A
    /// deployment of `n` instances has `n + 1` ids at least, and no other instance has them among its own.
    pub fn new(ids: Vec<TerminalId>, host: &Host) -> Self {
        Self {
            ids,
            owner: format!("{:016x}{:016x}", host.random(), host.random()),
            held: Mutex::default(),
            changing: futures_util::lock::Mutex::default(),
            waker: AtomicWaker::new(),
            now_ms: AtomicU64::new(0),
            none_free_until_ms: AtomicU64::new(0),
            was_told: AtomicBool::new(false),
        }
    }

    /// The terminal id that this instance has, if it has one.
    pub fn terminal(&self) -> Option<TerminalId> {
        self.held().as_ref().map(|held| held.terminal)
    }

    /// The next numbers. They are durable already, most of the time: a thousand are taken at once. `host` is that of the
    /// order's call.
    ///
    /// # Errors
    /// When there is no terminal id to give them under: nothing may be sent.
    pub async fn trace(&self, host: &Host) -> Result<Trace, NoTrace> {
        if let Some(trace) = self.take(host) {
            return Ok(trace);
        }
        let _changing = self.changing.lock().await;
        // Whoever changed it before may have done so for all who waited.
        if let Some(trace) = self.take(host) {
            return Ok(trace);
        }
        if host.now_ms() < self.none_free_until_ms.load(Ordering::Relaxed) {
            return Err(NoTrace::NoneFree);
        }
        self.refresh(host).await?;
        self.take(host).ok_or(NoTrace::NoneFree)
    }

    /// Keeps a terminal id, or tries for one, as long as the host is there. For the plugin's `run`.
    ///
    /// # Errors
    /// When the host goes away.
    pub async fn run(&self, host: &Host) -> Result<(), Failure> {
        loop {
            let refreshed = {
                let _changing = self.changing.lock().await;
                self.refresh(host).await
            };
            match refreshed {
                Ok(()) => {
                    self.was_told.store(false, Ordering::Relaxed);
                    // Sooner, when numbers run low.
                    let ran_low = async {
                        self.runs_low().await;
                        Ok(())
                    };
                    select(pin!(ran_low), pin!(host.sleep(RENEW_EVERY_MS))).await.factor_first().0?;
                }
                Err(why) => {
                    if !self.was_told.swap(true, Ordering::Relaxed) {
                        host.log(Level::Warn, why.to_string());
                    }
                    host.sleep(TRY_EVERY_MS).await?;
                }
            }
            turn().await;
        }
    }

    /// Gives the terminal id back. For the plugin's `close`; where it fails, the lease ends by itself.
    pub async fn close(&self, host: &Host) {
        let _changing = self.changing.lock().await;
        let held = self.held().take();
        if let Some(held) = held
            && let Err(failure) = held.give_back(host).await
        {
            host.log(Level::Warn, format!("the terminal id could not be given back: {}", failure.code));
        }
    }

    /// The next numbers, where they can be given at once.
    fn take(&self, host: &Host) -> Option<Trace> {
        let now_ms = self.now_ms.fetch_max(host.now_ms(), Ordering::Relaxed).max(host.now_ms());
        let mut held = self.held();
        let held = held.as_mut().filter(|held| now_ms + LEASE_MARGIN_MS < held.record.until_ms)?;
        let count = held.numbers.next()?;
        if held.runs_low() {
            self.waker.wake();
        }
        Some(Trace::new(held.terminal, count, now_ms))
    }

    /// Renews the lease, or takes one, and sees to it that there are numbers. Only one does so at a time.
    async fn refresh(&self, host: &Host) -> Result<(), NoTrace> {
        let held = self.held().clone();
        if let Some(mut held) = held {
            if held.renew(&self.owner, host).await.map_err(NoTrace::Store)? {
                let mut mine = self.held();
                // Numbers were given in the meantime.
                held.numbers.start = mine.as_ref().map_or(held.numbers.start, |mine| mine.numbers.start);
                *mine = Some(held);
                return Ok(());
            }
            *self.held() = None;
            host.log(Level::Error, format!("the terminal id {} was taken by another", held.terminal));
        }
        let mut why = NoTrace::NoneFree;
        for id in &self.ids {
            match Held::take(*id, &self.owner, host).await {
                Ok(None) => {}
                Ok(Some(held)) => {
                    host.log(Level::Info, format!("has the terminal id {id}"));
                    *self.held() = Some(held);
                    return Ok(());
                }
                // Another may be better kept.
                Err(failure) => why = NoTrace::Store(failure),
            }
        }
        self.none_free_until_ms.store(host.now_ms() + TRY_EVERY_MS / 2, Ordering::Relaxed);
        Err(why)
    }

    async fn runs_low(&self) {
        poll_fn(|context| {
            self.waker.register(context.waker());
            let runs_low = self.held().as_ref().is_none_or(Held::runs_low);
            if runs_low { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
