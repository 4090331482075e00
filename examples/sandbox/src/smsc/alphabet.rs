//! How text becomes octets: the GSM default alphabet with its extension table (3GPP TS 23.038, sections 6.2.1 and
//! 6.2.1.1; one septet an octet, as SMPP carries it unpacked), Latin-1, and UCS-2 with surrogates.

use serde::{Deserialize, Serialize};

/// The default alphabet by position; 0x1B leads to the extension table.
const BASIC: [char; 128] = [
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å', //
    'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', '\u{1b}', 'Æ', 'æ', 'ß', 'É', //
    ' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/', //
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?', //
    '¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', //
    'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§', //
    '¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', //
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à', //
];

/// The extension table.
const EXTENSION: [(u8, char); 10] = [
    (0x0a, '\u{c}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2f, '\\'),
    (0x3c, '['),
    (0x3d, '~'),
    (0x3e, ']'),
    (0x40, '|'),
    (0x65, '€'),
];

const ESCAPE: u8 = 0x1b;

/// What a phone shows for octets that mean nothing.
const BROKEN: char = char::REPLACEMENT_CHARACTER;

/// One of the alphabets, by `data_coding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Alphabet {
    Gsm,
    Latin1,
    Ucs2,
}

impl Alphabet {
    /// The one that takes the least room for `text`.
    pub(crate) fn shortest(text: &str) -> Self {
        let holds = |alphabet: &Self| alphabet.encode(text).is_some();
        [Self::Gsm, Self::Latin1].into_iter().find(holds).unwrap_or(Self::Ucs2)
    }

    /// `data_coding` (SMPP 3.4, section 5.2.19).
    pub(crate) fn data_coding(self) -> u8 {
        match self {
            Self::Gsm => 0,
            Self::Latin1 => 3,
            Self::Ucs2 => 8,
        }
    }

    pub(crate) fn of(data_coding: u8) -> Option<Self> {
        [Self::Gsm, Self::Latin1, Self::Ucs2].into_iter().find(|alphabet| alphabet.data_coding() == data_coding)
    }

    /// How many octets, as SMPP counts them, one short message of 140 octets on the air holds beside a user data
    /// header of `header` octets. A septet is an octet here, and seven eighths of one on the air.
    pub(crate) fn room(self, header: usize) -> usize {
        let octets = 140_usize.saturating_sub(header);
        match self {
            Self::Gsm => octets * 8 / 7,
            Self::Latin1 | Self::Ucs2 => octets,
        }
    }

    /// Appends one character; whether the alphabet has it.
    pub(crate) fn push(self, character: char, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Gsm => {
                let basic = BASIC.iter().position(|c| *c == character && *c != '\u{1b}');
                if let Some(septet) = basic.and_then(|position| u8::try_from(position).ok()) {
                    out.push(septet);
                    return true;
                }
                let extended = EXTENSION.iter().find(|(_, c)| *c == character);
                out.extend(extended.iter().flat_map(|(septet, _)| [ESCAPE, *septet]));
                extended.is_some()
            }
            Self::Latin1 => u8::try_from(u32::from(character)).map(|octet| out.push(octet)).is_ok(),
            Self::Ucs2 => {
                let mut units = [0; 2];
                out.extend(character.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
                true
            }
        }
    }

    /// The octets of `text`, unless it has a character that the alphabet has not.
    pub(crate) fn encode(self, text: &str) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(text.len());
        text.chars().all(|character| self.push(character, &mut out)).then_some(out)
    }

    /// The text of `octets`, with U+FFFD for what means nothing: half a surrogate pair, half an octet pair, an escape
    /// that leads nowhere.
    pub(crate) fn decode(self, octets: &[u8]) -> String {
        match self {
            Self::Gsm => decode_gsm(octets),
            Self::Latin1 => octets.iter().map(|octet| char::from(*octet)).collect(),
            Self::Ucs2 => {
                let (pairs, rest) = octets.as_chunks::<2>();
                let units = pairs.iter().map(|pair| u16::from_be_bytes(*pair));
                let text = char::decode_utf16(units).map(|unit| unit.unwrap_or(BROKEN));
                text.chain(rest.iter().map(|_| BROKEN)).collect()
            }
        }
    }
}

fn decode_gsm(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    let mut septets = octets.iter();
    while let Some(septet) = septets.next() {
        let shown = match *septet {
            ESCAPE => {
                let extended = septets.next().and_then(|s| EXTENSION.iter().find(|(septet, _)| septet == s));
                extended.map(|(_, character)| *character)
            }
            plain => BASIC.get(usize::from(plain)).copied(),
        };
        text.push(shown.unwrap_or(BROKEN));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_the_octets_of_the_standard() {
        let check = |text: &str, alphabet: Alphabet, octets: &[u8]| {
            assert_eq!(Alphabet::shortest(text), alphabet, "{text}");
            assert_eq!(alphabet.encode(text).as_deref(), Some(octets), "{text}");
            assert_eq!(alphabet.decode(octets), text);
            assert_eq!(Alphabet::of(alphabet.data_coding()), Some(alphabet));
        };
        check("@£Δ_à", Alphabet::Gsm, &[0, 1, 0x10, 0x11, 0x7f]);
        check("20 €", Alphabet::Gsm, &[0x32, 0x30, 0x20, 0x1b, 0x65]);
        check("[~]", Alphabet::Gsm, &[0x1b, 0x3c, 0x1b, 0x3d, 0x1b, 0x3e]);
        check("§Çñ\n", Alphabet::Gsm, &[0x5f, 0x09, 0x7d, 0x0a]);
        check("ça", Alphabet::Latin1, &[0xe7, 0x61]);
        check("ça €", Alphabet::Ucs2, &[0, 0xe7, 0, 0x61, 0, 0x20, 0x20, 0xac]);
        check("🍕", Alphabet::Ucs2, &[0xd8, 0x3c, 0xdf, 0x55]);
        check("e\u{301}", Alphabet::Ucs2, &[0, 0x65, 3, 1]);
        check("", Alphabet::Gsm, &[]);
    }

    #[test]
    fn what_means_nothing_is_shown_as_such() {
        let check = |alphabet: Alphabet, octets: &[u8], shown: &str| assert_eq!(alphabet.decode(octets), shown);
        check(Alphabet::Gsm, &[0x61, 0x1b], "a\u{fffd}");
        check(Alphabet::Gsm, &[0x1b, 0x61, 0x62], "\u{fffd}b");
        check(Alphabet::Gsm, &[0x80], "\u{fffd}");
        check(Alphabet::Ucs2, &[0xd8, 0x3c], "\u{fffd}");
        check(Alphabet::Ucs2, &[0, 0x61, 0], "a\u{fffd}");
    }

    #[test]
    fn the_room_beside_a_header() {
        let check = |alphabet: Alphabet, rooms: [usize; 3]| {
            assert_eq!([0, 6, 7].map(|header| alphabet.room(header)), rooms);
        };
        check(Alphabet::Gsm, [160, 153, 152]);
        check(Alphabet::Latin1, [140, 134, 133]);
        check(Alphabet::Ucs2, [140, 134, 133]);
    }
}
