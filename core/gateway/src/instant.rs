//! Moments, as people read them.

/// `2026-11-23 09:41:07.123`, in UTC.
pub fn written(ms: u64) -> String {
    let (days, ms_of_day) = (ms / 86_400_000, ms % 86_400_000);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (ms_of_day / 3_600_000, ms_of_day / 60_000 % 60, ms_of_day / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{:03}", ms % 1_000)
}

/// The year and the month of a moment, in UTC.
pub fn month(ms: u64) -> (u64, u64) {
    let (year, month, _) = date(ms / 86_400_000);
    (year, month)
}

/// The first moment of a day written as `2026-11-01`, in UTC, in milliseconds since 1970; nothing where there is no such
/// day, or it was before 1970.
pub fn day(text: &str) -> Option<u64> {
    let mut parts = text.splitn(3, '-');
    let mut part = |len: usize| {
        let part = parts.next()?;
        let is_number = part.len() == len && part.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| part.parse::<u64>().ok()).flatten()
    };
    let (year, month, of_month) = (part(4)?, part(2)?, part(2)?);
    if year < 1970 || !(1..=12).contains(&month) {
        return None;
    }
    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
    let march_year = year - u64::from(month <= 2);
    let (era, year_of_era) = (march_year / 400, march_year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + of_month.checked_sub(1)?;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = (era * 146_097 + day_of_era).checked_sub(719_468)?;
    // A day that the month does not have is another one.
    (date(days) == (year, month, of_month)).then_some(days * 86_400_000)
}

/// The date of a day counted from 1970-01-01, in years that begin in March, so that the leap day comes last (Howard
/// Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`).
fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        let check = |ms, expected: &str| assert_eq!(written(ms), expected);
        check(0, "1970-01-01 00:00:00.000");
        check(951_782_400_000, "2000-02-29 00:00:00.000");
        check(1_700_000_000_123, "2023-11-14 22:13:20.123");
        check(4_107_542_399_999, "2100-02-28 23:59:59.999");
        check(4_107_542_400_000, "2100-03-01 00:00:00.000");
    }

    #[test]
    fn days() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(day(text), expected, "{text:?}");
            if let Some(ms) = expected {
                assert_eq!(written(ms), format!("{text} 00:00:00.000"));
            }
        };
        check("1970-01-01", Some(0));
        check("2000-02-29", Some(951_782_400_000));
        check("2100-03-01", Some(4_107_542_400_000));
        for nonsense in [
            "1969-12-31",
            "2100-02-29",
            "2026-11-31",
            "2026-13-01",
            "2026-00-01",
            "2026-01-00",
            "2026-1-1",
            "26-01-01",
            "2026-11-01T00:00",
            "2026-11",
            "",
            "+026-11-01",
            "2026-11-0１",
        ] {
            check(nonsense, None);
        }
    }
}
