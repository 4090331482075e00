//! People's telephones: the thread of each, and the parts of long messages that wait for the rest.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::Serialize;

use super::{address, alphabet::Alphabet, message::Submission, parts::Place};

/// Whose numbers have a name.
pub(crate) const PEOPLE: [(&str, u64); 3] =
    [("paolo", 393_331_234_567), ("anna", 33_612_345_678), ("luca", 4_915_112_345_678)];

/// How many texts a phone keeps.
const TEXTS_MAX: usize = 50;
/// How many phones are remembered.
const PHONES_MAX: usize = 10_000;
/// How many long messages one phone waits for at a time.
const JOINING_MAX: usize = 16;

/// One text of a thread.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Text {
    /// Who wrote it, and to whom.
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) text: String,
    pub(crate) at_ms: u64,
    pub(crate) parts: usize,
    pub(crate) encoding: Alphabet,
    /// The SMSC's id of each part.
    pub(crate) ids: Vec<String>,
}

/// A long message, some of whose parts have come.
#[derive(Debug)]
struct Joining {
    from: address::Address,
    place: Place,
    parts: BTreeMap<u8, (String, u64)>,
}

#[derive(Debug, Default)]
struct Phone {
    texts: VecDeque<Text>,
    joining: VecDeque<Joining>,
}

#[derive(Debug, Default)]
pub(crate) struct Phones {
    phones: HashMap<u64, Phone>,
    /// The numbers without a name, in the order in which they were first used.
    order: VecDeque<u64>,
}

/// The number of somebody by name, or a number as it is written.
pub(crate) fn number_of(who: &str) -> Option<u64> {
    let person = PEOPLE.iter().find(|(name, _)| *name == who).map(|(_, number)| *number);
    person.or_else(|| address::number(who))
}

impl Phones {
    /// The thread of a phone, the oldest text first.
    pub(crate) fn thread(&self, number: u64) -> Vec<Text> {
        self.phones.get(&number).map(|phone| phone.texts.iter().cloned().collect()).unwrap_or_default()
    }

    /// How many long messages a phone has that are not whole.
    pub(crate) fn incomplete(&self, number: u64) -> usize {
        self.phones.get(&number).map_or(0, |phone| phone.joining.len())
    }

    /// Puts what the phone itself wrote into its thread.
    pub(crate) fn wrote(&mut self, number: u64, text: Text) {
        self.phone(number).show(text);
    }

    /// A message arrives at its phone, which shows it once it is whole.
    pub(crate) fn receive(&mut self, submission: &Submission, id: u64, at_ms: u64) {
        let phone = self.phone(submission.destination);
        let text = |text: String, parts: usize, ids: Vec<String>| Text {
            from: submission.source.shown(),
            to: format!("+{}", submission.destination),
            text,
            at_ms,
            parts,
            encoding: submission.alphabet,
            ids,
        };
        let Some(place) = submission.place else {
            return phone.show(text(submission.text.clone(), submission.parts, vec![id.to_string()]));
        };
        let Some(parts) = phone.join(submission, place, id) else { return };
        let whole = parts.values().map(|(part, _)| part.as_str()).collect();
        let ids = parts.values().map(|(_, id)| id.to_string()).collect();
        phone.show(text(whole, parts.len(), ids));
    }

    /// Forgets the one used first where there are too many, but nobody's with a name.
    fn phone(&mut self, number: u64) -> &mut Phone {
        if !self.phones.contains_key(&number) && !PEOPLE.iter().any(|(_, named)| *named == number) {
            if self.order.len() >= PHONES_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.phones.remove(&oldest);
            }
            self.order.push_back(number);
        }
        self.phones.entry(number).or_default()
    }
}

impl Phone {
    fn show(&mut self, text: Text) {
        if self.texts.len() >= TEXTS_MAX {
            self.texts.pop_front();
        }
        self.texts.push_back(text);
    }

    /// Takes a part; all of them once the last one is there. One that comes twice counts once.
    fn join(&mut self, submission: &Submission, place: Place, id: u64) -> Option<BTreeMap<u8, (String, u64)>> {
        let is_same = |joining: &Joining| {
            let Place { joint, reference, total, .. } = joining.place;
            (joint, reference, total) == (place.joint, place.reference, place.total)
                && joining.from == submission.source
        };
        let at = self.joining.iter().position(is_same).unwrap_or_else(|| {
            if self.joining.len() >= JOINING_MAX {
                self.joining.pop_front();
            }
            self.joining.push_back(Joining { from: submission.source.clone(), place, parts: BTreeMap::new() });
            self.joining.len() - 1
        });
        let joining = self.joining.get_mut(at)?;
        joining.parts.insert(place.number, (submission.text.clone(), id));
        if joining.parts.len() < usize::from(place.total) {
            return None;
        }
        self.joining.remove(at).map(|joined| joined.parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smsc::{address::Address, parts::Joint};

    fn submission(destination: u64, text: &str, place: Option<(u16, u8, u8)>) -> Submission {
        Submission {
            source: Address::short_code("40404"),
            destination,
            alphabet: Alphabet::Gsm,
            text: text.to_owned(),
            place: place.map(|(reference, total, number)| Place { joint: Joint::Udh8, reference, total, number }),
            parts: 1,
            is_expired: false,
            receipt_if: (false, false),
            reference: None,
        }
    }

    #[test]
    fn a_text_is_shown_when_all_of_it_is_there() {
        let check = |arriving: &[(&str, (u16, u8, u8))], shown: &[&str], incomplete: usize| {
            let mut phones = Phones::default();
            for (at, (text, place)) in (1..).zip(arriving) {
                phones.receive(&submission(39_333, text, Some(*place)), at, 0);
            }
            let texts: Vec<String> = phones.thread(39_333).into_iter().map(|text| text.text).collect();
            assert_eq!(
                (texts.as_slice(), phones.incomplete(39_333)),
                (shown.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>().as_slice(), incomplete)
            );
        };
        check(&[("a", (7, 2, 1)), ("b", (7, 2, 2))], &["ab"], 0);
        check(&[("b", (7, 2, 2)), ("a", (7, 2, 1))], &["ab"], 0);
        check(&[("b", (7, 2, 2)), ("b", (7, 2, 2))], &[], 1);
        check(&[("a", (7, 2, 1)), ("b", (8, 2, 2))], &[], 2);
        check(&[("a", (7, 2, 1)), ("x", (8, 1, 1)), ("b", (7, 2, 2))], &["x", "ab"], 0);
        let lost: Vec<_> = (0..40).map(|reference| ("a", (reference, 2, 1))).collect();
        check(&lost, &[], JOINING_MAX);
    }

    #[test]
    fn phones_and_threads_have_an_end() {
        let mut phones = Phones::default();
        phones.receive(&submission(PEOPLE[0].1, "hello", None), 1, 0);
        for number in 0..10_050 {
            phones.receive(&submission(393_330_000_000 + number, "hello", None), 1, 0);
        }
        assert_eq!((phones.phones.len(), phones.order.len()), (PHONES_MAX + 1, PHONES_MAX));
        assert_eq!(phones.thread(PEOPLE[0].1).len(), 1);
        assert!(phones.thread(393_330_000_000).is_empty());
        for count in 0..60 {
            phones.receive(&submission(393_330_010_000, &count.to_string(), None), 1, 0);
        }
        let thread = phones.thread(393_330_010_000);
        assert_eq!((thread.len(), thread[0].text.as_str()), (TEXTS_MAX, "10"));
    }
}
