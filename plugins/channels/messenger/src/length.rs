//! How long a text is, and where to part it.
//!
//! Meta's pages say "characters" and not which. Counted here are the units of UTF-16, of which a text has never fewer than
//! it has code points or characters that a person sees.

use unicode_segmentation::UnicodeSegmentation;

/// The longest text of a message.
pub(crate) const TEXT_LEN_MAX: usize = 2000;

/// How long a text is.
pub(crate) fn len(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// As much of the start of `text` as has at most `len_max`, and does not end inside of what a person sees as one
/// character: an emoji of several code points, a letter with its marks. One that is longer itself is parted after all,
/// between two code points.
pub(crate) fn start_of(text: &str, len_max: usize) -> &str {
    let whole = ends_within(text.grapheme_indices(true), len_max);
    let end = match whole {
        0 => ends_within(
            text.char_indices().map(|(at, c)| (at, text.get(at..at + c.len_utf8()).unwrap_or_default())),
            len_max,
        ),
        end => end,
    };
    text.get(..end).unwrap_or_default()
}

/// Where the last of these pieces ends that is within `len_max` from the start.
fn ends_within<'t>(pieces: impl Iterator<Item = (usize, &'t str)>, len_max: usize) -> usize {
    let mut left = len_max;
    let mut end = 0;
    for (at, piece) in pieces {
        let Some(rest) = left.checked_sub(len(piece)) else { break };
        left = rest;
        end = at + piece.len();
    }
    end
}

/// The text in parts of at most [`TEXT_LEN_MAX`], none of them blank. Between two of them nothing is lost but white space.
///
/// A part ends where a paragraph does, or a line, or a sentence, in this order, if that makes it no shorter than half of
/// what it may be; else behind a word; and inside of one only where that is longer than a part.
pub(crate) fn parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    while len(rest) > TEXT_LEN_MAX {
        let (part, after) = rest.split_at(part_end(rest, start_of(rest, TEXT_LEN_MAX)));
        parts.push(part.trim_end());
        rest = after.trim_start();
    }
    if !rest.is_empty() {
        parts.push(rest);
    }
    parts
}

/// Where the first part of `text` ends, of which `most` is the longest that is possible.
fn part_end(text: &str, most: &str) -> usize {
    // The part may end right before the white space that follows it.
    let next = text.get(most.len()..).and_then(|rest| rest.chars().next());
    let seen = text.get(..most.len() + next.map_or(0, char::len_utf8)).unwrap_or(most);
    // The text begins with no white space, so that none of these is where it begins.
    let ends: Vec<usize> = seen.char_indices().filter(|(_, c)| c.is_whitespace()).map(|(at, _)| at).collect();
    let before = |at: usize| seen.get(..at).unwrap_or_default();
    let after = |at: usize| seen.get(at..).unwrap_or_default();
    let ends_paragraph = |at: usize| ["\n\n", "\r\n\r\n"].iter().any(|blank| after(at).starts_with(blank));
    let ends_line = |at: usize| after(at).starts_with(['\n', '\r']);
    let ends_sentence = |at: usize| before(at).ends_with(['.', '!', '?', '…', ':', ';']);
    let places: [&dyn Fn(usize) -> bool; 3] = [&ends_paragraph, &ends_line, &ends_sentence];
    let is_long_enough = |at: &&usize| **at >= most.len() / 2;
    let last = |is_place: &&dyn Fn(usize) -> bool| {
        ends.iter().rev().take_while(is_long_enough).find(|at| is_place(**at)).copied()
    };
    places.iter().find_map(last).or_else(|| ends.last().copied()).unwrap_or(most.len())
}

#[cfg(test)]
#[path = "length_tests.rs"]
mod tests;
