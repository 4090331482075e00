//! The date of a purchase, as an AReq has it.

const DAY_MS: u64 = 86_400_000;

/// `YYYYMMDDHHMMSS` in UTC, so many milliseconds after 1970 (EMV 3-D Secure 2.2, table A.1, `purchaseDate`).
pub(crate) fn purchase_date(ms: u64) -> String {
    // Years that begin in March, in cycles of 400 years, so that the leap day is the last (Hinnant, `civil_from_days`).
    let since_march_0 = ms / DAY_MS + 719_468;
    let (era, day_of_era) = (since_march_0 / 146_097, since_march_0 % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_from_march = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_from_march + 2) / 153;
    let day = day_from_march - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let second = ms % DAY_MS / 1000;
    format!("{year:04}{month:02}{day:02}{:02}{:02}{:02}", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    #[test]
    fn dates() {
        // `date -u -d @SECONDS +%Y%m%d%H%M%S`
        let check = |ms: u64, expected: &str| assert_eq!(super::purchase_date(ms), expected);
        check(0, "19700101000000");
        check(1_700_000_000_000, "20231114221320");
        check(1_709_164_799_999, "20240228235959");
        check(1_709_164_800_000, "20240229000000");
        check(1_709_251_200_000, "20240301000000");
        check(1_735_689_599_000, "20241231235959");
        check(4_107_542_400_000, "21000301000000");
    }
}
