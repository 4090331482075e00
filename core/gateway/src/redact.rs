//! Takes secrets and personal data out of what is about to be logged.
//!
//! One-time codes never come this far: nobody hands them to the log.

use std::borrow::Cow;
use std::ops::Range;

/// What stands in place of what was taken out.
const TAKEN_OUT: &str = "[redacted]";

/// A shorter value would take ordinary words out of every line.
const SECRET_LEN_MIN: usize = 6;

/// What knows which secrets there are.
#[derive(Default)]
pub struct Redactor {
    secrets: Vec<String>,
}

impl Redactor {
    /// Takes these out wherever they stand, as they are and as JSON writes them.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut known: Vec<String> = Vec::new();
        for secret in secrets {
            if secret.len() < SECRET_LEN_MIN {
                continue;
            }
            let in_json = serde_json::to_string(secret).unwrap_or_default();
            known.push(in_json.trim_matches('"').to_owned());
            known.push(secret.to_owned());
        }
        // The longest first, so that a secret which begins with another is taken out whole.
        known.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        known.dedup();
        Self { secrets: known }
    }

    /// `line` without secrets, account and card numbers and phone numbers, and with control characters made visible:
    /// a line in the log is one line, whatever a stranger wrote.
    pub fn clean(&self, line: &str) -> String {
        let mut clean = escape_controls(line);
        for secret in &self.secrets {
            if clean.contains(secret.as_str()) {
                clean = clean.replace(secret.as_str(), TAKEN_OUT);
            }
        }
        let spans = personal(&clean);
        for span in spans.into_iter().rev() {
            clean.replace_range(span, TAKEN_OUT);
        }
        clean
    }
}

/// `line` with all that a terminal could obey, and all that turns what stands beside it, written as in JSON.
pub(crate) fn escape_controls(line: &str) -> String {
    let is_control = |c: char| {
        c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !line.contains(is_control) {
        return line.to_owned();
    }
    let mut escaped = String::with_capacity(line.len() + 8);
    for c in line.chars() {
        if is_control(c) {
            // The same notation as JSON's, so that a line of JSON stays one.
            escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// `text` with all but the last four characters of every account and card number in it hidden.
pub fn mask_accounts(text: &str) -> Cow<'_, str> {
    let mut masked = Cow::Borrowed(text);
    for span in personal(text).into_iter().rev() {
        if text.get(span.clone()).is_some_and(|number| !number.starts_with('+')) {
            masked.to_mut().replace_range(span.start..span.end - 4, "…");
        }
    }
    masked
}

/// Where numbers of accounts, cards and phones stand, in order and without overlap.
fn personal(line: &str) -> Vec<Range<usize>> {
    let bytes = line.as_bytes();
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let starts_word = !before.is_some_and(u8::is_ascii_alphanumeric);
        let end = match byte {
            b'A'..=b'Z' if starts_word => iban_at(bytes, at),
            b'+' if !before.is_some_and(u8::is_ascii_digit) => phone_at(bytes, at),
            b'0'..=b'9' if starts_word => pan_at(bytes, at),
            _ => None,
        };
        match end {
            Some(end) => {
                found.push(at..end);
                at = end;
            }
            None => at += 1,
        }
    }
    found
}

/// Reads what `keep` lets through from `at` on, over single spaces, hyphens and dots: the text without them, and for
/// each of its bytes where it ends in the line.
fn grouped(
    bytes: &[u8],
    at: usize,
    len_max: usize,
    separators: &[u8],
    keep: impl Fn(u8) -> bool,
) -> (String, Vec<usize>) {
    let mut text = String::with_capacity(len_max);
    let mut ends = Vec::with_capacity(len_max);
    let mut here = at;
    while let Some(byte) = bytes.get(here) {
        if keep(*byte) && text.len() < len_max {
            text.push(char::from(*byte));
            here += 1;
            ends.push(here);
        } else if separators.contains(byte)
            && bytes.get(here + 1).is_some_and(|next| keep(*next))
            && text.len() < len_max
        {
            here += 1;
        } else {
            break;
        }
    }
    (text, ends)
}

/// An IBAN, in one piece or in groups of four: the longest that its check digits confirm.
fn iban_at(bytes: &[u8], at: usize) -> Option<usize> {
    let keep = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    let (text, ends) = grouped(bytes, at, 34, b" -", keep);
    (15..=text.len()).rev().find_map(|len| {
        let end = *ends.get(len - 1)?;
        let ends_word = !bytes.get(end).is_some_and(u8::is_ascii_alphanumeric);
        let is_iban = ends_word && text.get(..len).is_some_and(crate::iban::is_valid);
        is_iban.then_some(end)
    })
}

/// E.164: a plus and 8 to 15 digits.
fn phone_at(bytes: &[u8], at: usize) -> Option<usize> {
    let (text, ends) = grouped(bytes, at + 1, 15, b" -.", |b| b.is_ascii_digit());
    (text.len() >= 8).then(|| ends.last().copied()).flatten()
}

/// ISO/IEC 7812: 13 to 19 digits of which the last is right by Luhn's rule.
fn pan_at(bytes: &[u8], at: usize) -> Option<usize> {
    let (text, ends) = grouped(bytes, at, 19, b" -", |b| b.is_ascii_digit());
    (13..=text.len()).rev().find_map(|len| {
        let end = *ends.get(len - 1)?;
        let ends_word = !bytes.get(end).is_some_and(u8::is_ascii_alphanumeric);
        (ends_word && text.get(..len).is_some_and(luhn)).then_some(end)
    })
}

fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0');
            match (place % 2, digit) {
                (0, digit) => digit,
                (_, digit) if digit > 4 => digit * 2 - 9,
                (_, digit) => digit * 2,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cleaned() {
        let redactor = Redactor::new(["s3cr\"et-token", "s3cr\"et-token-2", "abc"]);
        let check = |line: &str, expected: &str| assert_eq!(redactor.clean(line), expected);
        check("all is well", "all is well");
        check("token s3cr\"et-token!", "token [redacted]!");
        check("token s3cr\"et-token-2!", "token [redacted]!");
        check(r#"{"t":"s3cr\"et-token"}"#, r#"{"t":"[redacted]"}"#);
        // Too short to be taken out of everything.
        check("abc", "abc");
        check("to iban:FR1420041010050500013M02606.", "to iban:[redacted].");
        check("IT60 X054 2811 1010 0000 0123 456", "[redacted]");
        check("IT61X0542811101000000123456", "IT61X0542811101000000123456");
        check("tel:+393331234567 wrote", "tel:[redacted] wrote");
        check("+39 333 123-4567", "[redacted]");
        check("+12 and 3+4", "+12 and 3+4");
        check("card 4111 1111 1111 1111 ok", "card [redacted] ok");
        check("card 4111-1111-1111-1111, ok", "card [redacted], ok");
        check("4111111111111112", "4111111111111112");
        // A payment's id is no card number, whatever digits stand in it.
        check("019a4111111111111111800000000001", "019a4111111111111111800000000001");
        check("a\nb\u{1b}[31m\u{202e}c", "a\\u000ab\\u001b[31m\\u202ec");
        check("", "");
    }

    #[test]
    fn accounts_are_masked() {
        let check = |text: &str, expected: &str| assert_eq!(mask_accounts(text), expected);
        check("iban:FR1420041010050500013M02606", "iban:…2606");
        check("person:iban:DE89370400440532013000 and 4111 1111 1111 1111", "person:iban:…3000 and …1111");
        check("tel:+393331234567", "tel:+393331234567");
        check("twitter:1001", "twitter:1001");
    }
}
