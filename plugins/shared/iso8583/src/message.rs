//! A message: its type and its fields, all in one piece of memory.

use std::fmt;
use std::ops::Range;

use crate::{Field, Mti};

/// A message: its type, and the fields that it has.
///
/// Values are as they stand in the message, without lengths: those of fixed length have their zeros or spaces once they
/// were decoded, and need none to be encoded. What is of a card, its holder or its evidence does not show in `Debug`:
///
/// ```
/// use sportello_iso8583::{Field, Message, Mti};
///
/// let mut message = Message::new(Mti::FINANCIAL);
/// message.set(Field::PAN, "4111111111111111");
/// message.set(Field::TERMINAL, "T1");
/// assert_eq!(message.text(Field::TERMINAL), Some("T1"));
/// assert_eq!(format!("{message:?}"), r#"0200 {2: […1111] (16), 41: "T1"}"#);
/// ```
#[derive(Clone)]
pub struct Message {
    mti: Mti,
    present: u128,
    /// Where the value of each field is, in the order of the fields' numbers.
    places: Vec<Range<usize>>,
    values: Vec<u8>,
}

/// What a message usually takes: no more memory is asked for.
const FIELDS: usize = 24;
const VALUES_LEN: usize = 512;

impl Message {
    /// A message without fields.
    pub fn new(mti: Mti) -> Self {
        Self { mti, present: 0, places: Vec::with_capacity(FIELDS), values: Vec::with_capacity(VALUES_LEN) }
    }

    /// Its type.
    pub fn mti(&self) -> Mti {
        self.mti
    }

    /// Gives it another type, as a repeat has ([`Mti::repeat`]).
    pub fn set_mti(&mut self, mti: Mti) {
        self.mti = mti;
    }

    /// Sets a field. Whether it may hold that is found out when the message is encoded.
    pub fn set(&mut self, field: Field, value: impl AsRef<[u8]>) -> &mut Self {
        let start = self.values.len();
        self.values.extend_from_slice(value.as_ref());
        let place = start..self.values.len();
        let at = self.rank(field);
        if self.has(field) {
            if let Some(old) = self.places.get_mut(at) {
                *old = place;
            }
        } else {
            self.places.insert(at, place);
            self.present |= field.bit();
        }
        self
    }

    /// The same with this field.
    #[must_use]
    pub fn with(mut self, field: Field, value: impl AsRef<[u8]>) -> Self {
        self.set(field, value);
        self
    }

    /// Leaves a field out.
    pub fn remove(&mut self, field: Field) {
        if self.has(field) {
            self.places.remove(self.rank(field));
            self.present &= !field.bit();
        }
    }

    /// Whether it has this field.
    pub fn has(&self, field: Field) -> bool {
        self.present & field.bit() != 0
    }

    /// The value of a field.
    pub fn get(&self, field: Field) -> Option<&[u8]> {
        if !self.has(field) {
            return None;
        }
        self.places.get(self.rank(field)).and_then(|place| self.values.get(place.clone()))
    }

    /// The value of a field as text, without the spaces at its end; `None` where it is no text.
    pub fn text(&self, field: Field) -> Option<&str> {
        let value = self.get(field)?;
        str::from_utf8(value).ok().map(|text| text.trim_end_matches(' '))
    }

    /// The value of a field as a number; `None` where it is none that fits.
    pub fn number(&self, field: Field) -> Option<u64> {
        self.get(field).filter(|value| value.iter().all(u8::is_ascii_digit))?;
        self.text(field)?.parse().ok()
    }

    /// Its fields, in the order of their numbers.
    pub fn fields(&self) -> impl Iterator<Item = (Field, &[u8])> {
        let mut left = self.present;
        self.places.iter().filter_map(move |place| {
            // The highest bit that is left is the next field's.
            let number = left.leading_zeros() + 1;
            left &= !(1_u128 << 127 >> (number - 1).min(127));
            let field = u8::try_from(number).ok().and_then(Field::new)?;
            Some((field, self.values.get(place.clone())?))
        })
    }

    /// Which fields it has, as both bitmaps, without the bit that says that there is a second one.
    pub(crate) fn present(&self) -> u128 {
        self.present
    }

    /// Adds a field with a number above all that are there.
    pub(crate) fn push(&mut self, field: Field, value: &[u8]) {
        let start = self.values.len();
        self.values.extend_from_slice(value);
        self.places.push(start..self.values.len());
        self.present |= field.bit();
    }

    /// How many fields with smaller numbers there are.
    fn rank(&self, field: Field) -> usize {
        let above = !(field.bit() | (field.bit() - 1));
        (self.present & above).count_ones() as usize
    }
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.mti == other.mti && self.present == other.present && self.fields().eq(other.fields())
    }
}

impl Eq for Message {}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.mti)?;
        let mut map = f.debug_map();
        for (field, value) in self.fields() {
            map.entry(&field.number(), &Shown(field, value));
        }
        map.finish()
    }
}

/// A value as it may be shown.
struct Shown<'a>(Field, &'a [u8]);

/// The shortest PAN there is (ISO/IEC 7812-1): of what is shorter, four digits would be too much.
const PAN_LEN_MIN: usize = 12;

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(field, value) = self;
        let len = value.len();
        let text = str::from_utf8(value).ok();
        match text {
            Some(pan) if *field == Field::PAN && len >= PAN_LEN_MIN => {
                write!(f, "[…{}] ({len})", pan.get(len - 4..).unwrap_or_default())
            }
            Some(text) if !field.is_secret() => write!(f, "{text:?}"),
            _ => write!(f, "[…] ({len})"),
        }
    }
}
