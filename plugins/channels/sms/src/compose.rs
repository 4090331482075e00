//! From a note's text to the user data of one or more short messages (3GPP TS 23.040, section 9.2.3.24.1).

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use crate::gsm::{Septets, septets};
use crate::settings::Alphabet;

/// `data_coding`: the SMSC's default alphabet.
const CODING_DEFAULT: u8 = 0;
/// `data_coding`: UCS-2, which phones read as UTF-16, big end first.
const CODING_UCS2: u8 = 8;

/// A text as it is submitted: one short message, or the parts of a long one, each with its header.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct Composed {
    /// `data_coding`.
    pub(crate) coding: u8,
    /// `short_message` of each part.
    pub(crate) parts: Vec<Vec<u8>>,
}

impl Composed {
    /// Whether the parts begin with a header (`esm_class` must say so).
    pub(crate) fn has_headers(&self) -> bool {
        self.parts.len() > 1
    }
}

/// How a text is written.
#[derive(Clone, Copy)]
enum Coding {
    Septets,
    /// The SMSC makes septets of Latin-1.
    Latin1,
    Utf16,
}

impl Coding {
    /// The shortest that has every character of `text`.
    fn of(text: &str, default: Alphabet) -> Self {
        let first = match default {
            Alphabet::Gsm => Self::Septets,
            Alphabet::Latin1 => Self::Latin1,
        };
        if text.chars().all(|c| first.size(c).is_some()) { first } else { Self::Utf16 }
    }

    /// How much room a character takes, in septets or 16-bit units; nothing where it cannot be written.
    fn size(self, c: char) -> Option<usize> {
        match self {
            Self::Septets => septets(c).map(Septets::count),
            Self::Latin1 => u8::try_from(c).ok().and(septets(c)).map(Septets::count),
            Self::Utf16 => Some(c.len_utf16()),
        }
    }

    fn size_of(self, text: &str) -> usize {
        text.chars().filter_map(|c| self.size(c)).sum()
    }

    /// The room in a message of its own, and in a part with a header of six octets.
    fn room(self) -> (usize, usize) {
        match self {
            Self::Septets | Self::Latin1 => (160, 153),
            Self::Utf16 => (70, 67),
        }
    }

    fn write(self, text: &str, octets: &mut Vec<u8>) {
        for c in text.chars() {
            match self {
                Self::Septets => {
                    if let Some(septets) = septets(c) {
                        septets.write(octets);
                    }
                }
                Self::Latin1 => octets.extend(u8::try_from(c)),
                Self::Utf16 => {
                    let mut units = [0; 2];
                    octets.extend(c.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
                }
            }
        }
    }
}

/// Writes a text in the shortest alphabet that has all of it, in as many parts as it takes; nothing where those would be
/// more than `parts_max`. Nothing is ever cut off. `reference` tells the parts of one message from those of another.
///
/// No part ends within a character, and, where a part has room for it, none within what a reader takes for one: a letter
/// with its accents, an emoji made of several.
pub(crate) fn compose(text: &str, default: Alphabet, reference: u8, parts_max: u8) -> Option<Composed> {
    let text: String = text.nfc().collect();
    let coding = Coding::of(&text, default);
    let (alone, with_header) = coding.room();
    let number = match coding {
        Coding::Septets | Coding::Latin1 => CODING_DEFAULT,
        Coding::Utf16 => CODING_UCS2,
    };
    // Whatever is this long has too many parts, and need not be taken apart to know it.
    if text.chars().count() > alone.max(with_header * usize::from(parts_max)) {
        return None;
    }
    if coding.size_of(&text) <= alone {
        let mut octets = Vec::with_capacity(text.len());
        coding.write(&text, &mut octets);
        return Some(Composed { coding: number, parts: vec![octets] });
    }
    let texts = split(&text, coding, with_header);
    let total = u8::try_from(texts.len()).ok().filter(|total| *total <= parts_max)?;
    let parts = (1..=total).zip(texts).map(|(index, text)| {
        // Concatenated short messages with an 8-bit reference (TS 23.040, section 9.2.3.24.1).
        let mut octets = vec![5, 0, 3, reference, total, index];
        coding.write(text, &mut octets);
        octets
    });
    Some(Composed { coding: number, parts: parts.collect() })
}

fn split(text: &str, coding: Coding, room: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut end, mut used) = (0, 0, 0);
    for grapheme in text.graphemes(true) {
        let size = coding.size_of(grapheme);
        // What no part has room for is taken apart by its characters.
        let pieces: Vec<&str> =
            if size <= room { vec![grapheme] } else { grapheme.split_inclusive(|_| true).collect() };
        for piece in pieces {
            let size = coding.size_of(piece);
            if used + size > room {
                parts.push(text.get(start..end).unwrap_or_default());
                (start, used) = (end, 0);
            }
            end += piece.len();
            used += size;
        }
    }
    parts.push(text.get(start..end).unwrap_or_default());
    parts
}

#[cfg(test)]
#[path = "compose_tests.rs"]
mod tests;
