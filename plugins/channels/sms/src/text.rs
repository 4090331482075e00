//! From the user data of short messages to text (`data_coding`: SMPP 3.4, section 5.2.19).

use crate::gsm;
use crate::settings::Alphabet;

/// What user data turned out to be.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) enum Decoded {
    /// Text.
    Text(String),
    /// Data for a machine: a `data_coding` that says so.
    Binary,
    /// Text in an alphabet that is not known, or not as the alphabet has it.
    Unreadable,
}

/// How octets stand for characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Charset {
    Gsm,
    Ascii,
    Latin1,
    Utf16,
    Binary,
    Unknown,
}

impl Charset {
    fn of(coding: u8, default: Alphabet) -> Self {
        let of_default = match default {
            Alphabet::Gsm => Self::Gsm,
            Alphabet::Latin1 => Self::Latin1,
        };
        match coding {
            0 => of_default,
            1 => Self::Ascii,
            3 => Self::Latin1,
            8 => Self::Utf16,
            2 | 4 => Self::Binary,
            // Data coding and message class (3GPP TS 23.038, section 4): bit 2 set for 8-bit data.
            0xf0..=0xff if coding & 0x04 != 0 => Self::Binary,
            0xf0..=0xff => of_default,
            // General data coding with a class, uncompressed: bits 3 and 2 name the alphabet.
            0x10..=0x1f => match coding & 0x0c {
                0x00 => of_default,
                0x04 => Self::Binary,
                0x08 => Self::Utf16,
                _ => Self::Unknown,
            },
            _ => Self::Unknown,
        }
    }

    fn decode(self, octets: &[u8]) -> Decoded {
        let text = match self {
            Self::Binary => return Decoded::Binary,
            Self::Unknown => None,
            Self::Gsm => gsm::decode(octets),
            // Text in IA5 has no control characters but line breaks and tabs. Some that say 1 mean the default alphabet,
            // npm's `smpp` among them: there 0x00 is an `@` and 0x1B begins a `€`, and an `e` must not be made of it.
            Self::Ascii if octets.iter().any(|octet| octet.is_ascii_control() && !b"\t\n\r".contains(octet)) => {
                gsm::decode(octets)
            }
            Self::Ascii => std::str::from_utf8(octets).ok().filter(|text| text.is_ascii()).map(str::to_owned),
            Self::Latin1 => Some(octets.iter().copied().map(char::from).collect()),
            Self::Utf16 => utf16(octets),
        };
        text.map_or(Decoded::Unreadable, Decoded::Text)
    }
}

/// UTF-16, big end first. Half a pair, or half a unit, is no text: somebody's command may be missing a piece.
fn utf16(octets: &[u8]) -> Option<String> {
    let (pairs, rest) = octets.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
    String::from_utf16(&units).ok().filter(|_| rest.is_empty())
}

/// Reads the user data of all parts of a message, in their order: `data_coding` and octets. A character whose halves are
/// in two parts is whole again, as parts of one alphabet are read as one.
pub(crate) fn join<'d>(parts: impl IntoIterator<Item = (u8, &'d [u8])>, default: Alphabet) -> Decoded {
    let mut runs: Vec<(Charset, Vec<u8>)> = Vec::new();
    for (coding, octets) in parts {
        let charset = Charset::of(coding, default);
        match runs.last_mut() {
            Some((last, run)) if *last == charset => run.extend_from_slice(octets),
            _ => runs.push((charset, octets.to_vec())),
        }
    }
    let mut whole = String::new();
    for (charset, run) in runs {
        match charset.decode(&run) {
            Decoded::Text(text) => whole.push_str(&text),
            other => return other,
        }
    }
    Decoded::Text(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Decoded {
        Decoded::Text(text.to_owned())
    }

    #[test]
    fn codings() {
        let check = |coding: u8, octets: &[u8], default: Alphabet, expected: Decoded| {
            assert_eq!(join([(coding, octets)], default), expected, "{coding:#x} {octets:x?}");
        };
        use Alphabet::{Gsm, Latin1};
        check(0, b"pay \x00anna 20 \x1b\x65", Gsm, text("pay @anna 20 €"));
        check(0, b"pay @anna \xe8", Latin1, text("pay @anna è"));
        check(0, b"\xe8", Gsm, Decoded::Unreadable);
        check(1, b"pay @anna", Gsm, text("pay @anna"));
        check(1, b"\xe8", Gsm, Decoded::Unreadable);
        check(1, b"pay \x00anna 20 \x1b\x65\n", Gsm, text("pay @anna 20 €\n"));
        check(3, b"pay @anna \xe8", Gsm, text("pay @anna è"));
        check(8, &[0x20, 0xac, 0xd8, 0x3c, 0xdf, 0x55], Gsm, text("€🍕"));
        check(8, &[0xd8, 0x3c], Gsm, Decoded::Unreadable);
        check(8, &[0xd8, 0x3c, 0x00, 0x41], Gsm, Decoded::Unreadable);
        check(8, &[0x00, 0x41, 0x00], Gsm, Decoded::Unreadable);
        // A letter and its accent stay two code points: the grammar compares.
        check(8, &[0x00, 0x65, 0x03, 0x01], Gsm, text("e\u{301}"));
        check(2, b"\x01", Gsm, Decoded::Binary);
        check(4, b"\x01", Gsm, Decoded::Binary);
        for class in 0..4 {
            check(0xf0 | class, b"\x00", Gsm, text("@"));
            check(0xf4 | class, b"\x00", Gsm, Decoded::Binary);
            check(0x10 | class, b"\x00", Gsm, text("@"));
            check(0x14 | class, b"\x00", Gsm, Decoded::Binary);
            check(0x18 | class, &[0, 0x40], Gsm, text("@"));
        }
        for coding in [5, 6, 7, 9, 10, 13, 14, 0x1c, 0x20, 0xc0, 0xe0] {
            check(coding, b"x", Gsm, Decoded::Unreadable);
        }
        check(0, b"", Gsm, text(""));
    }

    #[test]
    fn parts() {
        let check = |parts: &[(u8, &[u8])], expected: Decoded| {
            assert_eq!(join(parts.iter().copied(), Alphabet::Gsm), expected, "{parts:x?}");
        };
        check(&[(8, &[0xd8, 0x3c]), (8, &[0xdf, 0x55])], text("🍕"));
        check(&[(0, b"20 \x1b"), (0, b"\x65")], text("20 €"));
        check(&[(0, b"pay "), (8, &[0x20, 0xac])], text("pay €"));
        check(&[(8, &[0xd8, 0x3c]), (0, b"a"), (8, &[0xdf, 0x55])], Decoded::Unreadable);
        check(&[(0, b"pay "), (4, b"\x01")], Decoded::Binary);
    }
}
