//! Field 90, the original data elements: which message another one is about.

use super::message::Message;

/// How a message is known: by its terminal (41), its STAN (11) and its time of transmission (7).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) terminal: String,
    pub(crate) stan: u32,
    pub(crate) sent_at: u64,
}

/// The message that field 90 names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Original {
    pub(crate) mti: u16,
    pub(crate) key: Key,
    /// Field 32, the acquirer.
    pub(crate) acquirer: u64,
}

impl Original {
    /// The original as which later messages name this one.
    pub(crate) fn of(message: &Message) -> Self {
        let stan = message.get(11).parse().unwrap_or(0);
        let key = Key { terminal: message.get(41).to_owned(), stan, sent_at: message.number(7) };
        Self { mti: message.mti, key, acquirer: message.number(32) }
    }

    /// The original that the message names; `None` where field 90 is not as it should be. It has the terminal of the
    /// message, for field 90 has none.
    pub(crate) fn named_in(message: &Message) -> Option<Self> {
        let text = message.get(90);
        let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
        if text.len() != 42 || number(31, 42)? != 0 {
            return None;
        }
        let stan = u32::try_from(number(4, 10)?).ok()?;
        let key = Key { terminal: message.get(41).to_owned(), stan, sent_at: number(10, 20)? };
        let original = Self { mti: u16::try_from(number(0, 4)?).ok()?, key, acquirer: number(20, 31)? };
        matches!(original.mti, 100 | 200 | 220).then_some(original)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_original_is_named_as_it_is_known() {
        let mut sent = Message::new(100);
        for (field, value) in [(7, "1124190501"), (11, "000042"), (32, "400123"), (41, "TERM0001")] {
            sent.set(field, value);
        }
        let check = |elements: &str, expected: Option<Original>| {
            let mut reversal = Message::new(420);
            reversal.set(41, "TERM0001");
            reversal.set(90, elements);
            assert_eq!(Original::named_in(&reversal), expected, "{elements}");
        };
        check("010000004211241905010000040012300000000000", Some(Original::of(&sent)));
        // Something in the last eleven, a reversal as the original, too short, no digits.
        check("010000004211241905010000040012300000000001", None);
        check("040000004211241905010000040012300000000000", None);
        check("01000000421124190501", None);
        check("01000000421124190501 000040012300000000000", None);
    }
}
