//! Account numbers and bank identifiers: IBAN (ISO 13616) and BIC (ISO 9362).

use std::fmt;

use iban::{Iban, IbanLike as _};
use sportello_sdk::Handle;

/// The scheme of the handles that name an account: `iban:DE89370400440532013000`.
pub(crate) const SCHEME: &str = "iban";

/// Whose payment service providers take part in the SEPA schemes: the EEA, and by EPC409-09 ("EPC list of SEPA scheme
/// countries") Switzerland, the United Kingdom with Gibraltar and the Crown dependencies (whose IBANs begin with GB),
/// Monaco, San Marino, Andorra, the Vatican, and since 2025 Albania, Moldova, Montenegro, North Macedonia, Serbia.
const COUNTRIES: [&str; 42] = [
    "AD", "AL", "AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GI", "GR", "HR", "HU",
    "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MC", "MD", "ME", "MK", "MT", "NL", "NO", "PL", "PT", "RO", "RS", "SE",
    "SI", "SK", "SM", "VA",
];

/// An account in the SEPA, its check digits and its country's format proven.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account(Iban);

/// Why a handle is no account that a SEPA transfer can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoAccount {
    /// Not `iban:…`.
    Scheme,
    /// Wrong length, format or check digits.
    Number,
    /// A good IBAN of a country outside the SEPA.
    Country,
}

impl Account {
    /// Reads `iban:…`, in groups of four or not.
    pub(crate) fn of(handle: &Handle) -> Result<Self, NoAccount> {
        if handle.scheme() != SCHEME {
            return Err(NoAccount::Scheme);
        }
        let iban: Iban = electronic(handle.rest()).parse().map_err(|_| NoAccount::Number)?;
        // Check digits run from 02 to 98 (ISO 13616-1, 6): 99 would be a second way to write 02, and one account two.
        if iban.check_digits_str() == "99" {
            return Err(NoAccount::Number);
        }
        if !COUNTRIES.contains(&iban.country_code()) {
            return Err(NoAccount::Country);
        }
        Ok(Self(iban))
    }

    /// The country of the bank, by its ISO 3166 code.
    pub(crate) fn country(&self) -> &str {
        self.0.country_code()
    }

    /// The electronic form, without spaces.
    pub(crate) fn iban(&self) -> &str {
        self.0.electronic_str()
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.iban())
    }
}

/// An IBAN as it is compared: capitals, no spaces. Not checked.
pub(crate) fn electronic(iban: &str) -> String {
    iban.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect()
}

/// Whether `bic` has the form of ISO 9362:2014: four letters or digits of the party, two letters of a country, two of the
/// place, and perhaps three of a branch, in capitals. As the schemas of ISO 20022 have it (`BICFIDec2014Identifier`).
pub(crate) fn is_bic(bic: &str) -> bool {
    let is_alphanumeric = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    matches!(bic.len(), 8 | 11)
        && bic.bytes().enumerate().all(|(at, b)| match at {
            4 | 5 => b.is_ascii_uppercase(),
            _ => is_alphanumeric(b),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_checked() {
        let check = |handle: &str, expected: Result<&str, NoAccount>| {
            let read = Account::of(&handle.parse().unwrap());
            assert_eq!(read.as_ref().map(Account::iban), expected.as_ref().copied(), "{handle}");
        };
        check("iban:DE89370400440532013000", Ok("DE89370400440532013000"));
        check("iban:de89370400440532013000", Ok("DE89370400440532013000"));
        check("iban:NL91ABNA0417164300", Ok("NL91ABNA0417164300"));
        check("iban:IT60X0542811101000000123456", Ok("IT60X0542811101000000123456"));
        check("iban:DE89370400440532013001", Err(NoAccount::Number));
        check("iban:DE8937040044053201300", Err(NoAccount::Number));
        check("iban:XX89370400440532013000", Err(NoAccount::Number));
        check("iban:@anna", Err(NoAccount::Number));
        check("iban:ES0200381629306409220943", Ok("ES0200381629306409220943"));
        check("iban:ES9900381629306409220943", Err(NoAccount::Number));
        check("iban:<b>&", Err(NoAccount::Number));
        check("iban:BR1500000000000010932840814P2", Err(NoAccount::Country));
        check("tel:+393331234567", Err(NoAccount::Scheme));
    }

    #[test]
    fn bics_are_checked() {
        let check = |bic: &str, expected| assert_eq!(is_bic(bic), expected, "{bic}");
        check("COBADEFFXXX", true);
        check("COBADEFF", true);
        check("1234DEFF", true);
        check("COBADEF", false);
        check("COBADEFFXX", false);
        check("COBA12FF", false);
        check("cobadeff", false);
        check("COBADEFÄ", false);
    }
}
