//! Moments, as people read them.

/// `2026-11-23 09:41:07.123`, in UTC.
pub fn written(ms: u64) -> String {
    let (days, ms_of_day) = (ms / 86_400_000, ms % 86_400_000);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (ms_of_day / 3_600_000, ms_of_day / 60_000 % 60, ms_of_day / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{:03}", ms % 1_000)
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
}
