//! What a wallet's token comes down to: a number, its end, and the proof that the payer's device was there.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sportello_iso8583::desk;
use zeroize::Zeroizing;

/// The number of a card, or of the device that stands for it (DPAN): 12 to 19 digits, the last of which is right
/// (ISO/IEC 7812-1, annex B). It is wiped when it is dropped, and shows itself to nobody who does not ask for it by name.
#[derive(Clone, PartialEq, Eq)]
pub struct Pan(Zeroizing<String>);

impl Pan {
    /// A number that can be one.
    pub fn new(digits: Zeroizing<String>) -> Option<Self> {
        desk::Pan::new(&digits).is_some().then_some(Self(digits))
    }

    /// The digits. Not for a log, an error or a URL.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// The month that a number ends with. It is good through its last day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    year: u16,
    month: u8,
}

impl Expiry {
    /// A month of this century.
    pub fn new(year: u16, month: u8) -> Option<Self> {
        ((2000..=2099).contains(&year) && (1..=12).contains(&month)).then_some(Self { year, month })
    }

    /// From `YYMMDD`, of which the day must be one, and says no more than the month does.
    pub(crate) fn from_yymmdd(text: &str) -> Option<Self> {
        if text.len() != 6 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let number = |from: usize| text.get(from..from + 2)?.parse::<u8>().ok();
        (1..=31).contains(&number(4)?).then_some(())?;
        Self::new(2000 + u16::from(number(0)?), number(2)?)
    }

    /// The year, as 2030.
    pub fn year(self) -> u16 {
        self.year
    }

    /// The month, 1 to 12.
    pub fn month(self) -> u8 {
        self.month
    }

    /// Whether the month is over at `at_ms`, in milliseconds since 1970, by UTC.
    pub fn is_past(self, at_ms: u64) -> bool {
        at_ms >= month_start_ms(u64::from(self.year), u64::from(self.month) + 1)
    }
}

/// When a month begins; the thirteenth is the first of the next year.
fn month_start_ms(year: u64, month: u64) -> u64 {
    let (year, month) = if month > 12 { (year + 1, month - 12) } else { (year, month) };
    // Days since 0000-03-01, so that the leap day is the last of its year.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year.saturating_sub(1), month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5;
    // 719,468 days lie between that day and 1970-01-01.
    days.saturating_sub(719_468) * 86_400_000
}

/// The proof that the payer's device was there, for one authorization: a cryptogram in base64. It is wiped when it is
/// dropped, and is never kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Cryptogram(Zeroizing<String>);

impl Cryptogram {
    /// Base64 of 1 to 48 bytes.
    pub(crate) fn new(text: Zeroizing<String>) -> Option<Self> {
        let bytes = Zeroizing::new(BASE64_STANDARD.decode(text.as_bytes()).ok()?);
        (1..=48).contains(&bytes.len()).then_some(Self(text))
    }

    /// The base64. Not for a log, an error or a URL.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// The electronic commerce indicator: two digits, as the networks' messages want them. Wallets also write one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eci(u8);

impl Eci {
    pub(crate) fn new(text: &str) -> Option<Self> {
        let is_eci = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        is_eci.then(|| text.parse().ok()).flatten().map(Self)
    }

    /// The two digits.
    pub fn digits(self) -> String {
        format!("{:02}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_one_whose_last_digit_is_right() {
        let check = |digits: &str, expected: bool| {
            assert_eq!(Pan::new(Zeroizing::new(digits.to_owned())).is_some(), expected, "{digits}");
        };
        check("4111111111111111", true);
        check("4895370012003478", true);
        check("5204240250197840", true);
        check("4111111111111112", false);
        check("41111111111", false);
        check("00000000000", false);
        check("000000000000", true);
        check("41111111111111110000", false);
        check("411111111111111١", false);
        check("4111 1111 1111 1111", false);
        check("", false);
    }

    #[test]
    fn a_number_is_good_through_the_last_day_of_its_month() {
        // `date -u -d '2024-03-01' +%s` and the like.
        let check = |yymmdd: &str, ends_s: u64| {
            let expiry = Expiry::from_yymmdd(yymmdd).unwrap();
            assert!(!expiry.is_past(ends_s * 1000 - 1), "{yymmdd}");
            assert!(expiry.is_past(ends_s * 1000), "{yymmdd}");
        };
        check("240229", 1_709_251_200);
        check("231231", 1_704_067_200);
        check("301201", 1_924_992_000);
        check("260131", 1_769_904_000);
        check("000101", 949_363_200);
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in ["", "2409", "241301", "240001", "240900", "240932", "24093a", "2409301", "+40930", "２40930"] {
            assert!(Expiry::from_yymmdd(text).is_none(), "{text}");
        }
    }

    #[test]
    fn an_indicator_has_two_digits() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(Eci::new(text).map(Eci::digits).as_deref(), expected, "{text}");
        };
        check("5", Some("05"));
        check("07", Some("07"));
        check("", None);
        check("005", None);
        check("+5", None);
    }
}
