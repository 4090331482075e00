//! Long messages: how a phone cuts a text into parts, and how the place of a part is read again. The user data header's
//! concatenation elements are of 3GPP TS 23.040, section 9.2.3.24.1 (8-bit reference) and 9.2.3.24.8 (16-bit); the SAR
//! parameters of SMPP 3.4, section 5.3.2.22 to 24.

use serde::Deserialize;

use super::{
    alphabet::Alphabet,
    pdu::Fields,
    tlv::{self, Optional},
};

/// The user data header indicator of `esm_class`.
pub(crate) const HEADER_INDICATOR: u8 = 0x40;

/// How parts say that they belong together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Joint {
    #[default]
    Udh8,
    Udh16,
    Sar,
}

/// Where a part belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) joint: Joint,
    pub(crate) reference: u16,
    pub(crate) total: u8,
    /// From 1.
    pub(crate) number: u8,
}

/// What goes into one `deliver_sm`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) esm_class: u8,
    pub(crate) message: Vec<u8>,
    pub(crate) tlvs: Vec<u8>,
}

/// Cuts `text` as a phone does: never inside of an escape sequence or a surrogate pair. One message where it fits and
/// `characters_max`, which makes parts shorter than they need be, is not asked for.
///
/// # Errors
/// A sentence: the alphabet has not all of the text, or there would be more than 255 parts.
pub(crate) fn split(
    text: &str,
    alphabet: Alphabet,
    joint: Joint,
    reference: u16,
    characters_max: Option<usize>,
) -> Result<Vec<Part>, String> {
    let whole = alphabet.encode(text).ok_or("this encoding has not all characters of the text")?;
    if whole.len() <= alphabet.room(0) && characters_max.is_none() {
        return Ok(vec![Part { message: whole, ..Part::default() }]);
    }
    let room = alphabet.room(if joint == Joint::Udh16 { 7 } else { 6 });
    let characters_max = characters_max.unwrap_or(usize::MAX).max(1);
    let (mut pieces, mut piece, mut characters) = (Vec::new(), Vec::new(), 0);
    for character in text.chars() {
        let before = piece.len();
        alphabet.push(character, &mut piece);
        characters += 1;
        if piece.len() > room || characters > characters_max {
            let next = piece.split_off(before);
            pieces.push(std::mem::replace(&mut piece, next));
            characters = 1;
        }
    }
    pieces.push(piece);
    let total =
        u8::try_from(pieces.len()).map_err(|_| format!("{} parts: at most 255 can be numbered", pieces.len()))?;
    let place = |number| Place { joint, reference, total, number };
    Ok(pieces.into_iter().zip(1..=total).map(|(piece, number)| place(number).part(&piece)).collect())
}

impl Place {
    fn part(self, text: &[u8]) -> Part {
        let Self { reference, total, number, .. } = self;
        let [high, low] = reference.to_be_bytes();
        let header: &[u8] = match self.joint {
            Joint::Udh8 => &[5, 0, 3, low, total, number],
            Joint::Udh16 => &[6, 8, 4, high, low, total, number],
            Joint::Sar => {
                let mut tlvs = Vec::new();
                tlv::push(&mut tlvs, tlv::SAR_REFERENCE, &[high, low]);
                tlv::push(&mut tlvs, tlv::SAR_TOTAL, &[total]);
                tlv::push(&mut tlvs, tlv::SAR_NUMBER, &[number]);
                return Part { esm_class: 0, message: text.to_vec(), tlvs };
            }
        };
        Part { esm_class: HEADER_INDICATOR, message: [header, text].concat(), tlvs: Vec::new() }
    }

    fn checked(self) -> Option<Self> {
        // A part that cannot be placed is a message of its own: TS 23.040 has the element ignored.
        (1..=self.total).contains(&self.number).then_some(self)
    }
}

/// Takes the user data header off the front of `message`: the place it names, its length, and the text behind it.
/// `None` where the header is longer than the message.
pub(crate) fn header(message: &[u8]) -> Option<(Option<Place>, usize, &[u8])> {
    let mut fields = Fields(message);
    let length = usize::from(fields.one()?);
    let mut elements = Fields(fields.octets(length)?);
    let mut place = None;
    while !elements.0.is_empty() {
        let (kind, size) = (elements.one()?, elements.one()?);
        let value = elements.octets(usize::from(size))?;
        match (kind, value) {
            (0, [reference, total, number]) => {
                let reference = u16::from(*reference);
                place = Place { joint: Joint::Udh8, reference, total: *total, number: *number }.checked();
            }
            (8, [high, low, total, number]) => {
                let reference = u16::from_be_bytes([*high, *low]);
                place = Place { joint: Joint::Udh16, reference, total: *total, number: *number }.checked();
            }
            _ => {}
        }
    }
    Some((place, length + 1, fields.0))
}

/// The place that the SAR parameters name, where all three are there.
pub(crate) fn sar(optional: &Optional<'_>) -> Option<Place> {
    let Optional { sar_reference: Some(reference), sar_total: Some(total), sar_number: Some(number), .. } = *optional
    else {
        return None;
    };
    Place { joint: Joint::Sar, reference, total, number }.checked()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cuts, reads every part again, and joins.
    fn rejoined(text: &str, joint: Joint, characters_max: Option<usize>) -> (usize, String) {
        let alphabet = Alphabet::shortest(text);
        let parts = split(text, alphabet, joint, 0xabcd, characters_max).unwrap();
        let mut joined = String::new();
        for (at, part) in parts.iter().enumerate() {
            let optional = tlv::read(&part.tlvs).unwrap();
            let (place, rest) = match part.esm_class {
                HEADER_INDICATOR => header(&part.message).map(|(place, _, rest)| (place, rest)).unwrap(),
                _ => (sar(&optional), &part.message[..]),
            };
            if let Some(place) = place {
                assert_eq!((place.joint, usize::from(place.number)), (joint, at + 1));
                assert_eq!(usize::from(place.total), parts.len());
                assert_eq!(place.reference, if joint == Joint::Udh8 { 0xcd } else { 0xabcd });
            } else {
                assert_eq!(parts.len(), 1);
            }
            joined += &alphabet.decode(rest);
        }
        (parts.len(), joined)
    }

    #[test]
    fn parts_are_cut_where_nothing_tears() {
        let check = |text: &str, joint: Joint, characters_max: Option<usize>, parts: usize| {
            assert_eq!(rejoined(text, joint, characters_max), (parts, text.to_owned()));
        };
        for joint in [Joint::Udh8, Joint::Udh16, Joint::Sar] {
            check("", joint, None, 1);
            check(&"a".repeat(160), joint, None, 1);
            check(&"a".repeat(161), joint, None, 2);
            check(&format!("{}€", "a".repeat(158)), joint, None, 1);
            check(&format!("{}€", "a".repeat(159)), joint, None, 2);
            check(&format!("{}€{}", "a".repeat(152), "b".repeat(20)), joint, None, 2);
            check(&"ça".repeat(70), joint, None, 1);
            check(&"ça".repeat(71), joint, None, 2);
            check(&"ж".repeat(70), joint, None, 1);
            check(&"🍕".repeat(36), joint, None, 2);
            check("hello", joint, Some(2), 3);
        }
        check(&"a".repeat(153 * 2), Joint::Udh8, None, 2);
        check(&"a".repeat(153 * 2), Joint::Udh16, None, 3);
        check(&"ж".repeat(67 * 2), Joint::Udh8, None, 2);
        check(&"ж".repeat(67 * 2), Joint::Udh16, None, 3);
        check(&"a".repeat(153 * 255), Joint::Udh8, None, 255);
        assert!(split(&"a".repeat(153 * 255 + 1), Alphabet::Gsm, Joint::Udh8, 1, None).is_err());
        assert!(split("€", Alphabet::Latin1, Joint::Udh8, 1, None).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_text_comes_back_whole(text in "[a-z€ç🍕ж\u{301}]{0,400}", characters_max in proptest::option::of(2..50_usize)) {
            for joint in [Joint::Udh8, Joint::Udh16, Joint::Sar] {
                let (parts, joined) = rejoined(&text, joint, characters_max);
                assert_eq!(joined, text);
                assert!(parts == 1 || parts <= text.chars().count());
            }
        }

        #[test]
        fn any_octets_are_a_header_or_none(octets in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40)) {
            if let Some((place, length, rest)) = header(&octets) {
                assert_eq!(length + rest.len(), octets.len());
                assert!(place.is_none_or(|place| (1..=place.total).contains(&place.number)));
            }
        }
    }

    #[test]
    fn headers_are_read_or_refused() {
        type Read<'a> = Option<(Option<(u16, u8, u8)>, &'a [u8])>;
        let check = |message: &[u8], expected: Read<'_>| {
            let found = header(message).map(|(place, _, rest)| (place.map(|p| (p.reference, p.total, p.number)), rest));
            assert_eq!(found, expected, "{message:02x?}");
        };
        check(&[5, 0, 3, 9, 3, 2, b'x'], Some((Some((9, 3, 2)), b"x")));
        check(&[6, 8, 4, 1, 9, 3, 2], Some((Some((0x109, 3, 2)), b"")));
        check(&[11, 5, 4, 0, 80, 0, 80, 0, 3, 9, 3, 3, b'x'], Some((Some((9, 3, 3)), b"x")));
        check(&[5, 0, 3, 9, 3, 4, b'x'], Some((None, b"x")));
        check(&[5, 0, 3, 9, 3, 0], Some((None, b"")));
        check(&[0, b'x'], Some((None, b"x")));
        check(&[], None);
        check(&[6, 0, 3, 9, 3, 2], None);
        check(&[4, 0, 3, 9, 3, 2], None);
    }
}
