//! When X says that something was written, in its three ways to say it.

/// Milliseconds since 1970 of `2026-07-24T21:23:23.000Z` (API v2) or `Wed Oct 10 20:19:24 +0000 2018` (API v1.1).
/// Both are always in UTC. `None` for whatever else.
pub(crate) fn instant_ms(text: &str) -> Option<u64> {
    iso(text).or_else(|| spoken(text))
}

fn iso(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-');
    let year = number(date.next()?)?;
    let month = number(date.next()?)?;
    let day = number(date.next()?)?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    // `.5` is 500 ms: the fraction is read as exactly three digits.
    let thousandths: String = fraction.chars().chain("000".chars()).take(3).collect();
    Some(days(year, month, day)? * DAY_MS + clock_ms(clock)? + number(&thousandths)?)
}

fn spoken(text: &str) -> Option<u64> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let mut words = text.split_ascii_whitespace().skip(1);
    let (month, day, clock) = (words.next()?, words.next()?, words.next()?);
    let year = words.nth(1)?;
    let month = (month.len() == 3).then(|| MONTHS.find(month))?.filter(|at| at % 3 == 0)? as u64 / 3 + 1;
    Some(days(number(year)?, month, number(day)?)? * DAY_MS + clock_ms(clock)?)
}

const DAY_MS: u64 = 86_400_000;

fn clock_ms(clock: &str) -> Option<u64> {
    let mut parts = clock.splitn(3, ':');
    let (hour, minute) = (number(parts.next()?)?, number(parts.next()?)?);
    let second = number(parts.next()?)?;
    (hour < 24 && minute < 60 && second <= 60).then_some(((hour * 60 + minute) * 60 + second) * 1000)
}

fn number(digits: &str) -> Option<u64> {
    let is_short = (1..=4).contains(&digits.len());
    (is_short && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok()).flatten()
}

/// Days since 1970 in the proleptic Gregorian calendar (Hinnant, "chrono-compatible low-level date algorithms").
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants() {
        let check = |text: &str, expected: Option<u64>| assert_eq!(instant_ms(text), expected, "{text}");
        check("2026-07-24T21:23:23.000Z", Some(1_784_928_203_000));
        check("2026-07-24T21:23:23Z", Some(1_784_928_203_000));
        check("1970-01-01T00:00:00.5Z", Some(500));
        check("2024-02-29T23:59:60.999Z", Some(1_709_251_200_999));
        check("Wed Oct 10 20:19:24 +0000 2018", Some(1_539_202_764_000));
        check("Wed anO 10 20:19:24 +0000 2018", None);
        check("2026-13-24T21:23:23.000Z", None);
        check("2026-07-24T24:23:23.000Z", None);
        check("-026-07-24T21:23:23.000Z", None);
        check("2026-07-24", None);
        check("", None);
        check("yesterday", None);
    }
}
