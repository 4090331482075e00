//! The table of fields, as data: what each may hold and how long it is (ISO 8583:1987, section 4.3).

use crate::Field;

/// What a field may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `n`: digits. Shorter than a fixed length, it is filled up with zeros on the left.
    N,
    /// `x+n`: `C` or `D`, then digits.
    Xn,
    /// `an`: letters, digits and spaces. Shorter than a fixed length, it is filled up with spaces on the right.
    An,
    /// `ans`: all printable characters of ASCII, filled up as `an` is.
    Ans,
    /// `z`: the characters of a magnetic stripe's tracks 2 and 3 (ISO/IEC 7813), `0` to `?`, and `D` for a separator.
    Z,
    /// `b`: bytes.
    B,
}

impl Format {
    /// Whether a field of this format may hold these.
    pub(crate) fn holds(self, value: &[u8]) -> bool {
        let all = |may: fn(&u8) -> bool| value.iter().all(may);
        match self {
            Self::N => all(u8::is_ascii_digit),
            Self::Xn => value
                .split_first()
                .is_some_and(|(sign, digits)| matches!(sign, b'C' | b'D') && digits.iter().all(u8::is_ascii_digit)),
            Self::An => all(|byte| byte.is_ascii_alphanumeric() || *byte == b' '),
            Self::Ans => all(|byte| matches!(byte, b' '..=b'~')),
            Self::Z => all(|byte| matches!(byte, b'0'..=b'?' | b'D')),
            Self::B => true,
        }
    }
}

/// How long a field is, in characters; in bytes for [`Format::B`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Always so long.
    Fixed(u16),
    /// Two digits of length before it; so long at most.
    Ll(u16),
    /// Three digits of length before it; so long at most.
    Lll(u16),
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    /// What the field may hold.
    pub format: Format,
    /// How long it is.
    pub length: Length,
}

/// Which fields there are, and what each is. A field without a row is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table([Option<Spec>; 129]);

const ROWS: usize = 129;

impl Table {
    /// A table of these rows: field, format, length. Later rows replace earlier ones. Numbers that are no field's have no
    /// row.
    pub const fn new(rows: &[(u8, Format, Length)]) -> Self {
        Self([None; ROWS]).with(rows)
    }

    /// The same table with these rows in place of its own: an acquirer's departures from the standard.
    #[must_use]
    #[allow(clippy::indexing_slicing, reason = "both indices are checked, and a constant function has no `get`")]
    pub const fn with(mut self, rows: &[(u8, Format, Length)]) -> Self {
        let mut at = 0;
        while at < rows.len() {
            let (number, format, length) = rows[at];
            if number >= 2 && number <= 128 {
                self.0[number as usize] = Some(Spec { format, length });
            }
            at += 1;
        }
        self
    }

    /// The row of a field; `None` where it is unknown.
    pub fn spec(&self, field: Field) -> Option<Spec> {
        self.0.get(usize::from(field.number())).copied().flatten()
    }
}

/// The table of 1987, with `an` widened to `ans` where cards and evidence need it: fields 34, 44 to 48.
///
/// Field 65 (a tertiary bitmap) is not there: nobody uses it, and it would say that more follows.
pub static TABLE_1987: Table = Table::new(ROWS_1987);

use Format::{An, Ans, B, N, Xn, Z};
use Length::{Fixed, Ll, Lll};

#[rustfmt::skip]
const ROWS_1987: &[(u8, Format, Length)] = &[
    (2, N, Ll(19)), (3, N, Fixed(6)), (4, N, Fixed(12)), (5, N, Fixed(12)), (6, N, Fixed(12)), (7, N, Fixed(10)),
    (8, N, Fixed(8)), (9, N, Fixed(8)), (10, N, Fixed(8)), (11, N, Fixed(6)), (12, N, Fixed(6)), (13, N, Fixed(4)),
    (14, N, Fixed(4)), (15, N, Fixed(4)), (16, N, Fixed(4)), (17, N, Fixed(4)), (18, N, Fixed(4)), (19, N, Fixed(3)),
    (20, N, Fixed(3)), (21, N, Fixed(3)), (22, N, Fixed(3)), (23, N, Fixed(3)), (24, N, Fixed(3)), (25, N, Fixed(2)),
    (26, N, Fixed(2)), (27, N, Fixed(1)), (28, Xn, Fixed(9)), (29, Xn, Fixed(9)), (30, Xn, Fixed(9)),
    (31, Xn, Fixed(9)), (32, N, Ll(11)), (33, N, Ll(11)), (34, Ans, Ll(28)), (35, Z, Ll(37)), (36, Z, Lll(104)),
    (37, An, Fixed(12)), (38, An, Fixed(6)), (39, An, Fixed(2)), (40, An, Fixed(3)), (41, Ans, Fixed(8)),
    (42, Ans, Fixed(15)), (43, Ans, Fixed(40)), (44, Ans, Ll(99)), (45, Ans, Ll(76)), (46, Ans, Lll(999)),
    (47, Ans, Lll(999)), (48, Ans, Lll(999)), (49, N, Fixed(3)), (50, N, Fixed(3)), (51, N, Fixed(3)),
    (52, B, Fixed(8)), (53, N, Fixed(16)), (54, An, Lll(120)), (55, Ans, Lll(999)), (56, Ans, Lll(999)),
    (57, Ans, Lll(999)), (58, Ans, Lll(999)), (59, Ans, Lll(999)), (60, Ans, Lll(999)), (61, Ans, Lll(999)),
    (62, Ans, Lll(999)), (63, Ans, Lll(999)), (64, B, Fixed(8)), (66, N, Fixed(1)), (67, N, Fixed(2)),
    (68, N, Fixed(3)), (69, N, Fixed(3)), (70, N, Fixed(3)), (71, N, Fixed(4)), (72, N, Fixed(4)), (73, N, Fixed(6)),
    (74, N, Fixed(10)), (75, N, Fixed(10)), (76, N, Fixed(10)), (77, N, Fixed(10)), (78, N, Fixed(10)),
    (79, N, Fixed(10)), (80, N, Fixed(10)), (81, N, Fixed(10)), (82, N, Fixed(12)), (83, N, Fixed(12)),
    (84, N, Fixed(12)), (85, N, Fixed(12)), (86, N, Fixed(16)), (87, N, Fixed(16)), (88, N, Fixed(16)),
    (89, N, Fixed(16)), (90, N, Fixed(42)), (91, An, Fixed(1)), (92, An, Fixed(2)), (93, N, Fixed(5)),
    (94, An, Fixed(7)), (95, An, Fixed(42)), (96, B, Fixed(8)), (97, Xn, Fixed(17)), (98, Ans, Fixed(25)),
    (99, N, Ll(11)), (100, N, Ll(11)), (101, Ans, Ll(17)), (102, Ans, Ll(28)), (103, Ans, Ll(28)),
    (104, Ans, Lll(100)), (105, Ans, Lll(999)), (106, Ans, Lll(999)), (107, Ans, Lll(999)), (108, Ans, Lll(999)),
    (109, Ans, Lll(999)), (110, Ans, Lll(999)), (111, Ans, Lll(999)), (112, Ans, Lll(999)), (113, Ans, Lll(999)),
    (114, Ans, Lll(999)), (115, Ans, Lll(999)), (116, Ans, Lll(999)), (117, Ans, Lll(999)), (118, Ans, Lll(999)),
    (119, Ans, Lll(999)), (120, Ans, Lll(999)), (121, Ans, Lll(999)), (122, Ans, Lll(999)), (123, Ans, Lll(999)),
    (124, Ans, Lll(999)), (125, Ans, Lll(999)), (126, Ans, Lll(999)), (127, Ans, Lll(999)), (128, B, Fixed(8)),
];
