//! Whether bytes left for a call: the host's own fact, of which a plugin has no say.
//!
//! An order that certainly never left may be tried elsewhere; one that may have left must be asked about. So each call
//! in flight has a slot, what a plugin asks of the host names its call, and the slot notes it *before* a byte can
//! leave. When the caller stops waiting the slot is closed in the same atomic step that reads it: whatever the plugin
//! asks for that call afterwards is refused, and what was attested stays true.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

/// Whether bytes left for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sent {
    /// The host attests that no byte of a request to a provider was written.
    Nothing,
    /// A request was written, or may have been.
    MaybeBytes,
}

/// Bits of a call's number that are its slot; the others count the calls that the slot has had. Together they stay
/// below 2⁵³, which every JSON reader holds exactly.
const SLOT_BITS: u32 = 12;
const TURN_MASK: u64 = (1 << (53 - SLOT_BITS)) - 1;

/// The most slots there can be.
pub(crate) const SLOTS_MAX: usize = 1 << SLOT_BITS;

// A slot's state: the turn, then whether it is closed, whether something was sent, and how many requests are on their
// way of which that is not known yet.
const TURN_SHIFT: u32 = 12;
const CLOSED: u64 = 1 << 11;
const SENT: u64 = 1 << 10;
const UNDECIDED_MASK: u64 = SENT - 1;

/// The calls in flight of one instance.
pub(crate) struct Calls {
    slots: Box<[Slot]>,
    free: Mutex<Vec<u16>>,
}

struct Slot {
    state: AtomicU64,
    /// When the call's caller stops waiting, in nanoseconds of the instance's clock; `u64::MAX` for never.
    deadline_ns: AtomicU64,
    /// What the call is about, in two halves; 0 for nothing.
    about: [AtomicU64; 2],
}

/// The call is over, or there never was one of this number: nothing is done on its behalf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Over;

/// Something is about to be sent for a call. Dropped undecided, it counts as sent.
pub(crate) struct Sending<'a> {
    slot: &'a Slot,
    turn: u64,
}

impl Calls {
    pub(crate) fn new(count: usize) -> Self {
        let count = u16::try_from(count.clamp(1, SLOTS_MAX)).unwrap_or(1);
        let slot = |_| Slot {
            state: AtomicU64::new(CLOSED),
            deadline_ns: AtomicU64::new(0),
            about: [AtomicU64::new(0), AtomicU64::new(0)],
        };
        Self { slots: (0..count).map(slot).collect(), free: Mutex::new((0..count).rev().collect()) }
    }

    /// Takes a slot and returns the new call's number, which is never 0; nothing where all are taken.
    pub(crate) fn begin(&self, deadline_ns: u64, about: u128) -> Option<u64> {
        let index = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        let slot = self.slots.get(usize::from(index))?;
        let turn = match ((slot.state.load(Ordering::Relaxed) >> TURN_SHIFT) + 1) & TURN_MASK {
            0 => 1,
            turn => turn,
        };
        slot.deadline_ns.store(deadline_ns, Ordering::Relaxed);
        slot.about.iter().zip(halves(about)).for_each(|(half, value)| half.store(value, Ordering::Relaxed));
        slot.state.store(turn << TURN_SHIFT, Ordering::Release);
        Some(turn << SLOT_BITS | u64::from(index))
    }

    /// Nothing more is done for this call: says what was done until now. What is not known counts as sent.
    pub(crate) fn close(&self, call: u64) -> Sent {
        let Some((slot, turn)) = self.slot(call) else {
            return Sent::MaybeBytes;
        };
        let before = slot.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
            (state >> TURN_SHIFT == turn).then_some(state | CLOSED)
        });
        match before {
            Ok(state) if state & (SENT | UNDECIDED_MASK) == 0 => Sent::Nothing,
            _ => Sent::MaybeBytes,
        }
    }

    /// Gives the slot back. The call must be closed, and this is said once.
    pub(crate) fn end(&self, call: u64) {
        if let Some((slot, _)) = self.slot(call) {
            slot.state.fetch_or(CLOSED, Ordering::AcqRel);
            let index = u16::try_from(call & (SLOTS_MAX as u64 - 1)).unwrap_or(0);
            self.free.lock().unwrap_or_else(PoisonError::into_inner).push(index);
        }
    }

    /// When the call's caller stops waiting, in nanoseconds of the instance's clock.
    ///
    /// # Errors
    /// [`Over`].
    pub(crate) fn deadline_ns(&self, call: u64) -> Result<u64, Over> {
        let (slot, turn) = self.slot(call).ok_or(Over)?;
        let deadline_ns = slot.deadline_ns.load(Ordering::Relaxed);
        let state = slot.state.load(Ordering::Acquire);
        if state >> TURN_SHIFT != turn || state & CLOSED != 0 {
            return Err(Over);
        }
        Ok(deadline_ns)
    }

    /// What the call is about; 0 for nothing.
    ///
    /// # Errors
    /// [`Over`].
    pub(crate) fn about(&self, call: u64) -> Result<u128, Over> {
        let (slot, turn) = self.slot(call).ok_or(Over)?;
        let [high, low] = &slot.about;
        let about = u128::from(high.load(Ordering::Relaxed)) << 64 | u128::from(low.load(Ordering::Relaxed));
        let state = slot.state.load(Ordering::Acquire);
        if state >> TURN_SHIFT != turn || state & CLOSED != 0 {
            return Err(Over);
        }
        Ok(about)
    }

    /// Announces that bytes are about to leave for this call.
    ///
    /// # Errors
    /// [`Over`], and then none may.
    pub(crate) fn sending(&self, call: u64) -> Result<Sending<'_>, Over> {
        let (slot, turn) = self.slot(call).ok_or(Over)?;
        slot.state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
                let open = state >> TURN_SHIFT == turn && state & CLOSED == 0;
                // As many requests at once as can be counted are more than any call has a use for.
                let countable = state & UNDECIDED_MASK != UNDECIDED_MASK;
                (open && countable).then_some(state + 1)
            })
            .map_err(|_| Over)?;
        Ok(Sending { slot, turn })
    }

    fn slot(&self, call: u64) -> Option<(&Slot, u64)> {
        let index = usize::try_from(call & (SLOTS_MAX as u64 - 1)).ok()?;
        self.slots.get(index).map(|slot| (slot, call >> SLOT_BITS))
    }
}

/// The high half, and the low one.
fn halves(number: u128) -> [u64; 2] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = number.to_be_bytes();
    [u64::from_be_bytes([a, b, c, d, e, f, g, h]), u64::from_be_bytes([i, j, k, l, m, n, o, p])]
}

impl Sending<'_> {
    /// It is certain that no byte of this one was written.
    pub(crate) fn not_sent(self) {
        let _ = self.slot.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
            (state >> TURN_SHIFT == self.turn && state & UNDECIDED_MASK != 0).then(|| state - 1)
        });
        std::mem::forget(self);
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        let _ = self.slot.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
            (state >> TURN_SHIFT == self.turn && state & UNDECIDED_MASK != 0).then(|| (state | SENT) - 1)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_attested() {
        // S: about to send; n: it was not sent; d: dropped; c: the caller stops waiting.
        let check = |script: &str, expected: Sent| {
            let calls = Calls::new(1);
            let call = calls.begin(u64::MAX, 0).unwrap();
            let mut sending = Vec::new();
            let mut closed = None;
            for step in script.chars() {
                match step {
                    'S' => sending.extend(calls.sending(call)),
                    'n' => sending.pop().unwrap().not_sent(),
                    'd' => drop(sending.pop()),
                    _ => closed = Some(calls.close(call)),
                }
            }
            assert_eq!(closed.unwrap_or_else(|| calls.close(call)), expected, "{script}");
        };
        check("", Sent::Nothing);
        check("S", Sent::MaybeBytes);
        check("Sn", Sent::Nothing);
        check("Sd", Sent::MaybeBytes);
        check("SSnn", Sent::Nothing);
        check("SSnd", Sent::MaybeBytes);
        check("SdSn", Sent::MaybeBytes);
        check("Scn", Sent::MaybeBytes);
        check("cS", Sent::Nothing);
    }

    #[test]
    fn nothing_is_done_for_a_call_that_is_over() {
        let calls = Calls::new(2);
        let first = calls.begin(10, 0).unwrap();
        assert_eq!(calls.deadline_ns(first), Ok(10));
        assert_eq!(calls.close(first), Sent::Nothing);
        assert!(calls.sending(first).is_err());
        calls.end(first);
        let second = calls.begin(20, 0).unwrap();
        assert_ne!(first, second);
        assert_eq!(calls.deadline_ns(first), Err(Over));
        assert_eq!(calls.deadline_ns(second), Ok(20));
        assert!(calls.sending(first).is_err());
        assert!(calls.sending(0).is_err() && calls.sending(u64::MAX).is_err());
        // The slot is another call's by now, so what the first one did is not known any more.
        assert_eq!(calls.close(first), Sent::MaybeBytes);
        assert_eq!(calls.close(second), Sent::Nothing);
        assert!(calls.begin(0, 0).is_some() && calls.begin(0, 0).is_none());
    }

    #[test]
    fn a_late_request_of_the_last_call_does_not_count_for_the_next() {
        let calls = Calls::new(1);
        let first = calls.begin(0, 0).unwrap();
        let late = calls.sending(first).unwrap();
        calls.close(first);
        calls.end(first);
        let second = calls.begin(0, 0).unwrap();
        drop(late);
        assert_eq!(calls.close(second), Sent::Nothing);
    }
}
