//! What is to be done later: one task waits for the earliest, whatever their number.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::ports::Clock;

type ByTime<T> = BTreeMap<(u64, u64), T>;

/// Things to do, by time.
#[derive(Debug)]
pub(crate) struct Agenda<T> {
    /// How many things were ever added, and those that still wait, by time and number.
    by_time: Mutex<(u64, ByTime<T>)>,
    changed: Notify,
}

impl<T: Send + 'static> Agenda<T> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { by_time: Mutex::new((0, BTreeMap::new())), changed: Notify::new() })
    }

    /// Puts something on the agenda.
    pub(crate) fn add(&self, at_ms: u64, what: T) {
        let mut agenda = self.by_time.lock();
        agenda.0 += 1;
        let number = agenda.0;
        agenda.1.insert((at_ms, number), what);
        let is_first = agenda.1.first_key_value().is_some_and(|(key, _)| *key == (at_ms, number));
        drop(agenda);
        if is_first {
            self.changed.notify_one();
        }
    }

    /// Waits for the next thing that is due.
    pub(crate) async fn next(&self, clock: &dyn Clock) -> T {
        loop {
            let changed = self.changed.notified();
            let earliest = {
                let mut agenda = self.by_time.lock();
                let earliest = agenda.1.first_key_value().map(|((at_ms, _), _)| *at_ms);
                match earliest {
                    Some(at_ms) if at_ms <= clock.now_ms() => {
                        if let Some((_, what)) = agenda.1.pop_first() {
                            return what;
                        }
                        None
                    }
                    other => other,
                }
            };
            match earliest {
                Some(at_ms) => tokio::select! {
                    () = clock.sleep_until(at_ms) => {}
                    () = changed => {}
                },
                None => changed.await,
            }
        }
    }
}
