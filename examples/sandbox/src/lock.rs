//! Locks that survive a panic: a simulated provider goes on serving after one request went wrong.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes the lock, poisoned or not.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
