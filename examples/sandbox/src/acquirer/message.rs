//! A message as it goes over the line: message type, bitmaps, fields; before it two octets with its length.

use std::{collections::BTreeMap, fmt::Write};

use clap::ValueEnum;

use super::format::{self, Content, Length};

/// How the bitmaps are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Bitmap {
    /// Eight octets each.
    #[default]
    Binary,
    /// Sixteen hexadecimal digits each.
    Hex,
}

/// The longest message that is taken, in octets.
const LEN_MAX: usize = 8_192;

/// A message.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Message {
    /// The message type as a number: 0100 is 100.
    pub(crate) mti: u16,
    /// The fields by number, without their padding.
    pub(crate) fields: BTreeMap<u8, String>,
}

impl Message {
    pub(crate) fn new(mti: u16) -> Self {
        Self { mti, fields: BTreeMap::new() }
    }

    /// A field, or nothing.
    pub(crate) fn get(&self, field: u8) -> &str {
        self.fields.get(&field).map_or("", String::as_str)
    }

    pub(crate) fn set(&mut self, field: u8, value: impl Into<String>) {
        self.fields.insert(field, value.into());
    }

    pub(crate) fn has(&self, field: u8) -> bool {
        self.fields.contains_key(&field)
    }

    /// A field of digits; 0 where there are none.
    pub(crate) fn number(&self, field: u8) -> u64 {
        self.get(field).parse().unwrap_or(0)
    }

    /// The message as it goes over the line, its length before it.
    pub(crate) fn written(&self, bitmap: Bitmap) -> Vec<u8> {
        let mut body = format!("{:04}", self.mti).into_bytes();
        let mut bits = self.fields.keys().fold(0_u128, |bits, field| bits | bit(*field));
        let has_second = self.fields.keys().any(|field| *field > 64);
        if has_second {
            bits |= bit(1);
        }
        let octets = bits.to_be_bytes();
        let (first, second) = octets.split_at(8);
        for half in [Some(first), has_second.then_some(second)].into_iter().flatten() {
            match bitmap {
                Bitmap::Binary => body.extend_from_slice(half),
                Bitmap::Hex => body.extend_from_slice(hex::encode_upper(half).as_bytes()),
            }
        }
        for (field, value) in &self.fields {
            body.extend_from_slice(padded(*field, value).as_bytes());
        }
        framed(&body)
    }
}

/// `body` with its length before it.
pub(crate) fn framed(body: &[u8]) -> Vec<u8> {
    let len = u16::try_from(body.len()).unwrap_or(u16::MAX);
    [&len.to_be_bytes(), body].concat()
}

fn bit(field: u8) -> u128 {
    1_u128.checked_shl(128 - u32::from(field)).unwrap_or(0)
}

fn padded(field: u8, value: &str) -> String {
    let Some(format) = format::of(field) else { return String::new() };
    let len = format.len_max();
    let value: String = value.chars().take(len).collect();
    match (format.length, format.content) {
        (Length::Fixed(_), Content::N | Content::B) => format!("{value:0>len$}"),
        (Length::Fixed(_), _) => format!("{value: <len$}"),
        (Length::Ll(_), _) => format!("{:02}{value}", value.len()),
        (Length::Lll(_), _) => format!("{:03}{value}", value.len()),
    }
}

/// What stands at the front of what was read.
#[derive(Debug, PartialEq)]
pub(crate) enum Frame<'a> {
    /// The octets of a whole message, without its length.
    Whole(&'a [u8]),
    /// Not all of it is there yet.
    Partial,
    /// A length that no message has.
    Wrong,
}

/// Finds the message at the front of `bytes`.
pub(crate) fn frame(bytes: &[u8]) -> Frame<'_> {
    let Some((header, rest)) = bytes.split_first_chunk::<2>() else { return Frame::Partial };
    let len = usize::from(u16::from_be_bytes(*header));
    if !(12..=LEN_MAX).contains(&len) {
        return Frame::Wrong;
    }
    rest.get(..len).map_or(Frame::Partial, Frame::Whole)
}

/// Reads a message. What stands in the fields is not looked at yet.
///
/// # Errors
/// In a sentence, when it cannot be told where a field ends.
pub(crate) fn read(bytes: &[u8], bitmap: Bitmap) -> Result<Message, String> {
    let mut rest = Rest(bytes);
    let mti = rest.digits(4).ok_or("the message type is not four digits")?;
    let first = rest.bitmap(bitmap).ok_or("the first bitmap is short or wrong")?;
    let has_second = first >> 63 == 1;
    let second = if has_second { rest.bitmap(bitmap).ok_or("the second bitmap is short or wrong")? } else { 0 };
    let bits = u128::from(first) << 64 | u128::from(second);
    let mut message = Message::new(u16::try_from(mti).map_err(|e| e.to_string())?);
    for field in (2..=128).filter(|field| bits & bit(*field) != 0) {
        let value = rest.field(field).ok_or_else(|| format!("field {field} is short, too long or unknown"))?;
        message.fields.insert(field, value);
    }
    if !rest.0.is_empty() {
        return Err(format!("{} octets stand behind the last field", rest.0.len()));
    }
    Ok(message)
}

struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn digits(&mut self, len: usize) -> Option<usize> {
        let text = std::str::from_utf8(self.take(len)?).ok()?;
        text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
    }

    fn bitmap(&mut self, bitmap: Bitmap) -> Option<u64> {
        match bitmap {
            Bitmap::Binary => self.take(8)?.first_chunk().copied().map(u64::from_be_bytes),
            Bitmap::Hex => {
                let text = std::str::from_utf8(self.take(16)?).ok()?;
                // A sign would be read as part of a number.
                text.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u64::from_str_radix(text, 16).ok())?
            }
        }
    }

    fn field(&mut self, field: u8) -> Option<String> {
        let format = format::of(field)?;
        let len = match format.length {
            Length::Fixed(len) => len,
            Length::Ll(max) => self.digits(2).filter(|len| *len <= max)?,
            Length::Lll(max) => self.digits(3).filter(|len| *len <= max)?,
        };
        // Octet by octet, so that what is no ASCII is still there to be complained about.
        let text: String = self.take(len)?.iter().map(|octet| char::from(*octet)).collect();
        let is_padded = matches!((format.length, format.content), (Length::Fixed(_), Content::An | Content::Ans));
        Some(if is_padded { text.trim_end_matches(' ').to_owned() } else { text })
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = format!("{:04}", self.mti);
        for (field, value) in &self.fields {
            // The account number and the evidence are nobody's business.
            match field {
                2 | 35 | 45 | 48 => write!(text, " {field}=…")?,
                _ => write!(text, " {field}={value}")?,
            }
        }
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_cannot_be_told_apart_is_refused() {
        let whole = |text: &str| text.replace(' ', "").into_bytes();
        let check = |text: &str, expected: &str| {
            let told = read(&whole(text), Bitmap::Hex).map(|message| format!("{message:?}"));
            assert_eq!(told.unwrap_or_else(|error| error), expected, "{text}");
        };
        check("0800 8220000000000000 0400000000000000 1124190500 000001 301", "0800 7=1124190500 11=000001 70=301");
        check("08x0 8220000000000000", "the message type is not four digits");
        check("0800 82200000000000", "the first bitmap is short or wrong");
        check("0800 8220000000000000 04", "the second bitmap is short or wrong");
        check("0800 +220000000000000", "the first bitmap is short or wrong");
        check("0800 8220000000000000 0400000000000000 1124190500 000001 30", "field 70 is short, too long or unknown");
        check("0800 8220000000000000 0400000000000000 1124190500 000001 3011", "1 octets stand behind the last field");
        check("0100 4000000000000000 20 41111111111111111111", "field 2 is short, too long or unknown");
        check("0100 4000000000000000 1x 4111", "field 2 is short, too long or unknown");
        check("0100 8000000000000000 8000000000000000 0", "field 65 is short, too long or unknown");
    }

    #[test]
    fn a_frame_is_whole_or_waited_for_or_wrong() {
        let check = |bytes: &[u8], expected: Frame<'_>| assert_eq!(frame(bytes), expected);
        check(&[], Frame::Partial);
        check(&[0], Frame::Partial);
        check(&[0, 0], Frame::Wrong);
        check(&[0, 11, 1, 2, 3], Frame::Wrong);
        check(&[255, 255], Frame::Wrong);
        check(&[0, 12, 1, 2, 3], Frame::Partial);
        check(&framed(&[7; 12]), Frame::Whole(&[7; 12]));
    }

    fn any_value(field: u8) -> impl Strategy<Value = Option<(u8, String)>> {
        let Some(format) = format::of(field) else { return Just(None).boxed() };
        let max = format.len_max();
        let pattern = match (format.content, format.length) {
            (Content::N, Length::Fixed(len)) => format!("[0-9]{{{len}}}"),
            (Content::B, _) => "[0-9A-F]{16}".to_owned(),
            (Content::N, _) => format!("[0-9]{{1,{max}}}"),
            (Content::An, _) => format!("[0-9A-Za-z]{{1,{max}}}"),
            (Content::Ans, _) => format!("[!-~]{{1,{max}}}"),
        };
        let value = proptest::string::string_regex(&pattern).unwrap();
        proptest::option::weighted(0.2, value.prop_map(move |value| (field, value))).boxed()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_written_is_what_is_read(
            mti in 0_u16..10_000,
            hex in any::<bool>(),
            fields in (2_u8..=128).map(any_value).collect::<Vec<_>>(),
        ) {
            let bitmap = if hex { Bitmap::Hex } else { Bitmap::Binary };
            let message = Message { mti, fields: fields.into_iter().flatten().collect() };
            let written = message.written(bitmap);
            prop_assert_eq!(read(&written[2..], bitmap), Ok(message));
        }

        #[test]
        fn no_octets_bring_it_down(octets in proptest::collection::vec(any::<u8>(), 0..300), hex in any::<bool>()) {
            let bitmap = if hex { Bitmap::Hex } else { Bitmap::Binary };
            let _either_way = read(&octets, bitmap);
            let _either_way = frame(&octets);
        }
    }
}
