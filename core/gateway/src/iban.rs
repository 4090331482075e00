//! Whether a text is an IBAN.

/// ISO 13616: a country, two check digits, then up to 30 letters and digits; moved around and with letters as 10 to 35,
/// the whole leaves 1 when divided by 97 (ISO 7064, MOD 97-10).
pub fn is_valid(text: &str) -> bool {
    let shape = text.len() >= 15
        && text.len() <= 34
        && text.bytes().take(2).all(|b| b.is_ascii_uppercase())
        && text.bytes().skip(2).take(2).all(|b| b.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    if !shape {
        return false;
    }
    let rearranged = text.bytes().skip(4).chain(text.bytes().take(4));
    let rest = rearranged.fold(0u32, |rest, b| match b {
        b'0'..=b'9' => (rest * 10 + u32::from(b - b'0')) % 97,
        _ => (rest * 100 + u32::from(b - b'A') + 10) % 97,
    });
    rest == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ibans() {
        let check = |text: &str, expected| assert_eq!(is_valid(text), expected, "{text}");
        check("FR1420041010050500013M02606", true);
        check("IT60X0542811101000000123456", true);
        check("DE89370400440532013000", true);
        check("NO9386011117947", true);
        check("IT61X0542811101000000123456", false);
        check("DE8937040044053201300", false);
        check("fr1420041010050500013m02606", false);
        check("FR14 2004 1010 0505 0001 3M02 606", false);
        check("", false);
        check("XX", false);
    }
}
