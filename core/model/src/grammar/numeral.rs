//! Numbers as people write them: what has the shape of one, and what it says under a currency's exponent.

use crate::command::Because;
use crate::{Currency, Money, is_invisible};

/// Whether `c` is the sign of a currency: category Sc of Unicode, as far as anybody writes it.
pub(super) fn is_sign(c: char) -> bool {
    matches!(c, '$' | '¢' | '£' | '¤' | '¥' | '\u{20a0}'..='\u{20cf}' | '฿' | '﷼' | '＄' | '￡' | '￥' | '￦')
}

/// Whether a sign stands before digits, so that they are no plain number: `-20`, `−$5`, `.50`, `~20`.
/// `before` is the character in front of the sign: `20-30` and `@anna,20` are other matters.
pub(super) fn begins_signed(text: &str, before: Option<char>) -> bool {
    let apart = before.is_none_or(|b| b.is_whitespace() || is_sign(b) || b == '(');
    let mut chars = text.chars();
    let is_prefix = matches!(
        chars.next(),
        Some('-' | '−' | '–' | '—' | '‐' | '‑' | '+' | '±' | '~' | '≈' | '<' | '>' | '≤' | '≥' | '.' | ',')
    );
    let digit = match chars.next() {
        Some(c) if is_sign(c) => chars.next(),
        other => other,
    };
    apart && is_prefix && digit.is_some_and(|c| c.is_ascii_digit())
}

/// Reads digits with what belongs to them: how many bytes, and whether that has the shape of a plain number.
pub(super) fn read(text: &str) -> (usize, bool) {
    let plain = plain_len(text);
    let rest = text.get(plain..).unwrap_or("");
    let mut chars = rest.chars();
    let (next, after) = (chars.next(), chars.next());
    // 20eur: the word behind is the currency, and stays a token of its own.
    let word = rest.split(|c: char| !c.is_alphabetic()).next().unwrap_or("");
    let word_ends =
        !rest.get(word.len()..).and_then(|r| r.chars().next()).is_some_and(|c| c.is_alphanumeric() || c == '_');
    let ends = match next {
        None => true,
        Some(c) if c.is_alphabetic() => word_ends && super::currency::is_unit(word),
        Some(c) if is_invisible(c) => c.is_whitespace(),
        Some(c) if c.is_numeric() || is_combining(c) => false,
        // "2…": a text that was cut, in which it may have been 200.
        Some('_' | '%' | '‰' | '°' | '^' | '@' | '…') => false,
        // 20-30, 15/11, 20:30, 3×20, 2=3; but "20, 30" and "20 - 30" end here.
        Some('-' | '–' | '—' | '−' | '/' | ':' | '×' | '*' | '+' | '=' | '.' | ',' | '\'' | '’') => {
            !after.is_some_and(|c| c.is_alphanumeric() || is_sign(c) || matches!(c, '-' | '–' | '—' | '.'))
        }
        Some(c) if is_sign(c) => true,
        // 20·50, 20|50, 20(50): whatever parts them, the digits behind it belong to the same number.
        Some(_) => !after.is_some_and(char::is_numeric),
    };
    let dash = no_cents_len(rest);
    if plain > 0 && dash > 0 {
        return (plain + dash, true);
    }
    if plain > 0 && ends {
        return (plain, true);
    }
    let glued = |c: char| !c.is_whitespace() && !is_sign(c) && !matches!(c, '!' | '?' | ')' | '"' | '@' | '#');
    let first = text.chars().next().map_or(0, char::len_utf8);
    let mut len = first;
    len += text.get(len..).unwrap_or("").chars().take_while(|c| glued(*c)).map(char::len_utf8).sum::<usize>();
    // "-$20": the sign and the digits behind it are one odd thing.
    let behind = text.get(len..).unwrap_or("");
    if let Some(sign) = behind.chars().next().filter(|c| is_sign(*c))
        && !text.starts_with(char::is_numeric)
        && len == first
    {
        len += sign.len_utf8();
        len += text.get(len..).unwrap_or("").chars().take_while(|c| glued(*c)).map(char::len_utf8).sum::<usize>();
    }
    let odd = text.get(..len).unwrap_or("").trim_end_matches(['.', ',', ';', ':']);
    (odd.len().max(first), false)
}

/// The dash that stands for no cents, as the Swiss and the Germans write prices: `20.-`, `20,--`.
fn no_cents_len(rest: &str) -> usize {
    let Some(dashes) = rest.strip_prefix(['.', ',']) else { return 0 };
    let count = dashes.chars().take(3).take_while(|c| matches!(c, '-' | '–' | '—')).count();
    let behind = dashes.get(dashes.chars().take(count).map(char::len_utf8).sum()..).unwrap_or("");
    let ends = behind.chars().next().is_none_or(|c| c.is_whitespace() || is_sign(c) || matches!(c, '!' | '?' | ','));
    if ends && (1..=2).contains(&count) { rest.len() - behind.len() } else { 0 }
}

/// Marks that are drawn over the character before: struck through or encircled, a digit is no plain one any more.
fn is_combining(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// Digits, and separators that have a digit behind them. White space separates groups of three alone.
pub(super) fn plain_len(text: &str) -> usize {
    let digits = |from: usize| text.get(from..).unwrap_or("").bytes().take_while(u8::is_ascii_digit).count();
    let mut len = digits(0);
    let mut group = len;
    let mut spaced_only = true;
    while group > 0 {
        let Some(separator) = text.get(len..).and_then(|rest| rest.chars().next()) else { break };
        let from = len + separator.len_utf8();
        let behind = digits(from);
        let is_group = behind == 3 && if spaced_only { group <= 3 } else { group == 3 };
        match separator {
            ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' if is_group && spaced_only => {}
            '.' | ',' | '\'' | '’' if behind > 0 => spaced_only = false,
            _ => break,
        }
        (len, group) = (from + behind, behind);
    }
    len
}

/// Whether spaces part the digits of `written`.
pub(super) fn is_spaced(written: &str) -> bool {
    let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    written.char_indices().any(|(at, c)| {
        let (before, behind) = (written.get(..at).unwrap_or(""), written.get(at + c.len_utf8()..).unwrap_or(""));
        same_separator(c) == ' ' && is_digit(before.chars().next_back()) && is_digit(behind.chars().next())
    })
}

/// What a number says in `currency`.
///
/// A lone separator with three digits behind it may part thousands or decimals, whatever the currency: asked about.
///
/// # Errors
/// [`Because::AmbiguousAmount`], [`Because::BadAmount`], [`Because::ZeroAmount`], [`Because::AmountTooLarge`].
pub(super) fn money(written: &str, currency: Currency) -> Result<Money, Because> {
    let (whole, fraction) = decimal(written.trim_end_matches(['.', ',', '-', '–', '—']))?;
    if fraction.len() > currency.exponent() as usize || whole.len() > 1 && whole.starts_with('0') {
        return Err(Because::BadAmount);
    }
    let text = if fraction.is_empty() { whole } else { format!("{whole}.{fraction}") };
    let money = Money::from_decimal(&text, currency).map_err(|_| Because::AmountTooLarge)?;
    if money.is_zero() { Err(Because::ZeroAmount) } else { Ok(money) }
}

/// The digits before and behind the decimal separator.
fn decimal(written: &str) -> Result<(String, String), Because> {
    let separators: Vec<char> = written.chars().filter(|c| !c.is_ascii_digit()).map(same_separator).collect();
    let groups: Vec<&str> = written.split(|c: char| !c.is_ascii_digit()).collect();
    let last = groups.last().copied().unwrap_or("");
    let grouped = |groups: &[&str]| {
        let mut sizes = groups.iter().map(|group| group.len());
        sizes.next().is_some_and(|first| (1..=3).contains(&first)) && sizes.all(|size| size == 3)
    };
    let joined = |groups: &[&str]| groups.concat();
    let (thousands, point) = match separators.split_last() {
        None => return Ok((written.to_owned(), String::new())),
        Some((last, others)) => (others, *last),
    };
    let heads = groups.get(..groups.len() - 1).unwrap_or(&[]);
    let uniform = thousands.iter().all(|c| Some(c) == thousands.first());
    match thousands.first() {
        _ if !uniform => Err(Because::BadAmount),
        // 1 234 and 1'234 can only be thousands; 1.234 can be either; 1,5 and 12.50 can only be decimals.
        None if matches!(point, ' ' | '\'') && grouped(&groups) => Ok((joined(&groups), String::new())),
        None if matches!(point, ' ' | '\'') => Err(Because::BadAmount),
        None if grouped(&groups) && heads.first() != Some(&"0") => Err(Because::AmbiguousAmount),
        None => Ok((joined(heads), last.to_owned())),
        // 1.234.567
        Some(first) if *first == point && grouped(&groups) => Ok((joined(&groups), String::new())),
        Some(first) if *first == point => Err(Because::BadAmount),
        // 1.234,56
        Some(_) if matches!(point, '.' | ',') && grouped(heads) => Ok((joined(heads), last.to_owned())),
        Some(_) => Err(Because::BadAmount),
    }
}

/// All spaces are one separator, and both apostrophes.
fn same_separator(c: char) -> char {
    match c {
        '\u{a0}' | '\u{202f}' | '\u{2009}' => ' ',
        '’' => '\'',
        other => other,
    }
}
