//! Looks for the order's own end-to-end id among the transactions of the payer's account.
//!
//! To find it proves that the money moved. Not to find it proves something only where every entry that could be it has been
//! seen and told apart: the end-to-end id is optional in every format that banks report in, and what a bank does not show
//! would otherwise be taken for what did not happen, and be paid again.

use sportello_sdk::{Money, Order};

use crate::account::electronic;
use crate::pain002::is_ours;

/// More entries with one end-to-end id than any mishap makes.
const OURS_LEN_MAX: usize = 64;

/// An entry of an account's transactions, from whichever format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The end-to-end id, where the bank shows one.
    pub end_to_end_id: Option<String>,
    /// The amount without its sign, where it can be read.
    pub amount: Option<Money>,
    /// Which way the money went.
    pub direction: Direction,
    /// How far it went.
    pub booking: Booking,
    /// The IBAN that was credited, where the bank shows it.
    pub creditor: Option<String>,
    /// The bank's own id of the entry.
    pub id: Option<String>,
    /// Whether it sums up several transactions that it does not show.
    pub is_batch: bool,
}

/// Which way the money of an entry went, seen from the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Out.
    Debit,
    /// Out by who is named as payer and payee, with no sign to the amount. A bank that signs its debits names the same two
    /// when the money comes back.
    DebitByParties,
    /// In.
    Credit,
    /// The bank does not say.
    Unclear,
}

/// How far an entry went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Booking {
    /// On the account.
    Booked,
    /// On its way.
    Pending,
    /// Anything else.
    Other,
}

/// What the entries amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Debited with the order's amount to its payee.
    Booked {
        /// The bank's id of the entry.
        id: Option<String>,
        /// Whether the account shows more than one such debit.
        repeatedly: bool,
    },
    /// About to be debited so.
    Pending,
    /// Entries with the order's id say something else. The sentence says what.
    Contradiction(String),
    /// It was not found, and an entry that could be it cannot be told apart.
    Indistinct,
    /// It is not among the entries.
    Absent,
}

/// The search, fed one entry after the other.
pub(crate) struct Search<'a> {
    order: &'a Order,
    ours: Vec<Entry>,
    is_indistinct: bool,
    /// Whether any debit was marked as one.
    is_signed: bool,
}

impl<'a> Search<'a> {
    /// A search for `order`, which has seen nothing.
    pub(crate) fn new(order: &'a Order) -> Self {
        Self { order, ours: Vec::new(), is_indistinct: false, is_signed: false }
    }

    /// The order that is looked for.
    pub(crate) fn order(&self) -> &'a Order {
        self.order
    }

    /// Looks at an entry.
    pub(crate) fn see(&mut self, entry: Entry) {
        self.is_signed |= entry.direction == Direction::Debit;
        match entry.end_to_end_id.as_deref() {
            Some(id) if is_ours(id, &self.order.key) => {
                if self.ours.len() < OURS_LEN_MAX && !self.ours.contains(&entry) {
                    self.ours.push(entry);
                }
            }
            Some(id) if !is_none(id) && !resembles(id, &self.order.key) => {}
            _ => self.is_indistinct |= self.could_be_ours(&entry),
        }
    }

    fn could_be_ours(&self, entry: &Entry) -> bool {
        let fits = match entry.amount {
            None => true,
            Some(amount) if amount.currency() != self.order.amount.currency() => false,
            Some(amount) if entry.is_batch => amount.minor() >= self.order.amount.minor(),
            Some(amount) => amount == self.order.amount,
        };
        fits && entry.direction != Direction::Credit && !self.is_for_another(entry)
    }

    fn is_for_another(&self, entry: &Entry) -> bool {
        let ours = electronic(self.order.creditor.account.rest());
        !entry.is_batch && entry.creditor.as_deref().is_some_and(|iban| electronic(iban) != ours)
    }

    /// What all that was seen amounts to.
    pub(crate) fn finding(&self) -> Finding {
        if self.ours.is_empty() {
            return match self.is_indistinct {
                true => Finding::Indistinct,
                false => Finding::Absent,
            };
        }
        let contradiction = |what: &str| Finding::Contradiction(what.to_owned());
        for entry in &self.ours {
            match (entry.direction, entry.booking) {
                (Direction::Debit, Booking::Booked | Booking::Pending) => {}
                (Direction::DebitByParties, Booking::Booked | Booking::Pending) if !self.is_signed => {}
                (Direction::Credit | Direction::DebitByParties, _) => {
                    return contradiction("the account shows that the money was debited and came back");
                }
                _ => return contradiction("the account shows the payment, and not whether it was debited"),
            }
            if entry.amount != Some(self.order.amount) {
                return contradiction("the account shows the payment with another amount");
            }
            if self.is_for_another(entry) {
                return contradiction("the account shows the payment to another payee");
            }
        }
        let mut booked = self.ours.iter().filter(|entry| entry.booking == Booking::Booked);
        match booked.next() {
            Some(first) => Finding::Booked { id: first.id.clone(), repeatedly: booked.next().is_some() },
            None => Finding::Pending,
        }
    }
}

/// Whether an end-to-end id says that there is none: `NOTPROVIDED` is what the schemes have a bank write where the payer
/// gave none, `NONREF` what SWIFT has.
fn is_none(id: &str) -> bool {
    let id = id.trim();
    id.is_empty() || id.eq_ignore_ascii_case("NOTPROVIDED") || id.eq_ignore_ascii_case("NONREF")
}

/// Whether `id` may be `key` as a bank cut it, wrapped it, or wrote it without its signs.
fn resembles(id: &str, key: &str) -> bool {
    let plain = |id: &str| -> String { id.chars().filter(char::is_ascii_alphanumeric).collect() };
    let (id, key) = (plain(id).to_ascii_lowercase(), plain(key).to_ascii_lowercase());
    id.contains(&key) || key.contains(&id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ANNA, KEY, PAOLO, order};
    use sportello_sdk::Currency;

    fn entry() -> Entry {
        Entry {
            end_to_end_id: Some(KEY.to_owned()),
            amount: Some(order().amount),
            direction: Direction::Debit,
            booking: Booking::Booked,
            creditor: Some(ANNA.to_owned()),
            id: Some("T1".to_owned()),
            is_batch: false,
        }
    }

    fn cents(minor: u64) -> Option<Money> {
        Some(Money::new(minor, Currency::EUR).unwrap())
    }

    #[test]
    fn entries_amount_to_a_finding() {
        let check = |entries: &[Entry], expected: Finding| {
            let order = order();
            let mut search = Search::new(&order);
            entries.iter().cloned().for_each(|entry| search.see(entry));
            let finding = match search.finding() {
                Finding::Contradiction(_) => Finding::Contradiction(String::new()),
                finding => finding,
            };
            assert_eq!(finding, expected, "{entries:?}");
        };
        let with = |change: &dyn Fn(&mut Entry)| {
            let mut entry = entry();
            change(&mut entry);
            entry
        };
        let booked = |repeatedly| Finding::Booked { id: Some("T1".to_owned()), repeatedly };
        let contradiction = || Finding::Contradiction(String::new());
        let pending = with(&|e| e.booking = Booking::Pending);

        check(&[], Finding::Absent);
        check(&[entry()], booked(false));
        check(&[with(&|e| e.end_to_end_id = Some(format!(" {} ", KEY.to_uppercase())))], booked(false));
        check(&[with(&|e| e.creditor = None)], booked(false));
        // The same entry on two pages, or pending and booked, is one; two entries are two debits.
        check(&[entry(), entry()], booked(false));
        check(&[pending.clone(), entry()], booked(false));
        check(&[entry(), with(&|e| e.id = Some("T2".to_owned()))], booked(true));
        check(&[pending], Finding::Pending);
        check(&[with(&|e| e.amount = cents(2001))], contradiction());
        check(&[entry(), with(&|e| e.amount = cents(1))], contradiction());
        check(&[with(&|e| e.amount = None)], contradiction());
        check(&[with(&|e| e.creditor = Some(PAOLO.to_owned()))], contradiction());
        check(&[with(&|e| e.direction = Direction::Unclear)], contradiction());
        check(&[entry(), with(&|e| e.direction = Direction::Credit)], contradiction());
        // A bank that marks no debit, and one that does and names the same two when the money comes back.
        let by_parties = with(&|e| e.direction = Direction::DebitByParties);
        let marked = |id: Option<&str>| with(&|e| e.end_to_end_id = id.map(str::to_owned));
        check(&[entry(), by_parties.clone()], contradiction());
        check(&[by_parties.clone(), marked(Some("other"))], contradiction());
        check(&[by_parties], booked(false));
        check(&[with(&|e| e.booking = Booking::Other)], contradiction());
        // Somebody else's.
        let nameless = |change: &dyn Fn(&mut Entry)| {
            with(&|e| {
                e.end_to_end_id = None;
                change(e);
            })
        };
        check(&[with(&|e| e.end_to_end_id = Some("other".to_owned()))], Finding::Absent);
        check(&[nameless(&|e| e.amount = cents(1))], Finding::Absent);
        check(&[nameless(&|e| e.direction = Direction::Credit)], Finding::Absent);
        check(&[nameless(&|e| e.creditor = Some(PAOLO.to_owned()))], Finding::Absent);
        // What could be ours and cannot be told apart: ours as a bank cuts and wraps it, and ids that are none.
        for id in [&KEY[..30], &KEY.replace('-', ""), &format!("EREF+{KEY}"), "NONREF", " notprovided ", "", "-"] {
            check(&[with(&|e| e.end_to_end_id = Some(id.to_owned()))], Finding::Indistinct);
            check(
                &[with(&|e| {
                    e.end_to_end_id = Some(id.to_owned());
                    e.amount = cents(1);
                })],
                Finding::Absent,
            );
        }
        check(&[nameless(&|_| {})], Finding::Indistinct);
        check(&[nameless(&|e| e.creditor = None)], Finding::Indistinct);
        check(&[nameless(&|e| e.amount = None)], Finding::Indistinct);
        check(
            &[nameless(&|e| {
                e.is_batch = true;
                e.amount = cents(9_999);
            })],
            Finding::Indistinct,
        );
        check(
            &[nameless(&|e| {
                e.is_batch = true;
                e.amount = cents(1_999);
            })],
            Finding::Absent,
        );
        check(&[nameless(&|_| {}), entry()], booked(false));
    }
}
