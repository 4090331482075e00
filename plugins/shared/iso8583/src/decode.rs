//! From octets to a message. Nothing is guessed: what is not as the table has it is an error.

use thiserror::Error;

use crate::dialect::{Coding, Dialect};
use crate::table::{Format, Length};
use crate::{Field, Message, Mti};

/// Why octets are no message. It names the field, never its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// It does not begin with four digits.
    #[error("the message type is not four digits")]
    Mti,
    /// The primary bitmap is cut short, or is not written as agreed.
    #[error("the primary bitmap cannot be read")]
    Bitmap,
    /// Bit 1 says that there is a secondary bitmap, and there is none, or it is empty or not written as agreed.
    #[error("bit 1 announces a secondary bitmap that is not there")]
    NoSecondary,
    /// The table has no such field: where the next one begins is not known.
    #[error("{0} is not in the table")]
    Unknown(Field),
    /// The message ends before the field does.
    #[error("{0} is cut short, or is not there")]
    Short(Field),
    /// The length before the field is not a number.
    #[error("{0} has a length that is no number")]
    Length(Field),
    /// The length before the field is more than it may have.
    #[error("{0} is too long")]
    TooLong(Field),
    /// The field has a character that it may not hold.
    #[error("{0} has a character that it may not hold")]
    Format(Field),
    /// Something stands after the last field: so many bytes.
    #[error("{0} bytes stand after the last field")]
    Trailing(usize),
}

/// Reads one message, without the header that frames it.
///
/// # Errors
/// When the octets are not exactly one message of this dialect.
pub fn decode(octets: &[u8], dialect: &Dialect) -> Result<Message, DecodeError> {
    let mut rest = Rest(octets);
    let mti = rest.take_array().and_then(Mti::read).ok_or(DecodeError::Mti)?;
    let primary = rest.take_bitmap(dialect.coding).ok_or(DecodeError::Bitmap)?;
    let has_secondary = primary >> 63 == 1;
    let secondary = if has_secondary {
        rest.take_bitmap(dialect.coding).filter(|bits| *bits != 0).ok_or(DecodeError::NoSecondary)?
    } else {
        0
    };
    let mut message = Message::new(mti);
    let mut left = (u128::from(primary) << 64 | u128::from(secondary)) & !(1 << 127);
    while left != 0 {
        let bit = left.leading_zeros();
        left &= !(1_u128 << 127 >> bit);
        // The first bit is cleared above: all others are fields.
        let Some(field) = u8::try_from(bit + 1).ok().and_then(Field::new) else { continue };
        decode_field(field, &mut rest, dialect, &mut message)?;
    }
    match rest.0.len() {
        0 => Ok(message),
        more => Err(DecodeError::Trailing(more)),
    }
}

fn decode_field(
    field: Field,
    rest: &mut Rest<'_>,
    dialect: &Dialect,
    message: &mut Message,
) -> Result<(), DecodeError> {
    let spec = dialect.table.spec(field).ok_or(DecodeError::Unknown(field))?;
    let (len, max) = match spec.length {
        Length::Fixed(len) => (usize::from(len), len),
        Length::Ll(max) => (rest.take_len::<2>(field)?, max),
        Length::Lll(max) => (rest.take_len::<3>(field)?, max),
    };
    if len > usize::from(max) {
        return Err(DecodeError::TooLong(field));
    }
    if spec.format == Format::B && dialect.coding == Coding::Hex {
        let digits = rest.take(2 * len).ok_or(DecodeError::Short(field))?;
        let bytes: Option<Vec<u8>> = digits.chunks_exact(2).map(hex_byte).collect();
        message.push(field, &bytes.ok_or(DecodeError::Format(field))?);
        return Ok(());
    }
    let value = rest.take(len).ok_or(DecodeError::Short(field))?;
    if !spec.format.holds(value) {
        return Err(DecodeError::Format(field));
    }
    message.push(field, value);
    Ok(())
}

/// What is not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn take_array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn take_bitmap(&mut self, coding: Coding) -> Option<u64> {
        match coding {
            Coding::Binary => self.take_array().map(u64::from_be_bytes),
            Coding::Hex => {
                self.take(16)?.iter().try_fold(0, |bits, digit| Some(bits << 4 | u64::from(nibble(*digit)?)))
            }
        }
    }

    fn take_len<const N: usize>(&mut self, field: Field) -> Result<usize, DecodeError> {
        let digits: [u8; N] = self.take_array().ok_or(DecodeError::Short(field))?;
        digits.iter().try_fold(0, |len, digit| {
            let value = digit.is_ascii_digit().then(|| usize::from(digit - b'0'));
            value.map(|value| len * 10 + value).ok_or(DecodeError::Length(field))
        })
    }
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    match digits {
        [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
        _ => None,
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
