//! What is out at the acquirer, so that an answer that nobody waits for finds its order.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::record::Numbers;

/// How many are remembered: the oldest are forgotten. They were reversed long ago, or will be.
const MANY: usize = 16_384;

#[derive(Default)]
struct Inner {
    orders: HashMap<Numbers, String>,
    /// In the order in which they were sent, those that were answered among them.
    sent: VecDeque<Numbers>,
}

/// The orders of which a message is out and not answered, by its numbers.
#[derive(Default)]
pub(super) struct Out(Mutex<Inner>);

impl Out {
    pub(super) fn enter(&self, numbers: &Numbers, order_key: &str) {
        let mut inner = self.inner();
        let Inner { orders, sent } = &mut *inner;
        orders.insert(numbers.clone(), order_key.to_owned());
        sent.push_back(numbers.clone());
        if sent.len() > MANY {
            // Most of them were answered: those that were not keep their places.
            sent.retain(|numbers| orders.contains_key(numbers));
            while sent.len() > MANY / 2 {
                if let Some(oldest) = sent.pop_front() {
                    orders.remove(&oldest);
                }
            }
        }
    }

    pub(super) fn leave(&self, numbers: &Numbers) {
        self.inner().orders.remove(numbers);
    }

    /// The key of the order whose record has these numbers, or whose reversal does.
    pub(super) fn order_key(&self, numbers: &Numbers) -> Option<String> {
        self.inner().orders.get(numbers).cloned()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(stan: usize) -> Numbers {
        Numbers {
            at: "1114221320".to_owned(),
            stan: format!("{stan:06}"),
            acquirer: "400123".to_owned(),
            rrn: "331800000000".to_owned(),
            terminal: "TERM0001".to_owned(),
        }
    }

    #[test]
    fn what_is_answered_takes_no_room_and_what_is_not_is_remembered_for_long() {
        let out = Out::default();
        out.enter(&numbers(0), "the first");
        for stan in 1..200_000 {
            out.enter(&numbers(stan), "answered");
            out.leave(&numbers(stan));
        }
        assert_eq!(out.order_key(&numbers(0)).as_deref(), Some("the first"));
        assert_eq!(out.order_key(&numbers(7)), None);
        assert!(out.inner().orders.len() == 1 && out.inner().sent.len() <= MANY + 1);
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let out = Out::default();
        for stan in 0..=MANY {
            out.enter(&numbers(stan), "never answered");
        }
        assert_eq!(out.order_key(&numbers(0)), None);
        assert!(out.order_key(&numbers(MANY)).is_some());
        assert!(out.inner().orders.len() <= MANY);
    }
}
