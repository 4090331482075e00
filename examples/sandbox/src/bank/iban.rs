//! IBANs (ISO 13616): form and check digits.

/// The length of an IBAN in the countries of the SEPA.
const LENGTHS: [(&str, usize); 42] = [
    ("AD", 24),
    ("AL", 28),
    ("AT", 20),
    ("BE", 16),
    ("BG", 22),
    ("CH", 21),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DK", 18),
    ("EE", 20),
    ("ES", 24),
    ("FI", 18),
    ("FR", 27),
    ("GB", 22),
    ("GI", 23),
    ("GR", 27),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IS", 26),
    ("IT", 27),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("MC", 27),
    ("MD", 24),
    ("ME", 22),
    ("MK", 19),
    ("MT", 31),
    ("NL", 18),
    ("NO", 15),
    ("PL", 28),
    ("PT", 25),
    ("RO", 24),
    ("RS", 22),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("SM", 27),
    ("VA", 22),
];

/// Whether `iban` is one of the SEPA area, in its electronic form (no spaces, capitals), with valid check digits.
pub(crate) fn is_valid(iban: &str) -> bool {
    let well_formed = iban.chars().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase());
    let length_fits = LENGTHS.iter().any(|(country, length)| iban.starts_with(country) && iban.len() == *length);
    well_formed && length_fits && remainder(iban) == 1
}

/// The number that the IBAN spells, its first four characters put last and letters read as 10 to 35, modulo 97.
fn remainder(iban: &str) -> u32 {
    let rotated = iban.chars().skip(4).chain(iban.chars().take(4));
    rotated.filter_map(|c| c.to_digit(36)).fold(0, |sum, digit| {
        let shift = if digit < 10 { 10 } else { 100 };
        (sum * shift + digit) % 97
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_are_checked() {
        let check = |iban: &str, expected: bool| assert_eq!(is_valid(iban), expected, "{iban}");
        check("IT60X0542811101000000123456", true);
        check("FR1420041010050500013M02606", true);
        check("DE89370400440532013000", true);
        check("ES9121000418450200051332", true);
        check("RS35260005601001611379", true);
        check("DE88370400440532013000", false);
        check("DE8937040044053201300", false);
        check("de89370400440532013000", false);
        check("DE89 3704 0044 0532 0130 00", false);
        check("US64SVBKUS6S3300958879", false);
        check("", false);
    }
}
