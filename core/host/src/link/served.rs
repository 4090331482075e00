//! The calls of the other side that this side is busy with: so many at once, and so many bytes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use futures_util::future::{AbortHandle, AbortRegistration};
use sportello_sdk::frames::Reply;
use sportello_sdk::{Failure, Source};

use super::{Breach, Kind, Outbox, Outgoing};

/// How much is done at once for the other side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// How many of its calls.
    pub(crate) calls: usize,
    /// How many bytes in them.
    pub(crate) bytes: usize,
}

/// The calls under way.
pub(crate) struct Served {
    room: Room,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    calls: HashMap<u64, (AbortHandle, usize)>,
    bytes: usize,
    is_over: bool,
}

impl Served {
    pub(crate) fn new(room: Room) -> Self {
        Self { room, state: Mutex::default() }
    }

    /// A call of `len` bytes begins. Nothing where there is no room for it.
    ///
    /// # Errors
    /// [`Breach`] where one of this number is under way.
    pub(crate) fn begin(&self, id: u64, len: usize) -> Result<Option<AbortRegistration>, Breach> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.calls.contains_key(&id) {
            return Err(Breach("two calls of one number at once"));
        }
        let bytes = state.bytes.saturating_add(len);
        if state.is_over || state.calls.len() >= self.room.calls || bytes > self.room.bytes {
            return Ok(None);
        }
        let (handle, registration) = AbortHandle::new_pair();
        state.calls.insert(id, (handle, len));
        state.bytes = bytes;
        Ok(Some(registration))
    }

    /// The other side does not wait for it any more.
    pub(crate) fn cancel(&self, id: u64) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((handle, _)) = state.calls.get(&id) {
            handle.abort();
        }
    }

    /// It is over. Answers whether it was the last one.
    pub(crate) fn end(&self, id: u64) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, len)) = state.calls.remove(&id) {
            state.bytes -= len;
        }
        state.calls.is_empty()
    }

    /// Gives up all that is under way, and takes nothing new.
    pub(crate) fn end_all(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_over = true;
        state.calls.values().for_each(|(handle, _)| handle.abort());
    }
}

/// Sends the answer to a call of the other side. One that is too large is answered with that.
pub(crate) fn answer(outbox: &impl Outbox, id: u64, reply: &Reply, alone: bool) {
    let whole = |reply: &Reply, send: &mut dyn FnMut(&Outgoing<'_>)| {
        let Reply { ok, frame, body } = reply;
        let message = Outgoing { ok: *ok, frame, body, ..Outgoing::bare(Kind::Reply, id) };
        let excess = message.excess();
        if excess.is_none() {
            send(&message);
        }
        excess
    };
    let mut send = |message: &Outgoing<'_>| outbox.send(message, alone);
    if let Some(why) = whole(reply, &mut send) {
        let failure = Failure::new(Source::Plugin, "bad_answer", format!("the answer is too large: {why}"));
        whole(&Reply::failure(&failure), &mut send);
    }
}

/// The answer where there is no room for a call.
pub(crate) fn busy() -> Reply {
    let why = "as much is done for this plugin already as is done at once";
    Reply::failure(&Failure::new(Source::Host, "busy", why).retry_after(100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_so_much_room() {
        // b: begins, f: finds no room, t: is told that it is there twice, e: ends, c: is cancelled; then its number, and its
        // length.
        let check = |script: &str| {
            let served = Served::new(Room { calls: 3, bytes: 10 });
            for step in script.split_whitespace() {
                let (what, numbers) = step.split_at(1);
                let (id, len) = numbers.split_once(':').unwrap_or((numbers, "0"));
                let (id, len) = (id.parse().unwrap(), len.parse().unwrap());
                match what {
                    "b" => assert!(served.begin(id, len).unwrap().is_some(), "{script}: {step}"),
                    "f" => assert!(served.begin(id, len).unwrap().is_none(), "{script}: {step}"),
                    "t" => assert!(served.begin(id, len).is_err(), "{script}: {step}"),
                    "e" => drop(served.end(id)),
                    _ => served.cancel(id),
                }
            }
        };
        check("b1 b2 b3 f4 e2 b4");
        check("b1:10 f2:1 b3:0 e1 b2:10");
        check("f1:11");
        check("b1 t1 c1 t1 e1 b1");
        check("e1 c1 b1");
    }
}
