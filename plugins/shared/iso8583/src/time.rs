//! Dates and times as they stand in messages.

/// A moment, in UTC, as the fields of a message have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The year, as 2026.
    pub year: u64,
    /// The day of the year, from 1.
    pub day_of_year: u64,
    month: u64,
    day: u64,
    second_of_day: u64,
}

const DAY_MS: u64 = 86_400_000;

impl Moment {
    /// The moment so many milliseconds after 1970.
    pub fn from_ms(ms: u64) -> Self {
        let days = ms / DAY_MS;
        // Years that begin in March, in cycles of 400 years, so that the leap day is the last (Hinnant, `civil_from_days`).
        let since_march_0 = days + 719_468;
        let (era, day_of_era) = (since_march_0 / 146_097, since_march_0 % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_from_march = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_from_march + 2) / 153;
        let day = day_from_march - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let day_of_year = if month > 2 { day_from_march + 60 + u64::from(is_leap) } else { day_from_march - 305 };
        Self { year, day_of_year, month, day, second_of_day: ms % DAY_MS / 1000 }
    }

    /// `MMDDhhmmss`, as in field 7.
    pub fn date_time(self) -> String {
        self.date() + &self.time()
    }

    /// `MMDD`, as in field 13.
    pub fn date(self) -> String {
        format!("{:02}{:02}", self.month, self.day)
    }

    /// `hhmmss`, as in field 12.
    pub fn time(self) -> String {
        let second = self.second_of_day;
        format!("{:02}{:02}{:02}", second / 3600, second / 60 % 60, second % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        let check = |ms: u64, year: u64, day_of_year: u64, date_time: &str| {
            let moment = Moment::from_ms(ms);
            assert_eq!(
                (moment.year, moment.day_of_year, moment.date_time()),
                (year, day_of_year, date_time.to_owned())
            );
        };
        check(0, 1970, 1, "0101000000");
        check(1_700_000_000_000, 2023, 318, "1114221320");
        check(1_709_164_799_999, 2024, 59, "0228235959");
        check(1_709_164_800_000, 2024, 60, "0229000000");
        check(1_709_251_200_000, 2024, 61, "0301000000");
        check(1_735_689_599_000, 2024, 366, "1231235959");
        check(1_735_689_600_000, 2025, 1, "0101000000");
        check(4_107_542_400_000, 2100, 60, "0301000000");
        check(951_782_400_000, 2000, 60, "0229000000");
        check(i64::MAX.unsigned_abs(), 292_278_994, 229, "0817071255");
    }
}
