//! Takes secrets and personal data out of what is about to be logged.
//!
//! One-time codes never come this far: nobody hands them to the log.

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

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
    /// Takes these out wherever they stand: as they are, and as JSON, URLs and base64 write them.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut known: Vec<String> = Vec::new();
        for secret in secrets {
            if secret.len() < SECRET_LEN_MIN {
                continue;
            }
            let in_json = serde_json::to_string(secret).unwrap_or_default();
            known.push(in_json.trim_matches('"').to_owned());
            known.extend(in_urls(secret));
            known.extend(in_base64(secret));
            known.push(secret.to_owned());
        }
        let mut redactor = Self { secrets: known };
        redactor.sort();
        redactor
    }

    /// Takes these out, too.
    pub fn extend(&mut self, other: Self) {
        self.secrets.extend(other.secrets);
        self.sort();
    }

    fn sort(&mut self) {
        // The longest first, so that a secret which begins with another is taken out whole.
        self.secrets.sort_by(|one, other| (other.len(), other).cmp(&(one.len(), one)));
        self.secrets.dedup();
    }

    /// `text` without secrets.
    pub(crate) fn without_secrets(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for secret in &self.secrets {
            if clean.contains(secret.as_str()) {
                clean = clean.replace(secret.as_str(), TAKEN_OUT);
            }
        }
        clean
    }

    /// `line` without secrets, account and card numbers and phone numbers, and with control characters made visible:
    /// a line in the log is one line, whatever a stranger wrote.
    pub fn clean(&self, line: &str) -> String {
        // Letters of two bytes each have a zero in every one.
        if ZEROS.iter().any(|zero| line.contains(zero)) {
            let dense = ZEROS.iter().fold(line.to_owned(), |dense, zero| dense.replace(zero, ""));
            let clean = self.clean_dense(&dense);
            if clean != escape_controls(&dense) {
                return clean;
            }
        }
        self.clean_dense(line)
    }

    fn clean_dense(&self, line: &str) -> String {
        let mut clean = self.without_secrets(&escape_controls(line));
        for span in personal(&clean).into_iter().rev() {
            clean.replace_range(span, TAKEN_OUT);
        }
        // Whoever reads a link may follow it.
        for span in links(&clean).into_iter().rev() {
            clean.replace_range(span, TAKEN_OUT);
        }
        clean
    }
}

/// The character with the number zero, as it is and as it is made visible.
const ZEROS: [&str; 3] = ["\0", "\\u0000", "\\u{0}"];

/// A secret as it stands in URLs and forms (RFC 3986, section 2.1; WHATWG URL, section 5.2).
fn in_urls(secret: &str) -> [String; 3] {
    let escaped = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    let upper: String = secret.bytes().map(escaped).collect();
    let in_lower = |byte: u8| if byte.is_ascii_alphanumeric() { escaped(byte) } else { escaped(byte).to_lowercase() };
    let lower = secret.bytes().map(in_lower).collect();
    [upper, lower, url::form_urlencoded::byte_serialize(secret.as_bytes()).collect()]
}

/// What is written of a secret whatever stands before it and behind it, in base64 (RFC 4648, sections 4 and 5).
fn in_base64(secret: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (before, first) in [(0, 0), (1, 2), (2, 3)] {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(secret.as_bytes());
        // A character says six bits: the last one that is all the secret's own.
        let end = bytes.len() * 8 / 6;
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            found.extend(engine.encode(&bytes).get(first..end).map(str::to_owned));
        }
    }
    found
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
        let Some(number) = text.get(span.clone()).filter(|number| !number.starts_with('+')) else { continue };
        let kept = number.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
        masked.to_mut().replace_range(span.start..span.start + kept, "…");
    }
    masked
}

/// `text` with every card number in it taken out: for what a person wrote, before it is stored.
pub fn hide_cards(text: &str) -> Cow<'_, str> {
    let mut hidden = Cow::Borrowed(text);
    // Every message and every request comes by here, and hardly one of them holds so many digits.
    if !crate::pan::may_be_in(text) {
        return hidden;
    }
    // From the end, so that what stands before keeps its place.
    for span in cards(text, &accounts(text)).into_iter().rev() {
        hidden.to_mut().replace_range(span, CARD);
    }
    hidden
}

/// What stands in place of a card number.
const CARD: &str = "[card]";

/// Where numbers of accounts, cards and phones stand, in order and without overlap.
fn personal(line: &str) -> Vec<Range<usize>> {
    let mut found = accounts(line);
    let cards = cards(line, &found);
    found.extend(cards);
    found.sort_by_key(|span| span.start);
    found
}

/// Where card numbers stand: the digits of an account or a phone number are no card's.
fn cards(line: &str, accounts: &[Range<usize>]) -> Vec<Range<usize>> {
    let apart = |span: &Range<usize>| accounts.iter().all(|other| span.end <= other.start || other.end <= span.start);
    crate::pan::spans(line).into_iter().filter(apart).collect()
}

/// Where numbers of accounts and phones stand, in order and without overlap.
fn accounts(line: &str) -> Vec<Range<usize>> {
    let bytes = line.as_bytes();
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let starts_word = !before.is_some_and(u8::is_ascii_alphanumeric);
        let end = match byte {
            b'A'..=b'Z' if starts_word => iban_at(bytes, at),
            b'+' if !before.is_some_and(u8::is_ascii_digit) => phone_at(bytes, at),
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

/// The tokens of the links to pages that were sent to people.
fn links(line: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for page in ["/enrol/", "/act/"] {
        for (at, _) in line.match_indices(page) {
            let start = at + page.len();
            let of_a_token = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
            let len = line.bytes().skip(start).take_while(|b| of_a_token(b)).count();
            if len >= TOKEN_LEN_MIN {
                found.push(start..start + len);
            }
        }
    }
    found.sort_by_key(|span: &Range<usize>| span.start);
    found
}

/// Fewer characters are no token, but a word.
const TOKEN_LEN_MIN: usize = 12;

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
        check("a\n4111 1111 1111 1111", "a\\u000a[redacted]");
        // In letters of two bytes each.
        check("a 4\x00111111111111111", "a [redacted]");
        check("a 4\\u0000111111111111111", "a [redacted]");
        check("a\0b", "a\\u0000b");
        check(
            "GET https://pay.example/enrol/AbC-dEf_0123456789/with/card gone",
            "GET https://pay.example/enrol/[redacted]/with/card gone",
        );
        check("/act/AbC-dEf_0123456789.x?a=b /act/now", "/act/[redacted]?a=b /act/now");
        check("", "");
    }

    #[test]
    fn secrets_are_taken_out_however_they_are_written() {
        let redactor = Redactor::new(["a b/c+d?e\u{fe}"]);
        let check = |line: &str, expected: &str| assert_eq!(redactor.without_secrets(line), expected);
        check("?k=a%20b%2Fc%2Bd%3Fe%C3%BE&x=1", "?k=[redacted]&x=1");
        check("?k=a%20b%2fc%2bd%3fe%c3%be&x=1", "?k=[redacted]&x=1");
        check("k=a+b%2Fc%2Bd%3Fe%C3%BE", "k=[redacted]");
        // After nothing, one and two bytes more than whole groups of three, and with something behind.
        for before in ["", "anna:", "anna", "annas:"] {
            for behind in ["", ":", "::"] {
                let told = format!("{before}a b/c+d?e\u{fe}{behind}");
                for encoded in [STANDARD_NO_PAD.encode(&told), URL_SAFE_NO_PAD.encode(&told)] {
                    let clean = redactor.without_secrets(&format!("Basic {encoded}"));
                    assert!(clean.contains(TAKEN_OUT), "{told}: {clean}");
                }
            }
        }
        let other = STANDARD_NO_PAD.encode("anna:something else");
        check(&other, &other);
    }

    #[test]
    fn card_numbers_are_hidden() {
        let check = |text: &str, expected: &str| assert_eq!(hide_cards(text), expected, "{text:?}");
        check("pay @anna 20 € for the pizza", "pay @anna 20 € for the pizza");
        check("4111111111111111", "[card]");
        check("my card is 4111 1111 1111 1111, 12/30 123", "my card is [card], 12/30 123");
        check("4111-1111-1111-1111.", "[card].");
        check("4111\u{a0}1111\u{202f}1111\u{2011}1111", "[card]");
        check("4111.1111.1111.1111/4111_1111_1111_1111", "[card]/[card]");
        check("41 11 11 11 11 11 11 11", "[card]");
        check("4\x00111\x00111111111111", "[card]");
        check("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "[card]");
        check("4111 - 1111 - 1111 - 1111", "4111 - 1111 - 1111 - 1111");
        check("20 4111111111111111 20", "20 [card] 20");
        check("４１１１１１１１１１１１１１１１", "[card]");
        check("٤١١١١١١١١١١١١١١١", "[card]");
        check("card4111111111111111EUR", "card[card]EUR");
        check(
            "{\"pan\":\"4111111111111111\",\"t\":\"a\\n4111111111111111\"}",
            "{\"pan\":\"[card]\",\"t\":\"a\\n[card]\"}",
        );
        check("a\\u000a4111111111111111", "a\\u000a[card]");
        check(
            "https://x.example/?pan=4111111111111111&a=4111%201111%201111%201111",
            "https://x.example/?pan=[card]&a=[card]",
        );
        check("?a=%204111111111111111", "?a=%20[card]");
        check("378282246310005 and 501234567896", "[card] and [card]");
        for pan in [
            "5555555555554444",
            "4242424242424242",
            "4000000000000002",
            "4000000000009995",
            "4000000000000069",
            "4000002500003155",
            "4000000000003220",
            "4000000000000341",
            "6011000990139424",
            "3530111333300000",
            "4895370012003478",
            "5204240250197840",
        ] {
            check(pan, "[card]");
        }
        // Neither Luhn's rule, nor a network's beginning, nor a card's length.
        for other in [
            "4111111111111112",
            "0000000000000000",
            "7111111111111118",
            "41111111111",
            "1700000000000",
            "41111111111111111111111",
            "+39 333 123 4567",
            "+4111111111111111",
            "019a4111111111111111800000000001",
            "4111111111111111ab800000000001ff",
            "twitter:1234567890123456789",
            "to FR14 2004 1010 0505 0001 3M02 606",
            "DE95 4111 1111 1111 1111 00",
            "",
        ] {
            check(other, other);
        }
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
