//! Times as SMPP writes them: `YYMMDDhhmmsstnnp`, absolute or relative (SMPP 3.4, section 7.1.1).

use crate::clock;

/// When a message is no longer wanted, in milliseconds since 1970; `None` for the SMSC's own default.
///
/// # Errors
/// When the text is no time.
pub(crate) fn end_ms(text: &str, now_ms: u64) -> Result<Option<u64>, ()> {
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() != 16 || !text.is_ascii() {
        return Err(());
    }
    let number = |from: usize, to: usize| text.get(from..to).and_then(|digits| digits.parse::<u64>().ok()).ok_or(());
    let (year, month, day) = (number(0, 2)?, number(2, 4)?, number(4, 6)?);
    let (hours, minutes, seconds, tenths) = (number(6, 8)?, number(8, 10)?, number(10, 12)?, number(12, 13)?);
    let quarters = number(13, 15)?;
    let of_day_ms = ((hours * 60 + minutes) * 60 + seconds) * 1000 + tenths * 100;
    let offset_ms = quarters * 15 * 60_000;
    let of_date_ms = || {
        let is_time = hours < 24 && minutes < 60 && seconds < 60 && quarters <= 48;
        let is_date = clock::is_date(&format!("{:04}-{month:02}-{day:02}", 2000 + year));
        if is_time && is_date { Ok(days(2000 + year, month, day) * 86_400_000 + of_day_ms) } else { Err(()) }
    };
    match text.get(15..16) {
        // A year is 365 days and a month 30, near enough for a message.
        Some("R") => Ok(Some(now_ms + (year * 365 + month * 30 + day) * 86_400_000 + of_day_ms)),
        Some("+") => Ok(Some(of_date_ms()? - offset_ms)),
        Some("-") => Ok(Some(of_date_ms()? + offset_ms)),
        _ => Err(()),
    }
}

/// Days since 1970 (after Howard Hinnant's `days_from_civil`).
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let (era, year_of_era) = (year / 400, year % 400);
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_the_standard_writes_them() {
        let check = |text: &str, expected: Result<Option<&str>, ()>| {
            let found = end_ms(text, 1_784_928_203_000).map(|end| end.map(clock::rfc3339));
            assert_eq!(found, expected.map(|end| end.map(str::to_owned)), "{text}");
        };
        check("", Ok(None));
        check("000000010000000R", Ok(Some("2026-07-24T22:23:23.000Z")));
        check("000002000000000R", Ok(Some("2026-07-26T21:23:23.000Z")));
        check("260725120000000+", Ok(Some("2026-07-25T12:00:00.000Z")));
        check("260725120000508+", Ok(Some("2026-07-25T10:00:00.500Z")));
        check("240229120000004-", Ok(Some("2024-02-29T13:00:00.000Z")));
        check("260230120000000+", Err(()));
        check("260725240000000+", Err(()));
        check("260725120000049+", Err(()));
        check("260725120000000Z", Err(()));
        check("260725120000", Err(()));
        check("2607251200000-1+", Err(()));
    }
}
