//! Card numbers: which texts are one, of which network, and where one stands in a text.

use std::ops::{Range, RangeInclusive};

/// How many digits a card number has (ISO/IEC 7812-1, section 4.2, and what is older than it).
pub const LEN: RangeInclusive<usize> = 12..=19;

/// A network's numbers: how they begin, in a range of equally many digits, and how long they are.
struct Issued(&'static str, RangeInclusive<u32>, RangeInclusive<usize>);

/// By the longest beginning first, where two overlap. From the networks' own tables of issuer identification numbers.
const NETWORKS: &[Issued] = &[
    Issued("Troy", 9792..=9792, 16..=16),
    Issued("Mastercard", 2221..=2720, 16..=16),
    Issued("Mir", 2200..=2204, 16..=19),
    Issued("JCB", 3528..=3589, 16..=19),
    Issued("Diners Club", 3095..=3095, 14..=19),
    Issued("Discover", 6011..=6011, 16..=19),
    Issued("Diners Club", 300..=305, 14..=19),
    Issued("Discover", 644..=649, 16..=19),
    Issued("American Express", 34..=34, 15..=15),
    Issued("American Express", 37..=37, 15..=15),
    Issued("Diners Club", 36..=36, 14..=19),
    Issued("Diners Club", 38..=39, 14..=19),
    Issued("Mastercard", 51..=55, 16..=16),
    Issued("UnionPay", 62..=62, 16..=19),
    Issued("Discover", 65..=65, 16..=19),
    Issued("UnionPay", 81..=81, 16..=19),
    Issued("Maestro", 50..=50, 12..=19),
    Issued("Maestro", 56..=69, 12..=19),
    Issued("Visa", 4..=4, 13..=19),
    Issued("UATP", 1..=1, 15..=15),
];

/// The network whose number this could be, by its beginning and its length.
pub fn network(digits: &str) -> Option<&'static str> {
    let begins = |Issued(_, range, lens): &&Issued| {
        let len = range.end().to_string().len();
        let beginning = digits.get(..len).and_then(|beginning| beginning.parse().ok());
        beginning.is_some_and(|number| range.contains(&number)) && lens.contains(&digits.len())
    };
    NETWORKS.iter().find(begins).map(|Issued(name, ..)| *name)
}

/// Whether the last digit is right for the others (ISO/IEC 7812-1, annex B). What is no digit is wrong.
pub fn luhn(digits: &str) -> bool {
    let mut sum = 0;
    for (place, digit) in digits.chars().rev().enumerate() {
        let Some(digit) = digit.to_digit(10) else { return false };
        sum += match (place % 2, digit) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => digit * 2 - 9,
            (_, digit) => digit * 2,
        };
    }
    !digits.is_empty() && sum.is_multiple_of(10)
}

/// How a person recognises a card: `Visa ••1111`.
pub fn label(digits: &str) -> String {
    let last = digits.len().checked_sub(4).and_then(|at| digits.get(at..)).unwrap_or_default();
    format!("{} ••{last}", network(digits).unwrap_or("Card"))
}

/// Where card numbers stand in a text, in order and without overlap. Account numbers and phone numbers are none.
pub fn spans(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, first) in text.char_indices() {
        if digit(first).is_none() || found.last().is_some_and(|last| at < last.end) || !may_begin(text, at) {
            continue;
        }
        found.extend(end_of(text, at).map(|end| at..end));
    }
    found
}

/// The end of the card number that begins here: the longest that is one.
fn end_of(text: &str, at: usize) -> Option<usize> {
    let (mut digits, mut ends) = (String::new(), Vec::new());
    let mut here = at;
    while digits.len() <= *LEN.end() {
        let rest = text.get(here..)?;
        let Some((written, next)) = next_digit(rest, digits.is_empty()) else { break };
        digits.push(next);
        here += written;
        ends.push(here);
    }
    LEN.rev().find_map(|len| {
        let number = digits.get(..len)?;
        let end = *ends.get(len - 1)?;
        (network(number).is_some() && luhn(number) && may_end(text, end)).then_some(end)
    })
}

/// The next digit, over what people write between groups of digits: how many bytes it takes, and which it is.
fn next_digit(rest: &str, is_first: bool) -> Option<(usize, char)> {
    let mut skipped = 0;
    for _ in 0..=SEPARATORS_MAX {
        let after = rest.get(skipped..)?;
        let next = after.chars().next()?;
        if let Some(digit) = digit(next) {
            return Some((skipped + next.len_utf8(), digit));
        }
        skipped += match after.strip_prefix("%20") {
            _ if is_first => return None,
            Some(_) => 3,
            None if is_separator(next) => next.len_utf8(),
            None => return None,
        };
    }
    None
}

/// How many separators may stand between two digits.
const SEPARATORS_MAX: usize = 2;

fn is_separator(c: char) -> bool {
    // A zero stands in every letter of two bytes.
    matches!(c, '\0' | ' ' | '-' | '.' | '_' | '/' | '+' | '\t' | '\n' | '\r')
        || matches!(c, '\u{a0}' | '\u{2000}'..='\u{200d}' | '\u{2010}'..='\u{2015}' | '\u{202f}' | '\u{3000}')
}

/// Whether there are digits enough in a text for a card number.
pub fn may_be_in(text: &str) -> bool {
    text.chars().filter(|c| digit(*c).is_some()).nth(*LEN.start() - 1).is_some()
}

/// The digit that a person reads there, in the scripts whose keyboards have their own.
fn digit(c: char) -> Option<char> {
    let zero = match c {
        '0'..='9' => return Some(c),
        '\u{660}'..='\u{669}' => 0x660,
        '\u{6f0}'..='\u{6f9}' => 0x6f0,
        '\u{966}'..='\u{96f}' => 0x966,
        '\u{ff10}'..='\u{ff19}' => 0xff10,
        _ => return None,
    };
    char::from_digit(u32::from(c) - zero, 10)
}

/// Whether a number may begin here: not inside another one, nor inside an id in hexadecimal notation.
fn may_begin(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    if is_escaped(before) {
        return true;
    }
    match before.chars().next_back() {
        None => true,
        // A phone number.
        Some('+') => false,
        Some(c) if digit(c).is_some() => false,
        Some(c) if c.is_alphanumeric() => {
            let word = before.chars().rev().take_while(|c| c.is_alphanumeric());
            word.into_iter().any(|c| !c.is_ascii_hexdigit())
        }
        Some(_) => true,
    }
}

/// Whether this ends in a byte as URLs write it.
fn is_escaped(before: &str) -> bool {
    let end = before.len().checked_sub(3).and_then(|at| before.get(at..));
    end.is_some_and(|end| end.starts_with('%') && end.bytes().skip(1).all(|b| b.is_ascii_hexdigit()))
}

fn may_end(text: &str, end: usize) -> bool {
    let after = text.get(end..).unwrap_or_default();
    match after.chars().next() {
        Some(c) if digit(c).is_some() => false,
        Some(c) if c.is_alphanumeric() => {
            let mut word = after.chars().take_while(|c| c.is_alphanumeric());
            word.any(|c| !c.is_ascii_hexdigit())
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_labels() {
        let check = |digits: &str, expected: &str| assert_eq!(label(digits), expected);
        check("4111111111111111", "Visa ••1111");
        check("5555555555554444", "Mastercard ••4444");
        check("2223003122003222", "Mastercard ••3222");
        check("378282246310005", "American Express ••0005");
        check("6011000990139424", "Discover ••9424");
        check("3530111333300000", "JCB ••0000");
        check("36227206271667", "Diners Club ••1667");
        check("6200000000000005", "UnionPay ••0005");
        check("501234567890", "Maestro ••7890");
        check("9999999999999995", "Card ••9995");
        check("", "Card ••");
    }

    #[test]
    fn what_is_no_digit_has_no_check_digit() {
        let check = |digits: &str, expected: bool| assert_eq!(luhn(digits), expected, "{digits}");
        check("79927398713", true);
        check("79927398710", false);
        check("", false);
        check("4a", false);
    }
}
