//! What each message must have, may have, and how: this host is strict, to find out who is wrong.

use super::{evidence, format, message::Message, original::Original};

/// What every request and advice has.
const ALWAYS: &[u8] = &[2, 3, 4, 7, 11, 32, 37, 41, 42, 49];
/// What a request has besides.
const OF_A_REQUEST: &[u8] = &[12, 13, 18, 22, 25, 43];
/// What a message about another may repeat of it.
const REPEATED: &[u8] = &[12, 13, 14, 18, 22, 25, 38, 43, 48];

/// Checks a message that moves money.
///
/// # Errors
/// The field that is wrong and why, in at most 25 characters, as field 44 of the answer has it.
pub(crate) fn check(message: &Message) -> Result<(), String> {
    let is_refund = message.mti == 200 && message.get(3) == "200000";
    let (must, may): (&[u8], &[u8]) = match message.mti {
        100 | 200 if is_refund => (OF_A_REQUEST, &[14, 38, 48, 90]),
        100 | 200 => (OF_A_REQUEST, &[14, 48]),
        220 | 221 => (&[38, 90], REPEATED),
        _ => (&[90], REPEATED),
    };
    if let Some(missing) = ALWAYS.iter().chain(must).find(|field| !message.has(**field)) {
        return Err(format!("{missing}: missing"));
    }
    if matches!(message.mti, 100 | 200) && !is_refund && !message.has(14) {
        return Err("14: missing".to_owned());
    }
    for (field, value) in &message.fields {
        if ![ALWAYS, must, may].iter().any(|fields| fields.contains(field)) {
            return Err(format!("{field}: not in {:04}", message.mti));
        }
        of_field(*field, value)?;
    }
    if message.has(90) && Original::named_in(message).is_none() {
        return Err("90: its format".to_owned());
    }
    Ok(())
}

/// Checks a network management message, as [`check`] does.
pub(crate) fn check_network(message: &Message) -> Result<(), String> {
    if let Some(missing) = [7, 11, 70].iter().find(|field| !message.has(**field)) {
        return Err(format!("{missing}: missing"));
    }
    for (field, value) in &message.fields {
        if ![7, 11, 12, 13, 32, 37, 39, 41, 42, 70].contains(field) {
            return Err(format!("{field}: not in {:04}", message.mti));
        }
        of_field(*field, value)?;
    }
    Ok(())
}

fn of_field(field: u8, value: &str) -> Result<(), String> {
    let allows = format::of(field).is_some_and(|format| format.allows(value));
    let is_good = allows
        && match field {
            2 => value.len() >= 12 && luhn(value),
            3 => matches!(value, "000000" | "200000"),
            7 => is_date(value.get(..4)) && is_time(value.get(4..)),
            11 => value != "000000",
            12 => is_time(Some(value)),
            13 => is_date(Some(value)),
            14 => value.get(2..).is_some_and(|month| within(Some(month), 1, 12)),
            22 => value == "810",
            25 => value == "59",
            // Whole, with nothing that was padded.
            37 => value.len() == 12,
            41 => value.len() == 8,
            38 => value.len() == 6,
            _ => true,
        };
    match field {
        48 if is_good => evidence::read(value).map(drop),
        _ if is_good => Ok(()),
        _ => Err(format!("{field}: its format")),
    }
}

fn within(text: Option<&str>, from: u8, to: u8) -> bool {
    text.and_then(|text| text.parse::<u8>().ok()).is_some_and(|number| (from..=to).contains(&number))
}

/// `MMDD`; the 29th of February is one.
fn is_date(text: Option<&str>) -> bool {
    let text = text.unwrap_or_default();
    let days = match text.get(..2) {
        Some("02") => 29,
        Some("04" | "06" | "09" | "11") => 30,
        _ => 31,
    };
    within(text.get(..2), 1, 12) && within(text.get(2..4), 1, days)
}

/// `hhmmss`.
fn is_time(text: Option<&str>) -> bool {
    let text = text.unwrap_or_default();
    within(text.get(..2), 0, 23) && within(text.get(2..4), 0, 59) && within(text.get(4..6), 0, 59)
}

/// Whether the last digit of an account number is right (ISO/IEC 7812-1, annex B).
pub(crate) fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit.saturating_sub(b'0'));
            match place % 2 {
                0 => digit,
                _ => digit * 2 / 10 + digit * 2 % 10,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Message {
        let mut message = Message::new(100);
        let fields = [
            (2, "4111111111111111"),
            (3, "000000"),
            (4, "000000002000"),
            (7, "1124190501"),
            (11, "000001"),
            (12, "190501"),
            (13, "1124"),
            (14, "3012"),
            (18, "5999"),
            (22, "810"),
            (25, "59"),
            (32, "400123"),
            (37, "633119000001"),
            (41, "TERM0001"),
            (42, "MERCHANT0000001"),
            (43, "Sportello Roma IT"),
            (49, "978"),
        ];
        for (field, value) in fields {
            message.set(field, value);
        }
        message
    }

    #[test]
    fn each_field_is_checked_by_itself() {
        let check = |field: u8, value: &str, expected: Result<(), &str>| {
            let mut message = request();
            match value {
                "" => drop(message.fields.remove(&field)),
                _ => message.set(field, value),
            }
            assert_eq!(super::check(&message).as_ref().copied().map_err(String::as_str), expected, "{field}={value}");
        };
        check(2, "4111111111111111", Ok(()));
        check(2, "4111111111111112", Err("2: its format"));
        check(2, "41111111111x1111", Err("2: its format"));
        check(2, "", Err("2: missing"));
        check(3, "310000", Err("3: its format"));
        check(4, "00000000200x", Err("4: its format"));
        check(7, "1131190501", Err("7: its format"));
        check(7, "1124250501", Err("7: its format"));
        check(11, "000000", Err("11: its format"));
        check(12, "", Err("12: missing"));
        check(14, "3013", Err("14: its format"));
        check(14, "", Err("14: missing"));
        check(22, "812", Err("22: its format"));
        check(25, "00", Err("25: its format"));
        check(37, "63311900001", Err("37: its format"));
        check(41, "TERM1", Err("41: its format"));
        check(43, "Caf\u{e9}", Err("43: its format"));
        check(48, "42020", Err("48: cut short"));
        check(48, "420205", Ok(()));
        check(52, "0000000000000000", Err("52: not in 0100"));
        check(90, &"0".repeat(42), Err("90: not in 0100"));
    }
}
