//! What an order is paid with. None of it shows in `Debug`, and none of it is in the desk's records.

use std::fmt;

/// A primary account number, or the number of a network token: 12 to 19 digits whose last is right (ISO/IEC 7812-1,
/// annex B).
#[derive(Clone, PartialEq, Eq)]
pub struct Pan(Box<str>);

impl Pan {
    /// The number of these digits; `None` where they are none.
    pub fn new(digits: &str) -> Option<Self> {
        let is_number = (12..=19).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        (is_number && luhn(digits)).then(|| Self(digits.into()))
    }

    /// The digits themselves. For a message to the acquirer, and nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Pan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pan(…)")
    }
}

fn luhn(digits: &str) -> bool {
    let values = digits.bytes().rev().map(|byte| u32::from(byte - b'0'));
    let sum: u32 = values.zip([1, 2].into_iter().cycle()).map(|(digit, weight)| digit * weight).map(cross).sum();
    sum.is_multiple_of(10)
}

fn cross(sum: u32) -> u32 {
    sum / 10 + sum % 10
}

/// A month in which a card expires, as `YYMM`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Expiry([u8; 4]);

impl Expiry {
    /// That month of that year; `None` where there is none.
    pub fn new(year: u16, month: u8) -> Option<Self> {
        (1..=12).contains(&month).then(|| {
            let year = u8::try_from(year % 100).unwrap_or(0);
            Self([year / 10, year % 10, month / 10, month % 10].map(|digit| b'0' + digit))
        })
    }

    /// Its four digits.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Expiry(…)")
    }
}

/// What shows that the payer was authenticated: of 3-D Secure, or the cryptogram of a network token.
#[derive(Clone, PartialEq, Eq)]
pub struct Evidence {
    eci: Option<Box<str>>,
    cryptogram: Option<Box<str>>,
    ds_transaction: Option<Box<str>>,
}

impl Evidence {
    /// Evidence as it stands in a message; `None` where a part of it cannot stand there.
    ///
    /// `eci` is the electronic commerce indicator, one or two digits; `cryptogram` the CAVV, or the token's cryptogram, in
    /// base64; `ds_transaction` the directory server's id of the transaction, 36 characters (RFC 9562).
    pub fn new(eci: Option<&str>, cryptogram: Option<&str>, ds_transaction: Option<&str>) -> Option<Self> {
        let digits = |eci: &str| (1..=2).contains(&eci.len()) && eci.bytes().all(|byte| byte.is_ascii_digit());
        let base64 = |text: &str| {
            let is_of_it = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
            (4..=64).contains(&text.len()) && text.bytes().all(is_of_it)
        };
        let id = |text: &str| text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        let fits = eci.is_none_or(digits) && cryptogram.is_none_or(base64) && ds_transaction.is_none_or(id);
        fits.then(|| Self {
            eci: eci.map(|eci| format!("{eci:0>2}").into()),
            cryptogram: cryptogram.map(Into::into),
            ds_transaction: ds_transaction.map(Into::into),
        })
    }

    pub(super) fn elements(&self) -> impl Iterator<Item = (&'static str, String)> {
        let eci = self.eci.as_deref().map(|eci| ("42", eci.to_owned()));
        let cryptogram = self.cryptogram.as_deref().map(|cryptogram| ("43", cryptogram.to_owned()));
        let ds = self.ds_transaction.as_deref().map(|id| ("66", format!("2{id}")));
        [eci, cryptogram, ds].into_iter().flatten()
    }
}

impl fmt::Debug for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Evidence(…)")
    }
}

/// Why the issuer may do without authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exemption {
    /// A low value (Delegated Regulation (EU) 2018/389, article 16).
    LowValue,
}

/// What an order is paid with, or refunded to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paying {
    /// The card's number, or the token's.
    pub pan: Pan,
    /// When it expires.
    pub expiry: Expiry,
    /// What shows that the payer was authenticated.
    pub evidence: Option<Evidence>,
    /// Why that is not needed.
    pub exemption: Option<Exemption>,
}

impl Paying {
    /// The text of field 48; nothing where there is nothing to say. Sub-elements are a tag and a length of two digits each,
    /// and the value.
    pub(super) fn private_data(&self) -> Option<String> {
        let exemption = self.exemption.map(|Exemption::LowValue| ("22", "010204".to_owned()));
        let evidence = self.evidence.iter().flat_map(Evidence::elements);
        let elements = exemption.into_iter().chain(evidence);
        let text: String = elements.map(|(tag, value)| format!("{tag}{:02}{value}", value.len())).collect();
        (!text.is_empty()).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_cards() {
        for good in ["4111111111111111", "5555555555554444", "4000002500003155", "6011000990139424", "500000000009"] {
            assert!(Pan::new(good).is_some(), "{good}");
        }
        for bad in
            ["", "4111111111111112", "411111111111111a", "41111111111", "00000000000000000000", "４111111111111111"]
        {
            assert!(Pan::new(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn what_is_private_stands_in_sub_elements() {
        let ds = "f38e6948-5388-41a6-bca4-b49723c19437";
        let check = |evidence: Option<Evidence>, exemption: Option<Exemption>, expected: Option<&str>| {
            let paying = Paying {
                pan: Pan::new("4111111111111111").unwrap(),
                expiry: Expiry::new(2030, 12).unwrap(),
                evidence,
                exemption,
            };
            assert_eq!(paying.private_data().as_deref(), expected);
            assert!(!format!("{paying:?}").contains("4111"));
            assert_eq!(paying.expiry.as_str(), "3012");
        };
        check(None, None, None);
        check(None, Some(Exemption::LowValue), Some("2206010204"));
        let full = Evidence::new(Some("5"), Some("AAABBBCCCDDD"), Some(ds));
        check(full, None, Some("4202054312AAABBBCCCDDD66372f38e6948-5388-41a6-bca4-b49723c19437"));
        check(Evidence::new(None, Some("AAAB"), None), None, Some("4304AAAB"));
    }

    #[test]
    fn what_cannot_stand_in_a_message_is_no_evidence() {
        let check = |eci: &str, cryptogram: &str, ds: &str| {
            assert!(Evidence::new(Some(eci), Some(cryptogram), Some(ds)).is_none(), "{eci} {cryptogram} {ds}");
        };
        let ds = "f38e6948-5388-41a6-bca4-b49723c19437";
        check("", "AAAB", ds);
        check("005", "AAAB", ds);
        check("0x", "AAAB", ds);
        check("05", "A-_B", ds);
        check("05", &"A".repeat(65), ds);
        check("05", "AAAB", "f38e6948");
    }
}
