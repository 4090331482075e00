//! Whom a text names: a mention, a telephone number, an account, a full handle.
//!
//! Each reader gives how many bytes it took and, if it is sound, the handle. What looks like a person and is not sound is
//! still a person, a bad one: passing it over could leave another one to be paid.

use crate::{HANDLE_LEN_MAX, Handle};

use super::lexicon::is_command_word;
use super::token::chunk_len;
use super::{currency, iban, numeral};

type Read = Option<(usize, Option<Handle>)>;

/// A mention: `@` and ASCII letters, digits and `_`. Anything else that touches it makes it bad: `@аnna` begins with a
/// Cyrillic letter, and `@anna.rossi` would be somebody else cut short.
pub(super) fn mention(text: &str, scheme: &str) -> Read {
    let at = text.chars().next().map_or(0, char::len_utf8);
    let behind = text.get(at..)?;
    let len = behind.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    let name = behind.get(..len)?;
    let mut rest = behind.get(len..)?.chars();
    let (next, after) = (rest.next(), rest.next());
    // "@ann…" and "@ann..." can be anybody's name in a text that was cut.
    let after_is_word = after.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '@' | '.'));
    let is_sound = match next {
        None => true,
        Some('@' | '＠' | '$' | '_') => false,
        Some('.' | '-' | '/' | '\'' | '’' | ':' | '+' | '&') => !after_is_word,
        Some(c) if c.is_ascii() => true,
        // Pictograms, but not the letters among them: 🅰.
        Some('\u{2600}'..='\u{27bf}' | '\u{1f300}'..='\u{1faff}') => true,
        Some(c) => c.is_whitespace() || matches!(c, '“' | '”' | '«' | '»' | '—' | '–' | '、' | '。'),
    };
    match (name, is_sound) {
        ("", true) => None,
        ("", false) if next.is_none_or(|c| !c.is_alphanumeric() && !crate::is_invisible(c)) => None,
        (_, false) => Some((at + chunk_len(behind), None)),
        (name, true) => Some((at + len, Handle::new(scheme, &format!("@{name}")).ok())),
    }
}

/// A telephone number, an account or a full handle at the beginning of `text`, which a word boundary precedes.
pub(super) fn read(text: &str, scheme: &str) -> Read {
    telephone(text).or_else(|| account(text)).or_else(|| uri(text, scheme))
}

fn account(text: &str) -> Read {
    let (len, iban) = iban::read(text)?;
    Some((len, iban.and_then(|iban| Handle::new("iban", &iban).ok())))
}

/// A number in the international form of E.164: `+` and 8 to 15 digits, which spaces, dots and hyphens may part.
///
/// The digits of an amount may follow: `+39 333 1234567 20 €`. A group that a currency touches is not the number's; and
/// a number whose last group is oddly short is bad, since its end cannot be told.
fn telephone(text: &str) -> Read {
    let mut digits = String::new();
    let mut len = text.starts_with('+').then_some(1)?;
    let mut groups: Vec<usize> = Vec::new();
    loop {
        let from = len + if groups.is_empty() { 0 } else { separator_len(text.get(len..)?) };
        let behind = text.get(from..)?;
        let group = behind.bytes().take_while(u8::is_ascii_digit).count();
        // A number written without spaces leaves `1 234 €` behind it whole; among groups nobody could tell.
        let is_solid = groups.len() == 1 && digits.len() >= 8;
        // Eleven digits at one go are the whole number: `+393331234567 20` is an SMS.
        let is_whole =
            groups.len() == 1 && digits.len() >= 11 && text.get(len..from).is_some_and(|gap| gap.trim().is_empty());
        if group == 0 || !groups.is_empty() && (from == len || is_whole || begins_amount(behind, is_solid)) {
            break;
        }
        digits.push_str(behind.get(..group)?);
        groups.push(group);
        len = from + group;
    }
    if digits.len() < 6 {
        // `+20 €` is an amount with a sign, and none of ours.
        return None;
    }
    let glued = text.get(len..)?.chars().next().is_some_and(|c| c.is_alphanumeric() || c == '_' || numeral::is_sign(c));
    // `… 56 78 100 €` can end in 78 100 €.
    let behind = text.get(len..)?.trim_start();
    let may_be_thousands = behind.bytes().take_while(u8::is_ascii_digit).count() == 3;
    let end_is_clear = match groups.as_slice() {
        [.., last] if may_be_thousands && *last <= 3 => false,
        [.., before, last] => *last > 2 || *last == 2 && *before <= 3,
        _ => true,
    };
    let is_sound = (8..=15).contains(&digits.len()) && !digits.starts_with('0') && !glued && end_is_clear;
    Some((len, is_sound.then(|| Handle::new("tel", &format!("+{digits}")).ok()).flatten()))
}

fn separator_len(text: &str) -> usize {
    text.chars().next().filter(|c| matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '.' | '-')).map_or(0, char::len_utf8)
}

/// Whether the digits that `text` begins with are an amount's: they have decimals, or a currency stands behind them.
fn begins_amount(text: &str, may_be_grouped: bool) -> bool {
    let tight = text.bytes().take_while(|b| b.is_ascii_digit() || matches!(b, b'.' | b',')).count();
    let len = if may_be_grouped { numeral::plain_len(text) } else { tight };
    let has_decimals = text.get(..len).is_some_and(|number| number.trim_end_matches(['.', ',']).contains(','));
    let behind = text.get(len..).unwrap_or("").trim_start_matches([' ', '\u{a0}', '\u{202f}']);
    let word = behind.split(|c: char| !c.is_alphabetic()).next().unwrap_or("");
    has_decimals || behind.starts_with(numeral::is_sign) || currency::is_unit(word)
}

/// `scheme:rest`, where the rest looks like a handle's: it has an `@`, a `+` or a digit. `for:lunch` is a memo.
fn uri(text: &str, own_scheme: &str) -> Read {
    // What is longer is no handle; and the search stays short where no space comes.
    let near: usize = text.chars().take(HANDLE_LEN_MAX).map(char::len_utf8).sum();
    let near = text.get(..near)?;
    let chunk = near.get(..chunk_len(near))?.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '"', '”', '»']);
    let (scheme, rest) = chunk.split_once(':')?;
    let scheme_is_valid = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.'));
    let rest_is_handle = rest.starts_with(['@', '+']) || rest.bytes().any(|b| b.is_ascii_digit());
    if !scheme_is_valid || !rest_is_handle || rest.starts_with("//") || is_command_word(scheme) {
        return None;
    }
    if scheme != own_scheme && rest.starts_with('@') && rest.len() == 1 {
        return None;
    }
    let handle = match scheme {
        "tel" => telephone(rest).filter(|(len, _)| *len == rest.len()).and_then(|(_, handle)| handle),
        "iban" => account(rest).filter(|(len, _)| *len == rest.len()).and_then(|(_, handle)| handle),
        _ if rest.starts_with('@') => {
            mention(rest, scheme).filter(|(len, _)| *len == rest.len()).and_then(|(_, handle)| handle)
        }
        _ if rest.is_ascii() => Handle::new(scheme, rest).ok(),
        _ => None,
    };
    Some((chunk.len(), handle))
}
