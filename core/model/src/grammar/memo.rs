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
    says_something.then(|| memo.trim_end_matches([' ', JOINER]).to_owned())
}

/// Joins pictograms to one: a family, a flag.
const JOINER: char = '\u{200d}';
/// Asks for the coloured form of the pictogram before it.
const COLOURED: char = '\u{fe0f}';

/// Without what cannot be seen; white space as single spaces, none at the ends. What makes one pictogram of several, or
/// colours one, is seen in what it makes.
fn visible(text: &str) -> String {
    let mut seen = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let behind_pictogram = seen.chars().next_back().is_some_and(is_pictogram);
        match c {
            c if c.is_whitespace() => seen.push(' '),
            COLOURED if behind_pictogram => seen.push(c),
            JOINER
                if (behind_pictogram || seen.ends_with(COLOURED)) && rest.peek().copied().is_some_and(is_pictogram) =>
            {
                seen.push(c);
            }
            c if is_invisible(c) => {}
            c => seen.push(c),
        }
    }
    seen.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn is_pictogram(c: char) -> bool {
    !c.is_ascii() && !c.is_alphanumeric() && !is_invisible(c)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_stays() {
        let check = |text: &str, expected: &str| {
            assert_eq!(clean(text, &[(0, text.len())], &[]).as_deref(), Some(expected), "{}", text.escape_unicode());
        };
        // One family, one flag and one red heart; marks stay on what they are put on.
        for text in
            ["👨\u{200d}👩\u{200d}👧", "🏳\u{fe0f}\u{200d}🌈", "❤\u{fe0f}", "👍🏽 🇮🇹", "cafe\u{301} z\u{334}\u{351}"]
        {
            check(text, text);
        }
        // What joins and colours nothing is seen nowhere; nor is what hides in tags.
        check("pi\u{200d}zza\u{fe0f} 🍕\u{200d} \u{200d}🍕", "pizza 🍕 🍕");
        check("🍕\u{200d}\u{200d}🍕 x\u{200b}y 🏴\u{e0067}\u{e007f}", "🍕\u{200d}🍕 xy 🏴");
        // The end does not fall into a pictogram's seams.
        let families = "👨\u{200d}".repeat(200);
        check(&families, families.chars().take(279).collect::<String>().as_str());
    }
}
