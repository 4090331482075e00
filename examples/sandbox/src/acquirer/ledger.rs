//! The books: every message that was worked on, by what later ones know it, and the money of each card.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use super::{
    message::Message,
    money::{self, Account, Money},
    original::{Key, Original},
};

/// What is decided about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Field 39.
    pub(crate) code: String,
    /// What was approved of the amount, in minor units.
    pub(crate) approved: u64,
    /// Field 38.
    pub(crate) approval: Option<String>,
    /// Field 44: why, in at most 25 characters.
    pub(crate) note: Option<String>,
}

impl Verdict {
    pub(crate) fn approved(code: &str, approved: u64, approval: Option<String>) -> Self {
        Self { code: code.to_owned(), approved, approval, note: None }
    }

    pub(crate) fn refused(code: &str, note: &str) -> Self {
        let note = (!note.is_empty()).then(|| note.to_owned());
        Self { code: code.to_owned(), approved: 0, approval: None, note }
    }
}

/// One message that was worked on.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) id: Original,
    pub(crate) pan: String,
    pub(crate) amount: u64,
    /// As field 49 has it.
    pub(crate) currency: String,
    pub(crate) rrn: String,
    pub(crate) merchant: String,
    pub(crate) is_refund: bool,
    pub(crate) verdict: Verdict,
    /// How much of it captures have taken.
    pub(crate) captured: u64,
    /// How much of it refunds have given back.
    pub(crate) refunded: u64,
    pub(crate) is_reversed: bool,
    /// The entry that it is about: a capture's authorization.
    pub(crate) about: Option<usize>,
    digest: u64,
}

/// A completion advice as its repetitions have it: they may bring a new time of transmission.
type Advice = (String, u32, String, u64);

/// All books.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) entries: Vec<Entry>,
    by_key: HashMap<Key, usize>,
    advices: HashMap<Advice, usize>,
    /// Originals that were reversed before they came.
    pub(crate) early: HashSet<Original>,
    pub(crate) accounts: BTreeMap<String, Account>,
    approvals: u32,
}

impl std::fmt::Debug for Ledger {
    // Account numbers stand in it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}

/// What a message is, beside those that came before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    New,
    /// A repetition of an advice, which was answered so.
    Repeated(Verdict),
    /// A second use of a STAN: what was answered to the very same message, or that it was another.
    Duplicate(Option<Verdict>),
}

impl Ledger {
    /// Whether the message was here before.
    pub(crate) fn standing(&self, message: &Message) -> Standing {
        if message.mti == 221
            && let Some(entry) = self.advices.get(&advice(message)).and_then(|at| self.entries.get(*at))
        {
            return Standing::Repeated(entry.verdict.clone());
        }
        let Some((_, entry)) = self.by_key(&Original::of(message).key) else { return Standing::New };
        let is_same = entry.digest == digest(message);
        match message.mti {
            // A reversal is known by what it reverses: it may come as often as it will. A completion that is repeated and
            // not known above had no original, which may have come since.
            221 | 400 | 401 | 420 | 421 if is_same => Standing::New,
            _ => Standing::Duplicate(is_same.then(|| entry.verdict.clone())),
        }
    }

    fn by_key(&self, key: &Key) -> Option<(usize, &Entry)> {
        let at = *self.by_key.get(key)?;
        Some((at, self.entries.get(at)?))
    }

    /// The entry that an original names, with its place.
    pub(crate) fn find(&self, original: &Original) -> Option<(usize, &Entry)> {
        self.by_key(&original.key).filter(|(_, entry)| entry.id == *original)
    }

    /// Puts a message into the books with what was decided.
    pub(crate) fn enter(&mut self, message: &Message, verdict: Verdict, about: Option<usize>) {
        let at = self.entries.len();
        let id = Original::of(message);
        self.by_key.entry(id.key.clone()).or_insert(at);
        if matches!(message.mti, 220 | 221) && verdict.code != "25" {
            self.advices.insert(advice(message), at);
        }
        self.entries.push(Entry {
            // Later messages name an advice as it was first sent.
            id: Original { mti: id.mti - id.mti % 10, ..id },
            pan: message.get(2).to_owned(),
            amount: message.number(4),
            currency: message.get(49).to_owned(),
            rrn: message.get(37).to_owned(),
            merchant: message.get(42).to_owned(),
            is_refund: message.get(3) == "200000",
            verdict,
            captured: 0,
            refunded: 0,
            is_reversed: false,
            about,
            digest: digest(message),
        });
    }

    /// The money of the message's card in its currency, which is one that is accepted.
    pub(crate) fn money(&mut self, pan: &str, currency: &str) -> &mut Money {
        let letters = money::currency(currency).unwrap_or("XXX");
        self.accounts.entry(pan.to_owned()).or_default().money.entry(letters).or_default()
    }

    /// The next approval code (field 38).
    pub(crate) fn approval(&mut self) -> Option<String> {
        self.approvals = self.approvals % 999_999 + 1;
        Some(format!("{:06}", self.approvals))
    }
}

/// Whether a message about an entry agrees with it in the card, the merchant, the currency and the retrieval reference.
pub(crate) fn agrees(message: &Message, entry: &Entry) -> Result<(), String> {
    let pairs = [(2, &entry.pan), (37, &entry.rrn), (42, &entry.merchant), (49, &entry.currency)];
    match pairs.iter().find(|(field, value)| message.get(*field) != value.as_str()) {
        None => Ok(()),
        Some((field, _)) => Err(format!("{field}: not the original's")),
    }
}

fn advice(message: &Message) -> Advice {
    let id = Original::of(message);
    (id.key.terminal, id.key.stan, message.get(90).to_owned(), message.number(4))
}

/// Tells messages apart; a repetition is as the first.
fn digest(message: &Message) -> u64 {
    let mut hasher = DefaultHasher::new();
    (message.mti / 10, &message.fields).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{acquirer::authorize::Vouchers, proofs::Proofs, tokens::Minted};

    const PAN: &str = "6011000990139424";

    fn message(mti: u16, stan: u32, minor: u64, code: &str) -> Message {
        let mut message = Message::new(mti);
        let (stan, amount) = (format!("{stan:06}"), format!("{minor:012}"));
        let fields = [
            (2, PAN),
            (3, code),
            (4, &amount),
            (7, "1124190501"),
            (11, &stan),
            (14, "3012"),
            (32, "400123"),
            (37, "633119000001"),
            (41, "TERM0001"),
            (42, "MERCHANT0000001"),
            (49, "978"),
        ];
        for (field, value) in fields {
            message.set(field, value);
        }
        message
    }

    /// What is done next: how, about which of the messages before, and with which amount.
    fn any_deed() -> impl Strategy<Value = (u8, prop::sample::Index, u64)> {
        (0_u8..6, any::<prop::sample::Index>(), 1_u64..300)
    }

    fn done(ledger: &mut Ledger, deed: (u8, prop::sample::Index, u64), stan: u32) {
        let (what, which, minor) = deed;
        let (minted, proofs) = (Minted::default(), Proofs::default());
        let vouchers = Vouchers { minted: &minted, proofs: &proofs };
        let about = (!ledger.entries.is_empty()).then(|| which.get(&ledger.entries).clone());
        let with_original = |mut message: Message, about: &Entry| {
            let Original { mti, key, acquirer } = &about.id;
            message.set(90, format!("{mti:04}{:06}{:010}{acquirer:011}{:011}", key.stan, key.sent_at, 0));
            message.set(38, about.verdict.approval.clone().unwrap_or_default());
            message
        };
        match (what, about) {
            (0, _) => ledger.authorize(&message(100, stan, minor, "000000"), vouchers, true),
            (1, _) => ledger.authorize(&message(200, stan, minor, "000000"), vouchers, true),
            (2, Some(about)) => ledger.capture(&with_original(message(220, stan, minor, "000000"), &about)),
            (3, Some(about)) => ledger.refund(&with_original(message(200, stan, minor, "200000"), &about), true),
            (4, _) => ledger.refund(&message(200, stan, minor, "200000"), true),
            (_, Some(about)) => ledger.reverse(&with_original(message(420, stan, about.amount, "000000"), &about)),
            _ => {}
        }
    }

    proptest! {
        #[test]
        fn every_cent_that_was_authorized_is_held_or_paid_or_given_back(
            deeds in proptest::collection::vec(any_deed(), 1..60),
        ) {
            let mut ledger = Ledger::default();
            for (stan, deed) in (1..).zip(deeds) {
                done(&mut ledger, deed, stan);
                let money = *ledger.money(PAN, "978");
                prop_assert_eq!(money.authorized, money.held + money.taken + money.refunded + money.reversed);
                let of_entries: u64 = ledger
                    .entries
                    .iter()
                    .filter(|entry| entry.id.mti == 100 && !entry.is_reversed)
                    .map(|entry| entry.verdict.approved - entry.captured)
                    .sum();
                prop_assert_eq!(money.held, of_entries);
            }
        }
    }
}
