//! What waits to be delivered to the ESME.

use std::{collections::VecDeque, time::Instant};

/// What a `deliver_sm` is, which decides what goes wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Somebody wrote it.
    Message,
    /// The same again, though it was acknowledged.
    Duplicate,
    Receipt,
    /// A load's message of this number; its body is made when it is written.
    Load(u32),
}

#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    pub(crate) kind: Kind,
    pub(crate) body: Vec<u8>,
}

#[derive(Debug, Default)]
pub(crate) struct Post {
    pub(crate) ready: VecDeque<Parcel>,
    later: Vec<(Instant, Parcel)>,
}

impl Post {
    pub(crate) fn later(&mut self, at: Instant, parcel: Parcel) {
        self.later.push((at, parcel));
    }

    /// Takes out what is due.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Parcel> {
        self.later.extract_if(.., |(at, _)| *at <= now).map(|(_, parcel)| parcel).collect()
    }

    pub(crate) fn waiting(&self) -> usize {
        self.ready.len() + self.later.len()
    }
}
