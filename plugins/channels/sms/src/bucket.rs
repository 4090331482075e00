//! Long messages that are not complete: what is kept of them, and what one more part makes of it. Pure; the store's
//! side is in [`crate::assembly`].

use serde::{Deserialize, Serialize};

use crate::udh::{Part, Reference};

/// How many incomplete messages stand in one bucket.
const OPEN_MAX: usize = 8;
/// How many of them may be one sender's: the oldest makes room for a new one.
const OPEN_OF_SENDER_MAX: usize = 4;
/// How many octets of text stand in one bucket. Written, they take twice as many and a little more, and a value in the
/// store may have 1 MB.
const OCTETS_MAX: usize = 256 << 10;

/// What tells one long message from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Key {
    from: String,
    to: String,
    /// A letter for its kind, and the number.
    reference: String,
    total: u8,
}

impl Key {
    pub(crate) fn new(from: &str, to: &str, part: &Part) -> Self {
        let reference = match part.reference {
            Reference::Short(number) => format!("h{number}"),
            Reference::Long(number) => format!("w{number}"),
            Reference::Sar(number) => format!("s{number}"),
        };
        Self { from: from.to_owned(), to: to.to_owned(), reference, total: part.total }
    }

    /// Whose message it is.
    pub(crate) fn from(&self) -> &str {
        &self.from
    }
}

/// One part's text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct Piece {
    pub(crate) index: u8,
    pub(crate) coding: u8,
    #[serde(with = "hex")]
    pub(crate) octets: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Debug))]
struct Open {
    key: Key,
    since_ms: u64,
    /// Two parts of one number said two things: whatever else comes is of no use, and must not be put together.
    #[serde(default)]
    is_spoilt: bool,
    pieces: Vec<Piece>,
}

/// The incomplete messages of some senders.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct Bucket {
    open: Vec<Open>,
}

/// What one more part made of it.
#[derive(PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) enum Added {
    /// The bucket has changed, and is to be stored; `given_up` messages of the same sender had to go for it.
    Stored { given_up: usize },
    /// The part was there already.
    Known,
    /// It is complete with this part, which is not put into the bucket: the pieces are in their order.
    Whole(Vec<Piece>),
    /// The part is another one than that of the same number: no message will come of this.
    Spoilt,
    /// There is no room.
    Full,
}

impl Bucket {
    /// Adds a part.
    pub(crate) fn add(&mut self, key: &Key, piece: Piece, now_ms: u64) -> Added {
        let octets: usize = self.open.iter().flat_map(|open| &open.pieces).map(|piece| piece.octets.len()).sum();
        let is_full = octets + piece.octets.len() > OCTETS_MAX;
        if let Some(open) = self.open.iter_mut().find(|open| open.key == *key) {
            if open.is_spoilt {
                return Added::Spoilt;
            }
            if let Some(known) = open.pieces.iter().find(|known| known.index == piece.index) {
                if *known == piece {
                    return Added::Known;
                }
                open.is_spoilt = true;
                open.pieces.clear();
                return Added::Stored { given_up: 1 };
            }
            if open.pieces.len() + 1 == usize::from(key.total) {
                let mut pieces = open.pieces.clone();
                pieces.push(piece);
                pieces.sort_unstable_by_key(|piece| piece.index);
                return Added::Whole(pieces);
            }
            if is_full {
                return Added::Full;
            }
            open.pieces.push(piece);
            return Added::Stored { given_up: 0 };
        }
        let of_sender = || self.open.iter().enumerate().filter(|(_, open)| open.key.from == key.from);
        let oldest = of_sender().min_by_key(|(_, open)| open.since_ms).map(|(at, _)| at);
        let given_up = oldest.filter(|_| of_sender().count() >= OPEN_OF_SENDER_MAX);
        if is_full || (self.open.len() >= OPEN_MAX && given_up.is_none()) {
            return Added::Full;
        }
        if let Some(at) = given_up {
            self.open.remove(at);
        }
        self.open.push(Open { key: key.clone(), since_ms: now_ms, is_spoilt: false, pieces: vec![piece] });
        Added::Stored { given_up: usize::from(given_up.is_some()) }
    }

    /// Forgets a message.
    pub(crate) fn remove(&mut self, key: &Key) {
        self.open.retain(|open| open.key != *key);
    }

    /// Forgets what has waited for longer, and says how many messages that were. What was spoilt was counted then.
    pub(crate) fn expire(&mut self, wait_ms: u64, now_ms: u64) -> Expired {
        let is_old = |open: &Open| open.since_ms.saturating_add(wait_ms) <= now_ms;
        let before = self.open.len();
        let given_up = self.open.iter().filter(|open| is_old(open) && !open.is_spoilt).count();
        self.open.retain(|open| !is_old(open));
        Expired { is_changed: self.open.len() != before, given_up }
    }

    /// Whether nothing is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

/// What became of what had waited too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expired {
    pub(crate) is_changed: bool,
    pub(crate) given_up: usize,
}

#[cfg(test)]
#[path = "bucket_tests.rs"]
mod tests;
