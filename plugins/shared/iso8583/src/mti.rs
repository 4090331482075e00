//! Message type indicators: version, class, function and origin, a digit each (ISO 8583:1987, section 4.1.1).

use std::fmt;

/// A message type indicator, `0000` to `9999`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mti(u16);

impl Mti {
    /// 0100, authorization request.
    pub const AUTHORIZATION: Self = Self(100);
    /// 0110, its answer.
    pub const AUTHORIZATION_ANSWER: Self = Self(110);
    /// 0200, financial request.
    pub const FINANCIAL: Self = Self(200);
    /// 0210, its answer.
    pub const FINANCIAL_ANSWER: Self = Self(210);
    /// 0220, financial advice: the completion (capture) of an authorization.
    pub const COMPLETION: Self = Self(220);
    /// 0230, its answer.
    pub const COMPLETION_ANSWER: Self = Self(230);
    /// 0400, reversal request.
    pub const REVERSAL: Self = Self(400);
    /// 0410, its answer.
    pub const REVERSAL_ANSWER: Self = Self(410);
    /// 0420, reversal advice.
    pub const REVERSAL_ADVICE: Self = Self(420);
    /// 0430, its answer.
    pub const REVERSAL_ADVICE_ANSWER: Self = Self(430);
    /// 0800, network management.
    pub const NETWORK: Self = Self(800);
    /// 0810, its answer.
    pub const NETWORK_ANSWER: Self = Self(810);

    /// The indicator that these four digits are; `None` where they are none.
    pub fn read(digits: [u8; 4]) -> Option<Self> {
        digits
            .iter()
            .try_fold(0_u16, |number, digit| {
                digit.is_ascii_digit().then(|| number * 10 + u16::from(digit - b'0')).filter(|number| *number <= 9999)
            })
            .map(Self)
    }

    /// Its four digits.
    pub fn digits(self) -> [u8; 4] {
        let digit = |unit: u16| b'0' + (self.0 / unit % 10).to_le_bytes()[0];
        [digit(1000), digit(100), digit(10), digit(1)]
    }

    /// Whether it asks for something or tells something, and is answered: the function's digit is even.
    pub fn is_request(self) -> bool {
        (self.0 / 10).is_multiple_of(2)
    }

    /// What answers it: `0110` answers `0100`, and `0430` answers `0420` and `0421`. An answer is its own.
    pub fn answer(self) -> Self {
        if self.is_request() { Self(self.0 - self.0 % 10 + 10) } else { self }
    }

    /// The same said once more: `0221` repeats `0220`. A repeat is its own.
    pub fn repeat(self) -> Self {
        Self(self.0 - self.0 % 2 + 1)
    }

    /// Whether it manages the network (class 8), and concerns no money.
    pub fn is_network(self) -> bool {
        self.0 / 100 % 10 == 8
    }
}

impl fmt::Display for Mti {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}

impl fmt::Debug for Mti {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_their_answers_and_their_repeats() {
        let check = |digits: &[u8; 4], is_request: bool, answer: &str, repeat: &str| {
            let mti = Mti::read(*digits).unwrap();
            let seen = (mti.is_request(), mti.answer().to_string(), mti.repeat().to_string());
            assert_eq!(seen, (is_request, answer.to_owned(), repeat.to_owned()), "{mti}");
            assert_eq!(mti.digits(), *digits);
        };
        check(b"0100", true, "0110", "0101");
        check(b"0200", true, "0210", "0201");
        check(b"0220", true, "0230", "0221");
        check(b"0221", true, "0230", "0221");
        check(b"0401", true, "0410", "0401");
        check(b"0421", true, "0430", "0421");
        check(b"0810", false, "0810", "0811");
        check(b"9999", false, "9999", "9999");
        assert!(Mti::NETWORK_ANSWER.is_network() && !Mti::FINANCIAL.is_network());
        assert_eq!([*b"02 0", *b"-200", *b"02a0"].map(Mti::read), [None; 3]);
    }
}
