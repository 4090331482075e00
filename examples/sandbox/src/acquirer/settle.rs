//! What comes after an approval: captures and refunds.

use super::{
    ledger::{Entry, Ledger, Verdict, agrees},
    message::Message,
    money,
    original::Original,
};

impl Ledger {
    /// A completion advice (0220, 0221): takes some or all of what was authorized.
    pub(crate) fn capture(&mut self, message: &Message) {
        let about = Original::named_in(message).and_then(|original| self.find(&original)).map(|(at, _)| at);
        let verdict = self.judged_capture(message, about);
        let taken = verdict.approved;
        self.enter(message, verdict, about);
        let Some(entry) = about.and_then(|at| self.entries.get_mut(at)) else { return };
        entry.captured += taken;
        if taken > 0 {
            let money = self.money(message.get(2), message.get(49));
            money.held = money.held.saturating_sub(taken);
            money.captured += taken;
            money.taken += taken;
        }
    }

    fn judged_capture(&self, message: &Message, about: Option<usize>) -> Verdict {
        let Some(entry) = about.and_then(|at| self.entries.get(at)) else {
            return Verdict::refused("25", "90: no such original");
        };
        let amount = message.number(4);
        if let Err(note) = agrees(message, entry) {
            return Verdict::refused("30", &note);
        }
        if entry.id.mti != 100 || entry.verdict.approved == 0 {
            return Verdict::refused("12", "90: was not authorized");
        }
        if entry.verdict.approval.as_deref() != Some(message.get(38)) {
            return Verdict::refused("30", "38: not the original's");
        }
        if entry.is_reversed {
            return Verdict::refused("12", "90: was reversed");
        }
        if amount == 0 {
            return Verdict::refused("13", "4: zero");
        }
        if amount > entry.verdict.approved.saturating_sub(entry.captured) {
            return Verdict::refused("61", "4: beyond what is left");
        }
        Verdict::approved("00", amount, entry.verdict.approval.clone())
    }

    /// A refund (0200 with 3 = 200000): gives back up to what the card was charged, or the original where it names one.
    pub(crate) fn refund(&mut self, message: &Message, decline_reversed: bool) {
        let about = Original::named_in(message).and_then(|original| self.find(&original)).map(|(at, _)| at);
        let verdict = self.judged_refund(message, about, decline_reversed);
        let given = verdict.approved;
        self.enter(message, verdict, about);
        if given == 0 {
            return;
        }
        if let Some(entry) = about.and_then(|at| self.entries.get_mut(at)) {
            entry.refunded += given;
        }
        let money = self.money(message.get(2), message.get(49));
        money.refunded += given;
        money.taken = money.taken.saturating_sub(given);
    }

    fn judged_refund(&mut self, message: &Message, about: Option<usize>, decline_reversed: bool) -> Verdict {
        let (pan, currency, amount) = (message.get(2), message.get(49), message.number(4));
        if money::currency(currency).is_none() {
            return Verdict::refused("58", "49: not accepted here");
        }
        if amount == 0 {
            return Verdict::refused("13", "4: zero");
        }
        if decline_reversed && self.early.contains(&Original::of(message)) {
            return Verdict::refused("05", "it was reversed before");
        }
        if message.has(90) {
            let Some(entry) = about.and_then(|at| self.entries.get(at)) else {
                return Verdict::refused("25", "90: no such original");
            };
            if entry.pan != pan || entry.currency != currency {
                return Verdict::refused("30", "2, 49: not the original's");
            }
            if amount > refundable(entry) {
                return Verdict::refused("61", "4: beyond what was taken");
            }
        }
        if amount > self.money(pan, currency).taken {
            return Verdict::refused("61", "4: beyond what was taken");
        }
        Verdict::approved("00", amount, self.approval())
    }
}

/// What of an entry can still be given back.
fn refundable(entry: &Entry) -> u64 {
    match entry.id.mti {
        220 if entry.is_reversed => 0,
        220 => entry.verdict.approved.saturating_sub(entry.refunded),
        200 if entry.is_reversed => 0,
        _ => entry.captured.saturating_sub(entry.refunded),
    }
}
