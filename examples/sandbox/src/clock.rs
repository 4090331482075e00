//! Instants as providers write them. Civil dates are computed here (after Howard Hinnant's `civil_from_days`), so that
//! the sandbox needs no date crate and agrees with the gateway's only by being right.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970, UTC.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
}

/// Seconds since 1970, UTC.
pub(crate) fn now_s() -> u64 {
    now_ms() / 1000
}

/// `2026-07-24T21:23:23.000Z`: X API v2, and pain.002 (an `xs:dateTime`).
pub(crate) fn rfc3339(ms: u64) -> String {
    let (date, time) = split(ms);
    format!("{}T{time}.{:03}Z", iso(date), ms % 1000)
}

/// `2026-07-24`: booking dates.
pub(crate) fn date(ms: u64) -> String {
    iso(split(ms).0)
}

/// `Wed Oct 10 20:19:24 +0000 2018`: X API v1.1, which Account Activity still speaks.
pub(crate) fn v1_1(ms: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let ((year, month, day), time) = split(ms);
    let weekday = usize::try_from(ms / 86_400_000 % 7).ok().and_then(|i| DAYS.get(i)).unwrap_or(&"");
    let month = usize::try_from(month - 1).ok().and_then(|i| MONTHS.get(i)).unwrap_or(&"");
    format!("{weekday} {month} {day:02} {time} +0000 {year}")
}

/// Whether `text` is a calendar date `YYYY-MM-DD` that exists.
pub(crate) fn is_date(text: &str) -> bool {
    let mut parts = text.split('-').map(|part| (part.len(), part.parse::<u64>().ok()));
    let (Some((4, Some(year))), Some((2, Some(month))), Some((2, Some(day))), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

type Date = (u64, u64, u64);

fn iso((year, month, day): Date) -> String {
    format!("{year:04}-{month:02}-{day:02}")
}

fn split(ms: u64) -> (Date, String) {
    let seconds = ms / 1000;
    // Days are counted from 0000-03-01, so that the leap day is the last of its year.
    let days = seconds / 86_400 + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let time = format!("{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    ((year, month, day), time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_as_the_providers_write_them() {
        let check = |ms: u64, v2: &str, old: &str| {
            assert_eq!(rfc3339(ms), v2);
            assert_eq!(v1_1(ms), old);
        };
        check(0, "1970-01-01T00:00:00.000Z", "Thu Jan 01 00:00:00 +0000 1970");
        check(1_539_202_764_000, "2018-10-10T20:19:24.000Z", "Wed Oct 10 20:19:24 +0000 2018");
        check(1_709_164_800_123, "2024-02-29T00:00:00.123Z", "Thu Feb 29 00:00:00 +0000 2024");
        check(1_784_928_203_000, "2026-07-24T21:23:23.000Z", "Fri Jul 24 21:23:23 +0000 2026");
    }

    #[test]
    fn dates_that_do_not_exist_are_refused() {
        let check = |text: &str, expected: bool| assert_eq!(is_date(text), expected, "{text}");
        check("2026-11-23", true);
        check("2024-02-29", true);
        check("2026-02-29", false);
        check("2026-13-01", false);
        check("2026-1-1", false);
        check("2026-11-23T10:00:00", false);
        check("", false);
    }
}
