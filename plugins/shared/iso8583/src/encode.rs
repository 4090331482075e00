//! From a message to octets.

use thiserror::Error;

use crate::dialect::{Coding, Dialect};
use crate::table::{Format, Length};
use crate::{Field, Message};

/// Why a message cannot be encoded. It names the field, never its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// The table has no such field.
    #[error("{0} is not in the table")]
    Unknown(Field),
    /// It is longer than the field may be, or a field of bytes is shorter than it must be.
    #[error("{0} has a wrong length")]
    Length(Field),
    /// It has a character that the field may not hold.
    #[error("{0} has a character that it may not hold")]
    Format(Field),
    /// All together is longer than a frame can say: so many octets.
    #[error("the message has {0} octets, more than a frame can have")]
    TooLong(usize),
}

/// Appends `message` to `out`, without the header that frames it ([`crate::frame::write`] does both). After an error,
/// `out` is as it was.
///
/// # Errors
/// When a field cannot hold what it was set to.
pub fn encode(message: &Message, dialect: &Dialect, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend_from_slice(&message.mti().digits());
    bitmaps(message.present(), dialect.coding, out);
    for (field, value) in message.fields() {
        if let Err(error) = encode_field(field, value, dialect, out) {
            out.truncate(start);
            return Err(error);
        }
    }
    Ok(())
}

/// One bitmap, or two where a field above 64 is there: then bit 1 says so.
fn bitmaps(present: u128, coding: Coding, out: &mut Vec<u8>) {
    let octets = present.to_be_bytes();
    let (primary, secondary) = octets.split_at(8);
    if secondary.iter().all(|octet| *octet == 0) {
        return write_bytes(primary, coding, out);
    }
    write_bytes(&(present | 1 << 127).to_be_bytes(), coding, out);
}

fn encode_field(field: Field, value: &[u8], dialect: &Dialect, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let spec = dialect.table.spec(field).ok_or(EncodeError::Unknown(field))?;
    if !spec.format.holds(value) {
        return Err(EncodeError::Format(field));
    }
    let missing = match spec.length {
        Length::Fixed(len) => usize::from(len).checked_sub(value.len()).ok_or(EncodeError::Length(field))?,
        Length::Ll(max) | Length::Lll(max) if value.len() > usize::from(max) => {
            return Err(EncodeError::Length(field));
        }
        Length::Ll(_) => {
            write_digits::<2>(value.len(), out);
            0
        }
        Length::Lll(_) => {
            write_digits::<3>(value.len(), out);
            0
        }
    };
    match spec.format {
        Format::N => {
            out.resize(out.len() + missing, b'0');
            out.extend_from_slice(value);
        }
        Format::An | Format::Ans => {
            out.extend_from_slice(value);
            out.resize(out.len() + missing, b' ');
        }
        _ if missing > 0 => return Err(EncodeError::Length(field)),
        Format::B => write_bytes(value, dialect.coding, out),
        Format::Xn | Format::Z => out.extend_from_slice(value),
    }
    Ok(())
}

fn write_bytes(bytes: &[u8], coding: Coding, out: &mut Vec<u8>) {
    match coding {
        Coding::Binary => out.extend_from_slice(bytes),
        Coding::Hex => out.extend(bytes.iter().flat_map(|byte| [hex_digit(byte >> 4), hex_digit(byte & 0xf)])),
    }
}

fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 }
}

/// The last `N` digits of a number.
fn write_digits<const N: usize>(mut number: usize, out: &mut Vec<u8>) {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        *digit += (number % 10).to_le_bytes()[0];
        number /= 10;
    }
    out.extend_from_slice(&digits);
}
