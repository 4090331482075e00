//! Who sends and who receives: type of number, numbering plan, digits (SMPP 3.4, sections 5.2.5 to 5.2.9).

use super::pdu::Fields;

/// A type of number that says "with country code".
pub(crate) const INTERNATIONAL: u8 = 1;
pub(crate) const NATIONAL: u8 = 2;
/// What a short code is.
pub(crate) const NETWORK_SPECIFIC: u8 = 3;
pub(crate) const ALPHANUMERIC: u8 = 5;
/// The numbering plan of telephones, E.164.
const TELEPHONE: u8 = 1;

/// An address as it stands in a PDU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) ton: u8,
    pub(crate) npi: u8,
    pub(crate) text: String,
}

impl Address {
    /// A number in E.164, as the digits behind the `+`.
    pub(crate) fn international(number: u64) -> Self {
        Self { ton: INTERNATIONAL, npi: TELEPHONE, text: number.to_string() }
    }

    pub(crate) fn short_code(code: &str) -> Self {
        Self { ton: NETWORK_SPECIFIC, npi: 0, text: code.to_owned() }
    }

    /// How a phone in the network writes its own number when asked for this type.
    pub(crate) fn typed(number: u64, ton: u8) -> Self {
        let text = match ton {
            INTERNATIONAL => number.to_string(),
            // The countries of all people here have codes of two digits.
            NATIONAL => number.to_string().chars().skip(2).collect(),
            _ => format!("+{number}"),
        };
        Self { ton, npi: TELEPHONE, text }
    }

    /// Reads one; `None` where it is longer than 20 characters, not in ASCII, or the body ends.
    pub(crate) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (ton, npi, text) = (fields.one()?, fields.one()?, fields.text()?);
        let text = std::str::from_utf8(text).ok().filter(|text| text.is_ascii() && text.len() <= 20)?;
        Some(Self { ton, npi, text: text.to_owned() })
    }

    pub(crate) fn push(&self, out: &mut Vec<u8>) {
        out.extend([self.ton, self.npi]);
        out.extend(self.text.bytes());
        out.push(0);
    }

    /// Who this is to a person who looks at a phone: a number in E.164 with its `+`, or the text as it is.
    pub(crate) fn shown(&self) -> String {
        match (self.ton, number(&self.text)) {
            (INTERNATIONAL, Some(digits)) => format!("+{digits}"),
            _ => self.text.clone(),
        }
    }
}

/// The digits of a telephone number, written `+39…`, `0039…` or `39…`; at most 15 (E.164, section 6.2.1).
pub(crate) fn number(text: &str) -> Option<u64> {
    let digits = text.strip_prefix('+').or_else(|| text.strip_prefix("00")).unwrap_or(text);
    let fits = (3..=15).contains(&digits.len()) && !digits.starts_with('0');
    digits.parse().ok().filter(|_| fits && digits.bytes().all(|digit| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        let check = |text: &str, expected: Option<u64>| assert_eq!(number(text), expected, "{text}");
        check("+393331234567", Some(393_331_234_567));
        check("393331234567", Some(393_331_234_567));
        check("00393331234567", Some(393_331_234_567));
        check("+4915112345678", Some(4_915_112_345_678));
        check("3331234567890123", None);
        check("+39 333", None);
        check("0333", None);
        check("++39333", None);
        check("Sportello", None);
        check("", None);
    }

    #[test]
    fn phones_show_who_wrote() {
        let check = |address: Address, expected: &str| assert_eq!(address.shown(), expected);
        check(Address::short_code("40404"), "40404");
        check(Address::international(39_333), "+39333");
        check(Address { ton: ALPHANUMERIC, npi: 0, text: "Sportello".to_owned() }, "Sportello");
    }
}
