//! Telephone numbers: E.164 on our side, whatever the SMSC writes on the other.

use phonelib::PhoneNumber;
use sportello_sdk::Handle;

use crate::pdu::Address;
use crate::settings::NumberFormat;

/// The scheme of this channel's handles, as the manifest declares it (RFC 3966).
pub(crate) const SCHEME: &str = "tel";

/// `ton` of an address (SMPP 3.4, section 5.2.5).
const TON_UNKNOWN: u8 = 0;
const TON_INTERNATIONAL: u8 = 1;
const TON_NATIONAL: u8 = 2;

/// `npi` of an address: ISDN (E.164).
const NPI_ISDN: u8 = 1;

/// A country whose plan of numbers is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Country(&'static str);

impl Country {
    /// By its code, as `IT` (ISO 3166-1).
    pub(crate) fn parse(code: &str) -> Option<Self> {
        phonelib::country_by_code(code).map(|country| Self(country.code))
    }
}

/// How numbers are read and written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// Whose numbers may stand without a country code.
    pub(crate) country: Option<Country>,
    /// How the SMSC writes them.
    pub(crate) format: NumberFormat,
}

impl Numbers {
    /// `tel:+…`, for an address that is a number of somebody in the world; nothing for a short code, a name, or what
    /// is no number.
    pub(crate) fn handle(&self, address: &Address) -> Option<Handle> {
        let text = address.text.as_str();
        let digits = match address.ton {
            TON_INTERNATIONAL => international(text),
            TON_NATIONAL => self.national(text),
            // Nobody said what it is: the SMSC's usual way decides.
            TON_UNKNOWN if text.starts_with('+') || text.starts_with("00") => international(text),
            TON_UNKNOWN if self.format == NumberFormat::National => self.national(text),
            TON_UNKNOWN => international(text),
            _ => None,
        }?;
        Handle::new(SCHEME, &format!("+{digits}")).ok()
    }

    /// The address of whoever has this handle; nothing where it is no `tel:+…`.
    pub(crate) fn address(&self, handle: &Handle) -> Option<Address> {
        let digits = handle.rest().strip_prefix('+').filter(|_| handle.scheme() == SCHEME)?;
        if !is_e164(digits) {
            return None;
        }
        let national = (self.format == NumberFormat::National).then(|| self.in_country(digits)).flatten();
        Some(match national {
            Some(text) => Address { ton: TON_NATIONAL, npi: NPI_ISDN, text },
            None => Address { ton: TON_INTERNATIONAL, npi: NPI_ISDN, text: self.written(digits) },
        })
    }

    /// The digits of an international number, as the SMSC wants them.
    pub(crate) fn written(&self, digits: &str) -> String {
        let plus = if self.format == NumberFormat::Plus { "+" } else { "" };
        format!("{plus}{digits}")
    }

    /// The digits with the country's code, of a number that stands without it. A trunk prefix, where the country has one,
    /// is known for what it is.
    fn national(&self, text: &str) -> Option<String> {
        let Country(code) = self.country?;
        let is_digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let number = PhoneNumber::parse_with_country(text, code).filter(|_| is_digits)?;
        international(number.e164())
    }

    /// The number without its country's code, where that is the SMSC's own country.
    fn in_country(&self, digits: &str) -> Option<String> {
        let Country(code) = self.country?;
        let number = PhoneNumber::parse(&format!("+{digits}")).filter(|number| number.country().code == code)?;
        digits.strip_prefix(&number.country_code().to_string()).map(str::to_owned)
    }
}

/// The digits of a number that stands with its country's code, perhaps behind `+` or `00`.
fn international(text: &str) -> Option<String> {
    let digits = text.strip_prefix('+').or_else(|| text.strip_prefix("00")).unwrap_or(text);
    is_e164(digits).then(|| digits.to_owned())
}

/// A country's code never begins with 0, and with it a number has at most 15 digits (ITU-T E.164, section 6.2.1). What is
/// shorter than 7 is a short code.
///
/// Which numbers are given out is not asked: a table of that is old by the day it is made, and whoever writes from a
/// number has it.
fn is_e164(digits: &str) -> bool {
    (7..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(country: &str, format: NumberFormat) -> Numbers {
        Numbers { country: Country::parse(country), format }
    }

    #[test]
    fn from_the_smsc() {
        let check = |numbers: &Numbers, ton: u8, text: &str, expected: Option<&str>| {
            let address = Address { ton, npi: 1, text: text.to_owned() };
            let handle = numbers.handle(&address).map(|handle| handle.to_string());
            assert_eq!(handle.as_deref(), expected, "{ton} {text}");
        };
        let usual = numbers("IT", NumberFormat::International);
        let paolo = Some("tel:+393331234567");
        check(&usual, 1, "393331234567", paolo);
        check(&usual, 1, "+393331234567", paolo);
        check(&usual, 0, "393331234567", paolo);
        check(&usual, 0, "00393331234567", paolo);
        check(&usual, 2, "3331234567", paolo);
        // Italian landlines keep their zero; in Germany it is a trunk prefix, and goes.
        check(&usual, 2, "0612345678", Some("tel:+390612345678"));
        check(&numbers("DE", NumberFormat::National), 0, "015112345678", Some("tel:+4915112345678"));
        check(&numbers("IT", NumberFormat::National), 0, "3331234567", paolo);
        check(&numbers("IT", NumberFormat::National), 0, "+4915112345678", Some("tel:+4915112345678"));
        check(&numbers("", NumberFormat::International), 2, "3331234567", None);
        // No numbers of anybody.
        check(&usual, 5, "SPORTELLO", None);
        check(&usual, 5, "393331234567", None);
        check(&usual, 3, "40404", None);
        check(&usual, 1, "40404", None);
        check(&usual, 0, "", None);
        check(&usual, 1, "+", None);
        check(&usual, 1, "39333x234567", None);
        check(&usual, 1, "1234567890123456", None);
        check(&usual, 2, "abc", None);
        check(&usual, 2, "", None);
        check(&usual, 9, "393331234567", None);
    }

    #[test]
    fn to_the_smsc() {
        let check = |numbers: &Numbers, handle: &str, expected: Option<(u8, &str)>| {
            let address = numbers.address(&handle.parse().unwrap());
            let told = address.as_ref().map(|address| (address.ton, address.text.as_str()));
            assert_eq!(told, expected, "{handle}");
        };
        let paolo = "tel:+393331234567";
        check(&numbers("IT", NumberFormat::International), paolo, Some((1, "393331234567")));
        check(&numbers("IT", NumberFormat::Plus), paolo, Some((1, "+393331234567")));
        check(&numbers("IT", NumberFormat::National), paolo, Some((2, "3331234567")));
        check(&numbers("DE", NumberFormat::National), paolo, Some((1, "393331234567")));
        // Canada shares its code with the United States.
        check(&numbers("US", NumberFormat::National), "tel:+14165550123", Some((1, "14165550123")));
        check(&numbers("IT", NumberFormat::International), "tel:3331234567", None);
        check(&numbers("IT", NumberFormat::International), "tel:@anna", None);
        check(&numbers("IT", NumberFormat::International), "tel:+39333", None);
        check(&numbers("IT", NumberFormat::International), "twitter:2", None);
    }
}
