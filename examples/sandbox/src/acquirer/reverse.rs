//! Reversals: an approval is taken back, once, however often that is said.

use super::{
    ledger::{Entry, Ledger, Verdict, agrees},
    message::Message,
    money,
    original::Original,
};

impl Ledger {
    /// A reversal (0400, 0401) or its advice (0420, 0421).
    pub(crate) fn reverse(&mut self, message: &Message) {
        let Some(original) = Original::named_in(message) else { return };
        let about = self.find(&original).map(|(at, _)| at);
        let verdict = match about.and_then(|at| self.entries.get(at)) {
            None => Verdict::refused("25", "90: no such original"),
            Some(entry) => judged(message, entry, self.paid(entry)),
        };
        let is_done = verdict.code == "00";
        if about.is_none() {
            // Messages cross: the original may still come.
            self.early.insert(original);
        }
        self.enter(message, verdict, about);
        if let (true, Some(at)) = (is_done, about) {
            self.take_back(at);
        }
    }

    /// What the card of an entry has paid, all in all.
    fn paid(&self, entry: &Entry) -> u64 {
        let money = self.accounts.get(&entry.pan).map(|account| &account.money);
        let letters = money::currency(&entry.currency).unwrap_or_default();
        money.and_then(|money| money.get(letters)).map_or(0, |money| money.taken)
    }

    /// Takes back what an entry moved, if that was not done before.
    fn take_back(&mut self, at: usize) {
        let Some(entry) = self.entries.get_mut(at).filter(|entry| !entry.is_reversed) else { return };
        entry.is_reversed = true;
        let entry = entry.clone();
        let approved = entry.verdict.approved;
        if approved == 0 {
            return;
        }
        let money = self.money(&entry.pan, &entry.currency);
        match (entry.id.mti, entry.is_refund) {
            (200, true) => {
                money.refunded = money.refunded.saturating_sub(approved);
                money.taken += approved;
            }
            (200, false) => {
                let given = approved.saturating_sub(entry.refunded);
                money.taken = money.taken.saturating_sub(given);
                money.reversed += given;
            }
            (220, _) => {
                // What was captured is reserved again.
                money.taken = money.taken.saturating_sub(approved);
                money.captured = money.captured.saturating_sub(approved);
                money.held += approved;
            }
            _ => {
                let left = approved.saturating_sub(entry.captured);
                money.held = money.held.saturating_sub(left);
                money.reversed += left;
            }
        }
        let of_original = entry.about.and_then(|about| self.entries.get_mut(about));
        match (entry.id.mti, entry.is_refund, of_original) {
            (220, _, Some(authorization)) => {
                authorization.captured = authorization.captured.saturating_sub(approved);
                // Where the rest was released meanwhile, this is too.
                if authorization.is_reversed {
                    let money = self.money(&entry.pan, &entry.currency);
                    money.held = money.held.saturating_sub(approved);
                    money.reversed += approved;
                }
            }
            (200, true, Some(sale)) => sale.refunded = sale.refunded.saturating_sub(approved),
            _ => {}
        }
    }
}

fn judged(message: &Message, entry: &Entry, paid: u64) -> Verdict {
    if let Err(note) = agrees(message, entry) {
        return Verdict::refused("30", &note);
    }
    let amount = message.number(4);
    if amount != entry.amount && amount != entry.verdict.approved {
        return Verdict::refused("13", "4: not the original's");
    }
    if !entry.is_reversed && entry.id.mti == 100 && entry.captured > 0 && entry.captured == entry.verdict.approved {
        return Verdict::refused("12", "90: captured: refund it");
    }
    let given = match (entry.id.mti, entry.is_refund) {
        (200, false) => entry.verdict.approved.saturating_sub(entry.refunded),
        (220, _) => entry.verdict.approved,
        _ => 0,
    };
    if !entry.is_reversed && (given > paid || entry.id.mti == 220 && entry.refunded > 0) {
        return Verdict::refused("12", "90: was refunded");
    }
    Verdict::approved("00", amount, None)
}
