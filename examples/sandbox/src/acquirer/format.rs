//! The data elements of ISO 8583:1987 (section 4, table of data elements), all in ASCII.

/// What stands in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Digits; padded on the left with zeros.
    N,
    /// Letters and digits; padded on the right with spaces, as all that follow.
    An,
    /// Printable characters.
    Ans,
    /// Eight octets, as 16 hexadecimal digits.
    B,
}

/// How long a field is, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    Fixed(usize),
    /// Up to so many, after two digits that say how many.
    Ll(usize),
    /// Up to so many, after three digits that say how many.
    Lll(usize),
}

/// The format of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Format {
    pub(crate) content: Content,
    pub(crate) length: Length,
}

/// The format of a field; `None` for the bitmaps (1, 65) and beyond 128.
pub(crate) fn of(field: u8) -> Option<Format> {
    use Content::{An, Ans, B, N};
    use Length::{Fixed, Ll, Lll};
    let (content, length) = match field {
        2 => (N, Ll(19)),
        3 | 11 | 12 => (N, Fixed(6)),
        4..=6 => (N, Fixed(12)),
        7 => (N, Fixed(10)),
        8..=10 => (N, Fixed(8)),
        13..=18 => (N, Fixed(4)),
        19..=24 => (N, Fixed(3)),
        25 | 26 => (N, Fixed(2)),
        27 => (N, Fixed(1)),
        28..=31 => (An, Fixed(9)),
        32 | 33 => (N, Ll(11)),
        34 => (Ans, Ll(28)),
        35 => (Ans, Ll(37)),
        36 => (Ans, Lll(104)),
        37 => (An, Fixed(12)),
        38 => (An, Fixed(6)),
        39 => (An, Fixed(2)),
        40 => (An, Fixed(3)),
        41 => (Ans, Fixed(8)),
        42 => (Ans, Fixed(15)),
        43 => (Ans, Fixed(40)),
        44 => (Ans, Ll(25)),
        45 => (Ans, Ll(76)),
        46..=48 => (Ans, Lll(999)),
        49..=51 => (N, Fixed(3)),
        52 | 64 | 96 | 128 => (B, Fixed(16)),
        53 => (N, Fixed(16)),
        54 => (Ans, Lll(120)),
        55..=63 => (Ans, Lll(999)),
        66 => (N, Fixed(1)),
        67 => (N, Fixed(2)),
        68..=70 => (N, Fixed(3)),
        71 | 72 => (N, Fixed(4)),
        73 => (N, Fixed(6)),
        74..=81 => (N, Fixed(10)),
        82..=85 => (N, Fixed(12)),
        86..=89 => (N, Fixed(16)),
        90 => (N, Fixed(42)),
        91 => (An, Fixed(1)),
        92 => (An, Fixed(2)),
        93 => (An, Fixed(5)),
        94 => (An, Fixed(7)),
        95 => (An, Fixed(42)),
        97 => (An, Fixed(17)),
        98 => (Ans, Fixed(25)),
        99 | 100 => (N, Ll(11)),
        101 => (Ans, Ll(17)),
        102 | 103 => (Ans, Ll(28)),
        104 => (Ans, Lll(100)),
        105..=127 => (Ans, Lll(999)),
        _ => return None,
    };
    Some(Format { content, length })
}

impl Format {
    /// The most characters that a value has.
    pub(crate) fn len_max(self) -> usize {
        match self.length {
            Length::Fixed(len) | Length::Ll(len) | Length::Lll(len) => len,
        }
    }

    /// Whether `value`, without its padding, may stand in such a field.
    pub(crate) fn allows(self, value: &str) -> bool {
        let may = |c: char| match self.content {
            Content::N => c.is_ascii_digit(),
            Content::An => c.is_ascii_alphanumeric(),
            Content::Ans => c == ' ' || c.is_ascii_graphic(),
            Content::B => c.is_ascii_hexdigit(),
        };
        value.chars().all(may) && !value.is_empty() && value.len() <= self.len_max()
    }
}
