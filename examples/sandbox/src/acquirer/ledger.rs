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
#[derive(Clone, Debug)]
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
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) entries: Vec<Entry>,
    by_key: HashMap<Key, usize>,
    advices: HashMap<Advice, usize>,
    /// Originals that were reversed before they came.
    pub(crate) early: HashSet<Original>,
    pub(crate) accounts: BTreeMap<String, Account>,
    approvals: u32,
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
            // A reversal is known by what it reverses: it may come as often as it will.
            400 | 401 | 420 | 421 if is_same => Standing::New,
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
        if matches!(message.mti, 220 | 221) {
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
