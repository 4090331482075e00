//! The numbers by which a request and its answer are known.

use std::fmt;

use crate::time::Moment;
use crate::{Field, Message};

/// A terminal id: field 41, eight characters with the spaces at its end.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TerminalId([u8; 8]);

impl TerminalId {
    /// The id of these characters: 1 to 8 printable ones of ASCII, no space among them. `None` where it is none.
    pub fn new(id: &str) -> Option<Self> {
        let is_id = (1..=8).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
        is_id.then(|| {
            let mut padded = [b' '; 8];
            padded.iter_mut().zip(id.bytes()).for_each(|(to, from)| *to = from);
            Self(padded)
        })
    }

    /// Its eight characters, as in field 41.
    pub fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for TerminalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.0).unwrap_or_default().trim_end())
    }
}

impl fmt::Debug for TerminalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The numbers of one request, given once.
///
/// All come from one count that is kept for each terminal and never goes back: the STAN is the count, from 000001 to
/// 999999 and around; the RRN the last digit of the year, the day of the year, and eight digits of the count. So the RRN
/// repeats within a day only after a hundred million requests of one terminal, and STAN and transmission time together
/// only after a million within one second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    terminal: TerminalId,
    count: u64,
    at_ms: u64,
}

impl Trace {
    pub(super) fn new(terminal: TerminalId, count: u64, at_ms: u64) -> Self {
        Self { terminal, count, at_ms }
    }

    /// The terminal id, field 41.
    pub fn terminal(&self) -> TerminalId {
        self.terminal
    }

    /// The systems trace audit number, field 11: six digits, never `000000`.
    pub fn stan(&self) -> String {
        format!("{:06}", self.count % 999_999 + 1)
    }

    /// The retrieval reference number, field 37: twelve digits, of which the first four are the day, `YDDD`.
    pub fn rrn(&self) -> String {
        let at = self.at();
        format!("{}{:03}{:08}", at.year % 10, at.day_of_year, self.count % 100_000_000)
    }

    /// When the numbers were given: fields 7, 12 and 13.
    pub fn at(&self) -> Moment {
        Moment::from_ms(self.at_ms)
    }

    /// When the numbers were given, in milliseconds since 1970.
    pub fn at_ms(&self) -> u64 {
        self.at_ms
    }

    /// Sets fields 7, 11, 12, 13, 37 and 41. What is about an earlier request then gets that one's field 37.
    pub fn apply(&self, message: &mut Message) {
        let at = self.at();
        message
            .set(Field::TRANSMITTED_AT, at.date_time())
            .set(Field::STAN, self.stan())
            .set(Field::LOCAL_TIME, at.time())
            .set(Field::LOCAL_DATE, at.date())
            .set(Field::RRN, self.rrn())
            .set(Field::TERMINAL, self.terminal.as_bytes());
    }
}
