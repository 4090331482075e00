//! Amounts in euros, held in cents.

/// The greatest amount of a SEPA credit transfer (EPC rulebook, AT-T002).
const CENTS_MAX: i64 = 99_999_999_999;

/// Reads `20`, `20.5` or `20.50`: greater than zero, no sign, no group separators, at most two decimals.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let (whole, cents) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(cents) || cents.len() > 2 {
        return None;
    }
    let cents: i64 = format!("{cents:0<2}").parse().ok()?;
    let total = whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(cents)?;
    (1..=CENTS_MAX).contains(&total).then_some(total)
}

/// `20.50`, or `-20.50`.
pub(crate) fn written(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    let cents = cents.unsigned_abs();
    format!("{sign}{}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly() {
        let check = |text: &str, expected: Option<i64>| assert_eq!(parse(text), expected, "{text}");
        check("20", Some(2000));
        check("20.5", Some(2050));
        check("20.05", Some(2005));
        check("0.01", Some(1));
        check("999999999.99", Some(99_999_999_999));
        check("1000000000", None);
        check("0", None);
        check("0.00", None);
        check("-1", None);
        check("1.005", None);
        check("1,00", None);
        check("1e3", None);
        check(".5", None);
        check("5.", None);
        check("", None);
    }

    #[test]
    fn amounts_are_written_with_two_decimals() {
        let check = |cents: i64, expected: &str| assert_eq!(written(cents), expected);
        check(2050, "20.50");
        check(-5, "-0.05");
        check(0, "0.00");
        check(100_000, "1000.00");
    }
}
