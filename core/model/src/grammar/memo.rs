//! What for: cleaned of what cannot be seen, and cut to a length that every rail's remittance text can start from.

use crate::is_invisible;

/// The longest memo, in characters; what is beyond is cut off.
pub const MEMO_CHARS_MAX: usize = 280;

/// The text at `places`, without the `cuts` (both in bytes, in order): line breaks are spaces, runs of spaces are one,
/// nothing is left that shows nothing, and quotation marks around a piece are taken off. Nothing where only punctuation
/// remains.
pub(super) fn clean(text: &str, places: &[(usize, usize)], cuts: &[(usize, usize)]) -> Option<String> {
    let mut pieces = Vec::new();
    for (start, end) in places {
        let mut from = *start;
        let mut piece = String::new();
        for (cut_start, cut_end) in cuts.iter().filter(|(cut_start, cut_end)| cut_start >= start && cut_end <= end) {
            piece.push_str(text.get(from..*cut_start).unwrap_or(""));
            piece.push(' ');
            from = *cut_end;
        }
        piece.push_str(text.get(from..*end).unwrap_or(""));
        pieces.push(unquoted(visible(&piece).trim_matches([' ', ',', ';', ':'])).to_owned());
    }
    let memo = visible(&pieces.join(" "));
    let memo = memo.trim_start_matches([' ', '-', '–', '—', '.', ',', ';', ':', '!']);
    let memo: String = memo.chars().take(MEMO_CHARS_MAX).collect();
    let is_punctuation = |c: char| c.is_ascii() || matches!(c, '\u{2010}'..='\u{205e}' | '«' | '»' | '·');
    let says_something = memo.chars().any(|c| c.is_alphanumeric() || !is_punctuation(c));
    says_something.then(|| memo.trim_end().to_owned())
}

/// Without what cannot be seen; white space as single spaces, none at the ends.
fn visible(text: &str) -> String {
    let seen: String = text
        .chars()
        .filter_map(|c| match c {
            c if c.is_whitespace() => Some(' '),
            c if is_invisible(c) => None,
            c => Some(c),
        })
        .collect();
    seen.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn unquoted(text: &str) -> &str {
    for (open, close) in [('"', '"'), ('“', '”'), ('„', '”'), ('«', '»')] {
        let inside = text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
        if let Some(inside) = inside.filter(|inside| !inside.contains([open, close])) {
            return inside.trim();
        }
    }
    text
}
