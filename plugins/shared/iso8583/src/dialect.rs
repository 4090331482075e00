//! What two sides have to agree about.

use crate::table::{TABLE_1987, Table};

/// How bitmaps and the fields of bytes (52, 64, 96, 128) are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Coding {
    /// As bytes.
    #[default]
    Binary,
    /// As hexadecimal digits, two for a byte.
    Hex,
}

/// What two sides have to agree about. All else is ASCII.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// Which fields there are.
    pub table: &'static Table,
    /// How the bitmaps, and bytes, are written.
    pub coding: Coding,
}

impl Dialect {
    /// The table of 1987, with bitmaps and bytes written so.
    pub fn new(coding: Coding) -> Self {
        Self { table: &TABLE_1987, coding }
    }
}

impl Default for Dialect {
    fn default() -> Self {
        Self::new(Coding::Binary)
    }
}
