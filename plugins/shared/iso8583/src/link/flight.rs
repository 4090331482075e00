//! Requests that are on their way, and the answers that belong to them.

use std::collections::HashMap;

use futures_channel::oneshot;

use super::Unanswered;
use crate::{Field, Message, Mti};

/// What an answer has in common with its request: it is of the type that answers it, and fields 7, 11, 32, 37 and 41 are
/// the same. A field that the one does not have, the other does not have either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    answer: Mti,
    transmitted_at: [u8; 10],
    stan: [u8; 6],
    acquirer: [u8; 11],
    rrn: [u8; 12],
    terminal: [u8; 8],
}

impl Key {
    /// The key of a request, or of what answers it.
    ///
    /// # Errors
    /// The field without which no answer would be known for one.
    pub(super) fn of(message: &Message) -> Result<Self, Field> {
        let transmitted_at = message.get(Field::TRANSMITTED_AT).ok_or(Field::TRANSMITTED_AT)?;
        let stan = message.get(Field::STAN).ok_or(Field::STAN)?;
        Ok(Self {
            answer: message.mti().answer(),
            transmitted_at: right(transmitted_at),
            stan: right(stan),
            acquirer: left(message.get(Field::ACQUIRER)),
            rrn: left(message.get(Field::RRN)),
            terminal: left(message.get(Field::TERMINAL)),
        })
    }
}

/// Digits, filled up with zeros on the left. What is longer is no field of this length: it is not sent, and does not come.
fn right<const N: usize>(value: &[u8]) -> [u8; N] {
    let mut padded = [b'0'; N];
    padded.iter_mut().rev().zip(value.iter().rev()).for_each(|(to, from)| *to = *from);
    padded
}

/// Characters, filled up with spaces on the right.
fn left<const N: usize>(value: Option<&[u8]>) -> [u8; N] {
    let mut padded = [b' '; N];
    padded.iter_mut().zip(value.unwrap_or_default()).for_each(|(to, from)| *to = *from);
    padded
}

/// What a request comes to.
pub(super) type Told = Result<Message, Unanswered>;

struct Pending {
    number: u64,
    due_ms: u64,
    waiter: oneshot::Sender<Told>,
}

/// All requests that are on their way.
#[derive(Default)]
pub(super) struct Flight {
    pending: HashMap<Key, Pending>,
    number: u64,
    /// No request is due before.
    due_ms: Option<u64>,
}

impl Flight {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.pending.len()
    }

    /// Enters a request, and gives what it is known by; nothing where one like it is on its way.
    pub(super) fn enter(&mut self, key: Key, due_ms: u64) -> Option<(u64, oneshot::Receiver<Told>)> {
        if self.pending.contains_key(&key) {
            return None;
        }
        self.number += 1;
        let (waiter, told) = oneshot::channel();
        self.pending.insert(key, Pending { number: self.number, due_ms, waiter });
        self.due_ms = Some(self.due_ms.map_or(due_ms, |earliest| earliest.min(due_ms)));
        Some((self.number, told))
    }

    /// Strikes a request out that nobody waits for any more.
    pub(super) fn leave(&mut self, key: &Key, number: u64) {
        if self.pending.get(key).is_some_and(|pending| pending.number == number) {
            self.pending.remove(key);
        }
    }

    /// Hands an answer to whoever waits for it. It comes back where nobody does.
    pub(super) fn answered(&mut self, answer: Message) -> Option<Message> {
        let pending = Key::of(&answer).ok().and_then(|key| self.pending.remove(&key));
        match pending {
            Some(pending) => pending.waiter.send(Ok(answer)).err().and_then(Result::ok),
            None => Some(answer),
        }
    }

    /// When the next request is due, at the earliest.
    pub(super) fn due_ms(&self) -> u64 {
        self.due_ms.unwrap_or(u64::MAX)
    }

    /// Ends those whose time is over.
    pub(super) fn expire(&mut self, now_ms: u64) {
        if self.due_ms() > now_ms {
            return;
        }
        for (_, pending) in self.pending.extract_if(|_, pending| pending.due_ms <= now_ms) {
            // Whoever has stopped waiting is not told.
            let _ = pending.waiter.send(Err(Unanswered::TimedOut));
        }
        self.due_ms = self.pending.values().map(|pending| pending.due_ms).min();
    }

    /// Ends them all: the link is gone.
    pub(super) fn lose(&mut self) {
        self.due_ms = None;
        for (_, pending) in self.pending.drain() {
            let _ = pending.waiter.send(Err(Unanswered::LinkLost));
        }
    }
}
