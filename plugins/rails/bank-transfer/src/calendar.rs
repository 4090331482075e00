//! Dates, and the days on which the euro's settlement system works. Pure arithmetic on milliseconds since 1970.

use std::fmt;

/// One day, in milliseconds.
pub(crate) const DAY_MS: u64 = 86_400_000;
const HOUR_MS: u64 = 3_600_000;

/// A day of the proleptic Gregorian calendar in UTC; written as ISO 8601 has it, `2026-11-23`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Date {
    year: u64,
    month: u64,
    day: u64,
}

impl Date {
    /// The day of `ms` milliseconds since 1970.
    pub(crate) fn of_ms(ms: u64) -> Self {
        // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March, so that the leap day is
        // the last one and needs no case of its own.
        let days = ms / DAY_MS + 719_468;
        let era = days / 146_097;
        let day_of_era = days % 146_097;
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        Self { year, month, day }
    }

    /// The day of `ms` at the banks of a country of the SEPA, by its ISO 3166 code.
    pub(crate) fn at_banks_of(country: &str, ms: u64) -> Self {
        let hours = match country {
            "GB" | "IE" | "IS" | "PT" => 0,
            "BG" | "CY" | "EE" | "FI" | "GR" | "LT" | "LV" | "MD" | "RO" => 2,
            _ => 1,
        };
        let summer = u64::from(country != "IS" && is_summer(ms));
        Self::of_ms(ms.saturating_add((hours + summer) * HOUR_MS))
    }

    /// Whether TARGET is closed for the whole day: weekends and the six holidays that the European Central Bank fixed
    /// (long-term calendar of TARGET closing days, 14 December 2000).
    fn is_closing_day(self, days_since_1970: u64) -> bool {
        // 1 January 1970 was a Thursday.
        let is_weekend = matches!((days_since_1970 + 4) % 7, 0 | 6);
        let is_fixed = matches!((self.month, self.day), (1, 1) | (5, 1) | (12, 25) | (12, 26));
        is_weekend || is_fixed || self.is_good_friday_or_easter_monday()
    }

    fn is_good_friday_or_easter_monday(self) -> bool {
        // Easter Sunday by the anonymous Gregorian algorithm (Meeus, "Astronomical Algorithms", chapter 8).
        let (a, b, c) = (self.year % 19, self.year / 100, self.year % 100);
        let (d, e) = (b / 4, b % 4);
        let g = (8 * b + 13) / 25;
        let h = (19 * a + b - d - g + 15) % 30;
        let (i, k) = (c / 4, c % 4);
        let l = (32 + 2 * e + 2 * i - h - k) % 7;
        let m = (a + 11 * h + 19 * l) / 433;
        let month = (h + l - 7 * m + 90) / 25;
        let easter = (h + l - 7 * m + 33 * month + 19) % 32;
        // Days counted from 1 March, so that the turn of the month needs no case.
        let from_march = |month: u64, day: u64| (month.saturating_sub(3)) * 31 + day;
        let (today, sunday) = (from_march(self.month, self.day), from_march(month, easter));
        (3..=4).contains(&self.month) && (today + 2 == sunday || today == sunday + 1)
    }
}

/// Whether it is summer time: from the last Sunday of March to that of October, each at one o'clock UTC (directive
/// 2000/84/EC).
fn is_summer(ms: u64) -> bool {
    let ms = ms.saturating_sub(HOUR_MS);
    let date = Date::of_ms(ms);
    // Days since Sunday, of a month that has 31.
    let weekday = (ms / DAY_MS + 4) % 7;
    let is_after_last_sunday = date.day >= weekday + 25;
    match date.month {
        4..=9 => true,
        3 => is_after_last_sunday,
        10 => !is_after_last_sunday,
        _ => false,
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// The second as ISO 8601 has it, in UTC: `2026-11-23T06:40:58Z`.
pub(crate) fn date_time(ms: u64) -> String {
    let second = ms / 1_000 % 86_400;
    let (hours, minutes, seconds) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{}T{hours:02}:{minutes:02}:{seconds:02}Z", Date::of_ms(ms))
}

/// The end of the `count`-th business day after the day of `ms`, in milliseconds since 1970.
pub(crate) fn end_of_business_day_after(ms: u64, count: u32) -> u64 {
    let mut day = ms / DAY_MS;
    let mut left = count;
    while left > 0 {
        day += 1;
        if !Date::of_ms(day * DAY_MS).is_closing_day(day) {
            left -= 1;
        }
    }
    (day + 1) * DAY_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let check = |ms, expected: &str| assert_eq!(date_time(ms), expected);
        check(0, "1970-01-01T00:00:00Z");
        check(951_782_400_000, "2000-02-29T00:00:00Z");
        check(1_700_000_000_000, "2023-11-14T22:13:20Z");
        check(4_107_542_399_999, "2100-02-28T23:59:59Z");
        check(4_107_542_400_000, "2100-03-01T00:00:00Z");
    }

    #[test]
    fn days_are_those_of_the_bank() {
        // `TZ=Europe/Rome date -d @1774745999` and so on.
        let check = |country: &str, seconds: u64, expected: &str| {
            assert_eq!(Date::at_banks_of(country, seconds * 1_000).to_string(), expected, "{country} {seconds}");
        };
        check("IT", 1_796_338_799, "2026-12-03"); // 22:59:59 UTC in winter.
        check("IT", 1_796_338_800, "2026-12-04");
        check("FI", 1_796_335_200, "2026-12-04"); // 22:00 UTC.
        check("PT", 1_796_342_399, "2026-12-03"); // 23:59:59 UTC.
        check("IT", 1_785_535_200, "2026-08-01"); // 22:00 UTC in summer.
        check("IE", 1_785_538_800, "2026-08-01"); // 23:00 UTC.
        check("IS", 1_785_538_800, "2026-07-31");
        // The clocks go forward on 29 March 2026 at 01:00 UTC and back on 25 October.
        check("DE", 1_774_735_200 - 1, "2026-03-28"); // 21:59:59 UTC on the 28th, in winter time.
        check("DE", 1_774_735_200, "2026-03-28"); // 22:00 UTC: an hour before midnight still.
        check("DE", 1_774_735_200 + 24 * 3_600, "2026-03-30"); // A day later it is midnight.
        check("DE", 1_792_879_200, "2026-10-25"); // 22:00 UTC on the 24th of October.
        check("DE", 1_792_879_200 + 24 * 3_600, "2026-10-25"); // And on the 25th.
    }

    #[test]
    fn business_days_leave_out_weekends_and_holidays() {
        // `date -u -d 2026-04-01 +%s` and so on.
        let check = |seconds: u64, count, expected: &str| {
            let end_ms = end_of_business_day_after(seconds * 1_000, count);
            assert_eq!(Date::of_ms(end_ms - 1).to_string(), expected);
        };
        check(1_775_001_600, 2, "2026-04-07"); // Wednesday before Easter (5 April): Thursday, then Tuesday.
        check(1_795_392_000, 2, "2026-11-25"); // Monday 23 November.
        check(1_795_737_600, 1, "2026-11-30"); // Friday.
        check(1_798_070_400, 2, "2026-12-29"); // Thursday 24 December: Friday and Saturday are Christmas.
        check(1_711_584_000, 1, "2024-04-02"); // Maundy Thursday 2024: Easter in March, its Monday in April.
        check(1_777_507_200, 1, "2026-05-04"); // Thursday 30 April: Friday is 1 May.
        check(1_775_084_400, 4, "2026-04-09"); // Before Easter, an hour before midnight in UTC.
        check(1_761_433_200, 1, "2025-10-27"); // Sunday 26 October, when the clocks go back.
        check(4_107_542_399, 1, "2100-03-01"); // No leap day.
    }
}
